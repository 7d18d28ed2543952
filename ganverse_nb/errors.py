"""What can go wrong without a bug."""


class ExpectedError(RuntimeError):
    """The message is one sentence for the user: what was wrong and what to do. The command line shows nothing else."""
