"""The window's line over the real server and client."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acquisition.messages import Answer, ChannelSamples, Credit, EngineState, EventNotice, Mark, Report, Start, Stop
from acquisition.service import discovery
from gui.link import ClientLink
from tests.gui.fakes import samples
from tests.process.door_kit import NotingEngine, Served, a_state, an_event, served


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="amp") as name:
        monkeypatch.setenv(discovery.RUNTIME_DIR_VARIABLE, name)
        yield Path(name)


@pytest.fixture
def link(runtime: Path) -> Iterator[ClientLink]:
    made = ClientLink("tester")
    yield made
    made.close()
    assert [t.name for t in threading.enumerate() if t.name.startswith("amperfuse-")] == []


def eventually(condition: Callable[[], object], timeout_s: float = 8.0) -> bool:
    waiting = threading.Event()
    for _attempt in range(int(timeout_s / 0.01)):
        if condition():
            return True
        waiting.wait(0.01)
    return False


def heard(link: ClientLink, kind: type[Report], within_s: float = 8.0) -> Report:
    found: list[Report] = []

    def look() -> bool:
        found.extend(report for report in link.poll() if isinstance(report, kind))
        return bool(found)

    assert eventually(look, within_s)
    return found[0]


def opened(house: Served, runtime: Path, link: ClientLink) -> None:
    discovery.publish(house.record, runtime)
    assert eventually(lambda: link.connected)


def test_a_window_that_was_there_first_finds_the_engine_and_hears_it(runtime: Path, link: ClientLink) -> None:
    assert not link.connected
    with served() as house:
        opened(house, runtime, link)
        house.publisher.state(a_state(7))
        house.publisher.event(an_event(1))

        assert heard(link, EngineState) == a_state(7)
        house.publisher.event(an_event(2))
        assert heard(link, EventNotice)


def test_samples_come_again_only_after_credit(runtime: Path, link: ClientLink) -> None:
    with served() as house:
        opened(house, runtime, link)
        house.publisher.samples(samples([1], [1e-12]))
        assert heard(link, ChannelSamples)
        house.publisher.samples(samples([2], [2e-12]))
        house.publisher.state(a_state(1))
        assert not any(isinstance(r, ChannelSamples) for r in [heard(link, EngineState), *link.poll()])

        link.send(Credit())

        assert heard(link, ChannelSamples)


def test_R33_stop_does_not_queue_behind_a_command_that_waits_for_its_answer(runtime: Path, link: ClientLink) -> None:
    with served(NotingEngine(hangs=True)) as house:
        opened(house, runtime, link)
        link.send(Start(request=1))
        assert eventually(lambda: house.engine.commands)

        link.send(Stop(request=2, reason="window"))

        assert eventually(lambda: house.engine.stops, 1.0)


def test_an_answer_carries_the_number_the_window_gave(runtime: Path, link: ClientLink) -> None:
    with served() as house:
        opened(house, runtime, link)
        link.send(Mark(request=41, label="x"))
        answer = heard(link, Answer)
        assert isinstance(answer, Answer)
        assert (answer.request, answer.ok) == (41, True)


def test_without_an_engine_every_command_is_answered_with_no(link: ClientLink) -> None:
    link.send(Stop(request=5))
    answer = heard(link, Answer)
    assert isinstance(answer, Answer)
    assert (answer.request, answer.ok, answer.confirmed) == (5, False, None)


def test_a_lost_engine_is_noticed_and_the_next_one_found(runtime: Path, link: ClientLink) -> None:
    with served() as house:
        opened(house, runtime, link)
    assert eventually(lambda: not link.connected)
    assert link.connections == 1

    with served() as other:
        opened(other, runtime, link)
        other.publisher.state(a_state(9))
        assert heard(link, EngineState) == a_state(9)
        assert link.connections == 2
