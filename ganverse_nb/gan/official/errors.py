"""The one error of this package, and how its messages quote a file."""


class ForeignError(ValueError):
    """A file that is not a usable StyleGAN2. The message is a clause that follows "<path> cannot be used: "."""


def brief(value: object) -> str:
    """A value of the file in a few characters; never walks into containers, which may be endless."""
    if isinstance(value, str):
        return repr(value[:40])
    if isinstance(value, bool | float | None) or (isinstance(value, int) and abs(value) < 2**63):
        return str(value)
    return f"a {type(value).__name__}"
