"""What must hold after a kill: pump, samples, doses, books; each compared with the truth of the bench.

Each judge raises AssertionError with a sentence. Volumes are in uL; COUNTER_UL is what a pump has given and does not
show yet, once per infusion.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from acquisition.books import animal as animals
from acquisition.books.balance import balance
from acquisition.books.chain import read_entries
from acquisition.books.containers import entries_of
from acquisition.books.places import book_place
from acquisition.engine.attendance import GRACE_S
from acquisition.events import EventKind
from acquisition.recording.session_data import SessionData
from drivers.clock import NS_PER_S
from tests.process.kill_campaign.laboratory import (
    ANIMAL,
    CONTAINER,
    COUNTER_UL,
    RATE_UL_PER_MIN,
    TARGETS_UL,
    WATCHDOG_S,
    Laboratory,
)
from tests.process.kill_campaign.life import CLOCK, Lived
from tests.process.kill_campaign.operator import Answered

SLACK_S = 1.0
"""Bytes that were on their way to the pump, on a busy computer."""
_TINY_UL = 1e-6


def intents_of(session: SessionData | None) -> list[float]:
    """Return the targets of the infusions that the journal says were begun."""
    if session is None:
        return []
    return [float(str(e.data["target_ul"])) for e in session.events if e.kind is EventKind.INTENT]


def pump_stops(laboratory: Laboratory, lived: Lived, session: SessionData | None) -> float:
    """R41, R53: it stops by its watchdog or at its target; nothing moves without an intent on the disk.

    Return for how long it moved after its engine had died, s.
    """
    moves, targets = laboratory.moves(), intents_of(session)
    given_ul = moves[-1].given_ul - lived.given_before_ul
    assert given_ul <= sum(targets) + _TINY_UL, f"{given_ul} uL were given, intents are {targets}"
    if lived.engine_died_ns is None:
        return 0.0
    at_death_ul = max(move.given_ul for move in moves if move.t_ns <= lived.engine_died_ns)
    rest_ul = lived.given_before_ul + sum(targets) - at_death_ul
    bound_s = WATCHDOG_S if laboratory.family == "new-era" else rest_ul / RATE_UL_PER_MIN * 60
    last_ns = max((b.since_ns for a, b in pairwise(moves) if b.given_ul > a.given_ul + _TINY_UL), default=0)
    on_s = max(0.0, (last_ns - lived.engine_died_ns) / NS_PER_S)
    assert on_s <= bound_s + SLACK_S, f"the pump went on for {on_s:.2f} s, the bound is {bound_s:.2f} s"
    return on_s


def recording_is_whole(lived: Lived, session: SessionData) -> None:
    """R53: nothing that was acknowledged is missing; what was recorded has no hole."""
    left = session.last_sequence + 1
    assert left >= lived.told.records, f"{left} of {lived.told.records} acknowledged records are left"
    assert session.close is not None, "the recording is not closed"
    for stream in session.streams.values():
        for epoch in set(stream.epoch.tolist()):
            index = stream.index[stream.epoch == epoch]
            assert np.array_equal(index, np.arange(index[0], index[0] + len(index))), "samples are missing"
        assert len(set(stream.epoch.tolist())) <= 1, "the measurement was started again"


def windows_do_not_matter(lived: Lived, session: SessionData, given_ul: float) -> None:
    """R42: with the window killed, recording and running infusion go on; the next one waits for a person."""
    if lived.engine_died_ns is not None:
        return
    assert session.close is not None
    assert session.close.outcome == "finished", session.close
    assert abs(given_ul - sum(TARGETS_UL)) <= COUNTER_UL * len(TARGETS_UL), f"{given_ul} uL, not the plan's"
    if lived.held_ul is not None:
        first_ul = lived.held_ul - lived.given_before_ul
        assert abs(first_ul - TARGETS_UL[0]) <= COUNTER_UL, f"{first_ul} uL when the plan waited"
        second = [e.t_ns for e in session.events if e.kind is EventKind.INTENT][1]
        watched = [e.t_ns for e in session.events if e.data.get("what") == "attends"]
        before = max((t_ns for t_ns in watched if t_ns <= second), default=0)
        left = [e.t_ns for e in session.events if e.data.get("what") == "left"]
        assert any(t_ns <= before for t_ns in left), f"the second began within {GRACE_S} s, or nobody came back"


def books_hold(laboratory: Laboratory, lived: Lived, answered: Answered, targets: list[float]) -> float:
    """R54: book and log are whole, agree, never under-count, and over-count by what is documented; return by how much.

    Documented: one step of the counter per infusion, and the whole target where the pump could not tell.
    """
    given_ul = laboratory.given_ul() - lived.given_before_ul
    name = lived.session_dir.name if lived.session_dir is not None else ""
    rows = [row for row in animals.rows(ANIMAL, CLOCK.wall_ns()) if row.session == name]
    booked_ul = sum(row.dose.volume_ul for row in rows)
    steps_ul = 2 * COUNTER_UL * max(1, len(targets)) + _TINY_UL
    assert booked_ul >= given_ul - steps_ul / 2, f"the dose book says {booked_ul} uL, the pump gave {given_ul} uL"
    assert booked_ul >= lived.told.given_ul - steps_ul / 2, (
        f"{lived.told.given_ul} uL were confirmed, {booked_ul} booked"
    )
    unknown_ul = targets[-1] if targets and answered.whole_target else 0.0
    over_ul = booked_ul - given_ul
    assert over_ul <= steps_ul + unknown_ul, f"the dose book says {booked_ul} uL, the pump gave only {given_ul} uL"
    log = [one for one in balance(entries_of(CONTAINER)).deliveries if one.session == name]
    least_ul, most_ul = sum(one.least_nl for one in log) / 1000, sum(one.most_nl for one in log) / 1000
    assert least_ul <= given_ul + steps_ul / 2, (
        f"the container's log says at least {least_ul}, given were {given_ul} uL"
    )
    assert abs(most_ul - booked_ul) <= COUNTER_UL * max(1, len(log)), f"log {most_ul} uL, book {booked_ul} uL"
    return over_ul


def chains_hold() -> int:
    """Every book is whole, with its anchor; return how many entries there are. Raises BookBroken."""
    places: list[tuple[Path, Path]] = [
        book_place("animals", ANIMAL),
        book_place("containers", CONTAINER),
        book_place("register", "sessions"),
    ]
    return sum(len(read_entries(*place)) for place in places)
