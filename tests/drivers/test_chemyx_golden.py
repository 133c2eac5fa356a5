"""The exchanges printed in the Chemyx wire reference (c), byte for byte, against framing, codec and driver."""

from __future__ import annotations

import pytest

from drivers.capabilities import DriverOptions, Identity, Motion, PumpProgram
from drivers.chemyx import ChemyxPump, build, codec
from drivers.chemyx.framing import AnswerFramer, Frame, command_bytes
from drivers.errors import DeviceRefused
from tests.drivers.kit import URL, ScriptedLine, Step, step


def lines(wire: bytes) -> codec.Lines:
    """Return the lines of one whole answer without its echo."""
    (frame,) = AnswerFramer().feed(wire, 0)
    return tuple(line.decode("latin-1") for line in frame.lines[1:])


def test_commands_end_with_exactly_one_cr() -> None:
    assert command_bytes("set rate 50") == b"set rate 50\r"


def test_the_printed_examples() -> None:
    assert AnswerFramer().feed(b"set rate 50\rrate = 50.000000\r\n>", 0) == [
        Frame((b"set rate 50", b"rate = 50.000000"))
    ]
    assert codec.parse_named("rate", lines(b"set rate 50\rrate = 50.000000\r\n>")) == codec.Number(50.0, 1e-6)
    assert codec.parse_status(lines(b"pump status\r1\r\n>")) == 1


@pytest.mark.parametrize(
    ("name", "line", "value"),
    [
        ("units", "units = 2", 2.0),
        ("diameter", "diameter = 4.699", 4.699),
        ("volume", "volume = 0.100000", 0.1),
        ("rate", "rate = 50.000000", 50.0),
        ("dispensed volume", "dispensed volume = 0.1234", 0.1234),
        ("elapsed time", "elapsed time = 0.51234", 0.51234),
    ],
)
def test_the_lines_of_the_table(name: str, line: str, value: float) -> None:
    number = codec.parse_named(name, (line,))
    assert number is not None
    assert number.value == value
    assert codec.parse_named("another", (line,)) is None


def test_limits_are_max_rate_min_rate_max_volume_min_volume() -> None:
    assert codec.parse_limits(("125.9622 0.0002 106.0288 0.0141",)) == codec.Limits(125.9622, 0.0002, 106.0288, 0.0141)
    assert codec.parse_limits(("0.0002 125.9622 106.0288 0.0141",)) is None


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("Pump start running...", True),
        ("Pump started!", True),
        ("Pump start running\x85", True),
        ("Pump start running\u2026".encode().decode("latin-1"), True),
        ("Pump delay...", False),
        ("Pump stop!", None),
        ("Pump pause!", None),
    ],
)
def test_every_known_text_of_a_start(text: str, runs: bool | None) -> None:
    assert codec.parse_started((text,)) is runs


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n\r", b" \n\r", b"\n"])
def test_any_line_end_after_the_echo_and_between_lines(end: bytes) -> None:
    wire = b"view parameter" + end + end.join([b"unit = 2", b"dia = 4.699", b"rate = 50.0", b"volume = 1.0"]) + b"\r\n>"
    view = codec.parse_view(lines(wire))
    assert view is not None
    assert (view.units, view.diameter) == (2, codec.Number(4.699, 1e-3))


@pytest.mark.parametrize(
    "text", ["2", "uL/min", "\u03bcL/min", "\u00b5L/min", "\u03bcL/min".encode().decode("latin-1")]
)
def test_units_as_digit_or_text(text: str) -> None:
    assert codec.parse_unit(text) == 2


def view(volume: str = "100.000000") -> bytes:
    return (
        "unit = 2 \n\rdia = 4.699 \n\rrate = 50.000000 \n\rtime = 2.000000 \n\r"
        f"volume = {volume} \n\rdelay = 0.000000\r\n"
    ).encode()


def said(command: str, answer: bytes, *, echo: bool) -> Step:
    return step(command.encode() + b"\r", (command.encode() + b"\r" if echo else b"") + answer + b">")


