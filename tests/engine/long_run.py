"""Does anything grow while an engine runs for days (R58)? ``python -m tests.engine.long_run [HOURS] [INTERVAL_S]``.

Rehearses one long plan (a pump that is asked all the time, a small infusion every hour, a bipotentiostat) and looks at
the process at equal times: living Python objects, resident memory, threads, open files, journal written. The journal on
disk grows by design; its rate must not. Resident memory and open files are read where Linux tells them, else 0.
"""

# ruff: noqa: T201, TID251 - a command that prints and says how long it took

from __future__ import annotations

import gc
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from acquisition.host.rehearsal import rehearse
from acquisition.plan import InfuseStep, Plan, Step, WaitStep
from acquisition.recording.journal import JOURNAL_NAME
from tests.engine.kit import LIMITS, PUMP, SENSOR, make_plan

PAGE_BYTES = 4096
INFUSION_S = 10.0


@dataclass(frozen=True)
class Look:
    """What the process held when ``part`` (0 to 1) of the plan was done."""

    part: float
    objects: int
    rss_bytes: int
    threads: int
    files: int
    journal_bytes: int


def long_plan(hours: float, interval_s: float) -> Plan:
    """Return a plan that infuses 0.05 uL every hour and samples every ``interval_s``."""
    steps: list[Step] = []
    for number in range(1, 2 * max(1, round(hours)), 2):
        steps.append(InfuseStep(number, "pulse", "drug", volume_ul=0.05, rate_ul_per_min=0.3, dose_mg_per_kg=0.004))
        steps.append(WaitStep(number + 1, "pause", min(hours, 1.0) * 3600.0 - INFUSION_S))
    return make_plan(steps, [PUMP], [replace(SENSOR, interval_s=interval_s)])


def look(part: float, out_dir: Path) -> Look:
    """Return what this process holds now."""
    gc.collect()
    statm, handles = Path("/proc/self/statm"), Path("/proc/self/fd")
    return Look(
        part,
        len(gc.get_objects()),
        int(statm.read_text().split()[1]) * PAGE_BYTES if statm.exists() else 0,
        threading.active_count(),
        len(list(handles.iterdir())) if handles.exists() else 0,
        sum(path.stat().st_size for path in out_dir.rglob(JOURNAL_NAME)),
    )


def run(out_dir: Path, hours: float, interval_s: float, looks: int) -> list[Look]:
    """Rehearse and return ``looks`` looks at equal distances, the first after the first part. Asserts it finished."""
    seen: list[Look] = []

    def progress(part: float, _phase: str) -> None:
        if len(seen) < looks and part >= (len(seen) + 1) / (looks + 1):
            seen.append(look(part, out_dir))

    plan = long_plan(hours, interval_s)
    result = rehearse(plan, LIMITS, out_dir=out_dir, files={}, software="long run", progress=progress)
    assert result.outcome == "finished", f"the long run ended with {result.outcome}: {result.alarms}"
    return seen


def growth(seen: list[Look]) -> list[str]:
    """Return what grew between the first and the last look, or wrote faster; empty when nothing did."""
    first, last = seen[0], seen[-1]
    found = []
    if last.objects > 1.02 * first.objects + 500:
        found.append(f"objects: {first.objects} -> {last.objects}")
    if last.threads > first.threads:
        found.append(f"threads: {first.threads} -> {last.threads}")
    if last.files > first.files:
        found.append(f"open files: {first.files} -> {last.files}")
    rate, early = last.journal_bytes / last.part, first.journal_bytes / first.part
    if rate > 1.05 * early:
        found.append(f"journal per part of the plan: {early:.0f} -> {rate:.0f} bytes")
    return found


def main() -> int:
    """Run, print each look, and return 1 if something grew."""
    asked = [float(word) for word in sys.argv[1:]]
    hours, interval_s = (*asked, *(72.0, 1.0)[len(asked) :])
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="amperfuse-long-run-") as folder:
        seen = run(Path(folder), hours, interval_s, 12)
    for one in seen:
        print(
            f"{one.part * hours:7.1f} h: {one.objects} objects, {one.rss_bytes / 1e6:.1f} MB, {one.threads} threads, "
            f"{one.files} files, journal {one.journal_bytes / 1e6 / (one.part * hours):.2f} MB/h"
        )
    print(f"{hours:g} h in {time.perf_counter() - began_s:.0f} s")
    found = growth(seen)
    print("\n".join(f"GROWS: {what}" for what in found) or "nothing grew")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
