"""A run that was submitted and goes on by itself."""

from __future__ import annotations


class RunDetachedError(Exception):
    """Nobody waits for the run; it is no failure, only the end of what a command can say."""

    def __init__(self, run_id: str, page: str | None) -> None:
        super().__init__(f"run {run_id} was submitted")
        self.run_id = run_id
        self.page = page
