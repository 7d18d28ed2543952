"""What can go wrong without a bug."""


class ExpectedError(RuntimeError):
    """The message is one sentence for the user: what was wrong and what to do. The command line shows nothing else."""


class ExpectedWarning(UserWarning):
    """The message is one sentence for the user: what was left out. The command line shows nothing else."""
