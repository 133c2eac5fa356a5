"""Fault texts and what they do to chunks, without any instrument."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.faults import KINDS, Change, FaultSpec, InstrumentFaults, parse_fault

S = 1_000_000_000


def faults(*texts: str, seed: int = 1) -> InstrumentFaults:
    return InstrumentFaults([parse_fault(text) for text in texts], 0, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("stall@120s", ("", "stall", 120 * S, None, 0.0, "")),
        ("pump-1:cut@5min+20s", ("pump-1", "cut", 300 * S, 20 * S, 0.0, "")),
        ("cut@1h", ("", "cut", 3600 * S, 10 * S, 0.0, "")),
        ("a:b:delay@1.5s=200ms", ("a:b", "delay", 1.5 * S, None, 0.0, "200ms")),
        ("drop~0.01=both", ("", "drop", None, None, 0.01, "both")),
        ("unplug@1s+2s=power", ("", "unplug", 1 * S, 2 * S, 0.0, "power")),
        ("power-cycle~1=3s", ("", "power-cycle", None, 3 * S, 1.0, "")),
    ],
)
def test_fault_texts(text: str, spec: tuple[object, ...]) -> None:
    assert parse_fault(text) == FaultSpec(text, *spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "KIND@START"),
        ("stall", "KIND@START"),
        ("burn@1s", "drop, delay"),
        ("stall@2", "such as 90s"),
        ("stall@2s+", "such as 90s"),
        ("stall@-2s", "such as 90s"),
        ("drop~0", "above 0"),
        ("drop~1.5", "above 0"),
        ("drop~nan", "above 0"),
        ("drop@1s=sideways", "cannot take"),
        ("garble@1s=0", "cannot take"),
        ("garble@1s=many", "cannot take"),
        ("cut@1s=2s", "cannot take"),
        ("delay@1s=soon", "such as 90s"),
    ],
)
def test_bad_fault_texts_are_refused_with_a_sentence_that_helps(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_fault(text)


@given(st.text(max_size=40))
def test_any_text_is_a_fault_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_fault(text).kind in KINDS


def test_a_scripted_fault_happens_once_and_one_with_a_duration_as_long_as_that() -> None:
    once, window = faults("drop@2s"), faults("drop@2s+2s")
    times = [1, 2, 3, 5]
    assert [bool(once.mangle(b"x", "in", t * S)) for t in times] == [True, False, True, True]
    assert [bool(window.mangle(b"x", "in", t * S)) for t in times] == [True, False, False, True]


def test_a_misheard_digit_is_another_digit_of_what_goes_out_and_nothing_else() -> None:
    for _try in range(20):
        (chunk, _delay_ns) = faults("garble@0s=digit").mangle(b"0RAT12.5UM\r", "out", 0)[0]
        differing = [(old, new) for old, new in zip(b"0RAT12.5UM\r", chunk, strict=True) if old != new]
        assert len(differing) == 1
        assert all(0x30 <= byte <= 0x39 for byte in differing[0])
    assert faults("garble@0s=digit").mangle(b"stop\r", "out", 0) == [(b"stop\r", 0)]
    assert faults("garble@0s=digit").mangle(b"12", "in", 0) == [(b"12", 0)]


def test_directions_of_a_drop() -> None:
    assert faults("drop@0s").mangle(b"x", "out", 0) == [(b"x", 0)]
    assert faults("drop@0s=out").mangle(b"x", "out", 0) == []
    both = faults("drop@0s+1s=both")
    assert both.mangle(b"x", "in", 0) == both.mangle(b"x", "out", 0) == []


def test_delay_and_duplicate_add_up() -> None:
    assert faults("delay@0s", "duplicate@0s").mangle(b"x", "in", 0) == [(b"x", S // 2)] * 2


def test_garbling_always_changes_something_and_follows_the_seed() -> None:
    first, again, other = (faults("garble~1=1", seed=seed) for seed in (1, 1, 2))
    chunks = [[f.mangle(b"0123456789", "in", 0)[0][0] for _ in range(20)] for f in (first, again, other)]
    assert chunks[0] == chunks[1] != chunks[2]
    assert all(chunk != b"0123456789" for chunk in chunks[0])


def test_what_happens_to_the_instrument_comes_in_order_with_its_end() -> None:
    f = faults("stall@5s", "cut@1s+3s", "drop@0s")
    assert f.next_change_ns() == 1 * S
    assert list(f.pop_due(4 * S)) == [Change("cut", begins=True), Change("cut", begins=False)]
    assert list(f.pop_due(9 * S)) == [Change("stall", begins=True)]
    assert f.next_change_ns() is None


def test_by_chance_an_episode_begins_with_the_chunk_that_drew_it() -> None:
    f = faults("unplug~1=2s")
    assert f.mangle(b"x", "in", 7 * S) == [(b"x", 0)]
    assert f.next_change_ns() == 7 * S
    assert list(f.pop_due(9 * S)) == [Change("unplug", begins=True), Change("unplug", begins=False)]
