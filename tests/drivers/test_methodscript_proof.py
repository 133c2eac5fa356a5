"""A MethodSCRIPT instrument measures with what was asked: a byte lost on the way to it shows in what it tells.

Scripts have no checksum. In each of these the instrument does as it was told: it was told something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from drivers.capabilities import AmperometrySettings, SampleBlock
from drivers.clock import NS_PER_S
from drivers.errors import DriverError, ReadbackMismatch
from drivers.methodscript import MethodScriptPotentiostat, script
from drivers.methodscript.family import ES4_LR
from drivers.methodscript.proof import Proof
from drivers.methodscript.stream import SampleStream
from tests.drivers.kit import step
from tests.drivers.test_compliance_methodscript import ONE, TWO, EmStatSetUp, MultiSetUp
from tests.drivers.test_methodscript_driver import SETTINGS, connected, read_for, start
from tests.drivers.test_methodscript_multi import read_for as read_rows

RIGHT, WRONG = b"80927C0u", b"8000000 "
"""0.6 V and 0 V."""


def package(number: int, potential: bytes = RIGHT, interval_ms: float = 100.0) -> bytes:
    return b"Peb%07Xm;da%s;ba812D644f,10,203" % (0x8000000 + round(number * interval_ms), potential)


def stream() -> SampleStream:
    return SampleStream("it", AmperometrySettings(0.6, 0.1, ONE), 1)


def indices(blocks: list[SampleBlock]) -> list[int]:
    return [index for block in blocks for index in block.index.tolist()]


# --- the potential ---


@pytest.mark.parametrize(
    ("asked_v", "told_v", "is_right"),
    [(0.005, 5.137370e-3, True), (-0.5, -0.499905, True), (0.6, 0.60054, True), (0.0, 0.0005, True),
     (0.6, 0.6022, True), (0.6, 0.6023, False), (0.6, 0.06, False), (0.6, -0.6, False), (0.06, 0.0, False),
     (0.0, 0.002, False)],
)  # fmt: skip
def test_a_potential_may_be_off_by_the_steps_of_a_converter_and_no_more(
    asked_v: float, told_v: float, is_right: bool
) -> None:
    """The first two are real captures (2.7)."""
    proof = Proof(asked_v, 0.1)
    assert (proof.lowest_v <= told_v <= proof.highest_v) is is_right


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_single_other_potential_is_a_broken_line(at: int) -> None:
    lines = [package(n + 1, WRONG if n == at else RIGHT) for n in range(10)]
    it = stream()
    assert indices(it.feed([b"M0007", *lines], NS_PER_S)) == [n for n in range(10) if n != at]
    assert (it.proof.mismatch, it.garbled) == ("", 1)


@pytest.mark.parametrize("wrong", [WRONG, b"     nan"])
def test_two_in_a_row_are_another_potential_and_are_not_handed_out(wrong: bytes) -> None:
    it = stream()
    assert it.feed([b"M0007", package(1, wrong), package(1, wrong)], NS_PER_S) == []
    assert it.proof.mismatch == "", "a doubled line counts once"
    assert it.feed([package(2, wrong)], NS_PER_S) == []
    told = "nan" if b"nan" in wrong else "0"
    assert it.proof.mismatch == f"the instrument applies {told} V, asked for were 0.6 V"


# --- the interval ---


@pytest.mark.parametrize("interval_ms", [1, 10, 50, 80, 90, 101, 110, 120, 150, 200, 300, 900, 1000])
def test_another_interval_is_noticed_before_times_are_wrong_by_half_of_one(interval_ms: int) -> None:
    proof = Proof(0.6, 0.1)
    proven, number = 0, 0
    while not proof.mismatch:
        number += 1
        assert number < 50
        proof.see_time(number * interval_ms / 1000)
        proven += proof.is_proven and not proof.mismatch
    assert proven <= (40 if interval_ms == 101 else 6 if 80 <= interval_ms <= 120 else 0)
    assert "asked for were 0.1 s" in proof.mismatch


@pytest.mark.parametrize("ppm", [0.0, 300.0])
@pytest.mark.parametrize("delay_s", [0.0, 0.07, 3.0])
def test_a_true_interval_is_proven_at_once_or_at_the_second_sample(ppm: float, delay_s: float) -> None:
    """Whatever the timer's constant delay, its jitter, a crystal that is off, and lines that are lost."""
    rng = np.random.default_rng(3)
    proof = Proof(0.6, 0.1)
    for number in range(1, 2000):
        if rng.random() < 0.3 and number > 2:
            continue
        proof.see_time(number * 0.1 * (1 + ppm * 1e-6) + delay_s + float(rng.uniform(0.0, 0.015)))
        assert proof.is_proven or (number == 1 and delay_s)
    assert proof.mismatch == ""


