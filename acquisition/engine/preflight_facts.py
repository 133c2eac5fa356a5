"""What the pre-flight looks at beyond the snapshot of the moment: proofs, words of people, what was found beforehand.

Frozen types without behaviour. The rules are in ``acquisition.engine.preflight``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from acquisition.experiment.doubts import Doubt
from acquisition.plan import SteadyRule
from drivers.capabilities import Identity

WatchdogProof = Literal["untried", "trying", "proved", "failed"]


@dataclass(frozen=True)
class ScaleReading:
    """A known volume that was moved into waste, and what a person saw on the scale meanwhile (R15)."""

    moved_ul: float
    """As the pump counted it."""
    seen_ul: float | None = None
    by: str = ""


@dataclass(frozen=True)
class PumpProof:
    """What one pump has shown since it was connected."""

    identity: Identity | None = None
    holds_watchdog: bool | None = None
    """Whether it took the watchdog; None: not asked yet, or the rig wants none."""
    watchdog: WatchdogProof = "untried"
    watchdog_why: str = ""
    """Why the proof failed."""
    moving_into_waste: bool = False
    scale: ScaleReading | None = None
    scale_why: str = ""
    """Why nothing could be moved."""


@dataclass(frozen=True)
class Word:
    """Somebody's name under one line of the pre-flight, as it read then."""

    by: str
    what: str


@dataclass(frozen=True)
class Background:
    """What was known before the engine began."""

    named_syringes: frozenset[str] = frozenset()
    """Pumps whose syringe somebody named for this session (R13)."""
    limits_approved_by: str = ""
    """Who stands for the limits; empty: nobody, or nobody was asked because nothing is real."""
    doubts: tuple[Doubt, ...] = ()


NOTHING_KNOWN = Background()


@dataclass(frozen=True)
class PreflightFacts:
    """All of it."""

    today: date = date.min
    proofs: Mapping[str, PumpProof] = field(default_factory=dict)
    """By the pump's name."""
    words: Mapping[str, Word] = field(default_factory=dict)
    """By the item's id."""
    background: Background = NOTHING_KNOWN
    slopes_a_per_min: Mapping[SteadyRule, float] = field(default_factory=dict)
    """Of the baselines that the start waits for; NaN where not known."""

    def proof(self, pump: str) -> PumpProof:
        """Return what a pump has shown."""
        return self.proofs.get(pump, PumpProof())


NOTHING_PROVED = PreflightFacts()
