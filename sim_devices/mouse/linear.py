"""Exact steps of a linear system that is fed evenly within each step. Knows no drug."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def exponential(matrix: Array) -> Array:
    """Return the exponential of a small matrix: by its series on a power of two of it, squared back."""
    norm = float(np.abs(matrix).sum(axis=1).max())
    halvings = max(0, int(np.ceil(np.log2(norm))) + 1) if norm > 0 else 0
    scaled = matrix / 2**halvings
    term = total = np.eye(len(matrix))
    for n in range(1, 19):
        term = term @ scaled / n
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


@functools.lru_cache(maxsize=64)
def _step(augmented: bytes, size: int) -> Array:
    """Return the exponential of a matrix by its bytes: animals of one preset and weight all move by the same."""
    step = exponential(np.frombuffer(augmented).reshape(size, size))
    step.flags.writeable = False
    return step


class LinearSystem:
    """``dx/dt = A x + B u`` with ``u`` constant within a step: the step length costs no accuracy."""

    def __init__(self, a_per_min: Array, feeds: Array, step_min: float) -> None:
        """Take A (n, n) and ``feeds`` (n, m): where one unit that arrives during a step goes."""
        states, inputs = feeds.shape
        augmented = np.zeros((states + inputs, states + inputs))
        augmented[:states, :states] = a_per_min * step_min
        augmented[:states, states:] = feeds
        step = _step(augmented.tobytes(), len(augmented))
        self._carry, self._feed = step[:states, :states], step[:states, states:]
        self.state: Array = np.zeros(states)
        self._empty = True

    def step(self, arrived: tuple[float, ...]) -> bool:
        """Move one step in which these amounts arrive evenly; return False where there is nothing to move."""
        if any(arrived):
            self.state = self._carry @ self.state + self._feed @ arrived
            self._empty = False
        elif self._empty:
            return False
        else:
            self.state = self._carry @ self.state
        return True
