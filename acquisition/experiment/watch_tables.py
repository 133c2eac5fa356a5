"""What a protocol wants watched in the signals: thresholds, and baselines that must be steady before a start.

Knows how both are spelled. Does not know channels: that is ``acquisition.experiment.watches``. No threshold starts an
infusion: what may follow is a mark, an alarm, or that no experimental infusion begins until a person goes on.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition.experiment.fields import DriftAPerMin, DurationOrZeroS, DurationS, SaidText, ShortText, Table
from acquisition.plan import WatchAction

MAX_WATCHES = 20


class WatchTable(Table):
    """One threshold on one channel."""

    name: SaidText
    channel: SaidText
    above: ShortText = ""
    below: ShortText = ""
    clear_at: ShortText = ""
    lasting: DurationOrZeroS = 0.0
    from_baseline: DurationS | None = None
    then: WatchAction


class SteadyTable(Table):
    """A baseline that must be steady before the plan starts."""

    channel: SaidText
    slope: DriftAPerMin
    over: DurationS


class ArmingTable(Table):
    """What the signals must show before a start."""

    steady: Annotated[list[SteadyTable], Field(max_length=MAX_WATCHES)] = Field(default_factory=list)


Watches = Annotated[list[WatchTable], Field(max_length=MAX_WATCHES)]
