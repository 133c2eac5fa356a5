"""What is killed, and when: drawn from a seed. Knows nothing of processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Victim = Literal["engine", "window", "both"]
Instant = Literal["starting", "preflight", "running"]
Family = Literal["new-era", "harvard-ultra"]
"""A pump that stops itself when it hears nothing, and one that only has its target."""
FAMILIES: tuple[Family, ...] = ("new-era", "new-era", "harvard-ultra")
LONGEST_S: dict[Instant, float] = {"starting": 2.5, "preflight": 5.0, "running": 14.0}
"""The plan of a life is over after 12 s: its recording is being closed by then."""
MOST_WINDOWS = 3


@dataclass(frozen=True)
class Blow:
    """One kill, so long after the one before, or after the beginning of ``instant``."""

    victim: Victim
    after_s: float
    instant: Instant = "running"


@dataclass(frozen=True)
class Life:
    """One session and what befalls it."""

    blows: tuple[Blow, ...]
    watched: bool = False
    """A window is open; without one a named person has decided that nobody has to watch."""
    left_alone: bool = False
    """No window is opened after the last blow until the plan waits for a person."""
    waits: bool = True
    """Nobody comes before the pump must have stopped by itself."""
    tries_to_start: bool = False
    """Whoever comes starts the next run before having answered for this one."""


def family_of(rng: np.random.Generator) -> Family:
    """Draw the pump of a laboratory."""
    return FAMILIES[int(rng.integers(len(FAMILIES)))]


def draw(rng: np.random.Generator, most: int) -> Life:
    """Draw a life with at most ``most`` kills."""
    waits, tries = bool(rng.random() < 0.6), bool(rng.random() < 0.25)
    if rng.random() < 0.45:
        return Life((_blow(rng, "engine", _instant(rng)),), waits=waits, tries_to_start=tries)
    if rng.random() < 0.2:
        return Life((Blow("window", float(rng.uniform(0.0, 3.5))),), watched=True, left_alone=True)
    number = int(rng.integers(1, MOST_WINDOWS + 1))
    windows = tuple(Blow("window", float(rng.uniform(0.0, 4.0))) for _ in range(number))
    last: Victim = "both" if rng.random() < 0.8 else "engine"
    blows = (*windows[: most - 1], Blow(last, float(rng.uniform(0.0, 6.0))))
    return Life(blows, watched=True, waits=waits, tries_to_start=tries)


def _instant(rng: np.random.Generator) -> Instant:
    where = rng.random()
    return "running" if where < 0.76 else "starting" if where < 0.88 else "preflight"


def _blow(rng: np.random.Generator, victim: Victim, instant: Instant) -> Blow:
    return Blow(victim, float(rng.uniform(0.0, LONGEST_S[instant])), instant)
