"""The simulated 8401-HR on its own: its switches, its stream, its faults; golden bytes are with the driver's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim_devices.firmware.pinnacle_8401 import PinnacleFirmware, build

S = 1_000_000_000
MS = S // 1000
MID = 131_072


class Electrodes:
    """Four electrodes with a current that depends on time; times must never go back."""

    def __init__(self, current_a: Callable[[int, float], float] = lambda _e, _t: 0.0) -> None:
        self.current = current_a
        self.cell = (False, 0.0)
        self.last_ns = 0

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        self.cell, self.last_ns = (on, potential_v), max(self.last_ns, now_ns)

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        assert t_ns >= self.last_ns, "time goes back"
        self.last_ns = t_ns
        return self.current(electrode, t_ns / S)


def packet(text: str) -> bytes:
    body = text.encode("ascii")
    return b"\x02" + body + b"%02X" % (~sum(body) & 0xFF) + b"\x03"


class Bench:
    def __init__(self, electrodes: Electrodes, **options: str) -> None:
        self.electrodes = electrodes
        firmware = build("pod", electrodes, options, np.random.default_rng(1))
        assert isinstance(firmware, PinnacleFirmware)
        self.device = firmware
        self.now_ns = 0
        self.device.power_on(0)

    def ask(self, text: str) -> bytes:
        self.device.receive(packet(text), self.now_ns)
        return self.device.transmit(self.now_ns)

    def wait(self, seconds: float) -> bytes:
        self.now_ns += round(seconds * S)
        return self.device.transmit(self.now_ns)

    def polarise(self) -> None:
        for channel in range(4):
            self.ask(f"0071{channel:02X}2580")
            self.ask(f"0083{channel:02X}03")
            self.ask(f"006B{channel:02X}00")
        self.ask("00790F")


def make(current_a: Callable[[int, float], float] = lambda _e, _t: 0.0, **options: str) -> Bench:
    return Bench(Electrodes(current_a), **options)


def rows(data: bytes) -> NDArray[np.uint8]:
    assert len(data) % 31 == 0
    return np.frombuffer(data, np.uint8).reshape(-1, 31)


def codes(data: bytes) -> NDArray[np.int64]:
    """Decode one packet at a time, slowly: another way than the simulator's."""
    words = [int.from_bytes(bytes(row[7:16]), "big") for row in rows(data)]
    return np.array([[word >> 18 * channel & 0x3FFFF for channel in range(4)] for word in words])


def streaming(bench: Bench) -> Bench:
    bench.polarise()
    assert bench.ask("000601").endswith(packet("000601"))
    return bench


def test_it_announces_its_start() -> None:
    assert make().wait(0) == packet("0003")


def test_packets_come_at_two_kilohertz_in_bursts_and_are_whole() -> None:
    bench = streaming(make())
    assert bench.wait(0.015) == b""
    assert len(rows(bench.wait(0.001))) == 32
    data = rows(bench.wait(1.0))
    assert len(data) in (1984, 2016)
    assert np.all(np.diff(data[:, 5].astype(int)) % 256 == 1)
    for row in data[:50]:
        assert bytes(row[:5]) == b"\x0200B5"
        assert bytes(row[28:]) == b"%02X\x03" % (~int(row[1:28].sum()) & 0xFF)


def test_each_burst_says_when_it_left() -> None:
    bench = streaming(make())
    bench.now_ns += 100 * MS
    bursts = bench.device.bursts(bench.now_ns)
    assert [left_ns for left_ns, _data in bursts] == [16 * MS * n for n in range(1, 7)]
    assert {len(data) for _left_ns, data in bursts} == {32 * 31}


@pytest.mark.parametrize(
    ("options", "taken", "refused"),
    [({}, (2000, 20_000), (1999, 100)), ({"rates": "100-2000"}, (100, 2000), (2001, 99))],
)
def test_which_rates_it_takes_is_a_switch(options: dict[str, str], taken: tuple[int], refused: tuple[int]) -> None:
    bench = make(lambda _e, _t: 0.0, **options)
    bench.wait(0)
    for rate in taken:
        assert bench.ask(f"0065{rate:04X}") == packet("0065")
        for other in refused:
            bench.ask(f"0065{other:04X}")
        assert bench.ask("0064") == packet(f"0064{rate:04X}")


def test_the_same_seed_gives_the_same_bytes_however_they_are_asked_for() -> None:
    whole = streaming(make(lambda e, t: e * 1e-9 + t * 1e-9)).wait(1.6)
    bench = streaming(make(lambda e, t: e * 1e-9 + t * 1e-9))
    assert b"".join(bench.wait(0.0031) for _ in range(516)) == whole[: 31 * 3168]


@pytest.mark.parametrize(("options", "expected"), [
    ({}, 9969), ({"transimpedance": "14.94e6"}, 9565), ({"anodic_negative": "1"}, -9968),
])  # fmt: skip
def test_ten_nanoamperes_are_so_many_steps(options: dict[str, str], expected: int) -> None:
    bench = streaming(make(lambda _e, _t: 10.005e-9, noise_lsb="0", **options))
    got = codes(bench.wait(0.1)) - MID
    assert np.all(np.abs(got - expected) <= 6)


def test_codes_end_at_the_rails_and_grounded_inputs_read_nothing() -> None:
    bench = streaming(make(lambda e, _t: (1.0, -1.0, 0.0, 50e-9)[e], noise_lsb="0"))
    assert codes(bench.wait(0.02))[0, :2].tolist() == [262_143, 0]
    bench = make(lambda _e, _t: 50e-9, noise_lsb="0")
    bench.polarise()
    bench.ask("007901")
    bench.ask("000601")
    assert codes(bench.wait(0.02))[0].tolist() == [MID + 49_824, MID, MID, MID]


