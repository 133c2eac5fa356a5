"""One question, one answer: deadlines, bounds, strays and the abort check, without any instrument."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from drivers.capabilities import DriverOptions, WireRecord
from drivers.clock import NS_PER_S
from drivers.errors import ForeignTraffic, GarbledReply, Interrupted, ReplyTimeout
from drivers.exchange import BUFFER_MAX, Exchange
from drivers.methodscript.link import LineFramer
from tests.drivers.kit import MS, URL, ScriptedLine, Step, step


def exchange(*steps: Step, **options: object) -> tuple[ScriptedLine, Exchange[bytes]]:
    line = ScriptedLine(list(steps))
    talk = Exchange(line, line.clock, DriverOptions("it", **options), LineFramer())  # type: ignore[arg-type]
    return line, talk


def ask(talk: Exchange[bytes], timeout_s: float = 0.5, *, urgent: bool = False) -> bytes:
    return talk.transact(b"?\n", lambda line: line.startswith(b"ok"), command="?", timeout_s=timeout_s, urgent=urgent)


def test_an_answer_is_returned_and_both_directions_are_logged() -> None:
    log: list[WireRecord] = []
    line, talk = exchange(step(b"?\n", b"ok 1\n"), on_wire=log.append)
    assert ask(talk) == b"ok 1"
    assert [(record.direction, record.data) for record in log] == [("out", b"?\n"), ("in", b"ok 1\n")]
    line.done()


def test_X6_the_deadline_is_for_the_whole_exchange_not_for_each_byte() -> None:
    line, talk = exchange(step(b"?\n", *[(0.1 * n, b"x") for n in range(100)]))
    with pytest.raises(GarbledReply) as caught:
        ask(talk)
    assert line.clock.now_ns() <= 600 * MS
    assert (caught.value.port, caught.value.command) == (URL, "?")
    assert caught.value.partial in (b"x" * 5, b"x" * 6)
    assert talk.out_of_step


def test_silence_is_a_timeout() -> None:
    line, talk = exchange(step(b"?\n"))
    with pytest.raises(ReplyTimeout):
        ask(talk)
    assert line.clock.now_ns() == 500 * MS


def test_L9_X6_the_buffer_is_bounded() -> None:
    line, talk = exchange(step(b"?\n", *[(0.001 * n, b"y" * 1000) for n in range(1000)]))
    with pytest.raises(GarbledReply, match="babbles") as caught:
        ask(talk, 10.0)
    assert len(caught.value.partial) == 256
    assert line.clock.now_ns() < 100 * MS
    assert BUFFER_MAX == 4096


def test_R39_what_lies_in_the_line_before_a_question_is_reported_and_not_its_answer() -> None:
    told: list[bytes] = []
    line, talk = exchange(step(b"?\n", b"ok 1\n", (0.2, b"ok old\n")), step(b"?\n", b"ok 2\n"), on_foreign=told.append)
    assert ask(talk) == b"ok 1"
    line.clock.jump_ns(NS_PER_S)
    assert ask(talk) == b"ok 2"
    assert told == [b"ok old\n"]
    assert talk.foreign_count == 1


def test_L3_a_doubled_answer_is_one_answer_and_a_stray() -> None:
    _line, talk = exchange(step(b"?\n", b"ok 1\nok 1\n"))
    assert ask(talk) == b"ok 1"
    assert talk.foreign_count == 1


def test_R39_two_different_answers_are_foreign_traffic() -> None:
    _line, talk = exchange(step(b"?\n", b"ok 1\nok 2\n"))
    with pytest.raises(ForeignTraffic):
        ask(talk)


def test_L7_while_a_late_answer_may_come_a_second_one_makes_the_first_doubtful() -> None:
    line, talk = exchange(step(b"?\n", (0.7, b"ok late\n")), step(b"?\n", (0.18, b"ok new\n")))
    with pytest.raises(ReplyTimeout):
        ask(talk)
    with pytest.raises(ForeignTraffic):
        ask(talk)
    line.done()


def test_R33_the_abort_check_is_asked_every_20_ms_and_not_for_a_stop() -> None:
    asked: list[int] = []
    line = ScriptedLine([step(b"?\n"), step(b"?\n", (0.3, b"ok\n"))])

    def abort() -> bool:
        asked.append(line.clock.now_ns())
        return line.clock.now_ns() >= 200 * MS

    talk = Exchange(line, line.clock, DriverOptions("it", abort=abort), LineFramer())
    with pytest.raises(Interrupted):
        ask(talk)
    assert line.clock.now_ns() <= 220 * MS
    assert max(b - a for a, b in pairwise(asked)) <= 20 * MS
    assert ask(talk, urgent=True) == b"ok"


def test_a_second_thread_waits_for_its_turn_and_not_for_ever() -> None:
    _line, talk = exchange()
    held = threading.Event()
    release = threading.Event()

    def hold() -> None:
        with talk.turn("held", 1.0):
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(5)
    with pytest.raises(Interrupted, match="another exchange"):
        ask(talk, 0.1)
    release.set()
    thread.join(5)
