"""Errors that the user can mend. Each message is one clear line."""


class WrongUsageError(Exception):
    """The command asked for something that does not exist (exit code 2)."""


class WorkFailedError(Exception):
    """The work could not be done: server gone, table missing, test failed (exit code 1)."""
