"""What goes out of a session that is being recorded: everything new, once, at its own time; gaps said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acquisition.events import Event, EventKind
from acquisition.lsl.clock_map import Reading
from acquisition.lsl.feed import DAMAGED_NS, TOLD, FeedBroken
from acquisition.recording.journal import JOURNAL_NAME
from drivers.clock import NS_PER_S
from tests.lsl import kit
from tests.recording.synthetic import INTERVAL_NS, ROWS, STARTED_NS, STARTED_WALL_NS, block, event


def say(kind: EventKind, text: str = "text", source: str = "stat") -> Event:
    return Event(kind, STARTED_NS + NS_PER_S, STARTED_WALL_NS + NS_PER_S, source, text)


def test_samples_that_come_after_the_beginning_go_out_once_with_their_values_and_times(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    recorder.samples(block(0))
    feed, out = kit.feed(tmp_path, kept := kit.Kept()), kept
    for number in (1, 2):
        recorder.samples(block(number))
        feed.step(0)
        feed.step(0)
    assert np.concatenate(out.rows).tolist() == [*block(1).current_a.tolist(), *block(2).current_a.tolist()]
    expected = (STARTED_NS + np.arange(ROWS, 3 * ROWS) * INTERVAL_NS) / 1e9 + kit.OFFSET_S
    assert out.t_s == pytest.approx(expected.tolist(), abs=1e-9)
    assert feed.samples == 2 * ROWS
    recorder.close()


def test_a_gap_is_a_hole_in_the_times_and_an_event(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    feed = kit.feed(tmp_path, out := kit.Kept())
    recorder.samples(block(0))
    recorder.event(say(EventKind.GAP, "25 samples are missing"))
    recorder.samples(block(2))
    feed.step(0)
    assert np.diff(out.t_s).max() == pytest.approx((ROWS + 1) * INTERVAL_NS / 1e9)
    assert [text for _t, text in out.events] == ["SIMULATED gap stat: 25 samples are missing"]
    recorder.close()


def test_a_value_that_is_no_number_goes_out_as_none(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    feed = kit.feed(tmp_path, out := kit.Kept())
    current_a = np.full((ROWS, 2), np.nan)
    recorder.samples(replace(block(0), current_a=current_a, flags=np.full((ROWS, 2), 16, np.uint8)))
    feed.step(0)
    assert np.isnan(out.rows[0]).all()
    recorder.close()


def test_events_go_out_by_kind_without_notes_and_bytes_in_one_line_each(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path, simulated=False)
    feed = kit.feed(tmp_path, out := kit.Kept(), simulated=False)
    for kind in EventKind:
        recorder.event(say(kind, f"{kind.name}\n  second line"))
    feed.step(0)
    told = [text for _t, text in out.events]
    assert told == [f"{kind.value} stat: {kind.name} second line" for kind in EventKind if kind in TOLD]
    assert not any(word in text for text in told for word in ("NOTE", "WIRE", "SETTING"))
    assert {t_s for t_s, _text in out.events} == {STARTED_NS / 1e9 + 1 + kit.OFFSET_S}
    recorder.close()


def test_the_end_of_the_recording_is_the_end_of_the_feed(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    feed = kit.feed(tmp_path, out := kit.Kept())
    feed.step(0)
    assert feed.outcome is None
    recorder.event(event(3))
    recorder.close("finished")
    feed.step(0)
    assert feed.outcome == "finished"
    assert out.events[-1][1] == "SIMULATED session recorder: the recording is closed (finished)"


def test_half_a_record_waits_and_a_damaged_one_ends_the_feed_with_a_word_to_its_readers(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    recorder.samples(block(0))
    recorder.close()
    whole = (tmp_path / JOURNAL_NAME).read_bytes()
    at = whole.rindex(b"AFJ1")
    feed = kit.feed(tmp_path, out := kit.Kept())
    feed.reader.valid_end, feed.reader.next_sequence, feed.reader.closed = at, 2, None  # before the closing record
    (tmp_path / JOURNAL_NAME).write_bytes(whole[:-3])
    feed.step(0)
    feed.step(10 * DAMAGED_NS)
    assert out.events == []
    (tmp_path / JOURNAL_NAME).write_bytes(whole[:-3] + b"xyz")
    feed.step(11 * DAMAGED_NS)
    feed.step(12 * DAMAGED_NS)
    with pytest.raises(FeedBroken, match="cannot be read on"):
        feed.step(12 * DAMAGED_NS + 1)
    assert "STREAM ENDS HERE" in out.events[-1][1]


def test_a_journal_that_is_gone_for_a_while_is_read_on_and_one_that_stays_away_ends_the_feed(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    feed = kit.feed(tmp_path, out := kit.Kept())
    journal, aside = tmp_path / JOURNAL_NAME, tmp_path / "aside"
    recorder.samples(block(0))
    journal.rename(aside)
    feed.step(0)
    aside.rename(journal)
    feed.step(DAMAGED_NS)
    assert feed.samples == ROWS
    journal.rename(aside)
    feed.step(DAMAGED_NS)
    with pytest.raises(FeedBroken, match="No such file"):
        feed.step(2 * DAMAGED_NS + 1)
    assert "STREAM ENDS HERE" in out.events[-1][1]
    recorder.close()


def test_another_offset_is_told_before_it_is_used(tmp_path: Path) -> None:
    recorder = kit.recorder(tmp_path)
    feed = kit.feed(tmp_path, out := kit.Kept())
    hour_ns = STARTED_NS + 3600 * NS_PER_S
    feed.look_at_clocks(Reading(hour_ns, hour_ns / NS_PER_S - 1000.0, 0.0))
    ((t_s, text),) = out.events
    assert t_s == hour_ns / NS_PER_S - 1000.0
    assert text.startswith("SIMULATED lsl: clocks moved against each other by -1100.000000 s")
    recorder.close()
