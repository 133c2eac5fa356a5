"""The simulated older Harvard pump against the wire-format reference (pumps.md b2): its examples, and each switch."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.firmware.harvard_22 import Harvard22Firmware, Harvard22Options, build
from sim_devices.models.plunger import SyringeParameters, SyringePlunger

S = 1_000_000_000


@dataclass
class Bench:
    """A pump in the hand: bytes in, bytes out, time at will."""

    pump: Harvard22Firmware
    plunger: SyringePlunger
    now_ns: int = 0

    def ask(self, raw: bytes) -> bytes:
        self.pump.receive(raw, self.now_ns)
        return self.pump.transmit(self.now_ns)

    def say(self, *commands: str) -> str:
        """Send commands to address 0; return the last answer's lines and prompt, joined by a bar."""
        for command in commands:
            reply = self.ask(command.encode() + b"\r").decode()
        return "|".join(line.strip() for line in re.split(r"[\r\n]+", reply) if line)

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)
        assert self.pump.transmit(self.now_ns) == b"", "it never speaks unasked"


def make(loaded_ul: float = 1000.0, **options: object) -> Bench:
    plunger = SyringePlunger(SyringeParameters(loaded_ul=loaded_ul))
    pump = Harvard22Firmware(plunger, Harvard22Options(**options))  # type: ignore[arg-type]
    pump.power_on(0)
    return Bench(pump, plunger)


def ready(loaded_ul: float = 1000.0, **options: object) -> Bench:
    bench = make(loaded_ul, **options)
    bench.say("MOD VLM", "DIA 4.699", "RAT 60.00 UM", "DIR INF", "TGT 0.1", "CLD")
    return bench


def test_the_examples_of_the_reference_verbatim() -> None:
    bench = make(address=3, rate_decimals=2, decimals=2)
    for sent, answered in [
        (b"03VER\r", b"\r\nPHD1.2\r\n3:"),
        (b"03RAT50.00UM\r", b"\r\n3:"),
        (b"03RAT\r", b"\r\n50.00 ul/mn\r\n3:"),
        (b"03RUN\r", b"\r\n3>"),
        (b"03RUN\r", b"\r\nNA\r\n3>"),
        (b"03STP\r", b"\r\n3*"),
        (b"03STP\r", b"\r\nNA\r\n3*"),
    ]:
        assert bench.ask(sent) == answered, sent


def test_addresses_and_line_ends_are_switches() -> None:
    assert make(model="11", address=3).ask(b"3VER\r") == b"\r\n11V1.4\r\n03:"
    assert make(address=3, address_digits="two").ask(b" 3 VER\r") == b"\r\nPHD1.2\r\n03:"
    assert make(address_digits="none").ask(b"VER\r") == b"\r\nPHD1.2\r\n:"
    assert make(extra_cr=True).ask(b"CLD\r") == b"\r\r\n0:"
    assert make(line_ends="lf").ask(b"VER\r") == b"\nPHD1.2\r\n0:"
    assert make(address=3).ask(b"04VER\r") == b""
    assert make(keypad=True).ask(b"VER\r") == b""


def test_widths_digits_units_and_words_are_switches() -> None:
    assert ready().say("TGT") == "0.1000 ml|0:"
    assert ready(prints_unit=False).say("TGT") == "0.1000|0:"
    assert ready(padded=True).ask(b"DIA\r") == b"\r\n  4.6990\r\n0:"
    assert ready(decimals=2).say("DIA") == "4.69|0:"
    assert ready(unit_text="min").say("RAT") == "60.000 ul/min|0:"
    assert ready().say("MOD") == "VOLUME|0:"
    assert ready(mode_text="short").say("MOD") == "VLM|0:"
    assert (ready().say("AF"), ready(auto_fill=False).say("AF")) == ("ON|0:", "?|0:")


@pytest.mark.parametrize("text", ["TGT", "DEL", "MOD", "AF", "TGT 1"])
def test_only_a_phd_2000_can_be_asked_for_its_target(text: str) -> None:
    for model in ("22", "11", "oem"):
        assert make(model=model).say(text) == "?|00:"


@pytest.mark.parametrize(("model", "delivered_ul"), [("11", 0.5), ("phd-2000", 500.0)])
def test_the_unit_of_mlt_differs_by_1000_between_models(model: str, delivered_ul: float) -> None:
    bench = make(model=model)
    bench.say("MOD VLM", "MMD 4.699", "MLM 1", "MLT 0.5", "CLV", "RUN")
    bench.wait(100)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(delivered_ul, rel=1e-5)
    switched = make(model=model, mlt_unit="ul" if model == "phd-2000" else "ml")
    switched.say("MOD VLM", "MMD 4.699", "MLM 1", "MLT 0.5", "CLV", "RUN")
    switched.wait(100)
    assert switched.plunger.delivered_ul(switched.now_ns) == pytest.approx(500.5 - delivered_ul, rel=1e-5)