# --- through the driver ---


def begin(old: bytes, new: bytes, bench: EmStatSetUp) -> MethodScriptPotentiostat:
    """Start with bytes of the script changed on the way, once."""
    instrument = bench.driver()
    instrument.connect()
    bench.line.to_device = lambda data: data.replace(old, new, 1)
    instrument.start(bench.settings())
    bench.line.to_device = lambda data: data
    return instrument


@pytest.mark.parametrize("electrodes", [ONE, TWO])
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"p c 600m", b"p c 00m", "applies 0 V, asked for were 0.6 V"),
        (b"p c 600m", b"p c 60m", "applies 0.06 V, asked for were 0.6 V"),
        (b"p c 600m", b"p c 600u", "applies 0.0006 V, asked for were 0.6 V"),
        (b"p c 600m 100m", b"p c 600m 10m", "every 0.01 s, asked for were 0.1 s"),
        (b"p c 600m 100m", b"p c 600m 900m", "every 0.9 s, asked for were 0.1 s"),
        (b"p c 600m 100m", b"p c 600m 100", "no sample has come yet, asked for was one every 0.1 s"),
    ],
)
def test_another_potential_or_interval_is_stopped_and_named_before_any_sample_is_given(
    old: bytes, new: bytes, why: str, electrodes: tuple[object, ...]
) -> None:
    bench = EmStatSetUp({"model": "pico" if electrodes is TWO else "es4"}, TWO if electrodes is TWO else ONE)
    instrument = begin(old, new, bench)
    told = ""
    for _look in range(100):
        try:
            assert instrument.read(0.1) == []
        except ReadbackMismatch as error:
            told = str(error)
            break
    assert why in told
    assert "the cell is off" in told
    assert not bench.cell_on()
    instrument.start(bench.settings())
    assert len(indices(read_for(bench, instrument, 2.0))) >= 18


def changed(text: bytes, how: str) -> list[bytes]:
    """Return every script that comes of one byte lost, or of one digit that is another."""
    if how == "lost":
        return [text[:at] + text[at + 1 :] for at in range(len(text) - 1)]
    digits = [at for at, byte in enumerate(text) if chr(byte).isdigit()]
    return [text[:at] + bytes([48 + (text[at] - 48 + 5) % 10]) + text[at + 1 :] for at in digits]


@pytest.mark.parametrize("how", ["lost", "another digit"])
def test_wherever_a_byte_of_the_script_breaks_what_is_handed_out_was_measured_at_what_was_asked(how: str) -> None:
    asked = script.amperometry(EmStatSetUp({"model": "es4"}, ONE).driver().checked(SETTINGS), ES4_LR).encode()
    given = refused = 0
    for broken in changed(asked, how):
        bench = EmStatSetUp({"model": "es4"}, ONE)
        blocks, error = told_of(bench, lambda data, broken=broken: broken if data == asked else data)  # type: ignore[misc]
        if blocks:
            assert bench.cell.potential_v == pytest.approx(0.6, abs=2.2e-3), broken
            times_s = np.concatenate([block.t_ns() for block in blocks]) / NS_PER_S
            received_s = [block.received_ns / NS_PER_S for block in blocks]
            assert times_s[-1] == pytest.approx(received_s[-1], abs=0.15), broken
        assert blocks or error, broken
        assert not (blocks and error) or "measures every 0.105 s" in str(error), "a small difference needs some steps"
        assert error or b"meas_loop_ca p c 600m 100m " in broken
        assert (error is None) == bench.cell_on(), broken
        given, refused = given + bool(blocks), refused + bool(error)
    assert given
    assert refused


