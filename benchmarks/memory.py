"""How much memory a rehearsal of three days takes, and whether it grows: ``python benchmarks/memory.py [HOURS]``.

Rehearses the bench of ``benchmarks/lockstep.py`` (two pumps, two bipotentiostats, four channels at 10 Hz) for HOURS
(default 72) with an infusion every six hours, with its recording in a folder that is removed afterwards. Prints the
resident memory of this process after every six simulated hours, and what it grew by per simulated hour from the first
of them to the last. Only asserts that the rehearsal finished.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from lockstep import SECOND_DRUG, SEED, six_hours

from acquisition.experiment.compile import load_experiment
from acquisition.host.rehearsal import rehearse

EVERY_H = 6
MB = 1e6


def resident_bytes() -> float:
    """Return the resident memory of this process; of Linux."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def steps(hours: int) -> str:
    """Return the steps of a protocol that lasts so long: every six hours an infusion, the pumps by turns."""
    pumps = ("infusion", "second")
    return "".join(
        f'[[steps]]\nwait = "{EVERY_H * 60 - 60} min"\n\n[[steps]]\ninfuse = {{ pump = "{pumps[n % 2]}", '
        f'dose = "0.5 mg/kg", duration = "60 min", label = "infusion {n + 1}" }}\n\n'
        for n in range(hours // EVERY_H)
    )


def long_one(folder: Path, hours: int) -> tuple[Path, Path]:
    """Write protocol and rig of a rehearsal of so many hours."""
    protocol, rig = six_hours(folder)
    pump = SECOND_DRUG.partition("[[steps]]")[0]
    text = protocol.read_text(encoding="utf-8").partition(pump)[0]
    protocol.write_text(text + pump + steps(hours), encoding="utf-8")
    return protocol, rig


@dataclass
class Watch:
    """Takes the resident memory whenever another six simulated hours have gone."""

    total_h: float
    began_s: float = field(default_factory=time.process_time)
    seen: list[tuple[float, float]] = field(default_factory=list)
    """Simulated hours and bytes."""

    def __call__(self, fraction: float, _text: str) -> None:
        hours = fraction * self.total_h
        if hours >= EVERY_H * (len(self.seen) + 1):
            self.seen.append((hours, resident_bytes()))
            took_s = time.process_time() - self.began_s
            print(f"{hours:5.1f} h: {self.seen[-1][1] / MB:6.1f} MB after {took_s:.0f} s of processor time", flush=True)


def main() -> None:
    """Measure and print."""
    hours = int(sys.argv[1]) if len(sys.argv) > 1 else 72
    with tempfile.TemporaryDirectory(prefix="amperfuse-benchmark-") as name:
        folder = Path(name)
        protocol, rig = long_one(folder, hours)
        experiment = load_experiment(protocol, rig)
        watch = Watch(experiment.plan.duration_s / 3600.0)
        result = rehearse(
            experiment.plan,
            experiment.limits,
            out_dir=folder,
            files={"protocol.toml": protocol.read_bytes(), "rig.toml": rig.read_bytes()},
            software="benchmark",
            seed=SEED,
            progress=watch,
        )
        assert result.outcome == "finished", f"the rehearsal ended with {result.outcome!r}: {result.alarms}"
    (first_h, first), (last_h, last) = watch.seen[0], watch.seen[-1]
    if last_h > first_h:
        growth = (last - first) / (last_h - first_h)
        print(
            f"grew by {(last - first) / MB:.1f} MB from {first_h:.0f} to {last_h:.0f} h: {growth / 1e3:.0f} kB an hour"
        )


if __name__ == "__main__":
    main()
