"""The exchanges printed in the New Era wire reference (a.7), byte for byte, against codec and driver."""

from __future__ import annotations

import pytest

from drivers.capabilities import DriverOptions, Identity, Motion, PumpAlarm, PumpProgram
from drivers.new_era import NewEraPump, build, codec
from drivers.new_era.framing import Frame, PumpFramer, basic_command, safe_command
from tests.drivers.kit import URL, ScriptedLine, Step, step


def stx(text: str) -> bytes:
    return b"\x02" + text.encode() + b"\x03"


def packet(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)


SAFE_COMMANDS = {
    "SAF0": "02 08 53 41 46 30 55 43 03",
    "0SAF0": "02 09 30 53 41 46 30 59 AD 03",
    "SAF5": "02 08 53 41 46 35 05 E6 03",
    "0SAF5": "02 09 30 53 41 46 35 09 08 03",
    "": "02 04 00 00 03",
    "0": "02 05 30 36 53 03",
    "0VER": "02 08 30 56 45 52 48 09 03",
    "0RUN": "02 08 30 52 55 4E 44 07 03",
    "0STP": "02 08 30 53 54 50 B3 F9 03",
}
SAFE_REPLIES = {
    "00S": "02 07 30 30 53 AA A6 03",
    "00SNE1000V3.928": "02 13" + b"00SNE1000V3.928".hex() + "27 22 03",
    "00I": "02 07 30 30 49 19 DD 03",
    "00P": "02 07 30 30 50 9A C5 03",
    "00A?T": "02 09 30 30 41 3F 54 05 40 03",
    "00A?S": "02 09 30 30 41 3F 53 75 A7 03",
    "00A?R": "02 09 30 30 41 3F 52 65 86 03",
    "00S?COM": "02 0B 30 30 53 3F 43 4F 4D B5 80 03",
    "00II12.34W0.000UL": "02 15" + b"00II12.34W0.000UL".hex() + "8E FE 03",
}
BASIC_REPLIES = [
    "00A?R",
    "00SNE1000V3.928",
    "00S",
    "00S?OOR",
    "00S100.0UL",
    "00I",
    "00II12.34W0.000UL",
    "00P",
    "00S?NA",
    "00S?",
]


@pytest.mark.parametrize(("text", "expected"), SAFE_COMMANDS.items())
def test_safe_commands_are_packed_as_the_reference_prints_them(text: str, expected: str) -> None:
    assert safe_command(text) == packet(expected)


@pytest.mark.parametrize(("text", "wire"), SAFE_REPLIES.items())
def test_safe_replies_are_unpacked_as_the_reference_prints_them(text: str, wire: str) -> None:
    assert PumpFramer().feed(packet(wire), 0) == [Frame(text.encode(), safe=True)]


@pytest.mark.parametrize("text", BASIC_REPLIES)
def test_basic_replies_are_unpacked_and_understood(text: str) -> None:
    (frame,) = PumpFramer().feed(stx(text), 0)
    assert frame == Frame(text.encode(), safe=False)
    assert codec.parse_reply(frame.text) is not None


def test_basic_commands_end_with_cr() -> None:
    assert basic_command("VER") == bytes.fromhex("56 45 52 0D")
    assert basic_command("0VER") == bytes.fromhex("30 56 45 52 0D")


def test_meanings_of_the_printed_replies() -> None:
    assert codec.parse_reply(b"00A?R") == codec.Reply(0, Motion.UNKNOWN, PumpAlarm.RESET, "")
    counters = codec.parse_reply(b"00II12.34W0.000UL")
    assert counters is not None
    assert counters.motion is Motion.INFUSING
    dispensed = codec.parse_dispensed(counters.data)
    assert dispensed is not None
    assert (dispensed.infused_ul, dispensed.withdrawn_ul, round(dispensed.step_ul, 9)) == (12.34, 0.0, 0.01)
    assert codec.parse_volume("100.0UL") == (100.0, "UL")
    refused = codec.parse_reply(b"00S?OOR")
    assert refused is not None
    assert refused.error == "OOR"


def driver(line: ScriptedLine) -> NewEraPump:
    return build(line, URL, line.clock, DriverOptions(instrument="pump"))


