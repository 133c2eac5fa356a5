"""What brings a dead session to an end dies itself, at every instant; then it is done again, and looked at.

The engine died in one of some situations, which are always the same; ``amperfuse reconcile`` is what dies now. What is
booked in the end must be what one undisturbed reconciliation would have booked: not less, and nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from acquisition.campaign.run import PUMP
from acquisition.campaign.trial import Family
from acquisition.recording.journal import JOURNAL_NAME
from drivers import registry
from drivers.capabilities import DriverOptions, PumpProgram, SyringePump
from drivers.clock import NS_PER_S
from tests.crash_anywhere.accident import Accident, Died, Kind
from tests.crash_anywhere.disk import MortalDisk
from tests.crash_anywhere.life import Laboratory, Tried, Wrong, private_books, without_nwb
from tests.crash_anywhere.reconciling import answer, reconcile_once

KEYS_UL = 0.025
"""Not what an infusion of the plan gives: its counter would look as if nothing had happened, and nobody can tell."""
_TINY_UL = 1e-6
_COUNTERS_UL = 0.004
"""Steps of counters, and of the log's whole nanolitres, in all."""


@dataclass(frozen=True)
class Situation:
    """When the engine died, and what happened until somebody came."""

    given_ul: float
    """It dies when so much has left the syringe ..."""
    later_s: float = 0.0
    """... and so long afterwards."""
    keys: bool = False
    """Somebody starts the pump by hand."""
    wait_s: float = 0.0


SITUATIONS = (
    Situation(0.02),
    Situation(0.06, wait_s=10.0),
    Situation(0.03, keys=True, wait_s=0.5),
    Situation(0.07999, later_s=0.4, keys=True, wait_s=0.7),
)
"""In the first infusion, with nobody there for a while in the second; and started by hand in and after an infusion."""


@dataclass
class _DeathAt(Accident):
    """Dies at the first call on a line after so much was given."""

    laboratory: Laboratory | None = None
    situation: Situation = SITUATIONS[0]
    since_ns: int | None = field(default=None, init=False)

    def comes_now(self, kind: Kind) -> bool:
        if self.dead:
            raise Died
        assert self.laboratory is not None
        now_ns = self.laboratory.clock.now_ns()
        if self.since_ns is None and self.laboratory.true_ul() >= self.situation.given_ul:
            self.since_ns = now_ns
        if kind != "line" or self.since_ns is None:
            return False
        return now_ns >= self.since_ns + round(self.situation.later_s * NS_PER_S)


def try_recovery(
    folder: Path, accident: Accident, seed: int, *, power_cut: bool, family: Family, situation: Situation
) -> Tried:
    """Let an engine die, then who reconciles; reconcile again, and look. Raises Wrong."""
    laboratory = Laboratory(folder, 1, family)
    (folder / "data").mkdir()
    (folder / "user").mkdir()
    rng = np.random.default_rng(seed)
    with private_books(folder), without_nwb():
        laboratory.open_bottle()
        first = MortalDisk(Accident(), rng)
        laboratory.live(_DeathAt("line", laboratory=laboratory, situation=situation), first)
        if situation.keys:
            _press_keys(laboratory)
        laboratory.wait(situation.wait_s)
        disk = MortalDisk(accident, rng)
        ended = reconcile_once(laboratory, accident, disk)
        if power_cut:
            disk.power_cut()
        laboratory.wait(float(rng.uniform(0.0, 3.0)))
        answer(laboratory)
        for path in [path for path in first.written if path.name == JOURNAL_NAME]:
            laboratory.check_recording(path, bytes(first.written[path]), 0.0)
        return Tried(ended, accident.seen >= accident.at > 0, laboratory.true_ul(), _over_ul(laboratory))


def over_counted(folder: Path, accident: Accident, seed: int, *, power_cut: bool, family: Family, number: int) -> Tried:
    """Do ``try_recovery`` in a situation, and compare with what an undisturbed reconciliation books. Raises Wrong."""
    tried = try_recovery(
        folder, accident, seed, power_cut=power_cut, family=family, situation=SITUATIONS[number % len(SITUATIONS)]
    )
    undisturbed_ul = _undisturbed_ul(family, number % len(SITUATIONS))
    if tried.over_ul > undisturbed_ul + _COUNTERS_UL:
        raise Wrong(f"{tried.over_ul} uL more booked than given; undisturbed it would be {undisturbed_ul} uL")
    return tried


@cache
def _undisturbed_ul(family: Family, number: int) -> float:
    with TemporaryDirectory(prefix="amperfuse-crash-") as folder:
        tried = try_recovery(Path(folder), Accident(), 1, power_cut=False, family=family, situation=SITUATIONS[number])
        return tried.over_ul


def _press_keys(laboratory: Laboratory) -> None:
    setup = laboratory.plan.pump(PUMP)
    pump = registry.driver(setup.driver)(laboratory.bench, setup.url, laboratory.clock, DriverOptions("hand"))
    assert isinstance(pump, SyringePump)
    pump.connect()
    pump.stop()
    pump.program(PumpProgram(setup.diameter_mm, 1.0, KEYS_UL))
    pump.start()
    pump.close()


def _over_ul(laboratory: Laboratory) -> float:
    return laboratory.booked_ul() - laboratory.true_ul()
