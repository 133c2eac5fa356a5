"""Whatever comes over a line, drivers raise their own errors and nothing else, in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from drivers.capabilities import AmperometrySettings, DriverOptions
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import DriverError
from drivers.methodscript import build as build_potentiostat
from drivers.transport import LineSettings
from tests.drivers.kit import URL
from tests.drivers.test_compliance_methodscript import ONE

FRAGMENTS = (
    b"\x02", b"\x03", b"\x0200S\x03", b"\x0200A?R\x03", b"\x0200A?S\x03", b"\x0200INE1000V3.9\x03",
    b"\x0200S?\x03", b"\x0200S5\x03",
    b"\x0200II1.000W0.000UL\x03", b"\x0200SRAT\x03", b"\x02\x07\x30\x30\x53\xaa\xa6\x03", b"\x0209P\x03",
    b"tes4_lr1500#x\n", b"R*\n", b"e\n", b"\n", b"M0007\n", b"PebDF5E100n;da80927C0u;ba812D644f,10,203\n", b"Z\n",
    b"Z!0006\n", b"!0032: Line 1\n", b"iX\n", b"v1\n", b"CMzz\n", b"*\n", b"\xff" * 9, b"P;;\n",
    b"e!4001: Line 1, Col 6\n",
)  # fmt: skip


@dataclass
class NonsenseLine:
    """Answers everything with fragments of both protocols, in any order."""

    rng: np.random.Generator
    clock: VirtualClock = field(default_factory=VirtualClock)
    written: list[bytes] = field(default_factory=list)
    simulated: bool = True
    port: str = URL

    def open(self, url: str, settings: LineSettings) -> NonsenseLine:
        return self

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self.clock.jump_ns(round(timeout_s * NS_PER_S))
        chance = self.rng.random()
        if chance < 0.3:
            return b""
        if chance < 0.4:
            return bytes(self.rng.integers(0, 256, 5, dtype=np.uint8))
        return FRAGMENTS[self.rng.integers(len(FRAGMENTS))]

    def write(self, data: bytes, timeout_s: float) -> None:
        self.clock.jump_ns(1_000_000)
        self.written.append(data)

    def discard_input(self) -> bytes:
        return b"" if self.rng.random() < 0.5 else FRAGMENTS[self.rng.integers(len(FRAGMENTS))]

    def close(self) -> None:
        pass


def only_ours(clock: VirtualClock, act: Callable[[], object]) -> None:
    since_ns = clock.now_ns()
    told = ""
    try:
        act()
    except DriverError as error:
        told = str(error)
    assert told == "" or told.isprintable()
    assert clock.now_ns() - since_ns < 60 * NS_PER_S


@pytest.mark.parametrize("seed", range(60))
def test_X6_nonsense_on_the_line_of_a_potentiostat(seed: int) -> None:
    line = NonsenseLine(np.random.default_rng(seed))
    instrument = build_potentiostat(line, URL, line.clock, DriverOptions("stat"))
    settings = AmperometrySettings(0.6, 0.1, ONE)
    for act in (
        instrument.connect,
        lambda: instrument.start(settings),
        *[lambda: instrument.read(1.0)] * 5,
        instrument.stop,
    ):
        only_ours(line.clock, act)