def test_a_target_is_looked_at_in_volume_mode_only() -> None:
    bench = ready()
    bench.say("MOD PMP", "RUN")
    bench.wait(200)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(200.0)


@pytest.mark.parametrize(("end", "prompt"), [("colon", "0:"), ("star", "0*")])
def test_a_run_ends_at_its_target_when_nobody_asks_for_hours(end: str, prompt: str) -> None:
    bench = ready(end_prompt=end)
    assert bench.say("RUN") == "0>"
    bench.wait(99.9)
    assert bench.say("DEL") == "0.0998 ml|0>" or bench.say("DEL") == "0.0999 ml|0>"
    bench.wait(7200)
    assert bench.say("DEL") == f"0.1000 ml|{prompt}"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(100.0, rel=1e-9)


def test_stop_prompts_differ_between_models() -> None:
    assert ready().say("RUN", "STP") == "0*"
    assert ready(stop_prompt="colon").say("RUN", "STP") == "0:"
    assert make(model="11").say("RUN", "STP") == "00:"


def test_an_oem_pump_knows_a_target_reached_and_both_directions() -> None:
    bench = make(model="oem", loaded_ul=500.0)
    bench.say("MMD 4.6", "ULM 60", "ULT 1", "CLV", "RUN")
    bench.wait(5)
    assert bench.say("VER") == "MLP1.0|00*T"
    assert bench.say("ULTW 1", "CLVW", "RUNW") == "00<"


@pytest.mark.parametrize(("resumes", "whole_ul"), [(True, 100.0), (False, 130.0)])
def test_whether_run_goes_on_after_a_stop_is_a_switch(resumes: bool, whole_ul: float) -> None:
    bench = ready(resumes=resumes)
    bench.say("RUN")
    bench.wait(30)
    bench.say("STP", "RUN")
    bench.wait(200)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(whole_ul)


def test_the_counter_may_clear_itself() -> None:
    bench = ready(counter_clears=True)
    for _run in range(2):
        bench.say("RUN")
        bench.wait(200)
    assert bench.say("DEL") == "0.1000 ml|0:"


def test_directions_reverse_and_refill() -> None:
    bench = ready(loaded_ul=500.0)
    assert bench.say("DIR REF", "DIR") == "REFILL|0:"
    assert bench.say("RUN") == "0<"
    bench.wait(10)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(-10.0)
    assert make(model="11").say("RUN", "REV") == "00<"


def test_a_rate_out_of_range_and_a_setting_while_running_are_refused() -> None:
    bench = ready()
    assert bench.say("RAT 9000 UM") == "OOR|0:"
    assert bench.say("DIA 99") == "OOR|0:"
    assert bench.say("RUN", "TGT 1") == "NA|0>"
    assert bench.say("RAT") == "60.000 ul/mn|0>"


def test_an_occlusion_stalls() -> None:
    bench = ready()
    bench.say("RUN")
    bench.wait(5)
    bench.plunger.block(bench.now_ns)
    bench.wait(2)
    assert bench.say("VER") == "PHD1.2|0*"
    assert bench.say("STP") == "0*"


@pytest.mark.parametrize("remembers", [True, False])
def test_a_loss_of_power_ends_the_run_and_says_nothing(remembers: bool) -> None:
    bench = ready(remembers=remembers)
    bench.say("RUN")
    bench.wait(10)
    bench.pump.power_off(bench.now_ns)
    bench.wait(5)
    bench.pump.power_on(bench.now_ns)
    bench.wait(60)
    assert bench.say("DEL") == "0.0000 ml|0:"
    assert (bench.say("TGT") == "0.1000 ml|0:") is remembers
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(10.0)


@given(st.binary(max_size=60).filter(lambda data: b"R" not in data.upper()))
def test_no_bytes_without_a_run_start_the_motor_or_break_the_pump(noise: bytes) -> None:
    bench = make()
    bench.ask(noise)
    bench.ask(b"\r")
    bench.wait(1)
    assert bench.plunger.travelled_mm(bench.now_ns) == 0
    assert bench.say("VER") == "PHD1.2|0:"


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ValueError, match="modell"):
        build("pump", SyringePlunger(), {"modell": "22"}, None)  # type: ignore[arg-type]
    for name, value in (("address", "100"), ("decimals", "9"), ("rate_decimals", "-1"), ("stall_check_ms", "0")):
        with pytest.raises(ValueError, match=name):
            build("pump", SyringePlunger(), {name: value}, None)  # type: ignore[arg-type]


def test_every_switch_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/instruments/harvard-22.md").read_text(encoding="utf-8")
    switches = page.partition("switches of the simulated")[2]
    listed = set(re.findall(r"^\| `(\w+)` \|", switches, re.MULTILINE))
    assert listed == {option.name for option in fields(Harvard22Options)}