BASIC_CONNECT = [
    step(b"0VER\r", stx("00A?R")),  # first command after power-up, not executed
    step(b"0VER\r", stx("00SNE1000V3.928")),
]
BASIC_PROGRAM = [
    step(b"0\r", stx("00S")),
    step(b"0DIA4.699\r", stx("00S")),
    step(b"0PHN2\r", stx("00S")),
    step(b"0FUNSTP\r", stx("00S")),
    step(b"0FUN\r", stx("00SSTP")),
    step(b"0PHN1\r", stx("00S")),
    step(b"0FUNRAT\r", stx("00S")),
    step(b"0RAT50.00UM\r", stx("00S")),
    step(b"0VOL100.0\r", stx("00S")),
    step(b"0DIRINF\r", stx("00S")),
    step(b"0PF0\r", stx("00S")),
    step(b"0PF\r", stx("00S0")),
    step(b"0TRGOF\r", stx("00S")),
    step(b"0TRG\r", stx("00SOF")),
    step(b"0LOC0\r", stx("00S")),
    step(b"0CLDINF\r", stx("00S")),
    step(b"0CLDWDR\r", stx("00S")),
    step(b"0PHN\r", stx("00S1")),
    step(b"0FUN\r", stx("00SRAT")),
    step(b"0VOL\r", stx("00S100.0UL")),
    step(b"0DIA\r", stx("00S4.699")),
    step(b"0RAT\r", stx("00S50.00UM")),
    step(b"0VOL\r", stx("00S100.0UL")),
    step(b"0DIR\r", stx("00SINF")),
    step(b"0DIS\r", stx("00SI0.000W0.000UL")),
    step(b"0DIS\r", stx("00SI0.000W0.000UL")),  # twice: in Basic mode nothing else shows a broken digit
]
BASIC_RUN_AND_STOP = [
    step(b"0RUN\r", stx("00I")),
    step(b"0DIS\r", stx("00II0.000W0.000UL")),
    step(b"0DIS\r", stx("00II0.000W0.000UL")),
    step(b"0DIS\r", stx("00II12.34W0.000UL")),
    step(b"0DIS\r", stx("00II12.34W0.000UL")),
    step(b"0STP\r", stx("00P")),
    step(b"0\r", stx("00P")),
    step(b"0DIS\r", stx("00PI12.34W0.000UL")),
    step(b"0DIS\r", stx("00PI12.34W0.000UL")),
    step(b"0STP\r", stx("00S")),
    step(b"0\r", stx("00S")),
    step(b"0DIS\r", stx("00SI12.34W0.000UL")),
    step(b"0DIS\r", stx("00SI12.34W0.000UL")),
    step(b"0STP\r", stx("00S?NA")),  # stopped already: no failure of a stop
    step(b"0\r", stx("00S")),
    step(b"0DIS\r", stx("00SI12.34W0.000UL")),
    step(b"0DIS\r", stx("00SI12.34W0.000UL")),
]


def test_a_whole_infusion_in_basic_mode_byte_for_byte() -> None:
    line = ScriptedLine([*BASIC_CONNECT, *BASIC_PROGRAM, *BASIC_RUN_AND_STOP])
    pump = driver(line)

    assert pump.connect() == Identity("new-era", "NE-1000", "3.928")
    program = PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=100.0)
    assert pump.program(program) == program
    assert pump.start().motion is Motion.INFUSING
    running = pump.status()
    assert (running.motion, running.infused_ul) == (Motion.INFUSING, 12.34)
    assert running.counter_step_ul == pytest.approx(0.01)
    assert [pump.stop().motion for _ in range(3)] == [Motion.PAUSED, Motion.STOPPED, Motion.STOPPED]
    line.done()


def as_safe(basic: Step) -> Step:
    """The same exchange in Safe framing: same text, other envelope (a.6)."""
    return step(
        safe_command(basic.expect.decode().rstrip("\r")),
        *(safe_command(reply[1:-1].decode()) for _delay, reply in basic.replies),
    )


def test_a_whole_infusion_in_safe_mode_byte_for_byte() -> None:
    line = ScriptedLine(
        [
            *BASIC_CONNECT,
            step(b"0SAF5\r", packet(SAFE_REPLIES["00S"])),  # answered in the framing of the new mode
            step(safe_command("0SAF"), safe_command("00S5")),
            *map(as_safe, BASIC_PROGRAM[:-1]),
            step(packet(SAFE_COMMANDS["0RUN"]), packet(SAFE_REPLIES["00I"])),
            step(safe_command("0DIS"), safe_command("00II0.000W0.000UL")),
            step(safe_command("0DIS"), packet(SAFE_REPLIES["00II12.34W0.000UL"])),
            step(packet(SAFE_COMMANDS["0STP"]), packet(SAFE_REPLIES["00P"])),
            step(packet(SAFE_COMMANDS["0"]), packet(SAFE_REPLIES["00P"])),
            step(safe_command("0DIS"), safe_command("00PI12.34W0.000UL")),
            step(packet(SAFE_COMMANDS["0"]), packet(SAFE_REPLIES["00P"])),
            step(packet(SAFE_COMMANDS["0SAF0"]), stx("00P")),
            step(b"0SAF\r", stx("00P0")),
        ]
    )
    pump = driver(line)

    pump.connect()
    assert pump.arm_watchdog(5)
    program = PumpProgram(diameter_mm=4.699, rate_ul_per_min=50.0, target_ul=100.0)
    assert pump.program(program) == program
    pump.start()
    assert pump.status().infused_ul == 12.34
    assert pump.stop().motion is Motion.PAUSED
    pump.disarm_watchdog()
    line.done()


def test_a_pump_left_in_safe_mode_is_found_by_its_framing() -> None:
    line = ScriptedLine(
        [
            step(b"0VER\r"),  # bare ASCII is ignored in Safe mode
            step(packet(SAFE_COMMANDS["0VER"]), packet(SAFE_REPLIES["00A?R"])),
            step(packet(SAFE_COMMANDS["0VER"]), packet(SAFE_REPLIES["00SNE1000V3.928"])),
        ]
    )
    assert driver(line).connect().model == "NE-1000"
    line.done()
