"""The messages of a run, and its progress."""

from typing import Protocol


class Reporter(Protocol):
    """Receives the messages and the progress of a run."""

    def say(self, text: str) -> None:
        """Say one line."""

    def progress(self, done: int, total: int) -> None:
        """Report the number of vectors written, and of all that are pending."""
