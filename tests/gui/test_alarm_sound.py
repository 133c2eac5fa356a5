"""Alarms as they are heard and seen to flash: rhythm, pause, self-test, a missing sound device, a lost engine."""

from __future__ import annotations

import io
import re
import wave
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from acquisition.engine.alarms import TABLE
from acquisition.messages import AlarmView, PauseAudio, Priority, ReportSound
from gui import tones
from gui.presenters.alarms import alarm_rows
from gui.presenters.header import lost_banner
from gui.presenters.sound import (
    FLASH_S,
    TEST_PLAN,
    TEST_S,
    Hearing,
    OwnPause,
    SoundDesk,
    engine_lost_alarm,
    is_lit,
    pause_left_s,
    pause_text,
)
from tests.gui.fakes import STARTED_NS, S, alarm, pump, state

if TYPE_CHECKING:
    from tests.gui.bench import Bench

NOW = STARTED_NS + 1800 * S
FRAME_NS = 33_000_000
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
GUI = Path(__file__).resolve().parents[2] / "gui"


def heard(
    desk: SoundDesk, alarms: tuple[AlarmView, ...] = (), *, from_s: float = 0.0, for_s: float = 60.0, **about: Any
) -> list[tuple[float, Priority]]:
    """Return what is called and when, frame by frame."""
    hearing = Hearing(alarms, about.get("engine_lost", False), about.get("paused", False))
    calls = []
    for ticks_ns in range(round(from_s * S), round((from_s + for_s) * S), FRAME_NS):
        call = desk.step(hearing, ticks_ns)
        if call is not None:
            calls.append((round(ticks_ns / S, 1), call))
    return calls


# -- tones ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("priority", "pulses"), [("high", 10), ("medium", 3), ("low", 1)])
def test_the_priorities_are_told_apart_by_their_rhythm(priority: Priority, pulses: int) -> None:
    loud = np.abs(tones.samples(priority).astype(float)) > 300
    window = round(0.03 * tones.RATE_HZ)  # longer than a period, shorter than a silence between pulses
    sounding = np.convolve(loud, np.ones(window), "same") > 0.5
    begins = np.count_nonzero(np.diff(sounding.astype(int)) == 1) + int(sounding[0])

    assert begins == pulses
    if priority == "high":
        gaps = np.diff(tones.STARTS_S["high"])
        assert gaps[4] == max(gaps), "two groups of five"


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_call_is_loud_not_clipped_and_short_enough_for_its_rhythm(priority: Priority) -> None:
    with wave.open(io.BytesIO(tones.wav(priority))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, tones.RATE_HZ)
        values = np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2")
    assert 0.85 * 32767 < np.max(np.abs(values.astype(int))) < 32767
    assert values[0] == values[-1] == 0 or abs(int(values[-1])) < 300, "no click"
    assert len(values) / tones.RATE_HZ < 4.0


# -- when it calls -------------------------------------------------------------------------------------------------


def test_R46_high_and_medium_call_until_acknowledged_and_low_once() -> None:
    high = heard(SoundDesk(), (alarm(priority="high"),), for_s=21)
    medium = heard(SoundDesk(), (alarm(priority="medium"),), for_s=21)
    low = heard(SoundDesk(), (alarm(priority="low"),), for_s=21)

    assert [t_s for t_s, _ in high] == pytest.approx([0, 5, 10, 15, 20], abs=0.2)
    assert [t_s for t_s, _ in medium] == pytest.approx([0, 10, 20], abs=0.2)
    assert low == [(0.0, "low")]
    assert {call for _, call in high} == {"high"}
    assert heard(SoundDesk(), (alarm(priority="medium", acknowledged=True),)) == []


def test_R46_a_cause_that_has_gone_calls_on_until_somebody_has_seen_it() -> None:
    assert len(heard(SoundDesk(), (alarm(active=False),), for_s=21)) == 5


def test_the_worst_calls_and_a_new_one_calls_at_once() -> None:
    desk = SoundDesk()
    medium, high = alarm(alarm_id="m", priority="medium"), alarm(alarm_id="h", priority="high")
    assert heard(desk, (medium,), for_s=2) == [(0.0, "medium")]
    assert heard(desk, (medium, high), from_s=2, for_s=1) == [(2.0, "high")]
    assert heard(desk, (medium, high, alarm(alarm_id="h2")), from_s=4, for_s=0.5) == [(4.0, "high")]


def test_R51_an_alarm_that_comes_again_keeps_its_rhythm() -> None:
    desk, calls = SoundDesk(), 0
    for turn in range(20):
        again = alarm(count=turn + 2, latest_ns=STARTED_NS + turn * S)
        calls += len(heard(desk, (again,), from_s=turn * 0.5, for_s=0.5))
    assert calls == 2, "ten seconds, one call every five"


def test_R50_a_reminder_is_heard_every_time() -> None:
    desk = SoundDesk()
    for turn in range(3):
        again = alarm(alarm_id="waiting", priority="low", count=turn + 1, latest_ns=STARTED_NS + turn * 120 * S)
        assert [c for _, c in heard(desk, (again,), from_s=120 * turn, for_s=100)] == ["low"]


