"""Crash anywhere: ``python -m tests.crash_anywhere [--stride K] [--memory-stride K] [--seeds N] [--nwb-every K]``.

At the n-th disk call, call on a line and failed allocation, for n = 1, 2, ... until a session completes without having
met it: the session dies there, is looked at, and started again. Prints what was tried and what was wrong.
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from acquisition.campaign.trial import Family
from drivers.clock import NS_PER_S, SystemClock
from tests.crash_anywhere.accident import Accident, Kind
from tests.crash_anywhere.life import try_once

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
        lines += [f"{number:6d} x the session {name}" for name, number in self.endings.most_common()]
        return "\n".join(
            [*lines, f"{sum(self.tried.values())} accidents, {len(self.wrong)} of them left something wrong"]
        )


def name_of(kind: Kind, family: Family, *, power_cut: bool) -> str:
    """Name one way to die."""
    what = {"disk": "died at a disk call", "line": "died at a call on a line"}.get(kind, "an allocation failed")
    return f"{what}{', power cut' if power_cut else ''} ({family})"


def all_of(
    tally: Tally, kind: Kind, family: Family, *, power_cut: bool, seed: int, stride: int, nwb_every: int
) -> None:
    """Have the accident at every ``stride``-th place until a session completes."""
    at = 1 + seed % stride
    while True:
        accident = Accident(kind, at)
        where = f"{name_of(kind, family, power_cut=power_cut)}, n = {at}, seed {seed}"
        try:
            nwb = bool(nwb_every) and at % nwb_every == 0
            with tempfile.TemporaryDirectory(prefix="amperfuse-crash-") as folder:
                tried = try_once(Path(folder), accident, 1000 * seed + at, power_cut=power_cut, family=family, nwb=nwb)
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            tally.wrong.append(f"{where}: {traceback.format_exc(limit=-3)}")
        else:
            tally.endings[tried.ended] += 1
            if not tried.reached:
                return
        if accident.seen < at:
            return
        tally.tried[name_of(kind, family, power_cut=power_cut)] += 1
        at += stride


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash_anywhere")
    parser.add_argument("--stride", type=int, default=1, help="of disk and line calls")
    parser.add_argument("--memory-stride", type=int, default=20, help="of allocations")
    parser.add_argument("--seeds", type=int, default=3, help="how often, with other remains of a power cut each time")
    parser.add_argument(
        "--nwb-every", type=int, default=40, help="make and verify the NWB file at every so many; 0: never"
    )
    options = parser.parse_args()
    gc.freeze()  # what is imported is never looked at again
    clock, began_ns, tally = SystemClock(), SystemClock().now_ns(), Tally()
    for seed in range(1, options.seeds + 1):
        for family in FAMILIES:
            for kind, power_cut in WAYS:
                stride = options.memory_stride if kind == "memory" else options.stride
                all_of(
                    tally, kind, family, power_cut=power_cut, seed=seed, stride=stride, nwb_every=options.nwb_every
                )  # fmt: skip
                print(
                    f"seed {seed}, {name_of(kind, family, power_cut=power_cut)}: {len(tally.wrong)} wrong", flush=True
                )
    print("\n".join(tally.wrong[:20]))
    print(tally.text(), f"in {(clock.now_ns() - began_ns) / NS_PER_S:.0f} s")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
