"""What an animal was like second by second, for as long as anybody may still ask: memory that does not grow.

Knows seconds and how many are kept. A potentiostat that nobody turned to for a while asks for seconds that have gone;
the bench lets none fall behind by more than some minutes.
"""

from __future__ import annotations

from array import array

KEPT_S = 4 * 3600
"""Seconds that can be asked for at any time; up to twice as many are held."""


class History:
    """One value per second, from second 0 on. The latest are kept."""

    def __init__(self, first: float) -> None:
        self.last = first
        self._values = array("d", [first])
        self._begin = 0

    def __len__(self) -> int:
        """Return how many seconds are known, the forgotten ones included."""
        return self._begin + len(self._values)

    def append(self, value: float) -> None:
        """Add one more second."""
        self.last = value
        self._values.append(value)
        if len(self._values) >= 2 * KEPT_S:
            del self._values[:KEPT_S]
            self._begin += KEPT_S

    def __getitem__(self, second: int) -> float:
        """Return the value of a second. Raises ValueError for one that is forgotten, IndexError for one to come."""
        if second < self._begin:
            raise ValueError(f"second {second} is forgotten, the first one kept is {self._begin}")
        return self._values[second - self._begin]
