"""The simulated line by itself: pacing, order, buffers, and waiting that jumps or really waits."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest

from drivers.clock import Clock, PacedClock, SystemClock, VirtualClock
from drivers.errors import PortLost, ReplyTimeout
from sim_devices.line import LATENCY_NS, NEVER_NS, SimulatedPort, Wire

S = 1_000_000_000
MS = 1_000_000


@dataclass
class QuietHub:
    """A hub behind which nothing lives; remembers what was sent and when it was asked to let things live."""

    clock: Clock
    lock: AbstractContextManager[object] = field(default_factory=threading.RLock)
    advanced: list[int] = field(default_factory=list)

    def advance(self, now_ns: int, wire: Wire) -> None:
        self.advanced.append(now_ns)

    def due_ns(self, wire: Wire) -> int:
        return NEVER_NS

    def sent(self, wire: Wire, data: bytes, now_ns: int) -> None:
        wire.to_device.send(data, now_ns, now_ns, wire.byte_ns)

    def closed(self, wire: Wire) -> None:
        wire.clear()


def port(clock: Clock, baud: int = 10_000) -> SimulatedPort:
    return SimulatedPort("x", Wire(baud=baud), QuietHub(clock))


def test_bytes_take_ten_bits_each_and_queue_behind_each_other() -> None:
    wire = Wire(baud=10_000)  # 1 ms a byte
    wire.to_host.send(b"12345", 0, 0, wire.byte_ns)
    wire.to_host.send(b"678", 0, 0, wire.byte_ns)
    assert [t for t, _ in wire.to_host.flying] == [5 * MS + LATENCY_NS, 8 * MS + LATENCY_NS]


def test_bytes_made_over_a_long_time_have_arrived_when_the_last_was_made() -> None:
    wire = Wire(baud=10_000)
    wire.to_host.send(b"x" * 100, 0, 60 * S, wire.byte_ns)
    assert wire.to_host.next_ns() == 60 * S + LATENCY_NS


def test_nothing_overtakes_a_delayed_piece() -> None:
    wire = Wire(baud=10_000)
    wire.to_host.send(b"late", 0, 0, wire.byte_ns, extra_ns=3 * S)
    wire.to_host.send(b"soon", 0, 0, wire.byte_ns)
    wire.settle(S)
    assert wire.waiting == 0
    wire.settle(4 * S)
    assert wire.take(100) == b"latesoon"


def test_a_full_buffer_loses_the_newest_bytes_and_counts_them() -> None:
    wire = Wire(host_buffer_bytes=6)
    for chunk in (b"1234", b"5678", b"90"):
        wire.to_host.send(chunk, 0, 0, 0)
    wire.settle(S)
    assert wire.take(3) == b"123"
    assert wire.take(100) == b"456"
    assert wire.overflow_bytes == 4


def test_a_virtual_read_jumps_straight_to_the_byte_or_to_its_deadline() -> None:
    clock = VirtualClock()
    line = port(clock)
    hub = line.hub
    assert isinstance(hub, QuietHub)
    line.wire.to_host.send(b"abc", 40 * S, 40 * S, line.wire.byte_ns)
    assert line.read(2, 3600.0) == b"ab"
    assert clock.now_ns() == 40 * S + 3 * MS + LATENCY_NS
    assert len(hub.advanced) == 2  # once before the wait, once after: no polling
    assert line.read(2, 0.0) == b"c"
    assert line.read(2, 5.0) == b""
    assert clock.now_ns() == 45 * S + 3 * MS + LATENCY_NS


def test_a_paced_read_returns_in_real_time_when_another_thread_brings_a_byte() -> None:
    clock = PacedClock(rate=10.0)
    line = port(clock)

    def bring() -> None:
        with line.hub.lock:
            now_ns = clock.now_ns()
            line.wire.to_host.send(b"!", now_ns, now_ns, 0)

    timer = threading.Timer(0.1, bring)
    timer.start()
    assert line.read(1, 100.0) == b"!"
    timer.join()
    assert 0.9 * S < clock.now_ns() < 50 * S


def test_a_read_in_one_thread_ends_when_another_closes_the_port() -> None:
    line = port(SystemClock())
    timer = threading.Timer(0.05, line.close)
    timer.start()
    with pytest.raises(PortLost, match="closed"):
        line.read(1, 30.0)
    timer.join()


def test_writing_more_than_the_line_can_hold_is_refused_whole() -> None:
    line = port(VirtualClock())
    line.write(b"x" * 60_000, 1.0)
    with pytest.raises(ReplyTimeout):
        line.write(b"x" * 6_000, 1.0)
    assert line.unsent() == 60_000
    line.discard_output()
    assert line.unsent() == 0


@pytest.mark.parametrize("action", ["read", "write", "discard_input", "waiting", "unsent"])
def test_a_lost_port_says_so_whatever_is_tried(action: str) -> None:
    line = port(VirtualClock())
    line.lost = "its cable was unplugged"
    arguments = {"read": (1, 1.0), "write": (b"x", 1.0)}.get(action, ())
    with pytest.raises(PortLost, match="unplugged"):
        getattr(line, action)(*arguments)
    line.close()


def test_a_line_with_a_speed_of_its_own_does_not_care_about_the_baud_rate() -> None:
    assert Wire(baud=9600).byte_ns == 1_041_666
    assert Wire(baud=9600, own_baud=8_000_000).byte_ns == 1250
