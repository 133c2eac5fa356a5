"""Guards of the streams, the table of alarms, and the stop slot."""

from __future__ import annotations

import string

import numpy as np
import pytest

from acquisition.engine.alarms import FLOOD_PER_MINUTE, TABLE, AlarmBoard, AlarmChange
from acquisition.engine.guards import StreamGuard
from acquisition.engine.sensor_desk import live
from acquisition.engine.stop_slot import StopSlot
from acquisition.messages import AUDIO_PAUSE_S
from drivers.capabilities import SampleBlock, SampleFlag
from tests.engine.kit import SENSOR, seconds


def block(first: int, last: int, *, epoch: int = 0, current_a: float | None = None, flag: int = 0) -> SampleBlock:
    index = np.arange(first, last + 1, dtype=np.int64)
    values = np.sin(index / 3.0) * 1e-10 if current_a is None else np.full(len(index), current_a)
    current = np.column_stack([values, values])
    flags = np.full(current.shape, flag, dtype=np.uint8)
    t0_ns = epoch * seconds(100)
    received_ns = t0_ns + last * seconds(0.1)
    return SampleBlock("sensor", epoch, t0_ns, seconds(0.1), ("glu", "sentinel"), index, current, flags, received_ns)


def test_S2_a_hole_within_and_between_blocks_is_a_gap_with_its_count() -> None:
    guard = StreamGuard(SENSOR)
    guard.look(block(0, 9))

    (between,) = guard.look(block(15, 19)).gaps
    holed = block(20, 29)
    keep = np.array([0, 1, 5, 6])
    holed = SampleBlock(
        "sensor", 0, 0, holed.interval_ns, holed.channels, holed.index[keep], holed.current_a[keep],
        holed.flags[keep], holed.received_ns,
    )  # fmt: skip
    (within,) = guard.look(holed).gaps

    assert (between.first_index, between.count) == (10, 5)
    assert (within.first_index, within.count) == (22, 3)
    assert guard.missing == 8


def test_S4_a_new_epoch_that_follows_at_once_is_not_a_gap() -> None:
    guard = StreamGuard(SENSOR)
    guard.look(block(0, 999))

    finding = guard.look(block(0, 9, epoch=1))

    assert finding.new_epoch
    assert finding.gaps == ()


def test_S1_what_is_missing_between_two_epochs_is_a_gap_of_the_first() -> None:
    guard = StreamGuard(SENSOR)
    guard.look(block(0, 899))

    (gap,) = guard.look(block(0, 9, epoch=1)).gaps

    assert (gap.epoch, gap.first_index, gap.count, gap.t_ns) == (0, 900, 100, seconds(90))
    assert guard.missing == 100
    shown = live(block(0, 9, epoch=1), (gap,), new_epoch=True, sequence=1)
    assert len(shown.t_ns) == 11, "one break before the new epoch, none inside it"


def test_the_live_feed_shows_a_gap_as_nan_and_never_as_a_value() -> None:
    guard = StreamGuard(SENSOR)
    guard.look(block(0, 9))
    later = block(15, 19)

    shown = live(later, guard.look(later).gaps, new_epoch=False, sequence=7)

    assert np.isnan(shown.current_a[0][0])
    assert not np.isnan(shown.current_a[0][1:]).any()
    assert len(shown.t_ns) == 6
    assert list(shown.t_ns) == sorted(shown.t_ns)


def test_silence_is_longer_than_two_seconds_and_five_intervals() -> None:
    guard = StreamGuard(SENSOR)
    assert guard.silent_s(seconds(100)) is None, "nothing was expected yet"
    guard.look(block(0, 9))

    assert guard.silent_s(seconds(0.9 + 1.9)) is None
    assert guard.silent_s(seconds(0.9 + 2.1)) == pytest.approx(2.1)


