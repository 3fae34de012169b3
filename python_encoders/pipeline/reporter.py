"""What a run tells while it works."""

from typing import Protocol


class Reporter(Protocol):
    """Takes what a run tells."""

    def say(self, text: str) -> None:
        """Say one line."""

    def progress(self, done: int, total: int) -> None:
        """Say how many vectors are written, and of how many."""