def test_R47_a_high_alarm_has_no_permanent_mute() -> None:
    seen = (alarm(priority="high", acknowledged=True),)
    assert [t_s for t_s, _ in heard(SoundDesk(), seen, for_s=250)] == pytest.approx([120, 240], abs=0.3)
    gone = (alarm(priority="high", acknowledged=True, active=False),)
    assert heard(SoundDesk(), gone, for_s=250) == []


def test_R47_a_pause_is_silent_and_what_waits_calls_as_soon_as_it_is_over() -> None:
    desk = SoundDesk()
    assert len(heard(desk, (alarm(),), for_s=1)) == 1
    assert heard(desk, (alarm(),), from_s=1, for_s=119, paused=True) == []
    assert heard(desk, (alarm(),), from_s=120, for_s=1) == [(120.0, "high")]


def test_R48_the_test_calls_all_three_and_a_high_alarm_breaks_it() -> None:
    desk = SoundDesk()
    desk.begin_test(0)
    calls = heard(desk, for_s=30)
    assert [call for _, call in calls] == ["low", "medium", "high"]
    assert [t_s for t_s, _ in calls] == pytest.approx([at_s for at_s, _ in TEST_PLAN], abs=0.2)
    assert TEST_PLAN[-1][0] + len(tones.samples("high")) / tones.RATE_HZ < TEST_S

    desk.begin_test(round(40 * S))
    assert heard(desk, (alarm(),), from_s=40, for_s=4) == [(40.0, "high")]
    assert not desk.testing(round(44 * S))


# -- flashing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", PRIORITIES)
def test_R48_nothing_flashes_three_times_a_second(priority: Priority) -> None:
    lit = [is_lit(priority, ticks_ns, seen=False) for ticks_ns in range(0, 10 * S, FRAME_NS)]
    flashes = sum(after and not before for before, after in pairwise(lit))
    assert flashes <= 2.8 * 10
    assert (flashes > 0) is (priority in FLASH_S)
    assert not any(is_lit(priority, ticks_ns, seen=True) for ticks_ns in range(0, S, FRAME_NS))


# -- the pause -----------------------------------------------------------------------------------------------------


def test_R47_the_pause_counts_down_in_real_seconds() -> None:
    assert pause_left_s(state(audio_paused_until_ns=NOW + 90 * S), NOW) == 90.0
    assert pause_left_s(state(rate=60.0, audio_paused_until_ns=NOW + 90 * 60 * S), NOW) == 90.0
    assert pause_left_s(state(audio_paused_until_ns=NOW - 1), NOW) == pause_left_s(state(), NOW) == 0.0
    assert [pause_text(x) for x in (119.2, 0.4, 0.0)] == [
        "Sound paused, 2:00 left",
        "Sound paused, 0:01 left",
        "Pause sound",
    ]


def test_R47_without_an_engine_the_window_pauses_by_itself_no_longer_and_not_beyond_the_reconnection() -> None:
    pause = OwnPause()
    pause.toggle(10 * S)
    assert pause.left_s(10 * S, engine_gone=True) == 120.0
    assert pause.left_s(130 * S, engine_gone=True) == 0.0
    pause.toggle(200 * S)
    assert pause.left_s(201 * S, engine_gone=False) == 0.0
    assert pause.left_s(202 * S, engine_gone=True) == 0.0


# -- the engine is gone --------------------------------------------------------------------------------------------


def test_H3_a_lost_engine_is_a_high_alarm_of_the_window_itself() -> None:
    assert engine_lost_alarm(state(), old=True)
    assert not engine_lost_alarm(state(), old=False)
    assert not engine_lost_alarm(None, old=True), "there was none yet"
    assert heard(SoundDesk(), engine_lost=True, for_s=11) == [(0.0, "high"), (5.0, "high"), (10.0, "high")]


def test_a_session_that_ended_as_it_should_is_no_alarm() -> None:
    assert not engine_lost_alarm(state(phase="closing", pumps=(pump(stop_confirmed=True),)), old=True)
    assert engine_lost_alarm(state(phase="closing", pumps=(pump(stop_confirmed=False),)), old=True)


def test_H3_the_banner_of_a_lost_engine_says_what_the_table_says() -> None:
    row = TABLE["engine-lost"]
    assert row.priority == "high"
    assert row.do_what in lost_banner("14:03:22")
    assert row.what.format(detail="14:03:22") in lost_banner("14:03:22")


# -- in the window -------------------------------------------------------------------------------------------------


def test_R51_a_banner_counts(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(alarms=(alarm(),)))
    before = window.alarms.banners[0]
    bench.hear(window, state(alarms=(alarm(count=37, latest_ns=NOW - 2 * S),)))

    assert window.alarms.banners[0] is before, "the button stays under the finger"
    assert "37 times, last " in before.when.text()
    assert "times" not in alarm_rows(state(alarms=(alarm(),)))[0].when