def test_S3_saturation_and_a_dead_channel_are_seen_and_a_quiet_one_is_not() -> None:
    guard = StreamGuard(SENSOR)
    assert guard.look(block(0, 9, flag=int(SampleFlag.OVERLOAD))).saturated == ("glu", "sentinel")
    assert guard.look(block(10, 400, current_a=1.27e-9)).flat == (), "background current: quiet, not dead"

    assert guard.look(block(401, 800, current_a=0.0)).flat == ("glu", "sentinel")
    assert guard.look(block(801, 810)).flat == ()


def test_R45_every_alarm_says_what_so_what_and_do_what() -> None:
    for kind, row in TABLE.items():
        assert row.what, kind
        assert row.so_what.endswith("."), kind
        assert row.do_what.endswith((".", "?")), kind
        fields = {name for _, name, _, _ in string.Formatter().parse(row.what) if name}
        assert fields <= {"instrument", "detail"}, kind


def test_R46_acknowledging_never_hides_an_active_cause() -> None:
    changes: list[AlarmChange] = []
    board = AlarmBoard(changes.append)
    board.on("pump-stall", 1, "drug")
    board.acknowledge("pump-stall:drug", "Anna")
    assert [view.active for view in board.views()] == [True]

    board.off("pump-stall", "drug")

    assert board.views() == ()
    assert [change.verb for change in changes] == ["raised", "acknowledged", "cleared"]


def test_R51_an_alarm_that_is_on_is_not_said_again() -> None:
    changes: list[AlarmChange] = []
    board = AlarmBoard(changes.append)

    for t_ns in range(100):
        board.on("pump-stall", t_ns, "drug")

    assert len(changes) == 1
    assert board.views()[0].raised_ns == 0


def flapping(board: AlarmBoard, kind: str, *, every_s: float, times: int, from_s: float = 0.0) -> float:
    """Raise and clear an alarm so often; return when."""
    for turn in range(times):
        board.flash(kind, seconds(from_s + turn * every_s), "drug", f"turn {turn}")
        board.tick(seconds(from_s + turn * every_s))
    return from_s + (times - 1) * every_s


def test_R46_what_comes_again_after_it_was_acknowledged_wants_to_be_seen_again() -> None:
    board = AlarmBoard(lambda _change: None)
    board.on("pump-stall", seconds(1), "drug")
    board.acknowledge("pump-stall:drug", "Anna")
    board.off("pump-stall", "drug")

    board.on("pump-stall", seconds(100), "drug")

    (view,) = board.views()
    assert (view.acknowledged, view.count, view.raised_ns) == (False, 1, seconds(100))


def test_R51_ten_a_minute_are_ten_and_more_are_one_with_a_count_and_the_log_has_all() -> None:
    changes: list[AlarmChange] = []
    board = AlarmBoard(changes.append)

    flapping(board, "lag", every_s=1.0, times=FLOOD_PER_MINUTE)
    assert not any(change.counted_only for change in changes)
    flapping(board, "lag", every_s=1.0, times=20, from_s=FLOOD_PER_MINUTE)

    (view,) = board.views()
    assert (view.count, view.raised_ns, view.latest_ns) == (30, 0, seconds(29))
    assert "turn 19" in view.what, "the newest detail"
    raised = [change for change in changes if change.verb == "raised"]
    assert len(raised) == 30
    assert sum(change.counted_only for change in raised) == 20
    assert [change.verb for change in changes].count("collapsed") == 1


def test_R51_one_acknowledgement_is_enough_for_a_flood_and_not_for_what_comes_after_it() -> None:
    board = AlarmBoard(lambda _change: None)
    last_s = flapping(board, "pump-stall", every_s=1.0, times=12)
    board.acknowledge("pump-stall:drug", "Anna")
    last_s = flapping(board, "pump-stall", every_s=1.0, times=5, from_s=last_s + 1)
    assert [(view.acknowledged, view.count) for view in board.views()] == [(True, 17)], "shown, and not to be hidden"

    board.tick(seconds(last_s + 61))
    assert board.views() == (), "the flood has ebbed, its cause is gone, a person has seen it"
    board.on("pump-stall", seconds(last_s + 62), "drug")

    assert [(view.acknowledged, view.count) for view in board.views()] == [(False, 1)]


