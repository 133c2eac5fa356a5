"""History from the journal and live samples become one trace: nothing twice, nothing left out, gaps as gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from acquisition.events import Event, EventKind
from acquisition.messages import Answer, EngineState
from acquisition.signal.blocks import STRETCH_SAMPLES, Stretcher
from drivers.capabilities import SampleBlock
from gui.feed import MOST_WAITING, Feed
from gui.history import HistoryItem, notice
from gui.mirror import EVENTS_KEPT, EngineMirror, Questions
from gui.store import TraceStore
from tests.gui.fakes import STARTED_NS, FakeLink, S, event, samples, state, stretch

GLU = ("emstat", "glu")


class Ticks:
    """The window's clock, moved by hand."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def drawn(store: TraceStore) -> list[float]:
    return [round(value * 1e12, 3) for value in store.line(GLU, 0.0, 100.0, 500)[1].tolist()]


def settled(feed: Feed) -> None:
    """Take until history is in; the reading thread is given a bounded time."""
    for _attempt in range(2000):
        feed.take()
        if not feed.store.loading:
            return
    raise AssertionError("history did not end")


def a_feed(history: Callable[[Path], Iterator[HistoryItem]]) -> tuple[Feed, FakeLink, Ticks]:
    ticks, link = Ticks(), FakeLink()
    return Feed(link, history, EngineMirror(ticks)), link, ticks


# -- store ---------------------------------------------------------------------------------------------------------


def test_history_and_live_join_without_a_hole_and_without_a_double() -> None:
    store = TraceStore(STARTED_NS)
    store.hold()
    store.live(samples([1, 2], [1e-12, 2e-12], sequence=4))  # already in the journal that is being read
    store.live(samples([2, 3], [2e-12, 3e-12], sequence=6))  # reaches back over what history holds
    store.history(stretch([0, 1, 2], [0.0, 1e-12, 2e-12]))
    assert store.waiting == 2

    store.release(5)
    store.live(samples([4], [4e-12], sequence=7))

    assert drawn(store) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert not store.loading


def test_a_message_the_journal_already_held_is_dropped_by_its_number_whatever_its_times() -> None:
    store = TraceStore(STARTED_NS)
    store.hold()
    store.live(samples([2.001], [9e-12], sequence=5))
    store.history(stretch([0, 1, 2], [0.0, 1e-12, 2e-12]))

    store.release(5)

    assert drawn(store) == [0.0, 1.0, 2.0]


def test_a_gap_is_nan_in_what_is_drawn() -> None:
    store = TraceStore(STARTED_NS)
    store.live(samples([0, 1, 1.5, 5], [1e-12, 1e-12, np.nan, 2e-12]))

    t, value = store.line(GLU, 0.0, 10.0, 500)

    assert np.isnan(value).tolist() == [False, False, True, False]
    assert t.tolist() == [0.0, 1.0, 1.5, 5.0]


def test_an_unknown_channel_draws_nothing() -> None:
    assert len(TraceStore(0).line(("no", "where"), 0.0, 1.0, 100)[0]) == 0


def block(index: list[int], epoch: int = 0) -> SampleBlock:
    return SampleBlock(
        instrument="emstat",
        epoch=epoch,
        t0_ns=STARTED_NS,
        interval_ns=S,
        channels=("glu",),
        index=np.array(index, dtype=np.int64),
        current_a=np.array(index, dtype=np.float64)[:, None],
        flags=np.zeros((len(index), 1), np.uint8),
        received_ns=0,
    )


def test_missing_device_samples_become_nan_inside_between_and_at_a_new_start() -> None:
    stretcher = Stretcher()
    for one in (block([0, 1, 4]), block([]), block([5]), block([8]), block([9], epoch=1)):
        assert stretcher.add(one) is None

    (found,) = stretcher.rest()

    assert np.isnan(found.current_a[:, 0]).tolist() == [False, False, True, False, False, True, False, True, False]
    assert np.all(np.diff(found.t_ns) > 0)
    assert stretcher.rest() == []


def test_a_gap_between_two_stretches_is_a_gap() -> None:
    stretcher = Stretcher()
    first = stretcher.add(block(list(range(STRETCH_SAMPLES))))
    second = stretcher.add(block(list(range(STRETCH_SAMPLES + 1, 2 * STRETCH_SAMPLES + 1))))

    assert first is not None
    assert second is not None
    assert not np.isnan(first.current_a).any()
    assert np.flatnonzero(np.isnan(second.current_a[:, 0])).tolist() == [0]


def test_a_recorded_event_is_shown_as_if_it_had_come_live() -> None:
    shown = notice(Event(EventKind.NOTE, 5, 6, "operator", "moved", {"opened_ns": 4}))
    assert (shown.kind, shown.t_ns, shown.data) == ("note", 5, {"opened_ns": 4})


# -- mirror --------------------------------------------------------------------------------------------------------


def test_engine_time_goes_on_between_states_and_stands_still_when_the_engine_is_gone() -> None:
    ticks = Ticks()
    mirror = EngineMirror(ticks, connected=True)
    assert mirror.engine_now_ns() == 0
    mirror.take_state(state(rate=60.0))
    ticks.ns = S // 2

    assert mirror.engine_now_ns() == STARTED_NS + 1830 * S
    assert mirror.session_s() == 1830.0
    assert mirror.silent_s() == 0.5

    mirror.connected = False
    assert mirror.engine_now_ns() == STARTED_NS + 1800 * S