def test_R47_what_is_heard_and_seen_comes_within_a_frame_of_the_report(bench: Bench) -> None:
    window = bench.open()
    bench.ticks_ns = 20 * S  # after the self-test
    bench.hear(window, state())
    bench.player.played.clear()
    bench.link.incoming.append(state(alarms=(alarm(),)))

    window.tick()

    assert bench.player.played == ["high"]
    assert window.alarms.banners[0].isVisible()


def test_R47_the_pause_is_asked_of_the_engine_and_counted_down_from_what_it_says(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    assert not window.alarms.pause.isVisible()
    bench.hear(window, state(alarms=(alarm(),)))
    assert window.alarms.pause.text() == "Pause sound"

    bench.click(window.alarms.pause)
    bench.key(window, "S")
    assert [command.seconds for command in bench.link.commands(PauseAudio)] == [120, 120]
    bench.hear(window, state(alarms=(alarm(),), audio_paused_until_ns=NOW + 100 * S))
    assert window.alarms.pause.text() == "Sound paused, 1:40 left"
    bench.player.played.clear()
    bench.ticks_ns += 2 * S
    window.tick()
    assert window.alarms.pause.text() == "Sound paused, 1:38 left"
    assert bench.player.played == []

    bench.click(window.alarms.pause)
    assert bench.link.commands(PauseAudio)[-1].seconds == 0


def test_R48_the_window_tests_its_alarms_at_the_start_and_on_request(bench: Bench) -> None:
    window = bench.open()
    window.tick()
    assert window.alarm_test.isVisible()
    assert {"◆ HIGH", "▲ MEDIUM", "● LOW"} <= set(bench.texts(window))
    for _ in range(300):
        bench.ticks_ns += FRAME_NS
        window.tick()
    assert bench.player.played == ["low", "medium", "high"]
    assert not window.alarm_test.isVisible()

    bench.click(window.test)
    window.tick()

    assert window.alarm_test.isVisible()
    assert bench.player.played[3:] == ["low"]


def test_R48_the_engine_is_told_on_every_line_whether_this_window_can_be_heard(bench: Bench) -> None:
    bench.player.trouble = "no sound device"
    window = bench.open()
    bench.hear(window, state())
    bench.hear(window, state())
    assert [(c.works, c.detail) for c in bench.link.commands(ReportSound)] == [(False, "no sound device")]

    bench.player.trouble = ""
    bench.ticks_ns += 2 * S
    bench.hear(window, state())
    bench.link.connections += 1
    bench.ticks_ns += 2 * S
    bench.hear(window, state())

    assert [c.works for c in bench.link.commands(ReportSound)] == [False, True, True]


def test_H3_a_window_that_lost_its_engine_calls_and_can_be_paused(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state())
    bench.ticks_ns = 20 * S
    bench.link.connected = False
    bench.hear(window)
    assert bench.player.played[-1] == "high"

    bench.click(window.alarms.pause)
    heard_before = len(bench.player.played)
    bench.ticks_ns += 60 * S
    bench.hear(window)

    assert len(bench.player.played) == heard_before
    assert window.alarms.pause.text() == "Sound paused, 1:00 left"
    assert bench.link.commands(PauseAudio) == []


def test_R48_what_nobody_has_acknowledged_flashes_and_what_was_seen_stands_still(bench: Bench) -> None:
    window = bench.open()
    seen = alarm(alarm_id="seen", acknowledged=True)
    bench.hear(window, state(alarms=(alarm(), seen)))
    halves = []
    for _ in range(30):
        bench.ticks_ns += FRAME_NS
        window.tick()
        halves.append([bool(banner.property("lit")) for banner in window.alarms.banners])

    assert {first for first, _ in halves} == {True, False}
    assert {second for _, second in halves} == {False}


def test_R49_there_is_no_dialog_that_could_cover_a_banner() -> None:
    dialogs = re.compile(r"\bQ(Dialog|MessageBox|ErrorMessage|InputDialog|FileDialog|ProgressDialog|Menu)\b|\bexec_?\(")
    live = [path for path in sorted(GUI.rglob("*.py")) if "review" not in path.relative_to(GUI).parts]
    lines = [(path, line) for path in live for line in path.read_text(encoding="utf-8").splitlines()]
    found = [
        f"{path.name}: {line.strip()}"
        for path, line in lines
        if dialogs.search(line) and "return app.exec()" not in line
    ]
    assert found == []
    borrowed = [f"{path.name}: {line}" for path, line in lines if re.search(r"^(from|import) .*\breview\b", line)]
    assert borrowed == [], "the window of a recording is a process of its own: none of it comes into the live one"


def test_R48_a_machine_without_sound_gets_the_bell_and_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from gui import sound  # noqa: PLC0415 - Qt may be missing here

    def missing() -> Any:
        raise ImportError("libpulse.so.0: cannot open shared object file")

    monkeypatch.setattr(sound, "Effects", missing)
    player = sound.make_player()

    assert "libpulse" in player.trouble
    assert "bell" in player.trouble
    for priority in PRIORITIES:
        player.play(priority)
