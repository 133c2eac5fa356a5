"""The exchanges recorded from a real Legato (b1.9) and other printed replies, byte for byte, against the driver."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.capabilities import DriverOptions, Identity, Motion, PumpProgram
from drivers.errors import DeviceRefused, NotEncodable
from drivers.harvard_ultra import HarvardUltraPump, build, codec
from drivers.harvard_ultra.framing import ReplyFramer
from drivers.harvard_ultra.mechanics import ELITE_11, PHD_ULTRA, known_mechanics, mechanics_of
from tests.drivers.kit import URL, ScriptedLine, Step, step

SET = b"\n:\x11"
VERSION = b"\nFirmware:      v3.0.6\r\nPump address:  0\r\nSerial number: D101754\r\n:\x11"
POLL = step(b"@poll on\r\n", SET)
FOUND = [
    POLL,
    step(b"@version\r\n", VERSION),
    step(b"@ver\r\n", b"\nLEGATO 100 3.0.6\r\n:\x11"),
    step(b"@diameter\r\n", b"\n14.4300 mm\r\n:\x11"),
    step(b"@irate lim\r\n", b"\n25.0404 nl/min to 26.0035 ml/min\r\n:\x11"),
]
LEARNT = step(b"@status\r\n", b"\n0 0 0 i..TI.\r\n:\x11")  # once per line: which comes first, prompt or status
IDLE = [
    step(b"@status\r\n", b"\n0 0 0 i..TI.\r\n:\x11"),
    step(b"@ivolume\r\n", b"\n0 ul\r\n:\x11"),
    step(b"@wvolume\r\n", b"\n0 ul\r\n:\x11"),
]
HELD = [
    step(b"@diameter\r\n", b"\n7.2620 mm\r\n:\x11"),
    step(b"@irate\r\n", b"\n199.49 ul/min\r\n:\x11"),
    step(b"@tvolume\r\n", b"\n199.49 ul\r\n:\x11"),
]
GANG = step(b"@gang\r\n", b"\n1 syringes\r\n:\x11")
RAMP = step(b"@iramp\r\n", b"\nRamp not set up.\r\n:\x11")
PROGRAM = PumpProgram(diameter_mm=7.262, rate_ul_per_min=199.49, target_ul=199.49)
WRITTEN = [
    step(b"@stp\r\n", SET),
    step(b"@load qs iw\r\n", SET),
    step(b"@nvram on\r\n", SET),
    step(b"@diameter 7.262\r\n", SET),
    step(b"@irate min\r\n", SET),
    step(b"@tvolume 28.5387 nl\r\n", SET),
    step(b"@nvram none\r\n", SET),
    GANG,
    step(b"@diameter 7.262\r\n", SET),
    step(b"@irate lim\r\n", b"\n6.34188 nl/min to 6.58581 ml/min\r\n:\x11"),
    step(b"@irate 199.49 ul/min\r\n", SET),
    step(b"@civolume\r\n", SET),
    step(b"@cwvolume\r\n", SET),
    step(b"@citime\r\n", SET),
    step(b"@cttime\r\n", SET),
    step(b"@ctvolume\r\n", SET),
    step(b"@tvolume 199.49 ul\r\n", SET),
    step(b"@ttime 68\r\n", SET),
    step(b"@ttime\r\n", b"\n00:01:08\r\n:\x11"),
    *HELD,
    *HELD,
    RAMP,
    step(b"@ivolume\r\n", b"\n0 ul\r\n:\x11"),
]


def again(*steps: Step) -> list[Step]:
    return [step(one.expect, *one.replies) for one in steps]


def driver(line: ScriptedLine, address: int = 0) -> HarvardUltraPump:
    return build(line, URL, line.clock, DriverOptions(instrument="pump", address=address))


def test_a_whole_infusion_byte_for_byte() -> None:
    line = ScriptedLine(
        again(
            *FOUND,
            LEARNT,
            *IDLE,
            *WRITTEN,
            *IDLE,
            *HELD,
            RAMP,
            GANG,
            step(b"@irun\r\n", b"\n>\x11"),
            step(b"@status\r\n", b"\n3324833333 508 1690230000 I..TI.\r\n>\x11"),
            step(b"@ivolume\r\n", b"\n1.69023 ul\r\n>\x11"),
            step(b"@ivolume\r\n", b"\n1.70685 ul\r\n>\x11"),
            step(b"@wvolume\r\n", b"\n0 ul\r\n>\x11"),
            step(b"@stp\r\n", SET),
            step(b"@status\r\n", b"\n0 600 1995000000 i..TI.\r\n:\x11"),
            step(b"@status\r\n", b"\n0 600 1995000000 i..TI.\r\n:\x11"),
            step(b"@ivolume\r\n", b"\n1.995 ul\r\n:\x11"),
            step(b"@ivolume\r\n", b"\n1.995 ul\r\n:\x11"),
            step(b"@wvolume\r\n", b"\n0 ul\r\n:\x11"),
        )
    )
    pump = driver(line)

    assert pump.connect() == Identity("harvard-ultra", "LEGATO 100", "3.0.6", "D101754")
    assert pump.program(PROGRAM) == PROGRAM
    started = pump.start()
    assert (started.motion, started.infused_ul) == (Motion.INFUSING, 1.70685)
    assert pump.stop().motion is Motion.STOPPED
    line.done()


def parsed(wire: bytes) -> codec.Reply:
    (frame,) = ReplyFramer().feed(wire, 0)
    reply = codec.parse_reply(frame)
    assert reply is not None
    return reply


@pytest.mark.parametrize(
    ("wire", "parse", "expected"),
    [
        (VERSION, codec.parse_version, ("3.0.6", "D101754")),
        (
            b"\nFirmware: v3.0.6\r\nPump address: 0\r\nSerial number: D101754\r\n:\x11",
            codec.parse_version,
            ("3.0.6", "D101754"),
        ),
        (b"\n11 ELITE I/W Single 3.0.4\r\n:\x11", codec.parse_model, "11 ELITE I/W Single"),
        (b"\nPHD ULTRA 3.0.5\r\n:\x11", codec.parse_model, "PHD ULTRA"),
        (b"\n7.2620 mm\r\n:\x11", codec.parse_diameter, 7.262),
        (b"\n25.0404 nl/min to 26.0035 ml/min\r\n:\x11", codec.parse_limits, (0.0250404, 26003.5)),
        (b"\n199.49 ul/min\r\n:\x11", codec.parse_rate, 199.49),
        (b"\n00:50 ul/min\r\n00:\x11", codec.parse_rate, 50.0),
        (b"\n12: 0.05 ml/min\r\n12>\x11", codec.parse_rate, 50.0),
        (b"\nTarget volume not set\r\n:\x11", codec.parse_target, 0.0),
        (b"\nTarget volume not set.\r\n:\x11", codec.parse_target, 0.0),
        (b"\n199.49 ul\r\n:\x11", codec.parse_target, 199.49),
        (b"\n1 ml\r\nT*\x11", codec.parse_volume, 1000.0),
        (b"\n30 seconds\r\n:\x11", codec.parse_time_target, 30.0),
        (b"\n00:03:00\r\n:\x11", codec.parse_time_target, 180.0),
        (b"\n00:00:03:00\r\n00:\x11", codec.parse_time_target, 180.0),
        (b"\nTarget time not set\r\n:\x11", codec.parse_time_target, 0.0),
        (
            b"\n0 0 0 w..TI.\r\n:\x11",
            codec.parse_status,
            codec.StatusLine(Motion.STOPPED, 0, stalled=False, target_reached=False),
        ),
        (
            b"\n833333333333 5 4294967296000 I...I.\r\n>\x11",
            codec.parse_status,
            codec.StatusLine(Motion.INFUSING, 5, stalled=False, target_reached=False),
        ),
        (
            b"\n        0         0        0 i.S.I.\r\n*\x11",
            codec.parse_status,
            codec.StatusLine(Motion.STOPPED, 0, stalled=True, target_reached=False),
        ),
        (
            b"\n:\n0 7 0 i....T\r\x11",
            codec.parse_status,
            codec.StatusLine(Motion.STOPPED, 7, stalled=False, target_reached=True),
        ),
        (b"\nT*\n1.69023 ul\r\n>\x11", codec.parse_volume, 1.69023),  # T* sent unasked, before poll was switched on
    ],
)
def test_replies_of_the_reference_are_understood(
    wire: bytes, parse: Callable[[codec.Reply], object], expected: object
) -> None:
    assert parse(parsed(wire)) == expected


def test_a_status_whose_flags_and_prompt_differ_is_not_believed() -> None:
    assert codec.parse_status(parsed(b"\n0 0 0 i..TI.\r\n>\x11")) is None
    assert codec.parse_status(parsed(b"\n0 0 0 I..TI.\r\n:\x11")) is None


@pytest.mark.parametrize(
    "wire",
    [
        b"\nArgument error: 2\r\n   Target volume out of range\r\n:\x11",
        b"\nArgument error: 200\r\n   Unknown syringe\r\n:\x11",
        b"\n02:Argument error:\r\n02:   Missing\r\n02:\x11",
        b"\nCommand error:\r\n   Unknown command\r\n:\x11",
        b"\nRange error: 3\r\n   Syringe count out of range of 1 to 2.\r\n:\x11",
    ],
)
def test_refusals_of_the_reference_are_refusals(wire: bytes) -> None:
    error = parsed(wire).error
    assert error is not None
    assert "error" in error


@pytest.mark.parametrize(
    "wire", [b"\n\x11", b"\nnoise\n:\x11", b"\nx\r\x11", b":\x11", b"\n007:\x11", b"\n\xff1 ml\r\n:\x11"]
)
def test_what_is_no_reply_is_none(wire: bytes) -> None:
    (frame,) = ReplyFramer().feed(wire, 0)
    assert codec.parse_reply(frame) is None


def test_other_recorded_settings_are_answered_by_a_prompt_only() -> None:
    line = ScriptedLine(
        again(
            *FOUND,
            step(b"@load qs iw\r\n", SET),
            step(b"@tvolume 2 l\r\n", b"\nArgument error: 2\r\n   Target volume out of range\r\n:\x11"),
        )
    )
    pump = driver(line)
    pump.connect()
    assert pump.link.set("load qs iw")
    with pytest.raises(DeviceRefused, match="Target volume out of range"):
        pump.link.set("tvolume 2 l")
    line.done()


def test_addresses_stand_before_every_command_and_reply() -> None:
    line = ScriptedLine(
        [
            step(b"12@poll on\r\n", b"\n12:\x11"),
            step(
                b"12@version\r\n",
                b"\n12:Firmware:      v3.0.4\r\n12:Pump address:  12\r\n12:Serial number: D1\r\n12:\x11",
            ),
            step(b"12@ver\r\n", b"\n12:11 ELITE I/W Single 3.0.4\r\n12:\x11"),
            step(b"12@diameter\r\n", b"\n12:14.4300 mm\r\n12:\x11"),
            step(b"12@irate lim\r\n", b"\n12:25.0404 nl/min to 26.0035 ml/min\r\n12:\x11"),
        ]
    )
    assert driver(line, address=12).connect() == Identity("harvard-ultra", "11 ELITE I/W Single", "3.0.4", "D1")
    line.done()


@pytest.mark.parametrize(
    ("drive", "diameter_mm", "low_nl", "high_ml"),
    [
        (ELITE_11, 14.43, "25.0404", "26.0035"),
        (PHD_ULTRA, 9.525, "14.7792", "15.3477"),
    ],
)
def test_limits_computed_from_the_mechanics_are_those_recorded(
    drive: object, diameter_mm: float, low_nl: str, high_ml: str
) -> None:
    assert isinstance(drive, type(ELITE_11))
    low, high = drive.rates_ul_per_min(diameter_mm)
    assert (f"{low * 1000:.6g}", f"{high / 1000:.6g}") == (low_nl, high_ml)


def test_limits_of_the_sales_sheet_and_of_small_syringes() -> None:
    assert ELITE_11.rates_ul_per_min(26.59)[1] == pytest.approx(88290, rel=1e-3)
    assert ELITE_11.rates_ul_per_min(0.103)[0] == pytest.approx(1.276e-6, rel=1e-3)
    assert ELITE_11.rates_ul_per_min(4.699) == pytest.approx((2.655e-3, 2757), rel=1e-3)
    assert ELITE_11.microstep_ul(4.699) == pytest.approx(1.19e-3, rel=1e-2)


def test_the_limits_a_pump_tells_narrow_those_of_its_model() -> None:
    told = mechanics_of(known_mechanics("LEGATO 100"), (1.0, 2.0), 14.43)
    assert told.rates_ul_per_min(14.43) == pytest.approx((1.0, 2.0))
    generous = mechanics_of(known_mechanics("LEGATO 100"), (1e-9, 1e9), 14.43)
    assert generous == ELITE_11
    assert mechanics_of(known_mechanics("something new"), (1.0, 2.0), 14.43).rates_ul_per_min(14.43) == pytest.approx(
        (1.0, 2.0)
    )


def test_R10_before_connect_the_narrowest_known_limits_hold() -> None:
    pump = driver(ScriptedLine([]))
    assert pump.rate_limits_ul_per_min(14.43)[0] == PHD_ULTRA.rates_ul_per_min(14.43)[0]
    assert pump.rate_limits_ul_per_min(14.43)[1] == ELITE_11.rates_ul_per_min(14.43)[1]
    with pytest.raises(NotEncodable):
        pump.quantised(PumpProgram(4.699, 2800.0, 1.0))


def test_R34_both_looks_after_a_stop_must_say_still() -> None:
    """There is no checksum: a broken reply must not pass for a stop."""
    idle, moves = b"\n0 9 0 i..TI.\r\n:\x11", b"\n50 9 0 I..TI.\r\n>\x11"
    counters = [step(b"@ivolume\r\n", b"\n0 ul\r\n>\x11"), step(b"@wvolume\r\n", b"\n0 ul\r\n>\x11")]
    line = ScriptedLine(
        [
            *again(*FOUND),
            step(b"@stp\r\n", SET),
            step(b"@status\r\n", idle),  # learns the order
            step(b"@status\r\n", idle),
            step(b"@status\r\n", moves),
            *counters,
            step(b"@stp\r\n", SET),
            step(b"@status\r\n", moves),
            step(b"@stp\r\n", SET),
            step(b"@status\r\n", idle),
            *again(*IDLE),
        ]
    )
    pump = driver(line)
    pump.connect()
    assert pump.stop().motion is Motion.STOPPED
    line.done()