def told_of(bench: EmStatSetUp, to_device: Callable[[bytes], bytes]) -> tuple[list[SampleBlock], DriverError | None]:
    """Start once on a line that breaks the script, and read for a second, or until something comes."""
    instrument = bench.driver()
    instrument.connect()
    bench.line.to_device = to_device
    blocks: list[SampleBlock] = []
    try:
        instrument.start(bench.settings())
        for _look in range(100):
            blocks += instrument.read(0.1)
            if len(indices(blocks)) >= 10:
                break
    except DriverError as error:
        return blocks, error
    return blocks, None


def test_a_cell_that_cannot_be_switched_off_after_it_is_said_aloud() -> None:
    wrong = package(1, WRONG) + b"\n" + package(2, WRONG) + b"\n"
    _line, instrument = connected(start(b"e\nL\nM0007\n", (0.1, wrong)), step(b"\nZ\n"), step(b"\nZ\n"))
    instrument.start(AmperometrySettings(0.6, 0.1, ONE))
    with pytest.raises(ReadbackMismatch, match=r"applies 0 V.*THE CELL MAY STILL BE ON"):
        instrument.read(1.0)


def test_a_broken_digit_of_the_potential_in_a_run_is_a_hole_of_one_and_the_cell_stays_on() -> None:
    bench = EmStatSetUp({"model": "es4"}, ONE)
    instrument = begin(b"", b"", bench)
    before = indices(read_for(bench, instrument, 3.0))
    bench.line.from_device = lambda data: [(0.0, data.replace(b"da809", b"da819"))]
    lost = indices(instrument.read(0.1))
    bench.line.from_device = lambda data: [(0.0, data)]
    after = indices(read_for(bench, instrument, 3.0))
    assert lost == []
    assert after[0] == before[-1] + 2
    assert bench.cell.switched == [True]


@pytest.mark.parametrize("broken", [b"p c 600m 10m", b"p c 00m 100m"])
def test_each_turn_that_was_written_by_itself_is_checked(monkeypatch: pytest.MonkeyPatch, broken: bytes) -> None:
    monkeypatch.setattr(script, "RUN_TIME_S", 20)
    bench = EmStatSetUp({"model": "es4"}, ONE)
    instrument = bench.driver()
    instrument.connect()
    assert instrument.who is not None
    instrument.who = replace(instrument.who, features=replace(instrument.who.features, looped=False))
    bench.line.to_device = lambda data: _second_replaced(data, b"p c 600m 100m", broken)
    instrument.start(bench.settings())
    assert indices(read_for(bench, instrument, 19.9)) == list(range(199))
    with pytest.raises(ReadbackMismatch):
        assert {block.epoch for block in read_for(bench, instrument, 5.0)} <= {1}
    assert not bench.cell_on()


def _second_replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    head, found, tail = data.partition(old)
    return head + found + tail.replace(old, new, 1)


def test_one_channel_of_several_at_another_potential_is_named_and_started_again_and_the_others_go_on() -> None:
    bench = MultiSetUp()
    instrument = bench.driver()
    instrument.connect()
    bench.line(2).to_device = lambda data: data.replace(b"p c 600m", b"p c 00m")
    instrument.start(bench.settings())
    rows = read_rows(bench, instrument, 4.0)
    assert "applies 0 V, asked for were 0.6 V" in instrument.troubles()["site-2"]
    assert all(np.isnan(block.current_a[:, 1]).all() for block in rows)
    assert all(np.isfinite(block.current_a[:, [0, 2, 3]]).all() for block in rows)
    bench.line(2).to_device = lambda data: data
    rows = read_rows(bench, instrument, 40.0)
    assert instrument.troubles() == {}
    assert np.isfinite(rows[-1].current_a).all()
    assert bench.cells[0].switched == [True]
