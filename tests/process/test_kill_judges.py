"""The judges of the kill campaign find what they are there to find: each rule broken on purpose, without a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from acquisition.books import containers
from acquisition.books.animal import AnimalBook
from acquisition.books.chain import BookBroken
from acquisition.books.containers import ContainerBook, Label
from acquisition.books.places import book_place
from acquisition.books.run_books import RunBooks
from acquisition.events import Event, EventKind
from acquisition.recording.session_data import SessionData
from drivers.capabilities import PumpProgram
from drivers.clock import NS_PER_S
from tests.engine.kit import PUMP
from tests.process.engine_kit import private_runtime
from tests.process.kill_campaign import judges
from tests.process.kill_campaign.draw import Blow, Family, Life
from tests.process.kill_campaign.laboratory import ANIMAL, CONTAINER, RATE_UL_PER_MIN, TARGETS_UL, Laboratory
from tests.process.kill_campaign.life import Lived
from tests.process.kill_campaign.operator import Answered

DIED_NS = 10 * NS_PER_S
BOOKED = Answered(was_unfinished=True, text="by the pump's own counter")
UNKNOWN = Answered(was_unfinished=True, text="the pump holds other settings: the whole target counts")


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    with private_runtime():
        yield


class Session:
    """A session of which only its events and records matter."""

    def __init__(self, *targets_ul: float, index: range = range(10)) -> None:
        self.events = [
            Event(EventKind.INTENT, number, 0, "drug", "", {"target_ul": target_ul})
            for number, target_ul in enumerate(targets_ul, start=1)
        ]
        self.last_sequence, self.close = 99, object()
        stream = type("Stream", (), {"index": np.array(index), "epoch": np.ones(len(index), int)})
        self.streams = {"stat": stream}

    @property
    def data(self) -> SessionData:
        return cast("SessionData", cast("Any", self))


def bench(folder: Path, runs_on_s: float, family: Family = "new-era") -> Laboratory:
    """Let a pump run from 1 s before the engine's death until so long after it."""
    lines = []
    for tenth in range(round((1.0 + runs_on_s) * 10) + 1):
        t_ns = DIED_NS - NS_PER_S + tenth * NS_PER_S // 10
        given_ul = tenth / 10 * RATE_UL_PER_MIN / 60
        lines.append({"since_ns": t_ns - NS_PER_S // 10, "t_ns": t_ns, "ul": {"pump": given_ul}})
    (folder / "truth.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return Laboratory(folder, family)


def dead(**more: Any) -> Lived:
    return Lived(Life((Blow("engine", 1.0),)), Path("s1"), engine_died_ns=DIED_NS, **more)


def write_books(target_ul: float, given_ul: float, uncertain_ul: float) -> None:
    label = Label(CONTAINER, "ketamine", "hydrochloride", "III", 5.0, "L7", date(2099, 3, 31), "Dr. Berg")
    containers.open_container(label, 1000.0, by="Anna", wall_ns=1)
    books = RunBooks(AnimalBook.open(ANIMAL, "s1", 25.0), {PUMP.name: ContainerBook.open(CONTAINER, "s1")})
    intent = books.intend(PUMP, 1, PumpProgram(PUMP.diameter_mm, RATE_UL_PER_MIN, target_ul), 2)
    books.settle(intent, given_ul, uncertain_ul, 3)
    books.close()


def test_R41_a_pump_that_stops_in_its_bound_passes_and_one_that_goes_on_does_not(tmp_path: Path) -> None:
    stops = judges.pump_stops(bench(tmp_path, 2.8), dead(), Session(TARGETS_UL[0]).data)
    assert stops == pytest.approx(2.7)
    with pytest.raises(AssertionError, match="went on for"):
        judges.pump_stops(bench(tmp_path, 4.5), dead(), Session(TARGETS_UL[0]).data)


def test_R41_a_pump_without_a_watchdog_may_go_on_to_its_target_and_no_further(tmp_path: Path) -> None:
    assert judges.pump_stops(bench(tmp_path, 6.0, "harvard-ultra"), dead(), Session(TARGETS_UL[0]).data) > 5.0
    with pytest.raises(AssertionError, match="intents are"):
        judges.pump_stops(bench(tmp_path, 7.0, "harvard-ultra"), dead(), Session(TARGETS_UL[0]).data)


def test_R35_what_moves_without_an_intent_on_the_disk_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"intents are \[\]"):
        judges.pump_stops(bench(tmp_path, 1.0), dead(), None)


def test_R53_a_lost_record_a_missing_sample_and_an_open_recording_are_found() -> None:
    lived = dead()
    judges.recording_is_whole(lived, Session().data)
    lived.told.records = 101
    with pytest.raises(AssertionError, match="100 of 101 acknowledged"):
        judges.recording_is_whole(lived, Session().data)
    lived.told.records = 100
    holed = Session()
    holed.streams["stat"].index = np.array([0, 1, 3])  # type: ignore[attr-defined]
    holed.streams["stat"].epoch = np.ones(3, int)  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match="samples are missing"):
        judges.recording_is_whole(lived, holed.data)
    still_open = Session()
    still_open.close = cast("Any", None)
    with pytest.raises(AssertionError, match="not closed"):
        judges.recording_is_whole(lived, still_open.data)


@pytest.mark.parametrize(
    ("given_ul", "uncertain_ul", "answered", "says"),
    [
        (0.0605, 0.001, BOOKED, ""),
        (0.03, 0.001, BOOKED, "the dose book says 0.031"),
        (0.07, 0.0, BOOKED, "the pump gave only"),
        (0.06, 0.09, BOOKED, "the pump gave only"),
        (0.06, 0.09, UNKNOWN, ""),
    ],
)
def test_R54_a_book_that_says_too_little_or_more_than_is_documented_is_found(
    tmp_path: Path, given_ul: float, uncertain_ul: float, answered: Answered, says: str
) -> None:
    laboratory = bench(tmp_path, 1.9)  # 0.0604 uL
    write_books(0.15, given_ul, uncertain_ul)
    if not says:
        assert judges.books_hold(laboratory, dead(), answered, [0.15]) >= 0.0
        return
    with pytest.raises(AssertionError, match=says):
        judges.books_hold(laboratory, dead(), answered, [0.15])


def test_R54_a_dose_that_was_confirmed_to_a_person_and_is_in_no_book_is_found(tmp_path: Path) -> None:
    laboratory, lived = bench(tmp_path, 1.9), dead()
    write_books(0.15, 0.0605, 0.001)
    lived.told.given_ul = 0.08
    with pytest.raises(AssertionError, match=r"0\.08 uL were confirmed"):
        judges.books_hold(laboratory, lived, BOOKED, [0.15])


def test_R54_a_book_whose_end_was_cut_off_is_found() -> None:
    write_books(0.15, 0.0605, 0.001)
    assert judges.chains_hold() == 5
    path, _anchor = book_place("animals", ANIMAL)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(BookBroken, match="cut off"):
        judges.chains_hold()
