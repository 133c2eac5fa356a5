"""Guards of the streams, the table of alarms, and the stop slot."""

from __future__ import annotations

import string

import numpy as np
import pytest

from acquisition.engine.alarms import TABLE, AlarmBoard, AlarmChange
from acquisition.engine.guards import StreamGuard
from acquisition.engine.sensor_desk import live
from acquisition.engine.stop_slot import StopSlot
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
    board.acknowledge("pump-stall:drug")
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
