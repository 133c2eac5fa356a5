"""Every exchange and packet printed in the reference (potentiostats.md 1.7, 1.8), verbatim, on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings, Identity
from drivers.pinnacle_8401 import PinnaclePotentiostat, build
from drivers.pinnacle_8401.codec import Packet, decode, encode, version
from drivers.pinnacle_8401.decimator import RAW_RATE_HZ
from drivers.pinnacle_8401.packets import PacketCutter
from drivers.pinnacle_8401.settings import Channel, Options, bias_count, programme
from drivers.pinnacle_8401.setup import settings_of
from sim_devices.firmware import pinnacle_8401 as simulated
from sim_devices.firmware.pinnacle_8401.analog import Registers
from tests.drivers.kit import MS, FirmwareLine, ScriptedLine, step
from tests.drivers.test_compliance_pinnacle_8401 import TWO, Cell

REAL = bytes.fromhex("02 30 30 42 35 34 FF 80 14 60 02 F7 FE 72 00 22 00 00 00 00 00 00 00 00 00 00 00 00 37 36 03")
"""Captured by the vendor from an 8401-HR."""
SYNTHETIC = bytes.fromhex(
    "02 30 30 42 35 00 00 80 00 20 00 07 FC 1A 2E E0 00 00 00 00 00 00 00 00 00 00 00 00 35 44 03"
)

CONTROL = [
    ("PING", "00023D", "00023D"),
    ("TYPE", "000837", "000831D3"),
    ("FIRMWARE 1.0.10", "000C2C", "000C31300041A0"),
    ("GET RATE", "006435", "006407D05A"),
    ("SET RATE 2000", "006507D059", "006534"),
    ("SET HIGHPASS A = DC", "006700036F", "006732"),
    ("SET LOWPASS A = 21 Hz", "00690000150A", "006930"),
    ("SET DC MODE A = VBias", "006B000067", "006B27"),
    ("SET BIAS A = +0.6 V", "007100258008", "007137"),
    ("SET BIAS B = +0.6 V", "007101258007", "007137"),
    ("SET BIAS A = -0.6 V", "007100DA80EA", "007137"),
    ("SET SS CONFIG A", "0083000371", "008334"),
    ("SET INPUT GROUND", "00790FB9", "00792F"),
    ("MUX off", "008400D3", "008433"),
    ("GET EXT0", "007236", "007208006E"),
    ("STREAM on", "000601D8", "000601D8"),
    ("STREAM off", "000600D9", "000600D9"),
]


def framed(text: str) -> bytes:
    return b"\x02" + text.encode("ascii") + b"\x03"


def make(**options: str) -> FirmwareLine:
    return FirmwareLine(simulated.build("it", Cell(), options, np.random.default_rng(1)))


def answer(line: FirmwareLine, data: bytes) -> bytes:
    line.firmware.receive(data, line.clock.now_ns())
    return line.firmware.transmit(line.clock.now_ns())


@pytest.mark.parametrize(("name", "sent", "received"), CONTROL, ids=[name for name, _s, _r in CONTROL])
def test_the_simulated_instrument_answers_as_printed(name: str, sent: str, received: str) -> None:
    assert answer(make(), framed(sent)) == framed(received)


@pytest.mark.parametrize(("name", "sent", "received"), CONTROL, ids=[name for name, _s, _r in CONTROL])
def test_the_codec_writes_and_reads_as_printed(name: str, sent: str, received: str) -> None:
    for text in (sent, received):
        packet = decode(framed(text))
        assert packet == Packet(int(text[:4], 16), text[4:-2])
        assert packet is not None
        assert encode(packet.number, packet.payload) == framed(text)


def test_the_bias_reads_back_as_printed() -> None:
    line = make()
    answer(line, framed("007100258008"))
    assert answer(line, framed("007000D8")) == framed("0070258069")


def test_what_nobody_knows_is_answered_with_nack_and_a_restart_announces_itself() -> None:
    line = make()
    assert answer(line, encode(99)) == framed("00013E")
    line.firmware.power_off(line.clock.now_ns())
    line.firmware.power_on(line.clock.now_ns())
    assert line.firmware.transmit(line.clock.now_ns()) == framed("00033C")


def test_the_driver_writes_the_recipe_as_printed() -> None:
    wanted = programme(AmperometrySettings(0.6, 0.1, TWO), Options("8407-2BIO", {}, {}))
    written = [encode(s.write, s.question + s.text)[1:-1].decode() for s in settings_of(wanted)]
    for printed in ("006507D059", "006700036F", "00690000150A", "006B000067", "007100258008", "007101258007",
                    "0083000371", "008400D3"):  # fmt: skip
        assert printed in written
    four = tuple(ElectrodeSettings(letter, letter, 1e-9) for letter in "abcd")
    all_four = programme(AmperometrySettings(-0.6, 0.1, four), Options("7052", {}, {}))
    written = [encode(s.write, s.question + s.text)[1:-1].decode() for s in settings_of(all_four)]
    assert written[-1] == "00790FB9"
    assert "007100DA80EA" in written


@pytest.mark.parametrize(
    ("potential_v", "count"),
    [(0.6, 9600), (0.7, 11_200), (0.69994, 11_199), (0.9, 14_400), (-0.6, 0xDA80 - 65_536), (0.0, 0)],
)
def test_a_potential_is_the_nearest_step_of_the_bias(potential_v: float, count: int) -> None:
    """0.7 V is 11200 steps exactly; the vendor's client writes 11199, for it truncates what floating point left."""
    assert bias_count(potential_v) == count


