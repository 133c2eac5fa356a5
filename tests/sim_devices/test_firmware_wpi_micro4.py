"""The simulated Micro4 against the wire-format reference: the exchanges of pumps.md (d.1), and each switch."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.firmware.wpi_micro4 import Micro4Firmware, Micro4Options, build
from sim_devices.models.plunger import SyringeParameters, SyringePlunger

S = 1_000_000_000


@dataclass
class Bench:
    """A controller in the hand: bytes in, bytes out, time at will."""

    controller: Micro4Firmware
    plunger: SyringePlunger
    now_ns: int = 0

    def ask(self, raw: bytes) -> bytes:
        self.controller.receive(raw, self.now_ns)
        return self.controller.transmit(self.now_ns)

    def say(self, *commands: str) -> str:
        """Send commands with CR and return the last answer's text after the echo."""
        for command in commands:
            reply = self.ask(command.encode() + b"\r").decode()
            assert reply.startswith(command), reply
            assert reply.endswith("OK\n\r"), reply
        return reply[len(command) :].removeprefix(">").partition("\n\r")[0].strip()

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)
        assert self.controller.transmit(self.now_ns) == b"", "it never speaks unasked"


def make(**options: object) -> Bench:
    """Return a controller that echoes, as the reference prints it, unless the options say otherwise."""
    options.setdefault("echo", "on")
    plunger = SyringePlunger(SyringeParameters(0.46066, volume_ul=20.0, loaded_ul=10.0))
    controller = Micro4Firmware(plunger, Micro4Options(**options))  # type: ignore[arg-type]
    controller.power_on(0)
    return Bench(controller, plunger)


def ready(**options: object) -> Bench:
    bench = make(**options)
    bench.say("L1", "N", "S", "R20.0", "V400.0", "I", "EN", "C0.0")
    return bench


def test_answers_of_the_reference_verbatim() -> None:
    bench = make()
    bench.say("V200.6", "M", "R0.7", "W", "C12.1")
    for sent, answered in [
        (b"?V\r", b"?V>Target Volume = 200.6nL \n\rOK\n\r"),
        (b"?R\r", b"?R>Rate = 0.7 \n\rOK\n\r"),
        (b"?C\r", b"?C>Volume Counter = 12.1nL \n\rOK\n\r"),
        (b"?D\r", b"?D>Direction: Withdraw\n\r>OK\n\r"),
        (b"?G\r", b"?G>Motor State: Stopped\n\r>OK\n\r"),
        (b"?U\r", b"?U>Rate Units: nL/Min\n\r>OK\n\r"),
        (b"?M\r", b"?M>Mode: Non-Grouped\n\r>OK\n\r"),
        (b"?B\r", b"?B>Smooth Drive\n\r>OK\n\r"),
        (b"?E\r", b"?E>Delivered Volume\n\r>OK\n\r"),
        (b"?S\r", b"?S>Type A, 10.0uL, 60.0\n\r>OK\n\r"),
    ]:
        assert bench.ask(sent) == answered, sent


def test_the_end_of_a_command_is_a_switch() -> None:
    manual, real, both = make(terminator="semicolon"), make(terminator="cr"), make()
    assert manual.ask(b"V100.0;").startswith(b"V100.0>Target Volume = 100.0nL")
    assert manual.ask(b"?V").startswith(b"?V>Target Volume = 100.0nL"), "a letter needs no end"
    assert manual.ask(b"TA").endswith(b"OK\n\r")
    assert manual.ask(b"V200.0\r") == b"", "CR ends nothing"
    assert real.ask(b"V100.0\r").startswith(b"V100.0>")
    assert real.ask(b"V100.0;") == b""
    assert real.ask(b"?V\r") == b"", "what stands before it spoils the first command"
    assert both.ask(b"V100.0;") == both.ask(b"V100.0\r")


def test_ok_echo_and_told_values_are_switches() -> None:
    assert make(ok="plain").ask(b"?D\r") == b"?D>Direction: Infuse\n\rOK\n\r"
    assert make(ok="prompt").ask(b"V1.0\r") == b"V1.0>Target Volume = 1.0nL \n\r>OK\n\r"
    assert make(echo="off").ask(b"?D\r") == b"Direction: Infuse\n\r>OK\n\r"
    assert make(echo="prompt").ask(b"?D\r") == b">Direction: Infuse\n\r>OK\n\r"
    assert make(told=False).ask(b"V1.0\r") == b"V1.0\n\rOK\n\r"
    assert make(echo="off", told=False).ask(b"V1.0\r") == b"\n\rOK\n\r"
    assert make(unknown="ok").ask(b"X\r") == b"X\n\r>OK\n\r"
    assert make(unknown="error").ask(b"X\r") == b"X>Error\n\r>OK\n\r"
    assert make().ask(b"X\r") == b""


def test_letters_are_case_sensitive_and_bytes_may_come_one_by_one() -> None:
    bench = ready()
    assert bench.ask(b"g\r") == b""
    assert b"".join(bench.ask(bytes([byte])) for byte in b"?D\r") == b"?D>Direction: Infuse\n\r>OK\n\r"


def test_the_answer_to_r_tells_the_value_from_before() -> None:
    assert ready().say("R30.0") == "Rate = 20.0"
    assert ready(wrong_r=False).say("R30.0") == "Rate = 30.0"


def test_all_settings_apply_to_the_selected_line_alone() -> None:
    bench = make()
    bench.say("L1", "V100.0", "L2", "V200.0")
    assert (bench.say("L1", "?V"), bench.say("L2", "?V")) == ("Target Volume = 100.0nL", "Target Volume = 200.0nL")
    assert bench.ask(b"L5\r") == b""
    assert bench.say("?V") == "Target Volume = 200.0nL", "a line that does not exist is not selected"