def test_R51_a_flood_of_a_low_alarm_stays_on_the_screen_as_one() -> None:
    board = AlarmBoard(lambda _change: None)

    last_s = flapping(board, "line-quality", every_s=2.0, times=15)

    assert [view.count for view in board.views()] == [15]
    board.tick(seconds(last_s + 61))
    assert board.views() == ()


def test_R51_minutes_are_those_of_people_also_beside_a_faster_simulation() -> None:
    board = AlarmBoard(lambda _change: None, slack=60.0)
    flapping(board, "lag", every_s=60.0, times=FLOOD_PER_MINUTE + 1)
    assert board.views()[0].count == FLOOD_PER_MINUTE + 1
    board.acknowledge("lag:drug", "Anna")
    assert board.views() != ()


def test_R47_the_sound_is_paused_for_two_minutes_at_most() -> None:
    board = AlarmBoard(lambda _change: None)
    board.pause_audio(0, 100_000.0)

    assert board.audio_paused_until_ns == seconds(AUDIO_PAUSE_S)
    board.tick(seconds(AUDIO_PAUSE_S) - 1)
    assert board.audio_paused_until_ns is not None
    board.tick(seconds(AUDIO_PAUSE_S))
    assert board.audio_paused_until_ns is None


@pytest.mark.parametrize(("kind", "breaks"), [("pump-stall", True), ("lag", True), ("line-quality", False)])
def test_R47_a_new_alarm_breaks_the_pause(kind: str, breaks: bool) -> None:
    board = AlarmBoard(lambda _change: None)
    board.on("samples-missing", 0, "sensor")
    board.pause_audio(seconds(1), AUDIO_PAUSE_S)

    board.on(kind, seconds(2), "drug")

    assert (board.audio_paused_until_ns is None) is breaks


def test_R47_a_high_alarm_that_comes_again_breaks_the_pause_and_a_medium_one_that_waits_does_not() -> None:
    for kind, breaks in (("pump-stall", True), ("lag", False)):
        board = AlarmBoard(lambda _change: None)
        board.flash(kind, 0, "drug")
        board.pause_audio(seconds(1), AUDIO_PAUSE_S)
        board.flash(kind, seconds(2), "drug")
        assert (board.audio_paused_until_ns is None) is breaks, kind


def test_R47_a_flood_does_not_break_the_pause() -> None:
    board = AlarmBoard(lambda _change: None)
    last_s = flapping(board, "pump-stall", every_s=1.0, times=FLOOD_PER_MINUTE + 1)
    board.pause_audio(seconds(last_s), AUDIO_PAUSE_S)

    flapping(board, "pump-stall", every_s=1.0, times=5, from_s=last_s + 1)

    assert board.audio_paused_until_ns is not None


def test_high_alarms_come_first() -> None:
    board = AlarmBoard(lambda _change: None)
    board.on("line-quality", 1, "drug")
    board.on("not-infusing", 2, "drug")
    board.on("pump-stall", 3, "drug")

    assert [view.priority for view in board.views()] == ["high", "medium", "low"]


def test_a_stop_asked_for_while_one_is_carried_out_is_carried_out_too() -> None:
    slot = StopSlot()
    slot.request()
    assert slot.abort(), "a waiting driver gives up"
    taken = slot.begin()
    assert not slot.abort(), "the STOP itself is not interrupted"

    slot.request()
    slot.end(taken)

    assert slot.pending
    slot.end(slot.begin())
    assert not slot.pending


def test_a_stop_that_was_not_confirmed_stays_pending() -> None:
    slot = StopSlot()
    slot.request()
    slot.begin()

    slot.end(None)

    assert slot.pending
    assert slot.abort()
