"""Crash anywhere: ``python -m tests.crash_anywhere [--stride K] [--memory-stride K] [--seeds N] [--nwb-every K]``.

At the n-th disk call, call on a line and failed allocation, for n = 1, 2, ... until a session completes without having
met it: the session dies there, is looked at, and started again. The same for what reconciles a session that died.
Prints what was tried and what was wrong.
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from acquisition.campaign.trial import Family
from drivers.clock import NS_PER_S, SystemClock
from tests.crash_anywhere.accident import Accident, Kind
from tests.crash_anywhere.life import Tried
from tests.crash_anywhere.recovery import SITUATIONS, over_counted
from tests.crash_anywhere.session_dies import try_once

FAMILIES: tuple[Family, ...] = ("new-era", "harvard-ultra")
"""One with a watchdog, one that only has its target."""
WAYS: tuple[tuple[Kind, bool], ...] = (
    ("disk", False),
    ("disk", True),
    ("line", False),
    ("line", True),
    ("memory", False),
)


@dataclass
class Tally:
    """What was tried, and what was wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the summary."""
        lines = [f"{number:6d} x {name}" for name, number in sorted(self.tried.items())]
        lines += [f"{number:6d} x the {name}" for name, number in self.endings.most_common()]
        return "\n".join(
            [*lines, f"{sum(self.tried.values())} accidents, {len(self.wrong)} of them left something wrong"]
        )


Attempt = Callable[[Path, Accident, int], Tried]


@dataclass(frozen=True)
class Way:
    """What dies, of what, and how it is tried once, in a folder, with an accident and a seed."""

    name: str
    kind: Kind
    attempt: Attempt


def way(what: str, kind: Kind, family: Family, *, power_cut: bool, attempt: Attempt) -> Way:
    """Name one way to die; ``what`` it is that dies."""
    how = {"disk": "died at a disk call", "line": "died at a call on a line"}.get(kind, "had a failed allocation")
    return Way(f"{what} {how}{', power cut' if power_cut else ''} ({family})", kind, attempt)


def session_dies(kind: Kind, family: Family, *, power_cut: bool, nwb_every: int = 0) -> Way:
    """Let a session die."""

    def attempt(folder: Path, accident: Accident, seed: int) -> Tried:
        nwb = bool(nwb_every) and accident.at % nwb_every == 0
        return try_once(folder, accident, seed, power_cut=power_cut, family=family, nwb=nwb)

    return way("a session", kind, family, power_cut=power_cut, attempt=attempt)


def reconciliation_dies(kind: Kind, family: Family, *, power_cut: bool, situation: int) -> Way:
    """Let a reconciliation die, of a session that died in this situation."""

    def attempt(folder: Path, accident: Accident, seed: int) -> Tried:
        return over_counted(folder, accident, seed, power_cut=power_cut, family=family, number=situation)

    return way(f"a reconciliation, situation {situation},", kind, family, power_cut=power_cut, attempt=attempt)


def all_of(tally: Tally, dying: Way, *, seed: int, stride: int) -> None:
    """Have the accident at every ``stride``-th place until what might die of it completes."""
    at = 1 + seed % stride
    while True:
        accident = Accident(dying.kind, at)
        try:
            with tempfile.TemporaryDirectory(prefix="amperfuse-crash-") as folder:
                tried = dying.attempt(Path(folder), accident, 1000 * seed + at)
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            tally.wrong.append(f"{dying.name}, n = {at}, seed {seed}: {traceback.format_exc(limit=-3)}")
        else:
            if not tried.reached:
                tally.endings[f"{dying.name.split()[1].strip(',')} {tried.ended} by itself"] += 1
                return
            tally.endings[f"{dying.name.split()[1].strip(',')} {tried.ended.splitlines()[0]}"] += 1
        if accident.seen < at:
            return
        tally.tried[dying.name] += 1
        at += stride


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash_anywhere")
    parser.add_argument("--stride", type=int, default=1, help="of disk and line calls")
    parser.add_argument("--memory-stride", type=int, default=20, help="of allocations")
    parser.add_argument("--seeds", type=int, default=3, help="how often, with other remains of a power cut each time")
    parser.add_argument(
        "--nwb-every", type=int, default=40, help="make and verify the NWB file at every so many; 0: never"
    )
    parser.add_argument("--of", choices=("all", "session", "reconciliation"), default="all", help="what dies")
    options = parser.parse_args()
    gc.freeze()  # what is imported is never looked at again
    clock, began_ns, tally = SystemClock(), SystemClock().now_ns(), Tally()
    for seed in range(1, options.seeds + 1):
        for family, (kind, power_cut) in product(FAMILIES, WAYS):
            ways = [session_dies(kind, family, power_cut=power_cut, nwb_every=options.nwb_every)]
            ways += [
                reconciliation_dies(kind, family, power_cut=power_cut, situation=number)
                for number in range(len(SITUATIONS))
            ]
            for dying in [one for one in ways if options.of in ("all", one.name.split()[1].strip(","))]:
                stride = options.memory_stride if kind == "memory" else options.stride
                all_of(tally, dying, seed=seed, stride=stride)
                tried = tally.tried[dying.name]
                print(f"seed {seed}, {dying.name}: {tried} accidents, {len(tally.wrong)} wrong", flush=True)
    print("\n".join(tally.wrong[:20]))
    print(tally.text(), f"in {(clock.now_ns() - began_ns) / NS_PER_S:.0f} s")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