def test_a_run_ends_at_its_target_when_nobody_asks_for_hours() -> None:
    bench = ready()
    assert bench.say("G") == "Motor State: Running"
    bench.wait(19.9)
    assert bench.say("?G") == "Motor State: Running"
    bench.wait(7200)
    assert (bench.say("?G"), bench.say("?C")) == ("Motor State: Stopped", "Volume Counter = 400.0nL")
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(0.4, rel=1e-4)


@pytest.mark.parametrize(("resumes", "whole_ul"), [(True, 0.4), (False, 0.6)])
def test_whether_g_goes_on_after_a_halt_is_a_switch(resumes: bool, whole_ul: float) -> None:
    bench = ready(resumes=resumes)
    bench.say("G")
    bench.wait(10)
    assert bench.say("H") == "Motor State: Stopped"
    bench.say("G")
    bench.wait(100)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(whole_ul, rel=1e-3)


def test_a_pause_holds_and_g_goes_on() -> None:
    bench = ready(paused_text="Held")
    bench.say("G")
    bench.wait(5)
    assert bench.say("U") == "Motor State: Held"
    bench.wait(100)
    assert bench.say("?C") == "Volume Counter = 100.0nL"
    bench.say("G")
    bench.wait(16)
    assert bench.say("?C") == "Volume Counter = 400.0nL"


def test_g_starts_every_grouped_line() -> None:
    bench = ready(grouped=True)
    bench.say("P", "G")
    assert [bench.say(f"L{line}", "?G") for line in (1, 2, 3, 4)] == ["Motor State: Running"] * 4
    bench.say("L1", "H")
    assert bench.say("L2", "?G") == "Motor State: Running"


def test_other_lines_do_not_move_the_syringe() -> None:
    bench = ready(plunger_line=2)
    bench.say("G")
    bench.wait(60)
    assert bench.say("?C") == "Volume Counter = 400.0nL"
    assert bench.plunger.travelled_mm(bench.now_ns) == 0.0


def test_a_rate_out_of_range_is_silently_another_one() -> None:
    clamping, keeping = ready(), ready(out_of_range="keep")  # 60 mm/min of type A: 166.7 nL/s
    assert clamping.say("R999.", "?R") == "Rate = 166.6"
    assert keeping.say("R999.", "?R") == "Rate = 20.0"


def test_only_as_many_characters_of_a_number_are_looked_at_as_its_field_has() -> None:
    assert ready().say("R1000.0", "?R") == "Rate = 166.6"
    assert ready().say("V123456.7", "?V") == "Target Volume = 123456.0nL"
    assert ready().say("R12.34", "?R") == "Rate = 12.3"


def test_the_syringe_type_scales_what_is_delivered() -> None:
    bench = ready()
    assert bench.say("T5") == "Type 5, 100.0uL, 60.0"
    bench.say("G")
    bench.wait(60)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(0.04, rel=1e-3)
    assert bench.say("T11") == "Type A, 10.0uL, 60.0"


def test_counters_show_what_was_delivered_or_what_remains() -> None:
    bench = ready()
    bench.say("G")
    bench.wait(5)
    assert (bench.say("?C"), bench.say("EI", "?C")) == ("Volume Counter = 100.0nL", "Volume Counter = 300.0nL")
    clearing = ready(counter_clears=True)
    clearing.say("C50.0", "G")
    assert clearing.say("?C") == "Volume Counter = 0.0nL"


def test_a_withdrawal_pulls_and_a_disabled_line_does_not_move() -> None:
    bench = ready()
    bench.say("W", "D", "G")
    bench.wait(5)
    assert bench.plunger.travelled_mm(bench.now_ns) == 0.0
    bench.say("N", "G")
    bench.wait(5)
    assert bench.plunger.travelled_mm(bench.now_ns) < 0


@pytest.mark.parametrize("remembers", [True, False])
def test_a_loss_of_power_ends_the_run_and_says_nothing(remembers: bool) -> None:
    bench = ready(remembers=remembers, selected=3)
    bench.say("L1", "G")
    bench.wait(5)
    bench.controller.power_off(bench.now_ns)
    assert bench.ask(b"?G\r") == b""
    bench.wait(5)
    bench.controller.power_on(bench.now_ns)
    bench.wait(60)
    assert bench.controller.selected == 3
    assert (bench.say("L1", "?G"), bench.say("?C")) == ("Motor State: Stopped", "Volume Counter = 0.0nL")
    assert (bench.say("?V") == "Target Volume = 400.0nL") is remembers
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(0.1, rel=1e-3)


@given(st.binary(max_size=60).filter(lambda data: b"G" not in data))
def test_no_bytes_without_a_g_start_the_motor_or_break_the_controller(noise: bytes) -> None:
    bench = make()
    bench.ask(noise)
    bench.ask(b"\r")
    bench.wait(1)
    assert bench.plunger.travelled_mm(bench.now_ns) == 0
    assert bench.say("?G") == "Motor State: Stopped"


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ValueError, match="echoo"):
        build("pump", SyringePlunger(), {"echoo": "1"}, None)  # type: ignore[arg-type]
    for name, value in (("selected", "5"), ("plunger_line", "0"), ("decimals", "9")):
        with pytest.raises(ValueError, match=name):
            build("pump", SyringePlunger(), {name: value}, None)  # type: ignore[arg-type]


def test_every_switch_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/instruments/wpi-micro4.md").read_text(encoding="utf-8")
    switches = page.partition("switches of the simulated")[2]
    listed = set(re.findall(r"^\| `(\w+)` \|", switches, re.MULTILINE))
    assert listed == {option.name for option in fields(Micro4Options)}
