"""The simulated Chemyx pump against the wire-format reference: the exchanges of pumps.md (c), and each switch."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.firmware.chemyx import ChemyxFirmware, ChemyxOptions, build
from sim_devices.models.plunger import SyringeParameters, SyringePlunger

S = 1_000_000_000


@dataclass
class Bench:
    """A pump in the hand: bytes in, bytes out, time at will."""

    pump: ChemyxFirmware
    plunger: SyringePlunger
    now_ns: int = 0

    def ask(self, raw: bytes) -> bytes:
        self.pump.receive(raw, self.now_ns)
        return self.pump.transmit(self.now_ns)

    def say(self, text: str) -> str:
        """Return the only line of an answer in the default form."""
        reply = self.ask(text.encode() + b"\r")
        assert reply.startswith(text.encode() + b"\r"), reply
        assert reply.endswith(b"\r\n>"), reply
        return reply[len(text) + 1 : -3].decode()

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)
        assert self.pump.transmit(self.now_ns) == b"", "it never speaks unasked"


def make(loaded_ul: float = 1000.0, **options: object) -> Bench:
    plunger = SyringePlunger(SyringeParameters(loaded_ul=loaded_ul))
    pump = ChemyxFirmware(plunger, ChemyxOptions(**options))  # type: ignore[arg-type]
    pump.power_on(0)
    return Bench(pump, plunger)


def ready(volume: str = "100", rate: str = "50", loaded_ul: float = 1000.0, **options: object) -> Bench:
    bench = make(loaded_ul, **options)
    for text in ("set units 2", "set diameter 4.699", f"set volume {volume}", f"set rate {rate}", "set delay 0"):
        bench.say(text)
    return bench


def test_exchanges_of_the_reference_verbatim() -> None:
    bench = make()
    for sent, answered in [
        (b"set units 2\r", b"set units 2\runits = 2\r\n>"),
        (b"set diameter 4.699\r", b"set diameter 4.699\rdiameter = 4.699\r\n>"),
        (b"set rate 50\r", b"set rate 50\rrate = 50.000000\r\n>"),
        (b"start\r", b"start\rPump start running...\r\n>"),
        (b"pump status\r", b"pump status\r1\r\n>"),
        (b"pause\r", b"pause\rPump pause!\r\n>"),
        (b"stop\r", b"stop\rPump stop!\r\n>"),
    ]:
        assert bench.ask(sent) == answered, sent


def test_values_are_printed_as_the_table_shows_them() -> None:
    bench = make()
    assert bench.say("set units 0") == "units = 0"
    assert bench.say("set diameter 28.6") == "diameter = 28.600"
    assert bench.say("set volume 0.1") == "volume = 0.100000"
    bench.say("set rate 0.1")
    bench.say("start")
    bench.wait(0.51234 * 60)
    assert bench.say("elapsed time") == "elapsed time = 0.51234"
    assert bench.say("dispensed volume") == "dispensed volume = 0.0512"
    assert bench.say("read limit parameter") == "125.9622 0.0002 106.0288 0.0141"


def test_lines_end_with_cr_and_never_with_lf_alone() -> None:
    bench = make()
    assert bench.ask(b"pump status\n") == b""
    assert bench.ask(b"\r") == b"pump status\r0\r\n>"
    assert bench.ask(b"pump status\r\n") == b"pump status\r0\r\n>"
    assert bench.ask(b"\nset rate 1 \r") == b"set rate 1\rrate = 1.000000\r\n>"


def test_bytes_that_come_one_by_one_make_the_same_answer() -> None:
    bench = make()
    assert b"".join(bench.ask(bytes([byte])) for byte in b"pump status\r") == b"pump status\r0\r\n>"


@pytest.mark.parametrize(("end", "wire"), [("cr", b"\r"), ("crlf", b"\r\n"), ("lfcr", b"\n\r")])
def test_the_end_of_the_echo_is_a_switch(end: str, wire: bytes) -> None:
    assert make(echo_end=end).ask(b"pump status\r") == b"pump status" + wire + b"0\r\n>"


def test_echo_can_be_switched_and_comes_back_with_power() -> None:
    bench = make()
    assert bench.ask(b"echo off\r") == b"echo off\r\r\n>"
    assert bench.ask(b"pump status\r") == b"0\r\n>"
    bench.pump.power_off(bench.now_ns)
    assert bench.ask(b"pump status\r") == b""
    bench.pump.power_on(bench.now_ns)
    assert bench.ask(b"pump status\r") == b"pump status\r0\r\n>"


@pytest.mark.parametrize(("separator", "wire"), [("lfcr", " \n\r"), ("crlf", "\r\n")])
def test_view_parameter_lines_are_separated_by_either(separator: str, wire: str) -> None:
    bench = ready(view_separator=separator)
    lines = [
        "unit = 2",
        "dia = 4.699",
        "rate = 50.000000",
        "time = 2.000000",
        "volume = 100.000000",
        "delay = 0.000000",
    ]
    assert bench.ask(b"view parameter\r").decode() == "view parameter\r" + wire.join(lines) + "\r\n>"


def test_other_texts_are_switches() -> None:
    assert ready(start_text="started").say("start") == "Pump started!"
    assert ready(start_text="ellipsis").say("start") == "Pump start running\u2026"
    assert "unit = uL/min" in ready(view_unit="text").ask(b"view parameter\r").decode()
    assert ready(decimals=3).say("set rate 50") == "rate = 50.000"
    assert make(status_command="status").say("pump status") == "Invalid Command!"
    assert make(status_command="pump status").say("status") == "Invalid Command!"


@pytest.mark.parametrize("text", ["set volume 1,2", "set rate 1/2", "set rate x", "SET RATE 1", "set power 3"])
def test_what_it_does_not_know_in_basic_mode_changes_nothing(text: str) -> None:
    bench = ready()
    before = bench.ask(b"view parameter\r")
    assert bench.say(text) == "Invalid Command!"
    assert bench.ask(b"view parameter\r") == before


def test_a_rate_out_of_range_is_silently_another_one() -> None:
    clamping, keeping = ready(), ready(out_of_range="keep")
    high = float(clamping.say("read limit parameter").split(" ")[0])
    assert float(clamping.say("set rate 99999").removeprefix("rate = ")) == pytest.approx(high, abs=1e-4)
    assert keeping.say("set rate 99999") == "rate = 50.000000"
    assert keeping.say("set rate 0") == "rate = 50.000000"


def test_limits_follow_units_and_diameter() -> None:
    bench = ready()
    in_ul = [float(text) for text in bench.say("read limit parameter").split(" ")]
    bench.say("set units 1")
    in_ml_per_hour = [float(text) for text in bench.say("read limit parameter").split(" ")]
    assert in_ml_per_hour[0] == pytest.approx(in_ul[0] * 60 / 1000, rel=1e-4)
    assert in_ml_per_hour[2] == pytest.approx(in_ul[2] / 1000, rel=1e-3)
    bench.say("set units 2")
    bench.say("set diameter 9.398")
    assert float(bench.say("read limit parameter").split(" ")[0]) == pytest.approx(4 * in_ul[0], rel=1e-6)


def test_a_run_ends_at_its_volume_when_nobody_asks_for_hours() -> None:
    bench = ready()
    bench.say("start")
    bench.wait(119.9)
    assert bench.say("pump status") == "1"
    bench.wait(7200)
    assert bench.say("pump status") == "0"
    assert bench.say("dispensed volume") == "dispensed volume = 100.0000"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(100.0, rel=1e-9)


def test_start_resumes_after_a_pause_and_begins_anew_after_a_stop() -> None:
    bench = ready()
    bench.say("start")
    bench.wait(60)
    bench.say("pause")
    bench.wait(1000)
    assert (bench.say("pump status"), bench.say("dispensed volume")) == ("2", "dispensed volume = 50.0000")
    bench.say("start")
    bench.wait(61)
    assert bench.say("dispensed volume") == "dispensed volume = 100.0000"
    bench.say("start")
    bench.wait(60)
    bench.say("stop")
    bench.say("start")
    bench.wait(121)
    assert bench.say("dispensed volume") == "dispensed volume = 100.0000"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(250.0, rel=1e-9)


def test_restart_begins_anew() -> None:
    bench = ready()
    bench.say("start")
    bench.wait(60)
    assert bench.say("restart") == "Pump restart!"
    bench.wait(121)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(150.0, rel=1e-9)


def test_a_delay_comes_before_the_run() -> None:
    bench = ready()
    assert bench.say("set delay 0.5") == "delay = 0.500000"
    assert bench.say("start") == "Pump delay..."
    assert bench.say("pump status") == "3"
    bench.wait(29)
    assert bench.plunger.travelled_mm(bench.now_ns) == 0
    bench.wait(2)
    assert bench.say("pump status") == "1"


def test_a_negative_volume_withdraws() -> None:
    bench = ready(volume="-100", loaded_ul=500.0)
    bench.say("start")
    bench.wait(121)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(-100.0, rel=1e-9)


def test_volume_zero_is_endless_or_the_smallest() -> None:
    endless, smallest = ready(volume="0"), ready(volume="0", zero_is_endless=False)
    for bench in (endless, smallest):
        bench.say("start")
        bench.wait(600)
    assert endless.plunger.delivered_ul(endless.now_ns) == pytest.approx(500.0)
    assert smallest.plunger.delivered_ul(smallest.now_ns) < 1.0


@pytest.mark.parametrize(("clears", "shown"), [("start", "10.0000"), ("set", "10.0000"), ("never", "20.0000")])
def test_when_the_counter_begins_anew_is_a_switch(clears: str, shown: str) -> None:
    bench = ready(volume="10", counter_clears=clears)
    bench.say("start")
    bench.wait(13)
    bench.say("set volume 10")
    left = bench.say("dispensed volume")
    assert left == ("dispensed volume = 0.0000" if clears == "set" else "dispensed volume = 10.0000")
    bench.say("start")
    bench.wait(13)
    assert bench.say("dispensed volume") == f"dispensed volume = {shown}"


def test_a_screen_in_multi_step_mode_runs_what_it_shows() -> None:
    bench = ready(volume="10", multi_step_ul_per_min=200.0)
    bench.say("start")
    bench.wait(60)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(200.0)


def test_a_running_pump_keeps_its_settings() -> None:
    bench = ready()
    bench.say("start")
    assert bench.say("set rate 10") == "rate = 50.000000"


def test_an_occlusion_and_an_empty_syringe_stall() -> None:
    bench, empty = ready(), ready(loaded_ul=20.0)
    bench.say("start")
    empty.say("start")
    bench.wait(10)
    bench.plunger.block(bench.now_ns)
    bench.wait(2)
    empty.wait(60)
    assert (bench.say("pump status"), empty.say("pump status")) == ("4", "4")
    assert bench.say("dispensed volume") == "dispensed volume = 8.3333"
    assert bench.say("stop") == "Pump stop!"
    assert bench.say("pump status") == "0"


@pytest.mark.parametrize("remembers", [True, False])
def test_a_loss_of_power_ends_the_run_and_says_nothing(remembers: bool) -> None:
    bench = ready(remembers=remembers)
    bench.say("start")
    bench.wait(10)
    bench.pump.power_off(bench.now_ns)
    bench.wait(5)
    bench.pump.power_on(bench.now_ns)
    bench.wait(60)
    assert (bench.say("pump status"), bench.say("dispensed volume")) == ("0", "dispensed volume = 0.0000")
    assert ("dia = 4.699" in bench.ask(b"view parameter\r").decode()) is remembers
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(50 / 6)


@given(st.binary(max_size=80))
def test_no_bytes_whatever_start_the_motor_or_break_the_pump(noise: bytes) -> None:
    bench = make()
    bench.ask(noise)
    bench.ask(b"\r")
    bench.wait(1)
    assert bench.plunger.travelled_mm(bench.now_ns) == 0
    assert bench.say("pump status") == "0"


@given(st.floats(0.01, 3000.0), st.integers(0, 4))
def test_every_rate_in_range_reads_back_as_sent(rate: float, decimals: int) -> None:
    text = f"{rate:.{decimals}f}"
    bench = ready()
    if float(text) >= 0.01:
        assert float(bench.say(f"set rate {text}").partition(" = ")[2]) == pytest.approx(float(text), abs=1e-6)


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ValueError, match="echoo"):
        build("pump", SyringePlunger(), {"echoo": "1"}, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="decimals"):
        ChemyxOptions(decimals=10)


def test_every_switch_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/instruments/chemyx.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {option.name for option in fields(ChemyxOptions)}
