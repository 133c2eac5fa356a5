"""The publisher never waits, never grows, and never hides a peak or a gap."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acquisition.messages import Answer, ChannelSamples, EngineState, EventNotice
from acquisition.service.live_trace import Trace, reduced
from acquisition.service.publisher import MAX_EVENTS, MAX_POINTS, ClientPublisher, Subscription
from acquisition.wire_facts import MAX_MESSAGE_BYTES
from tests.process.door_kit import a_state, an_event


def samples(first: int, count: int, *, instrument: str = "stat", values: list[float] | None = None) -> ChannelSamples:
    column = tuple(values if values is not None else [float(first + i) for i in range(count)])
    return ChannelSamples(
        instrument=instrument,
        channels=("glu", "sentinel"),
        journal_sequence=first + count,
        t_ns=tuple(range(first, first + count)),
        current_a=(column, tuple(-value for value in column)),
    )


def take_all(subscription: Subscription) -> list[object]:
    taken: list[object] = []
    while (message := subscription.take(0.0)) is not None:
        taken.append(message)
    return taken


def subscribed() -> tuple[ClientPublisher, Subscription]:
    publisher, subscription = ClientPublisher(), Subscription()
    publisher.subscribe(subscription)
    return publisher, subscription


def test_only_the_newest_state_is_sent() -> None:
    publisher, subscription = subscribed()
    for now_ns in range(100):
        publisher.state(a_state(now_ns))
    assert take_all(subscription) == [a_state(99)]


def test_who_comes_late_gets_the_newest_state_at_once() -> None:
    publisher = ClientPublisher()
    publisher.state(a_state(7))
    subscription = Subscription()
    publisher.subscribe(subscription)
    assert take_all(subscription) == [a_state(7)]


def test_answers_overtake_events_and_state() -> None:
    publisher, subscription = subscribed()
    publisher.event(an_event(1))
    publisher.state(a_state())
    subscription.put_answer(Answer(request=1, ok=True, text=""))
    kinds = [type(message) for message in take_all(subscription)]
    assert kinds == [Answer, EngineState, EventNotice]


@given(st.integers(0, 3 * MAX_EVENTS))
def test_events_are_bounded_and_skipped_ones_are_counted(count: int) -> None:
    publisher, subscription = subscribed()
    for number in range(count):
        publisher.event(an_event(number))
    got = [message for message in take_all(subscription) if isinstance(message, EventNotice)]
    skipped = max(0, count - MAX_EVENTS)
    assert [notice.data.get("skipped") for notice in got if notice.source == "publisher"] == [skipped] * (skipped > 0)
    assert [notice.t_ns for notice in got if notice.source == "test"] == list(range(skipped, count))


def test_samples_are_sent_only_on_credit() -> None:
    publisher, subscription = subscribed()
    subscription.ask_for_samples()
    publisher.samples(samples(0, 5))
    first = subscription.take(0.0)
    publisher.samples(samples(5, 5))
    publisher.samples(samples(10, 5))
    withheld = subscription.take(0.0)
    subscription.add_credit()
    later = subscription.take(0.0)
    assert isinstance(first, ChannelSamples)
    assert first.t_ns == tuple(range(5))
    assert withheld is None
    assert isinstance(later, ChannelSamples)
    assert later.t_ns == tuple(range(5, 15))
    assert later.journal_sequence == 15


def test_who_did_not_ask_gets_no_samples() -> None:
    publisher, subscription = subscribed()
    publisher.samples(samples(0, 5))
    subscription.add_credit()
    assert take_all(subscription) == []


def test_instruments_take_turns() -> None:
    publisher, subscription = subscribed()
    subscription.ask_for_samples()
    seen = []
    for turn in range(4):
        publisher.samples(samples(turn * 5, 5, instrument="a"))
        publisher.samples(samples(turn * 5, 5, instrument="b"))
        message = subscription.take(0.0)
        assert isinstance(message, ChannelSamples)
        seen.append(message.instrument)
        subscription.add_credit()
    assert seen == ["a", "b", "a", "b"]


@given(st.lists(st.lists(st.one_of(st.just(math.nan), st.floats(-1e-6, 1e-6)), min_size=1, max_size=700), max_size=30))
def test_a_lagging_client_costs_bounded_memory_and_misses_no_extreme(blocks: list[list[float]]) -> None:
    publisher, subscription = subscribed()
    subscription.ask_for_samples()
    first = 0
    for values in blocks:
        publisher.samples(samples(first, len(values), values=values))
        first += len(values)
    every = np.array([value for values in blocks for value in values])
    message = subscription.take(0.0)
    if not len(every):
        assert message is None
        return
    assert isinstance(message, ChannelSamples)
    got = np.array(message.current_a[0])
    assert len(got) == len(message.t_ns) <= MAX_POINTS
    assert list(message.t_ns) == sorted(message.t_ns)
    assert len(message.model_dump_json()) < MAX_MESSAGE_BYTES
    assert np.isnan(got).any() == np.isnan(every).any()
    if not np.isnan(every).all():
        assert np.nanmax(got) == np.nanmax(every)
        assert np.nanmin(got) == np.nanmin(every)


@given(st.integers(1, 400), st.integers(3, 60), st.integers(0, 2**32 - 1))
def test_reduction_keeps_each_channels_extremes_and_order_of_rise(rows: int, points: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    trace = Trace(np.arange(rows, dtype=np.int64), rng.normal(size=(rows, 2)))
    few = reduced(trace, points)
    assert len(few) <= max(points, 1)
    assert np.array_equal(few.current_a.max(axis=0), trace.current_a.max(axis=0))
    assert np.array_equal(few.current_a.min(axis=0), trace.current_a.min(axis=0))
    assert (np.diff(few.t_ns) >= 0).all()
