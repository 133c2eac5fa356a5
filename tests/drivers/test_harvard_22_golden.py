"""The exchanges printed in the reference of older Harvard pumps (b2), against framing, codec and driver.

The reference itself says that field widths and white space are not settled: what is compared here is what it prints.
"""

from __future__ import annotations

import pytest

from drivers.capabilities import DriverOptions, Identity, Motion, PumpProgram
from drivers.harvard_22 import build, codec
from drivers.harvard_22.framing import AnswerFramer, Frame, command_bytes
from drivers.harvard_22.models import parse_direction, parse_mode
from drivers.printed import Printed
from tests.drivers.kit import URL, ScriptedLine, Step, step


def frame(wire: bytes) -> Frame:
    (found,) = AnswerFramer().feed(wire, 0)
    return found


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"\r\nPHD1.2\r\n3:", Frame(("PHD1.2",), 3, ":")),
        (b"\r\n3:", Frame((), 3, ":")),
        (b"\r\n50.00 ul/mn\r\n3:", Frame(("50.00 ul/mn",), 3, ":")),
        (b"\r\n3>", Frame((), 3, ">")),
        (b"\r\nNA\r\n3>", Frame(("NA",), 3, ">")),
        (b"\r\n3*", Frame((), 3, "*")),
        (b"\r\n03:", Frame((), 3, ":")),  # Pump 11 prints a leading zero
        (b"\r\r\n3:", Frame((), 3, ":")),  # and PHD 2000 a CR more [D]
        (b"\n4.699\r\n03:", Frame(("4.699",), 3, ":")),  # LF data CR [M]
        (b"\r\n:", Frame((), None, ":")),
        (b"\r\n*T", Frame((), None, "*T")),  # OEM [M]
        (b"\r\n03<", Frame((), 3, "<")),
        (b"\r\n12/", Frame((), 12, "/")),
        (b"\r\n12^", Frame((), 12, "^")),
    ],
)
def test_printed_answers_are_cut_at_their_prompt(wire: bytes, expected: Frame) -> None:
    assert frame(wire) == expected


def test_printed_commands() -> None:
    assert command_bytes("VER", 3) == b"03VER\r"
    assert command_bytes("STP", 12) == b"12STP\r"


def test_values_are_read_with_their_units() -> None:
    assert codec.parse_rate(("50.00 ul/mn",)) == codec.Quantity(Printed(50.0, 0.01), "ul/mn")
    assert codec.parse_rate(("50.00",)) is None, "a rate without a unit is none"
    assert codec.parse_volume(("0.5000 ml",)) == codec.Quantity(Printed(0.5, 1e-4), "ml")
    assert codec.parse_volume(("0.5000",)) == codec.Quantity(Printed(0.5, 1e-4), "")
    assert codec.parse_diameter(("4.699",)) == Printed(4.699, 1e-3)
    assert (parse_mode(("VOLUME",)), parse_mode(("VLM",)), parse_mode(("PUMP",))) == ("VOLUME", "VOLUME", "PUMP")
    assert (parse_direction(("INFUSE",)), parse_direction(("REF",))) == ("INFUSE", "REFILL")
    assert [codec.refusal((text,)) is not None for text in ("?", "NA", "OOR", "E", "NAN")] == [True] * 4 + [False]


def said(command: str, *lines: str, prompt: str = "3:") -> Step:
    return step(f"03{command}\r".encode(), ("".join(f"\r\n{line}" for line in lines) + f"\r\n{prompt}").encode())


def version(prompt: str = "3:") -> Step:
    return said("VER", "PHD1.2", prompt=prompt)


HELD = [
    said("TGT", "0.0200 ml"),
    said("TGT", "0.0200 ml"),  # what the dose depends on is asked twice
    said("MOD", "VOLUME"),
    said("DIA", "4.699"),
    said("RAT", "60.00 ul/mn"),
    said("DIR", "INFUSE"),
    said("AF", "OFF"),
]


def test_a_whole_infusion_byte_for_byte() -> None:
    line = ScriptedLine(
        [
            version(), said("TGT", "0.0000 ml"), said("MOD", "PUMP"), said("AF", "ON"),
            # program
            version(), said("DEL", "0.1234 ml"), said("DEL", "0.1234 ml"),
            said("MOD VLM"), said("DIA 4.699"), said("RAT 60.00 UM"), said("DIR INF"), said("AF OFF"),
            said("TGT 0.0200"), said("CLD"), *HELD, said("DEL", "0.0000 ml"), said("DEL", "0.0000 ml"),
            # start
            version(), said("DEL", "0.0000 ml"), *HELD, said("DEL", "0.0000 ml"), said("RUN", prompt="3>"),
            version("3>"), version("3>"), said("DEL", "0.0001 ml", prompt="3>"),
            # status
            version("3>"), said("DEL", "0.0002 ml", prompt="3>"),
            # stop
            said("STP", prompt="3*"), version("3*"), said("DEL", "0.0003 ml", prompt="3*"), version("3*"),
        ]
    )  # fmt: skip
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", address=3))

    assert pump.connect() == Identity("harvard-22", "PHD1.2 (experimental)", "")
    program = PumpProgram(diameter_mm=4.699, rate_ul_per_min=60.0, target_ul=20.0)
    assert pump.program(program) == program
    assert pump.start().motion is Motion.INFUSING
    running = pump.status()
    assert running.infused_ul == pytest.approx(0.2)
    assert running.counter_step_ul == pytest.approx(0.1)
    stopped = pump.stop()
    assert (stopped.motion, stopped.alarm) == (Motion.STOPPED, None)
    line.done()


def test_a_pump_22_is_recognised_and_refused_byte_for_byte() -> None:
    line = ScriptedLine([said("VER", "22V1.0", prompt="03:"), *[said("TGT", "?", prompt="03:") for _ in range(3)]])
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", address=3))
    assert pump.connect().model == "22V1.0 (experimental)"
    line.done()
