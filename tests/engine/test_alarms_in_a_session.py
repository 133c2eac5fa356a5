"""Alarms as clients of a session meet them: reminders, the pause of the sound, a window without sound, floods."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.events import EventKind
from acquisition.messages import AUDIO_PAUSE_S, Acknowledge, Continue, PauseAudio, ReportSound, Start
from acquisition.plan import OperatorStep
from amperfuse.commands.engine import status_lines
from tests.engine.kit import INFUSION, Lab, MemoryPublisher, make_plan, seconds


def waiting_lab(tmp_path: Path, publisher: MemoryPublisher | None = None) -> Lab:
    """A plan that waits for a person at once, and nobody comes."""
    lab = Lab(tmp_path, make_plan([OperatorStep(1, "look at the animal")]), operator=False, publisher=publisher)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until(lambda: lab.conductor.phase == "holding")
    return lab


def reminders(lab: Lab) -> list[str]:
    return [text for text in lab.texts(EventKind.ALARM) if "A person is wanted" in text]


def test_R50_a_plan_that_waits_says_so_every_two_minutes_until_somebody_comes(tmp_path: Path) -> None:
    lab = waiting_lab(tmp_path)
    lab.run(lab.now_s + 119)
    assert reminders(lab) == []

    lab.run(lab.now_s + 2 + 240)

    assert [text.split(" alarm ")[1].split(":")[0] for text in reminders(lab)] == ["raised", "repeated", "repeated"]
    (alarm,) = lab.conductor.state().alarms
    assert (alarm.priority, alarm.count) == ("low", 3)
    assert "look at the animal" in alarm.what
    assert "6 min" in alarm.what
    lab.send(Continue(request=2, step=1))
    lab.run(lab.now_s + 1)
    assert lab.conductor.state().alarms == ()


def test_R50_an_infusion_that_was_broken_off_is_reminded_of_too(tmp_path: Path) -> None:
    lab = Lab(tmp_path, operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.send(Start(request=1))
    lab.until_infusing()
    lab.fake.moving = False  # by its own key
    lab.until(lambda: lab.conductor.phase == "holding")

    lab.run(lab.now_s + 125)

    assert INFUSION.label in reminders(lab)[0]


def test_R47_the_pause_is_one_for_all_clients_is_recorded_and_runs_down(tmp_path: Path) -> None:
    lab = waiting_lab(tmp_path)
    lab.send(PauseAudio(request=2))
    lab.run(lab.now_s + 0.2)
    until_ns = lab.conductor.state().audio_paused_until_ns
    assert until_ns is not None
    assert until_ns - lab.clock.now_ns() <= seconds(AUDIO_PAUSE_S)
    assert any(line.startswith("  sound of alarms paused, 1") for line in status_lines(lab.conductor.state()))
    assert any("paused for 120 s" in text for text in lab.texts(EventKind.OPERATOR))

    lab.send(PauseAudio(request=3, seconds=0))
    lab.run(lab.now_s + 0.2)

    assert lab.conductor.state().audio_paused_until_ns is None


@pytest.mark.parametrize("seconds_long", [-1.0, AUDIO_PAUSE_S + 1.0, float("inf"), float("nan")])
def test_R47_no_client_can_ask_for_more(seconds_long: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        PauseAudio(request=1, seconds=seconds_long)


def test_R48_a_window_without_sound_is_a_medium_alarm_until_one_has_sound(tmp_path: Path) -> None:
    lab = waiting_lab(tmp_path)
    lab.send(ReportSound(request=2, works=False, detail="no sound device"))
    lab.run(lab.now_s + 0.2)
    (alarm,) = lab.conductor.state().alarms
    assert (alarm.alarm_id, alarm.priority, alarm.active) == ("no-sound", "medium", True)
    assert "no sound device" in alarm.what

    lab.send(ReportSound(request=3, works=True))
    lab.send(Acknowledge(request=4, alarm_id="no-sound", by="Anna"))
    lab.run(lab.now_s + 0.2)

    assert lab.conductor.state().alarms == ()


def test_R51_a_flood_fills_the_recording_and_not_the_lists_of_clients(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    lab = waiting_lab(tmp_path, publisher)
    for _ in range(30):
        lab.conductor.desk.alarms.flash("lag", lab.clock.now_ns(), detail="for 3.0 s")
        lab.run(lab.now_s + 1)

    def raised(events: list[str]) -> int:
        return sum("alarm raised" in text for text in events)

    assert raised(lab.texts(EventKind.ALARM)) == 30
    told = [notice.text for notice in publisher.notices if notice.kind == "alarm"]
    assert raised(told) == 10
    assert sum("counted only" in text for text in told) == 1
    (line,) = [line for line in status_lines(lab.conductor.state()) if "ALARM" in line]
    assert line.startswith("  ALARM medium (cause is gone, 30 times, last ")


def test_R47_an_alarm_is_in_the_state_of_clients_within_a_second(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    lab = Lab(tmp_path, publisher=publisher)
    lab.until_infusing()
    lab.fake.rogue = True
    lab.fake.moving = False
    lab.sensors["sensor"].lost = True

    lab.run(lab.now_s + 5)

    for event in (e for e in lab.sink.events if e.kind is EventKind.ALARM and e.data["change"] == "raised"):
        shown = [s.now_ns for s in publisher.states if any(a.alarm_id == event.data["alarm"] for a in s.alarms)]
        assert shown[0] - event.t_ns <= seconds(0.5), "half of the second is left to the window"