def test_the_packets_of_the_reference_decode_as_printed() -> None:
    packets, beside = PacketCutter().feed(REAL + SYNTHETIC)
    assert beside == []
    assert packets.counter.tolist() == [0x34, 0]
    assert packets.digital.tolist() == [0xFF, 0]
    assert packets.codes.tolist() == [[131_106, 130_972, 131_119, 131_153], [143_072, 130_822, 131_072, 131_072]]
    channel = Channel("it", 0, 15.57e6, 1)
    assert channel.current_a(packets.codes[0].astype(float)) * 1e12 == pytest.approx(
        [34.12, -100.35, 47.17, 81.29], abs=0.005
    )
    assert channel.current_a(packets.codes[1].astype(float))[:2] * 1e9 == pytest.approx(
        [12.042389, -0.250883], abs=1e-6
    )
    assert channel.current_a(np.array([131_073.0]))[0] == pytest.approx(1.003532e-12, rel=1e-6)
    assert Channel("it", 0, 14.94e6, 1).current_a(np.array([131_073.0]))[0] == pytest.approx(1.045850e-12, rel=1e-6)


@pytest.mark.parametrize(
    ("packet", "counter", "currents_pa"),
    [(REAL, 0x34, (34.12, -100.35, 47.17, 81.29)), (SYNTHETIC, 0, (12_042.389, -250.883, 0.0, 0.0))],
)
def test_the_simulated_instrument_sends_the_packets_of_the_reference(
    packet: bytes, counter: int, currents_pa: tuple[float, ...]
) -> None:
    cell = Cell(tuple(pa * 1e-12 for pa in currents_pa))
    options = {"noise_lsb": "0", "ext0": "0", "ttl1_every_s": "0"}
    device = simulated.build("it", cell, options, np.random.default_rng(1))
    assert isinstance(device, simulated.PinnacleFirmware)
    device.power_on(0)
    for text in ("00790FB9", *(f"83{channel:02X}03" for channel in range(4))):
        device.receive(framed(text) if text.startswith("00") else encode(0x83, text[2:]), 0)
    device._counter = counter
    device.receive(framed("000601D8"), 0)
    device.transmit(0)
    sent = device.transmit(16 * MS)[:31]
    if packet is SYNTHETIC:  # its inputs are low; the captured one has them high, as the simulated ones are
        sent = sent[:6] + b"\x00" + sent[7:28] + b"5D" + sent[30:]
    assert sent == packet


def test_versions_and_defaults() -> None:
    assert version("31300041") == "1.0.10"
    assert version("3130") is None
    assert version("FF300041") is None
    assert Registers().rate == RAW_RATE_HZ == 2000


# --- a whole session, byte for byte ---


def test_connect_and_stop_byte_for_byte() -> None:
    silent = step(framed("000600D9"), framed("000600D9"))
    zero = [(f"0071{channel:02X}0000", f"0070{channel:02X}", "00700000") for channel in range(4)]

    def closed(text: str) -> str:
        packet = encode(int(text[:4], 16), text[4:])
        return packet[1:-1].decode()

    steps = [
        step(framed("000837"), framed("000831D3")),
        step(framed("000C2C"), framed("000C31300041A0")),
        silent,
        *(step(framed(closed(write)), framed("007137")) for write, _ask, _held in zero),
        step(framed(closed("007900")), framed("00792F")),
        *(step(framed(closed(ask)), framed(closed(held))) for _write, ask, held in zero),
        step(framed(closed("007A")), framed(closed("007A00"))),
    ]
    line = ScriptedLine(steps)
    instrument: PinnaclePotentiostat = build(line, "it", line.clock, DriverOptions("it"))
    assert instrument.connect() == Identity("pinnacle-8401", "8401-HR", "1.0.10")
    instrument.stop()
    line.done()
    assert line.opened == [115_200]
