"""The exchanges printed in the Micro4 wire reference (d.1), byte for byte, against framing, codec and driver."""

from __future__ import annotations

import pytest

from drivers.capabilities import DriverOptions, Identity, Motion, PumpProgram
from drivers.printed import Printed
from drivers.wpi_micro4 import build, codec
from drivers.wpi_micro4.framing import AnswerFramer
from tests.drivers.kit import URL, ScriptedLine, Step, step

PRINTED = {
    "?V": b"?V>Target Volume = 200.6nL \n\rOK\n\r",
    "?R": b"?R>Rate = 0.7 \n\rOK\n\r",
    "?C": b"?C>Volume Counter = 12.1nL \n\rOK\n\r",
    "?D": b"?D>Direction: Withdraw\n\r>OK\n\r",
    "?G": b"?G>Motor State: Stopped\n\r>OK\n\r",
    "?U": b"?U>Rate Units: nL/Min\n\r>OK\n\r",
    "?M": b"?M>Mode: Non-Grouped\n\r>OK\n\r",
    "?B": b"?B>Smooth Drive\n\r>OK\n\r",
    "?E": b"?E>Delivered Volume\n\r>OK\n\r",
    "?S": b"?S>Type A, 10.0uL, 60.0\n\r>OK\n\r",
}
"""As the one public driver recorded them from a real unit [D]."""


def body(question: str) -> str:
    (frame,) = AnswerFramer().feed(PRINTED[question], 0)
    return frame.removeprefix(question + ">")


def test_the_printed_answers_say_what_they_mean() -> None:
    assert codec.parse_number("V", body("?V")) == Printed(200.6, 0.1)
    assert codec.parse_number("R", body("?R")) == Printed(0.7, 0.1)
    assert codec.parse_number("C", body("?C")) == Printed(12.1, 0.1)
    texts = {letter: codec.parse_text(letter, body(f"?{letter}")) for letter in "DGUMBE"}
    assert texts == {
        "D": "Withdraw",
        "G": "Stopped",
        "U": "nL/Min",
        "M": "Non-Grouped",
        "B": "Smooth Drive",
        "E": "Delivered Volume",
    }
    assert codec.parse_type(body("?S")) == codec.SyringeType("A", 10.0, 60.0)


def test_one_answer_is_not_taken_for_another() -> None:
    for question in PRINTED:
        for letter in "VCR":
            assert (codec.parse_number(letter, body(question)) is not None) is (question == f"?{letter}")
        for letter in "DGUMBE":
            assert (codec.parse_text(letter, body(question)) is not None) is (question == f"?{letter}")


def test_the_printed_type_is_the_width_of_a_10_ul_syringe() -> None:
    assert codec.SyringeType("A", 10.0, 60.0).diameter_mm == pytest.approx(0.4607, abs=1e-4)


@pytest.mark.parametrize("letter", ["V", "R"])
def test_numbers_are_sent_as_the_driver_on_the_real_unit_sends_them(letter: str) -> None:
    written = codec.write(PumpProgram(0.46, 1.2, 0.1))
    assert {"V": f"V{written.target}", "R": f"R{written.rate}"}[letter] == {"V": "V100.0", "R": "R20.0"}[letter]


def script(form: str, *pairs: tuple[str, bytes]) -> list[Step]:
    """Return steps: line 2 is selected before each command, in this form."""
    steps = []
    for command, answer in pairs:
        steps.append(step(b"L2\r" if form == "cr" else b"L2;", b"L2\n\rOK\n\r"))
        end = "\r" if form == "cr" else ";" if command[0] in "VCR" else ""
        steps.append(step((command + end).encode(), answer))
    return steps


def others(form: str) -> list[Step]:
    """Return the look at the other lines before a start."""
    steps = []
    for line in (1, 3, 4):
        steps.append(step(f"L{line}{chr(13) if form == 'cr' else ';'}".encode(), f"L{line}\n\rOK\n\r".encode()))
        steps.append(step(b"?G\r" if form == "cr" else b"?G", PRINTED["?G"]))
    return steps


def told(command: str, text: str) -> tuple[str, bytes]:
    return command, f"{command}>{text}\n\r>OK\n\r".encode()


