"""A small rig and a small protocol, written to disk as text, and edited by the tests the way a person would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from acquisition.experiment.compile import Experiment, load_experiment
from acquisition.experiment.problems import Problem, RefusedInput
from drivers import registry
from drivers.capabilities import AmperometrySettings, DriverOptions, Identity, SampleBlock
from drivers.clock import Clock
from drivers.errors import NotEncodable
from drivers.registry import DriverFactory
from drivers.transport import TransportOpener

RIG = """\
[rig]
name = "bench"

[pumps.p1]
driver = "new-era"
url = "sim://new-era"
syringe = "hamilton-1001"
line_dead_volume = "8 uL"

[potentiostats.left]
driver = "methodscript"
url = "sim://emstat"
potential = "600 mV"
interval = "100 ms"

[[potentiostats.left.channels]]
name = "glu"
electrode = "we1"
role = "glutamate"
range = "100 nA"
sensitivity = "7 pA/uM"
"""

PROTOCOL = """\
[protocol]
name = "test"

[subject]
id = "M1"
species = "mouse"
sex = "F"
age = "P12W"
weight = "25 g"
weighed = "2026-11-23"

[pumps.p1]
drug = "ketamine"
form = "hydrochloride"
concentration = "5 mg/mL"
route = "iv_infusion"
loaded = "600 uL"
primed = true

[[steps]]
wait = "10 min"

[[steps]]
infuse = { pump = "p1", dose = "5 mg/kg", duration = "20 min" }
"""


@dataclass(frozen=True)
class PotentiostatWithTwoRanges:
    """A potentiostat that offers 100 nA and 1 uA; planning asks it for nothing else."""

    def connect(self) -> Identity:
        raise AssertionError("planning connects to nothing")

    def close(self) -> None: ...

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        if any(electrode.range_a > 1e-6 for electrode in settings.electrodes):
            raise NotEncodable("the largest range is 1 uA")
        held = tuple(replace(e, range_a=1e-7 if e.range_a <= 1e-7 else 1e-6) for e in settings.electrodes)
        return replace(settings, electrodes=held)

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        raise AssertionError("planning starts nothing")

    def read(self, timeout_s: float) -> list[SampleBlock]:
        raise AssertionError("planning reads nothing")

    def stop(self) -> None:
        raise AssertionError("planning stops nothing")


class _PotentiostatFactory:
    kind = "potentiostat"

    def __call__(
        self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions
    ) -> PotentiostatWithTwoRanges:
        return PotentiostatWithTwoRanges()


def installed(name: str) -> DriverFactory:
    """The real New Era driver, and the potentiostat above."""
    return _PotentiostatFactory() if name == "methodscript" else registry.driver(name)  # type: ignore[return-value]


@dataclass
class Bench:
    """Rig and protocol as text in a folder; ``replace`` edits one of them."""

    folder: Path
    rig: str = RIG
    protocol: str = PROTOCOL

    def edit_rig(self, old: str, new: str) -> Bench:
        assert old in self.rig
        self.rig = self.rig.replace(old, new)
        return self

    def edit(self, old: str, new: str) -> Bench:
        assert old in self.protocol
        self.protocol = self.protocol.replace(old, new)
        return self

    def experiment(self, drivers: Callable[[str], DriverFactory] = installed) -> Experiment:
        (self.folder / "rig.toml").write_text(self.rig, encoding="utf-8")
        (self.folder / "protocol.toml").write_text(self.protocol, encoding="utf-8")
        return load_experiment(self.folder / "protocol.toml", self.folder / "rig.toml", drivers)

    def problems(self, drivers: Callable[[str], DriverFactory] = installed) -> tuple[Problem, ...]:
        with pytest.raises(RefusedInput) as refused:
            self.experiment(drivers)
        return refused.value.problems

    def problem(self, drivers: Callable[[str], DriverFactory] = installed) -> Problem:
        """Return the one problem there is, and check that its line is where the field stands."""
        (problem,) = self.problems(drivers)
        text = self.rig if problem.file.endswith("rig.toml") else self.protocol
        last = problem.field.rpartition(".")[2].partition("[")[0]
        assert last in text.splitlines()[problem.line - 1] or "." not in problem.field or last not in text
        return problem


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