def test_the_cell_follows_bias_and_inputs() -> None:
    bench = make()
    bench.ask("0071002580")
    assert bench.electrodes.cell == (False, 0.6)
    bench.ask("007901")
    assert bench.electrodes.cell == (True, 0.6)
    bench.ask("000601")
    bench.ask("000600")
    assert bench.electrodes.cell == (True, 0.6), "the bias stays on when the stream ends"
    bench.ask("007100DA80")
    assert bench.electrodes.cell == (True, -0.6)
    bench.ask("0071000000")
    assert bench.electrodes.cell == (False, 0.0)


@pytest.mark.parametrize(("wiring", "dc_mode", "offset"), [
    ("any", 0, 0), ("any", 1, 0), ("biased", 0, 0), ("biased", 1, 38_400), ("grounded", 0, -38_400), ("grounded", 1, 0),
])  # fmt: skip
def test_a_bias_that_is_subtracted_wrongly_is_a_current(wiring: str, dc_mode: int, offset: int) -> None:
    bench = make(noise_lsb="0", wiring=wiring)
    bench.polarise()
    bench.ask(f"006B01{dc_mode:02X}")
    bench.ask("000601")
    assert codes(bench.wait(0.02))[0, 1] - MID == offset


def test_settings_may_be_silent_and_are_taken_all_the_same() -> None:
    bench = make(silent_sets="1")
    bench.wait(0)
    assert bench.ask("0071002580") == b""
    assert bench.ask("007000") == packet("00702580")


def test_the_echo_of_the_start_may_come_behind_data() -> None:
    bench = make(late_stream_echo="1")
    bench.wait(0)
    assert bench.ask("000601") == b""
    data = bench.wait(0.016)
    assert data.endswith(packet("000601"))
    assert len(rows(data[: -len(packet("000601"))])) == 32


@pytest.mark.parametrize(("option", "answer"), [("0", b""), ("1", packet("0001"))])
def test_a_wrong_checksum_is_answered_with_nothing_or_nack(option: str, answer: bytes) -> None:
    bench = make(nack_broken=option)
    bench.wait(0)
    bench.device.receive(b"\x02000200\x03", 0)
    assert bench.device.transmit(0) == answer


@pytest.mark.parametrize("text", ["0063", "0007", "00670404", "006704", "0065FFFF", "006700", "000602", "00830007"])
def test_what_it_does_not_know_is_refused_and_changes_nothing(text: str) -> None:
    bench = make()
    bench.wait(0)
    assert bench.ask(text) == packet("0001")
    assert bench.ask("0064") == packet("006407D0")
    assert bench.wait(1.0) == b""


@pytest.mark.parametrize(("option", "bias"), [("zero", "0000"), ("kept", "2580")])
def test_a_power_cycle_ends_the_stream_and_says_so(option: str, bias: str) -> None:
    bench = streaming(make(bias_after_reset=option))
    bench.wait(0.1)
    bench.device.power_off(bench.now_ns)
    assert bench.ask("0002") == bench.wait(1.0) == b""
    bench.device.power_on(bench.now_ns)
    assert bench.wait(1.0) == packet("0003")
    assert bench.ask("007000") == packet(f"0070{bias}")
    assert bench.ask("007A") == packet("007A00")


def test_hum_is_a_wave_on_connected_inputs() -> None:
    bench = streaming(make(mains_na="5", mains_hz="60", noise_lsb="0"))
    wave = codes(bench.wait(1.0))[:, 0] - MID
    assert wave.max() == pytest.approx(4982, abs=2)
    spectrum = np.abs(np.fft.rfft(wave[:1980] - wave[:1980].mean()))
    assert np.argmax(spectrum) * 2000 / 1980 == pytest.approx(60, abs=1.1)


def test_noise_is_as_asked() -> None:
    bench = streaming(make(noise_lsb="3"))
    assert codes(bench.wait(4.0)).std(axis=0) == pytest.approx([3.0] * 4, rel=0.05)


def test_its_clock_may_run_fast() -> None:
    bench = streaming(make(clock_ppm="500"))
    assert len(rows(bench.wait(64.0))) == 128_064


def test_a_pulse_on_the_first_input_and_all_others_high() -> None:
    bench = streaming(make(ttl1_every_s="0.5", ttl1_high_ms="100"))
    digital = rows(bench.wait(1.59))[:, 6]
    assert set(digital.tolist()) == {0xFF, 0xFE}
    assert np.flatnonzero(np.diff(digital & 1)).tolist() == [198, 998, 1198, 1998, 2198, 2998]


def test_lost_and_broken_packets_are_as_many_as_asked() -> None:
    lost = rows(streaming(make(lost_packets="0.1")).wait(8.0))
    assert len(lost) == pytest.approx(14_400, rel=0.02)
    assert set((np.diff(lost[:, 5].astype(int)) % 256).tolist()) >= {1, 2, 3}
    broken = rows(streaming(make(broken_packets="0.1")).wait(8.0))
    good = [bytes(row[28:30]) == b"%02X" % (~int(row[1:28].sum()) & 0xFF) and row[30] == 3 for row in broken]
    assert 0.09 < 1 - np.mean(good) < 0.11


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match="twisted"):
        make(wiring="twisted")


@given(st.lists(st.binary(max_size=40) | st.sampled_from([packet("000601"), packet("00790F"), b"\x02", b"\x02" * 9])))
def test_no_bytes_whatever_break_the_instrument(pieces: list[bytes]) -> None:
    bench = make()
    for piece in pieces:
        bench.device.receive(piece, bench.now_ns)
        bench.wait(0.01)
    bench.ask("000600")
    bench.wait(1.0)
    assert bench.ask("0002") == packet("0002")
