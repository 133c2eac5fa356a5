"""What a driver tells of its samples, and its digital inputs, reach recording and clients with their own times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acquisition.engine.fact_groups import fact_groups
from acquisition.engine.sensor_desk import EDGES_SHOWN
from acquisition.events import EventKind
from acquisition.plan import WaitStep
from drivers.capabilities import DigitalEdge, DriverOptions, OptionValue, SampleBlock
from drivers.clock import Clock
from drivers.errors import PortLost
from tests.engine.kit import FakePotentiostat, FakePump, Lab, MemoryPublisher, make_plan

FACTS: dict[str, OptionValue] = {"filter": "moving mean", "filter_delay_s": 0.05, "glu.sign": 1, "glu.gain": 2.5}


@dataclass
class Telling(FakePotentiostat):
    """A potentiostat that describes itself and has inputs; ``pending`` is what the next reading finds."""

    pending: list[DigitalEdge] = field(default_factory=list)
    _found: list[DigitalEdge] = field(default_factory=list)

    def facts(self) -> Mapping[str, OptionValue]:
        return FACTS

    def read(self, timeout_s: float) -> list[SampleBlock]:
        self._found += self.pending
        self.pending = []
        return super().read(timeout_s)

    def edges(self) -> list[DigitalEdge]:
        found, self._found = self._found, []
        return found


class TellingLab(Lab):
    def _fake_driver(self, name: str) -> Any:
        def build(opener: object, url: str, clock: Clock, options: DriverOptions) -> object:
            if name == "methodscript":
                self.sensors[options.instrument] = Telling(clock, options.instrument)
                return self.sensors[options.instrument]
            self.fakes[options.instrument] = FakePump(clock, options)
            return self.fakes[options.instrument]

        return build

    @property
    def sensor(self) -> Telling:
        found = self.sensors["sensor"]
        assert isinstance(found, Telling)
        return found


def ready(tmp_path: Path, publisher: MemoryPublisher | None = None) -> TellingLab:
    lab = TellingLab(tmp_path, make_plan((WaitStep(1, "rest", 5.0),)), operator=False, publisher=publisher)
    lab.until(lambda: lab.conductor.phase == "ready")
    return lab


def test_facts_are_recorded_as_settings_with_each_start(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    settings = [e for e in lab.sink.events if e.kind is EventKind.SETTING and e.source == "sensor"]
    assert [dict(e.data) for e in settings[-2:]] == [
        {"filter": "moving mean", "filter_delay_s": 0.05},
        {"glu.sign": 1, "glu.gain": 2.5},
    ]
    assert settings[-1].text.startswith("glu: ")


def test_an_edge_is_a_mark_of_its_instrument_at_its_own_time(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    lab = ready(tmp_path, publisher)
    when_ns = lab.clock.now_ns() - 70_500_000
    lab.sensor.pending = [
        DigitalEdge(when_ns, "stimulus", is_high=True),
        DigitalEdge(when_ns + 500_000, "stimulus", is_high=False),
    ]
    lab.run(lab.now_s + 2)
    marks = [e for e in lab.sink.events if e.kind is EventKind.MARK]
    assert [(e.t_ns, e.source, e.text, dict(e.data)) for e in marks] == [
        (when_ns, "sensor", "stimulus high", {"input": "stimulus", "is_high": True}),
        (when_ns + 500_000, "sensor", "stimulus low", {"input": "stimulus", "is_high": False}),
    ]
    assert marks[0].wall_ns - marks[0].t_ns == lab.clock.wall_ns() - lab.clock.now_ns()
    shown = [n for n in publisher.notices if n.kind == "mark"]
    assert [(n.t_ns, n.text) for n in shown] == [(when_ns, "stimulus high"), (when_ns + 500_000, "stimulus low")]


def test_a_train_of_edges_is_recorded_whole_and_shown_in_part(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    lab = ready(tmp_path, publisher)
    lab.sensor.pending = [DigitalEdge(lab.clock.now_ns() + n, "ttl", n % 2 == 0) for n in range(500)]
    lab.run(lab.now_s + 2)
    assert len([e for e in lab.sink.events if e.kind is EventKind.MARK]) == 500
    assert len([n for n in publisher.notices if n.kind == "mark"]) == EDGES_SHOWN
    (told,) = [n for n in publisher.notices if "not shown" in n.text]
    assert told.data == {"not_shown": 500 - EDGES_SHOWN}


def test_edges_found_before_the_line_was_lost_are_not_lost_with_it(tmp_path: Path) -> None:
    lab = ready(tmp_path)

    def read_and_lose(timeout_s: float) -> list[SampleBlock]:
        lab.sensor._found = [DigitalEdge(7, "ttl", is_high=True)]
        raise PortLost("unplugged")

    lab.sensor.read = read_and_lose  # type: ignore[method-assign]
    lab.run(lab.now_s + 2)
    assert [e.t_ns for e in lab.sink.events if e.kind is EventKind.MARK] == [7]


def test_groups_of_facts_fit_into_an_event() -> None:
    facts: dict[str, OptionValue] = {f"fact_{n}": "x" * 50 for n in range(40)} | {"a.one": 1, "b.one": 1, "b.two": 2}
    groups = list(fact_groups(facts))
    assert {key: value for _title, group in groups for key, value in group.items()} == facts
    assert max(len(json.dumps(group)) for _title, group in groups) <= 400
    assert [title for title, _group in groups[-2:]] == ["a", "b"]