def whole_infusion(*, echo: bool) -> list[Step]:
    script = [
        ("view parameter", view("5.000000")),
        ("pump status", b"0\r\n"),
        # program
        ("pump status", b"0\r\n"),
        ("dispensed volume", b"dispensed volume = 0.0000\r\n"),
        ("set units 2", b"units = 2\r\n"),
        ("set diameter 4.699", b"diameter = 4.699\r\n"),
        ("read limit parameter", b"3400.0000 0.0100 2862.0000 0.3800\r\n"),
        ("set volume 100", b"volume = 100.000000\r\n"),
        ("set rate 50", b"rate = 50.000000\r\n"),
        ("set delay 0", b"delay = 0.000000\r\n"),
        ("view parameter", view()),
        ("dispensed volume", b"dispensed volume = 0.0000\r\n"),
        ("dispensed volume", b"dispensed volume = 0.0000\r\n"),  # where the next infusion begins is asked twice
        # start
        ("pump status", b"0\r\n"),
        ("dispensed volume", b"dispensed volume = 0.0000\r\n"),
        ("view parameter", view()),
        ("start", b"Pump start running...\r\n"),
        ("pump status", b"1\r\n"),
        ("pump status", b"1\r\n"),  # a change must be said twice
        ("dispensed volume", b"dispensed volume = 0.0100\r\n"),
        # status
        ("pump status", b"1\r\n"),
        ("dispensed volume", b"dispensed volume = 0.1234\r\n"),
        # stop
        ("stop", b"Pump stop!\r\n"),
        ("pump status", b"0\r\n"),
        ("view parameter", view()),
        ("dispensed volume", b"dispensed volume = 0.1500\r\n"),
        ("pump status", b"0\r\n"),
    ]
    return [said(command, answer, echo=echo) for command, answer in script]


@pytest.mark.parametrize("echo", [True, False])
def test_a_whole_infusion_byte_for_byte(echo: bool) -> None:
    line = ScriptedLine(whole_infusion(echo=echo))
    pump: ChemyxPump = build(line, URL, line.clock, DriverOptions(instrument="pump"))

    assert pump.connect() == Identity("chemyx", "", "")
    program = PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=100.0)
    assert pump.program(program) == program
    assert pump.rate_limits_ul_per_min(4.699) == (0.01, 3400.0)
    assert pump.start().motion is Motion.INFUSING
    running = pump.status()
    assert (running.motion, running.infused_ul, running.counter_step_ul) == (Motion.INFUSING, 0.1234, 1e-4)
    stopped = pump.stop()
    assert (stopped.motion, stopped.infused_ul, stopped.alarm) == (Motion.STOPPED, 0.15, None)
    line.done()


def test_volumes_are_in_the_set_units() -> None:
    answers = view().replace(b"unit = 2", b"unit = 0")
    line = ScriptedLine(
        [
            said("view parameter", answers, echo=True),
            said("pump status", b"1\r\n", echo=True),
            said("pump status", b"1\r\n", echo=True),
            said("pump status", b"1\r\n", echo=True),
            said("dispensed volume", b"dispensed volume = 0.1234\r\n", echo=True),
            said("dispensed volume", b"dispensed volume = 0.1234\r\n", echo=True),  # somebody else's run: twice
        ]
    )
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump"))
    pump.connect()
    status = pump.status()
    assert status.infused_ul == pytest.approx(123.4)
    assert status.counter_step_ul == pytest.approx(0.1)
    line.done()


def test_the_other_status_command_is_tried_when_the_first_is_not_known() -> None:
    unknown = b"Invalid Command!\r\n"
    line = ScriptedLine(
        [
            said("view parameter", view(), echo=True),
            *[said("pump status", unknown, echo=True) for _ in range(3)],
            said("status", b"0\r\n", echo=True),
        ]
    )
    build(line, URL, line.clock, DriverOptions(instrument="pump")).connect()
    line.done()


def test_a_delayed_start_is_stopped_and_refused() -> None:
    script = whole_infusion(echo=True)[:16]
    line = ScriptedLine(
        [
            *script,
            said("start", b"Pump delay...\r\n", echo=True),
            said("pump status", b"3\r\n", echo=True),
            said("pump status", b"3\r\n", echo=True),
            said("dispensed volume", b"dispensed volume = 0.0000\r\n", echo=True),
            said("stop", b"Pump stop!\r\n", echo=True),
            said("pump status", b"0\r\n", echo=True),
            said("view parameter", view(), echo=True),
            said("dispensed volume", b"dispensed volume = 0.0000\r\n", echo=True),
            said("pump status", b"0\r\n", echo=True),
        ]
    )
    pump = build(line, URL, line.clock, DriverOptions(instrument="pump"))
    pump.connect()
    pump.program(PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=100.0))
    with pytest.raises(DeviceRefused, match="not infusing"):
        pump.start()
    line.done()
