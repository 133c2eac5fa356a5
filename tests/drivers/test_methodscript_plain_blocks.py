"""The short way of a block of plain packages makes of them what the way line by line makes, and of others nothing."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.capabilities import AmperometrySettings, ElectrodeSettings, SampleBlock
from drivers.methodscript.family import PICO
from drivers.methodscript.package import OFFSET, PackageDecoder
from drivers.methodscript.stream import SampleStream

S = 1_000_000_000
ELECTRODES = (ElectrodeSettings("glutamate", "we1", 100e-9), ElectrodeSettings("sentinel", "we2", 100e-9))
SETTINGS = AmperometrySettings(potential_v=0.6, interval_s=0.1, electrodes=ELECTRODES)
RANGES = (None, None, PICO.range_for(50e-9), PICO.range_for(50e-9))
KINDS = ("eb", "da", "ba", "bb")


def package(number: int, potential_uv: int = 600_000, current_pa: int = 12_000, flag: int = 0) -> bytes:
    time_us = 100_000 * (number + 1)
    second = OFFSET - current_pa * 1000
    return (
        f"Peb{OFFSET + time_us:07X}u;da{OFFSET + potential_uv:07X}u;"
        f"ba{OFFSET + current_pa * 1000:07X}f,1{flag:X},200;bb{second:07X}f,10,200"
    ).encode()


LINES = [package(number, current_pa=12_000 + 7 * number, flag=(0, 2, 4, 8)[number % 4]) for number in range(400)]
BROKEN: dict[str, dict[int, list[bytes]]] = {
    "nothing broken": {},
    "a line is lost": {205: []},
    "a line comes twice": {205: [LINES[205], LINES[205]]},
    "a digit of the time broke": {205: [LINES[205].replace(b"Peb8", b"Peb9")]},
    "a potential is wrong once": {205: [package(205, potential_uv=500_000)]},
    "a current beyond any range": {205: [LINES[205].replace(b"f,10", b"k,10").replace(b"f,12", b"k,10")]},
    "no number": {205: [LINES[205][:34] + b"ba     nan,12,200;bb8000000 ,10,200"]},
    "noise between": {205: [b"\x80\x80", LINES[205]], 300: [b"P"]},
    "another range": {205: [LINES[205].replace(b",200", b",201")]},
}


def fed(lines: dict[int, list[bytes]]) -> tuple[SampleStream, list[SampleBlock]]:
    stream = SampleStream("it", SETTINGS, 1, KINDS, RANGES)
    stream.feed([b"M0007"], 0)
    blocks = []
    for start in range(0, 400, 10):
        piece = [line for number in range(start, start + 10) for line in lines.get(number, [LINES[number]])]
        blocks += stream.feed(piece, (start + 10) * S // 10 + 5_000_000)
    return stream, blocks


@pytest.mark.parametrize("lines", BROKEN.values(), ids=BROKEN.keys())
def test_a_block_is_the_same_by_either_way(lines: dict[int, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    short, blocks = fed(lines)
    monkeypatch.setattr(PackageDecoder, "columns", lambda _self, _lines: None)
    long, expected = fed(lines)
    assert len(blocks) == len(expected) >= 40
    for one, other in zip(blocks, expected, strict=True):
        assert (one.epoch, one.t0_ns, one.received_ns) == (other.epoch, other.t0_ns, other.received_ns)
        for name in ("index", "current_a", "flags"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name).dtype == getattr(other, name).dtype
    assert (short.garbled, short.garbled_in_a_row, short.others) == (long.garbled, long.garbled_in_a_row, long.others)
    assert short.proof == long.proof


def test_what_is_no_plain_package_is_not_decoded_by_the_short_way() -> None:
    decoder = PackageDecoder(KINDS, RANGES)
    assert decoder.columns(LINES[:10]) is not None
    for text in ("a current beyond any range", "no number", "noise between"):
        assert decoder.columns([LINES[204], *BROKEN[text][205]]) is None
    assert decoder.columns([]) is None