def test_an_event_is_kept_once_and_memory_is_bounded() -> None:
    mirror = EngineMirror(Ticks())
    assert mirror.take_event(event("mark", 1, "a"))
    assert not mirror.take_event(event("mark", 1, "a"))
    for n in range(EVENTS_KEPT + 10):
        mirror.take_event(event("mark", n, "b"))
    assert len(mirror.events) == EVENTS_KEPT
    assert len(mirror._known) == EVENTS_KEPT


def test_an_answer_reaches_who_asked_and_nobody_else() -> None:
    questions, got = Questions(), list[Answer]()
    request = questions.number(got.append)

    questions.take(Answer(request=request + 1, ok=True, text="not mine"))
    questions.take(Answer(request=request, ok=True, text="mine"))
    questions.take(Answer(request=request, ok=True, text="again"))

    assert [answer.text for answer in got] == ["mine"]


# -- feed ----------------------------------------------------------------------------------------------------------


def test_a_reopened_window_reads_the_session_so_far_and_goes_on_live() -> None:
    asked: list[Path] = []

    def history(session_dir: Path) -> Iterator[HistoryItem]:
        asked.append(session_dir)
        yield stretch([0, 1], [1e-12, 2e-12])
        yield event("mark", 1, "baseline")
        yield 2

    feed, link, _ticks = a_feed(history)
    link.incoming = [state(), samples([1], [2e-12], sequence=2), samples([2], [3e-12], sequence=3)]
    link.incoming.append(event("mark", 1, "baseline"))

    settled(feed)

    assert asked == [Path("sessions/x")]
    assert drawn(feed.store) == [1.0, 2.0, 3.0]
    assert [e.text for e in feed.mirror.events] == ["baseline"]
    assert (feed.problem, feed.rewritten) == ("", True)


@pytest.mark.parametrize("error", [FileNotFoundError("no journal here"), ValueError("no readable header")])
def test_without_a_readable_journal_there_is_live_data_and_a_reason(error: Exception) -> None:
    def history(_dir: Path) -> Iterator[HistoryItem]:
        yield event("mark", 0, "x")
        raise error

    feed, link, _ticks = a_feed(history)
    link.incoming = [state(), samples([2], [3e-12], sequence=3)]

    settled(feed)

    assert drawn(feed.store) == [3.0]
    assert str(error) in feed.problem


def test_credit_is_given_for_what_was_drawn_and_not_before() -> None:
    feed, link, _ticks = a_feed(lambda _dir: iter((0,)))
    link.incoming = [state(), samples([1], [0.0], 1), samples([2], [0.0], 2)]
    settled(feed)
    assert link.credits == 0

    feed.give_credit()
    feed.give_credit()

    assert link.credits == 2


def test_while_history_is_read_the_engine_is_asked_to_thin_rather_than_to_fill_memory() -> None:
    feed, link, _ticks = a_feed(lambda _dir: iter((0,)))
    feed.store.hold()
    link.incoming = [samples([n], [0.0], n) for n in range(MOST_WAITING + 1)]
    feed.take()

    feed.give_credit()

    assert link.credits == 0


def test_after_a_lost_line_the_hole_is_filled_from_the_journal() -> None:
    recorded: list[HistoryItem] = [stretch([0], [1e-12]), 0]
    feed, link, _ticks = a_feed(lambda _dir: iter(list(recorded)))
    link.incoming = [state()]
    settled(feed)
    link.connected = False
    feed.take()
    assert not feed.mirror.connected
    recorded[:] = [stretch([0, 1, 2], [1e-12, 2e-12, 3e-12]), 2]

    link.connected, link.connections = True, 2
    link.incoming = [state(), samples([3], [4e-12], 3)]
    settled(feed)

    assert drawn(feed.store) == [1.0, 2.0, 3.0, 4.0]


def test_what_a_new_line_brings_first_waits_for_what_was_missed() -> None:
    recorded: list[HistoryItem] = [0]
    feed, link, _ticks = a_feed(lambda _dir: iter(list(recorded)))
    link.incoming = [state()]
    settled(feed)
    link.connected = False
    feed.take()
    recorded[:] = [stretch([0, 1], [1e-12, 2e-12]), 1]

    link.incoming = [samples([2], [3e-12], 2)]  # a frame falls between the first message and the news of the line
    feed.take()
    link.connected, link.connections = True, 2
    settled(feed)

    assert drawn(feed.store) == [1.0, 2.0, 3.0]


def test_a_line_that_broke_and_came_back_between_two_frames_is_noticed_too() -> None:
    recorded: list[HistoryItem] = [0]
    feed, link, _ticks = a_feed(lambda _dir: iter(list(recorded)))
    link.incoming = [state()]
    settled(feed)
    recorded[:] = [stretch([0, 1], [1e-12, 2e-12]), 1]

    link.connections = 2
    settled(feed)

    assert drawn(feed.store) == [1.0, 2.0]


def test_another_session_begins_with_nothing_of_the_one_before() -> None:
    feed, link, _ticks = a_feed(lambda _dir: iter((0,)))
    link.incoming = [state(), event("mark", 1, "old"), samples([1], [1e-12], 1)]
    settled(feed)
    later = STARTED_NS + 10_000 * S
    other: EngineState = state(session_id="next", session_started_ns=later, now_ns=later)

    link.incoming = [other]
    settled(feed)

    assert drawn(feed.store) == []
    assert list(feed.mirror.events) == []


def test_closing_the_feed_ends_its_thread() -> None:
    feed, link, _ticks = a_feed(lambda _dir: iter(event("mark", n, "x") for n in range(100_000)))
    link.incoming = [state()]
    feed.take()
    assert feed._history is not None
    thread = feed._history._thread

    feed.close()

    assert not thread.is_alive()
