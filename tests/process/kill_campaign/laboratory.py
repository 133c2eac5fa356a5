"""A bench of real ports, an animal and a container that outlive every engine; and the truth, which no engine sees.

Instruments are other processes on pseudo-terminals. What left the syringe is read from the log of ``sim --truth``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from acquisition.books import approvals, containers
from acquisition.books.containers import Label
from acquisition.experiment.limits_file import load_limits
from acquisition.service.launch import EngineOptions
from drivers.clock import SystemClock
from tests.process.bench_kit import served
from tests.process.engine_kit import PROTOCOL, RIG, write_files
from tests.process.kill_campaign.draw import Family

ANIMAL, CONTAINER = "m1", "D-17"
SYRINGE = "drug=bd-plastic-1ml"
WATCHDOG_S = 3
RATE_UL_PER_MIN = 1.25
TARGETS_UL = (0.15, 0.08)
GAP_S, LONG_GAP_S = 1.0, 21.0
"""The long one is longer than a window may be silent before nothing begins any more (20 s)."""
COUNTER_UL = 0.001
"""The step of the counters."""
_FAMILIES = {"new-era": "", "harvard-ultra": 'options = { power_resume = "off, seen 2026-11-20 by AB" }'}
_OVERRIDES = """
[[soft_limit_overrides]]
limit = "weighing-age"
by = "tester"
reason = "no animal"
"""
_SECOND = """
[[steps]]
wait = "{gap} s"

[[steps]]
infuse = {{ pump = "drug", volume = "{volume} uL", rate = "{rate} uL/min", label = "second" }}

[[steps]]
mark = "end"
"""


@dataclass(frozen=True)
class Move:
    """What had left the syringe at a time; what is new in it left between ``since_ns`` and ``t_ns``."""

    since_ns: int
    t_ns: int
    given_ul: float


@dataclass(frozen=True)
class Laboratory:
    """Where the lives of some engines are spent, one after the other."""

    folder: Path
    family: Family

    @property
    def out(self) -> Path:
        """Return where sessions lie."""
        return self.folder / "out"

    def options(self, *, watched: bool, long_gap: bool) -> EngineOptions:
        """Write the files of the next run and return how it is started."""
        first = PROTOCOL.format(volume=f"{TARGETS_UL[0]} uL", rate=f"{RATE_UL_PER_MIN} uL/min")
        second = _SECOND.format(gap=LONG_GAP_S if long_gap else GAP_S, volume=TARGETS_UL[1], rate=RATE_UL_PER_MIN)
        protocol = first.replace('\n[[steps]]\nmark = "end"\n', second + _OVERRIDES)
        protocol = protocol.replace("primed = true", f'primed = true\ncontainer = "{CONTAINER}"')
        files = write_files(self.folder, protocol, self._rig())
        return EngineOptions(
            files.protocol,
            files.rig,
            files.out,
            autostart=True,
            finish_when_done=True,
            unattended_by="" if watched else "the tests",
            syringes=(SYRINGE,),
        )

    def moves(self) -> list[Move]:
        """Return what left the syringe and when, since the pump was switched on."""
        lines = (self.folder / "truth.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
        found = [json.loads(line) for line in lines]
        return [Move(line["since_ns"], line["t_ns"], sum(line["ul"].values())) for line in found]

    def given_ul(self) -> float:
        """Return what has left the syringe."""
        return self.moves()[-1].given_ul

    def _rig(self) -> str:
        rig = RIG.replace("sim://new-era?seed=1", str(self.folder / "pump"))
        rig = rig.replace("sim://emstat?seed=2", str(self.folder / "stat"))
        watchdog_s = WATCHDOG_S if self.family == "new-era" else 0
        rig = rig.replace('watchdog = "3 s"', f'watchdog = "{watchdog_s} s"\n{_FAMILIES[self.family]}')
        return rig.replace('driver = "new-era"', f'driver = "{self.family}"')


@contextmanager
def laboratory(folder: Path, family: Family) -> Iterator[Laboratory]:
    """Switch the instruments on, open a bottle, have the limits approved."""
    with ExitStack() as bench:
        bench.enter_context(served(family, folder / "pump", folder / "truth.jsonl"))
        bench.enter_context(served("emstat", folder / "stat"))
        made = Laboratory(folder, family)
        limits, now_ns = load_limits(None), SystemClock().wall_ns()
        approvals.approve(limits.name, limits.sha256, "A. Vet", now_ns)
        label = Label(CONTAINER, "ketamine", "hydrochloride", "III", 5.0, "7A21", date(2099, 12, 31), "Dr. Berg")
        containers.open_container(label, 5000.0, by="A. Vet", wall_ns=now_ns)
        containers.add(CONTAINER, "drawn", 700.0, by="A. Vet", wall_ns=now_ns, animal=ANIMAL, purpose="P-44")
        yield made