STOPPED = ("?G", PRINTED["?G"])
RUNNING = told("?G", "Motor State: Running")
ZERO = ("?C", b"?C>Volume Counter = 0.0nL \n\rOK\n\r")
HELD = [
    ("?S", PRINTED["?S"]),
    ("?M", PRINTED["?M"]),
    told("?U", "Rate Units: nL/Sec"),
    ("?R", b"?R>Rate = 20.0 \n\rOK\n\r"),
    ("?V", b"?V>Target Volume = 400.0nL \n\rOK\n\r"),
    told("?D", "Direction: Infuse"),
    ("?E", PRINTED["?E"]),
]


@pytest.mark.parametrize("form", ["cr", "semicolon"])
def test_a_whole_infusion_byte_for_byte(form: str) -> None:
    found = [step(b"L2\r"), step(b"L2\r")] if form == "semicolon" else []  # CR is not answered: the other form is tried
    in_step = [step(b"?B", PRINTED["?B"])] if form == "semicolon" else []
    line = ScriptedLine(
        [
            *found,
            *script(form, ("?S", PRINTED["?S"])),
            *in_step,
            *script(form, ("?D", PRINTED["?D"])),
            # program
            *script(form, STOPPED, ZERO, ("?S", PRINTED["?S"]), told("N", "Mode: Non-Grouped")),
            *script(
                form, told("S", "Rate Units: nL/Sec"), ("R20.0", b"R20.0>Rate = 0.7 \n\rOK\n\r")
            ),  # R tells the old
            *script(form, ("V400.0", b"V400.0>Target Volume = 400.0nL \n\rOK\n\r"), told("I", "Direction: Infuse")),
            *script(form, told("EN", "Delivered Volume"), ("C0.0", b"C0.0>Volume Counter = 0.0nL \n\rOK\n\r")),
            *script(form, *HELD, ZERO, ZERO),  # where the next infusion begins is asked twice
            # start
            *others(form),
            *script(form, STOPPED, ZERO, *HELD, ZERO, told("G", "Motor State: Running")),
            *script(form, RUNNING, RUNNING, ("?C", b"?C>Volume Counter = 0.2nL \n\rOK\n\r")),  # a change is said twice
            # status
            *script(form, RUNNING, ("?C", b"?C>Volume Counter = 1.3nL \n\rOK\n\r")),
            # stop
            *script(form, told("H", "Motor State: Stopped"), STOPPED),
            *script(form, ("?C", b"?C>Volume Counter = 2.1nL \n\rOK\n\r"), STOPPED),
        ]
    )
    options = DriverOptions(instrument="pump", settings={"line": 2})
    pump = build(line, URL, line.clock, options)

    assert pump.connect() == Identity("wpi-micro4", "", "")
    program = PumpProgram(diameter_mm=0.46, rate_ul_per_min=1.2, target_ul=0.4)
    assert pump.program(program) == program
    assert pump.start().motion is Motion.INFUSING
    running = pump.status()
    assert running.motion is Motion.INFUSING
    assert running.infused_ul == pytest.approx(0.0013)
    assert running.counter_step_ul == pytest.approx(1e-4)
    stopped = pump.stop()
    assert (stopped.motion, stopped.alarm) == (Motion.STOPPED, None)
    assert stopped.infused_ul == pytest.approx(0.0021)
    line.done()


def test_somebody_elses_settings_are_read_as_they_are() -> None:
    line = ScriptedLine(
        [
            *script("cr", ("?S", PRINTED["?S"]), ("?D", PRINTED["?D"])),
            *script("cr", ("?S", PRINTED["?S"]), ("?M", PRINTED["?M"]), ("?U", PRINTED["?U"]), ("?R", PRINTED["?R"])),
            *script("cr", ("?V", PRINTED["?V"]), ("?D", PRINTED["?D"]), ("?E", PRINTED["?E"])),
            *script("cr", RUNNING, RUNNING, ("?C", PRINTED["?C"]), ("?C", PRINTED["?C"])),
        ]
    )
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump", settings={"line": 2}))
    pump.connect()
    held = pump.read_back()
    assert held.rate_ul_per_min == pytest.approx(0.0007)
    assert held.target_ul == pytest.approx(0.2006)
    status = pump.status()
    assert status.motion is Motion.WITHDRAWING
    assert status.withdrawn_ul == pytest.approx(0.0121)
    line.done()
