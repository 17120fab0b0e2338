"""What a reader has tried in this process, exercise by exercise."""

import os
import time
from dataclasses import dataclass

FREE = 3
"""Wrong predictions that are judged one after the other."""

PAUSE = 30.0
"""Seconds between any two that follow."""


@dataclass
class Attempts:
    """How an exercise has gone so far.

    Attributes:
        solved: Whether an answer was right.
        wrong: How many were wrong since then.
        last: When the last of these was, in seconds of `time.monotonic`.
    """

    solved: bool = False
    wrong: int = 0
    last: float = 0.0

    def note(self, passed: bool) -> None:
        """Count an answer that has been judged."""
        if passed:
            self.solved, self.wrong = True, 0
        else:
            self.wrong, self.last = self.wrong + 1, time.monotonic()

    def pause(self) -> float:
        """Return in how many seconds the next prediction is judged.

        A prediction that is found by trying all of them teaches nothing. Who
        reads a log of the answers sees each of them judged.
        """
        if self.wrong < FREE or os.environ.get("D2L_CHECK_LOG"):
            return 0.0
        return max(self.last + PAUSE - time.monotonic(), 0.0)


_SO_FAR: dict[str, Attempts] = {}


def of(name: str) -> Attempts:
    """Return the attempts at an exercise."""
    return _SO_FAR.setdefault(name, Attempts())


def forget() -> None:
    """Forget all attempts."""
    _SO_FAR.clear()
