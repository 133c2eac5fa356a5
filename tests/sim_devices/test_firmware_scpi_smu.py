"""The simulated source-measure unit against potentiostats.md 5 and the makers' manuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.firmware.scpi_smu import SmuFirmware, SmuOptions, build

S = 1_000_000_000


@dataclass
class Electrodes:
    """A front end whose current is given by a function of the time in s."""

    current: Callable[[float], float] = lambda _t_s: 1.234567e-9
    on: bool = False
    potential_v: float = 0.0
    switched: list[tuple[bool, float]] = field(default_factory=list)

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        if (on, potential_v) != (self.on, self.potential_v):
            self.switched.append((on, potential_v))
        self.on, self.potential_v = on, potential_v

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        assert electrode == 0
        assert self.on
        return self.current(t_ns / S)


@dataclass
class Bench:
    device: SmuFirmware
    electrodes: Electrodes
    end: bytes
    now_ns: int = 0

    def say(self, *commands: str) -> None:
        for command in commands:
            self.device.receive(command.encode() + self.end, self.now_ns)

    def ask(self, query: str, wait_s: float = 0.0) -> str:
        self.say(query)
        self.now_ns += round(wait_s * S)
        return self.device.transmit(self.now_ns).decode("ascii")

    def wait(self, seconds: float) -> str:
        self.now_ns += round(seconds * S)
        return self.device.transmit(self.now_ns).decode("ascii")

    def errors(self) -> list[int]:
        found = []
        while (answer := self.ask(":SYST:ERR?")) != '0,"No error"\r':
            found.append(int(answer.split(",")[0]))
        return found


def make(current: Callable[[float], float] | None = None, **options: object) -> Bench:
    electrodes = Electrodes(current) if current else Electrodes()
    device = SmuFirmware(electrodes, SmuOptions(**options))  # type: ignore[arg-type]
    device.power_on(0)
    return Bench(device, electrodes, b"\n" if options.get("model") == "6517B" else b"\r")


REFERENCE = (
    "*RST", ":SOUR:FUNC VOLT", ":SOUR:VOLT:RANG 2", ":SOUR:VOLT 0.6", ':SENS:FUNC "CURR"', ":SENS:CURR:PROT 1E-6",
    ":SENS:CURR:RANG 1E-8", ":SENS:CURR:NPLC 1", ":FORM:ELEM VOLT,CURR,TIME,STAT", ":OUTP ON",
)  # fmt: skip


def test_the_printed_exchange_byte_for_byte() -> None:
    bench = make(quantise=False, on_for_s=12.345 - 0.03, firmware="A01")
    bench.say(*REFERENCE)
    assert bench.ask(":READ?", 0.2) == "+6.000000E-01,+1.234567E-09,+1.234500E+01,+2.150800E+04\r"
    assert bench.electrodes.on
    bench.say(":OUTP OFF")
    assert bench.ask(":OUTP?") == "0\r"
    assert bench.ask("*IDN?") == "KEITHLEY INSTRUMENTS INC.,MODEL 6430,0812345,A01\r"
    assert bench.ask(":SYST:ERR?") == '0,"No error"\r'


def test_the_default_reading_has_five_numbers_of_which_one_is_none() -> None:
    bench = make(quantise=False, on_for_s=12.345 - 0.03)
    bench.say(*(command for command in REFERENCE if "FORM" not in command))
    assert bench.ask(":READ?", 0.2) == "+6.000000E-01,+1.234567E-09,+9.910000E+37,+1.234500E+01,+2.150800E+04\r"


def test_long_and_short_forms_paths_and_several_answers() -> None:
    bench = make()
    bench.say(":sense1:current:dc:nplcycles 2;range 1e-6", "SOURCE:VOLTAGE:LEVEL 0.5;:syst:azer:stat off")
    assert bench.ask(":SENS:CURR:NPLC?;:SENS:CURR:RANG?;:SOUR:VOLT?;:SYST:AZER?;*ESE?") == (
        "2.000000E+00;1.050000E-06;5.000000E-01;0;0\r"
    )
    assert bench.errors() == []


@pytest.mark.parametrize(
    ("command", "error"),
    [(":FLY", -113), (":SENS:CURR:NPLC 11", -222), (":SENS:CURR:NPLC", -109), (":SENS:CURR:NPLC x", -104),
     (":OUTP:SMOD SOFT", -224), (":READ?", 803), (":SENS:CURR:RANG 1E-3", 824), (":SENS:CURR:PROT 1E-9", -222),
     (":SENSE:CURRE:NPLC 1", -113), (":SYST:ZCH OFF", -113)],
)  # fmt: skip
def test_what_it_refuses_is_in_its_queue(command: str, error: int) -> None:
    bench = make()
    bench.say(":SENS:CURR:RANG 1E-4")
    assert bench.ask(command, 1.0) == ""
    assert bench.errors() == [error]
    assert bench.errors() == []


def test_the_queue_of_errors_overflows() -> None:
    bench = make()
    bench.say(*[":FLY"] * 15)
    assert bench.errors() == [-113] * 9 + [-350]


def test_elements_have_long_names_too_and_an_order_of_their_own() -> None:
    bench = make()
    bench.say(":FORMAT:ELEMENTS STATUS, RESISTANCE,time,Curr")
    assert bench.ask(":FORM:ELEM?") == "CURR,RES,TIME,STAT\r"
    bench.say(":FORM:ELEM CURRE")
    assert bench.errors() == [-224]


def test_a_current_comes_in_steps_of_its_range() -> None:
    bench = make()
    bench.say(*REFERENCE, ":FORM:ELEM CURR")
    assert bench.ask(":READ?", 0.2) == "+1.234600E-09\r", "100 fA on the 10 nA range"


@pytest.mark.parametrize(
    ("current_a", "current", "status"),
    [(12e-9, "+1.000000E-08", 21508 | 8), (-12e-9, "-1.000000E-08", 21508 | 8), (9e-9, "+9.000000E-09", 21508)],
)
def test_compliance_holds_the_current(current_a: float, current: str, status: int) -> None:
    bench = make(lambda _t: current_a)
    bench.say(*REFERENCE, ":SENS:CURR:PROT 1E-8", ":FORM:ELEM CURR,STAT")
    assert bench.ask(":READ?", 0.2) == f"{current},{status:+.6E}\r"


@pytest.mark.parametrize(("current_a", "tripped"), [(0.9e-6, "0"), (5e-6, "1"), (-5e-6, "1")])
def test_it_says_whether_compliance_holds_the_current_now(current_a: float, tripped: str) -> None:
    bench = make(lambda _t_s: current_a)
    bench.say(*REFERENCE[:-1])
    assert bench.ask(":SENS:CURR:PROT:TRIP?") == "0\r", "the output is off"
    bench.say(":OUTP ON")
    assert bench.ask(":SENS:CURR:PROT:TRIP?") == f"{tripped}\r"
    bench.say(":SENS:CURR:PROT:TRIP 1")
    assert bench.errors() == [-113]


def test_its_source_is_fixed_and_its_terminals_can_be_told() -> None:
    bench = make(model="2400")
    bench.say(":SOUR:VOLT:MODE FIX", ":ROUT:TERM REAR")
    assert bench.ask(":SOUR:VOLT:MODE?;:ROUT:TERM?") == "FIX;REAR\r"
    bench.say(":SOUR:VOLT:MODE SWE")
    assert bench.errors() == [-224]


def test_beyond_the_range_is_no_value() -> None:
    bench = make(lambda _t: 20e-9)
    bench.say(*REFERENCE, ":FORM:ELEM CURR,STAT")
    current, status = bench.ask(":READ?", 0.2).split(",")
    assert current == "+9.900000E+37"
    assert int(float(status)) & (1 | 1 << 16) == 1 | 1 << 16


def test_off_is_0_volts_unless_the_relay_is_told_to_open() -> None:
    bench = make()
    bench.say(*REFERENCE, ":OUTP OFF", ":OUTP:SMOD HIMP", ":OUTP ON", ":OUTP OFF")
    assert bench.electrodes.switched == [(True, 0.0), (True, 0.6), (True, 0.0), (False, 0.0), (True, 0.6), (False, 0.0)]


def test_a_reading_takes_its_conversions_and_what_follows_waits() -> None:
    bench = make(overhead_s=0.0)
    bench.say(*REFERENCE, ":SENS:CURR:NPLC 10")
    bench.say(":READ?", ":OUTP?")
    assert bench.device.next_event_ns(bench.now_ns) == 600_000_000
    assert bench.wait(0.59) == ""
    assert bench.wait(0.01).endswith("\r1\r")
    bench.say(":SYST:AZER OFF", ":READ?")
    assert bench.wait(0.199) == ""
    assert bench.wait(0.001) != ""


def test_its_clock_begins_anew() -> None:
    bench = make(on_for_s=99_999.0)
    bench.say(*REFERENCE, ":FORM:ELEM TIME")
    assert bench.ask(":READ?", 0.2).startswith("+9.999903E+04")
    bench.now_ns = 3 * S
    assert bench.ask(":READ?", 0.2).startswith("+2.030000E+00")
    bench.say(":SYST:TIME:RES")
    assert bench.ask(":READ?", 0.2).startswith("+3.000000E-02")


@pytest.mark.parametrize(("model", "echo"), [("2400", ""), ("6430", ""), ("6517B", "DCL\r\n")])
def test_a_device_clear_drops_what_is_under_way_and_leaves_the_output(model: str, echo: str) -> None:
    bench = make(model=model)
    bench.say(":SOUR:VOLT 0.6", ":OUTP ON", ":READ?")
    bench.device.receive(b"*IDN?\x03", bench.now_ns)
    assert bench.wait(5) == echo
    assert bench.ask(":OUTP?") == "1\r"


@pytest.mark.parametrize(
    ("options", "sent", "answers"),
    [({"model": "2400"}, b"*ESE?\n", False), ({"model": "2400"}, b"*ESE?\r", True),
     ({"model": "6517B"}, b"*ESE?\r", False),
     ({"executes_on": "terminator", "terminator": "lfcr"}, b"*ESE?\r\n", False),
     ({"executes_on": "terminator", "terminator": "lfcr"}, b"*ESE?\n\r", True), ({"model": "2400"}, b"*ESE?\r\n", True),
     ({"executes_on": "lf"}, b"*ESE?\r\n", True)],
)  # fmt: skip
def test_what_ends_a_command(options: dict[str, str], sent: bytes, answers: bool) -> None:
    bench = make(**options)  # type: ignore[arg-type]
    bench.device.receive(sent, 0)
    assert (bench.wait(1) != "") == answers


def test_flow_control_both_ways() -> None:
    bench = make(flow="xon-xoff", input_bytes=40)
    bench.say(*REFERENCE, ":SENS:CURR:NPLC 10", ":READ?")
    bench.wait(0)
    bench.say(":SENS:CURR:NPLC 1;NPLC 1;NPLC 1;NPLC 1")
    assert bench.wait(0) == "\x13"
    assert bench.wait(1.0).strip("+-0123456789.E,\r") == "\x11"
    bench.device.receive(b"\x13*IDN?\r", bench.now_ns)
    assert bench.wait(1) == ""
    bench.device.receive(b"\x11", bench.now_ns)
    assert bench.wait(0).startswith("KEITHLEY")


def test_without_flow_control_what_does_not_fit_is_lost() -> None:
    bench = make(input_bytes=40)
    bench.say(*REFERENCE, ":SENS:CURR:NPLC 10", ":READ?")
    bench.say(*["*IDN?"] * 10)
    assert bench.wait(1.0).count("KEITHLEY") < 8


def test_a_6517b_has_no_compliance_to_ask_for() -> None:
    bench = make(model="6517B")
    bench.say(":SENS:CURR:PROT:TRIP?", ":ROUT:TERM?")
    assert bench.ask(":SYST:ERR?").startswith("-113")


def test_a_6517b_has_its_zero_check_and_other_elements() -> None:
    bench = make(model="6517B", terminator="crlf")
    bench.say("*RST", ":SOUR:VOLT 0.6", ":SENS:FUNC 'CURR'", ":SENS:CURR:RANG 2E-9", ":OUTP ON", ":FORM:ELEM READ")
    assert bench.ask(":READ?", 0.2) == "+9.91000E+37\r\n"
    bench.say(":SYST:ZCH OFF")
    assert bench.ask(":READ?", 0.2) == "+1.23456E-09\r\n"
    bench.say(":FORM:ELEM READ,UNIT,TST,STAT")
    assert bench.ask(":READ?", 0.2).startswith("+1.23456E-09NADC,")


def test_hum_cancels_over_whole_periods_only() -> None:
    bench = make(hum_a=1e-9)
    bench.say(*REFERENCE, ":FORM:ELEM CURR")
    assert float(bench.ask(":READ?", 0.2037)) == pytest.approx(1.2346e-9, abs=1e-13)
    bench.say(":SENS:CURR:NPLC 0.5")
    seen = [float(bench.ask(":READ?", 0.2037)) for _ in range(20)]
    assert np.ptp(seen) > 0.5e-9


def test_a_power_cycle_forgets_everything() -> None:
    bench = make()
    bench.say(*REFERENCE)
    bench.device.power_off(bench.now_ns)
    assert not bench.electrodes.on
    assert bench.ask("*IDN?") == ""
    bench.device.power_on(bench.now_ns)
    assert bench.ask(":OUTP?;:SOUR:VOLT?;:FORM:ELEM?") == "0;0.000000E+00;VOLT,CURR,RES,TIME,STAT\r"


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match="2450"):
        build("smu", Electrodes(), {"model": "2450"}, np.random.default_rng(1))


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b":READ?", b":OUTP ON", b";;:", b"*ESE", b":FORM:ELEM ,"])))
def test_no_bytes_whatever_break_the_instrument(lines: list[bytes]) -> None:
    bench = make(flow="xon-xoff")
    for line in lines:
        bench.device.receive(line + b"\r", bench.now_ns)
        bench.wait(0.5)
    bench.device.receive(b"\x11\x03", bench.now_ns)
    bench.wait(100)
    assert bench.ask("*IDN?").startswith("KEITHLEY")
