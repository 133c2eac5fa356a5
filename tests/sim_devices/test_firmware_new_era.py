"""The simulated New Era pump against the wire-format reference: the exchanges of pumps.md a.7, and what a.2-a.6 say."""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.firmware.new_era import NewEraFirmware, NewEraOptions
from sim_devices.firmware.options import parse_options
from sim_devices.models.plunger import SyringeParameters, SyringePlunger

S = 1_000_000_000


@dataclass
class Bench:
    """A pump in the hand: bytes in, bytes out, time at will."""

    pump: NewEraFirmware
    plunger: SyringePlunger
    now_ns: int = 0

    def ask(self, raw: bytes) -> bytes:
        self.pump.receive(raw, self.now_ns)
        return self.pump.transmit(self.now_ns)

    def basic(self, text: str) -> str:
        reply = self.ask(text.encode() + b"\r")
        assert reply[:1] + reply[-1:] == b"\x02\x03", reply
        return reply[1:-1].decode()

    def safe(self, text: str) -> str:
        reply = self.ask(safe_packet(text))
        assert reply[1] == len(reply) - 1
        assert reply[-1] == 3
        assert crc_hqx(reply[2:-3], 0).to_bytes(2, "big") == reply[-3:-1]
        return reply[2:-3].decode()

    def wait(self, seconds: float) -> bytes:
        """Let time pass as a line does: from event to event."""
        end_ns = self.now_ns + round(seconds * S)
        out = b""
        while (event := self.pump.next_event_ns(self.now_ns)) is not None and event <= end_ns:
            self.now_ns = event
            out += self.pump.transmit(event)
        self.now_ns = end_ns
        return out + self.pump.transmit(end_ns)


def safe_packet(text: str) -> bytes:
    data = text.encode()
    return bytes([2, len(data) + 4]) + data + crc_hqx(data, 0).to_bytes(2, "big") + b"\x03"


def make(loaded_ul: float = 1000.0, *, alarm: bool = False, **options: object) -> Bench:
    plunger = SyringePlunger(SyringeParameters(loaded_ul=loaded_ul))
    pump = NewEraFirmware(plunger, NewEraOptions(power_up_alarm=alarm, **options))  # type: ignore[arg-type]
    pump.power_on(0)
    return Bench(pump, plunger)


def ready(rate: str = "50.00UM", volume: str = "100.0", **options: object) -> Bench:
    bench = make(**options)  # type: ignore[arg-type]
    for text in ("DIA4.699", f"RAT{rate}", f"VOL{volume}", "DIRINF", "CLDINF"):
        assert bench.basic(text) == "00S"
    return bench


def test_basic_exchanges_of_the_reference_verbatim() -> None:
    bench = make(alarm=True)

    assert bench.ask(bytes.fromhex("5645520D")) == bytes.fromhex("023030413F5203")
    for sent, answered in [
        (b"0VER\r", b"\x0200SNE1000V3.928\x03"),
        (b"0DIA4.699\r", b"\x0200S\x03"),
        (b"0RAT50.00UM\r", b"\x0200S\x03"),
        (b"0RAT9999MM\r", b"\x0200S?OOR\x03"),
        (b"0VOL100.0\r", b"\x0200S\x03"),
        (b"0VOL\r", b"\x0200S100.0UL\x03"),
        (b"0DIRINF\r", b"\x0200S\x03"),
        (b"0CLDINF\r", b"\x0200S\x03"),
        (b"0RUN\r", b"\x0200I\x03"),
    ]:
        assert bench.ask(sent) == answered, sent
    assert bench.wait(12.34 / 50 * 60) == b""
    for sent, answered in [
        (b"0DIS\r", b"\x0200II12.34W0.000UL\x03"),
        (b"0STP\r", b"\x0200P\x03"),
        (b"0STP\r", b"\x0200S\x03"),
        (b"0STP\r", b"\x0200S?NA\x03"),
        (b"0XYZ\r", b"\x0200S?\x03"),
    ]:
        assert bench.ask(sent) == answered, sent


def test_safe_exchanges_of_the_reference_verbatim() -> None:
    bench = ready()
    for sent, answered in [
        ("020853414630554303", "0230305303"),  # SAF0 escape
        ("0209305341463059AD03", "0230305303"),
        ("02085341463505E603", "0207303053AAA603"),  # SAF5: the reply comes in the new mode
        ("02093053414635090803", "0207303053AAA603"),
        ("0204000003", "0207303053AAA603"),
        ("020530365303", "0207303053AAA603"),
        ("020830564552480903", "0213" + b"00SNE1000V3.928".hex() + "272203"),
        ("02083052554E440703", "020730304919DD03"),
    ]:
        assert bench.ask(bytes.fromhex(sent)) == bytes.fromhex(answered), sent
    bench.now_ns += round(12.34 / 50 * 60 * S)  # a host that hung, inside one call: see the watchdog's tests
    assert bench.pump.transmit(bench.now_ns) == bytes.fromhex("02093030413F54054003")


def test_safe_stop_and_counters_of_the_reference_verbatim() -> None:
    bench = ready(saf=0)
    bench.ask(bytes.fromhex("02095341463630000003"))  # a broken packet changes nothing
    assert bench.safe("0SAF60") == "00S"
    assert bench.ask(bytes.fromhex("02083052554E440703")) == bytes.fromhex("020730304919DD03")
    bench.wait(12.34 / 50 * 60)
    assert bench.ask(safe_packet("0DIS")) == bytes.fromhex("0215" + b"00II12.34W0.000UL".hex() + "8EFE03")
    assert bench.ask(bytes.fromhex("020830535450B3F903")) == bytes.fromhex("02073030509AC503")


def test_a_damaged_safe_packet_is_answered_com_and_changes_nothing() -> None:
    bench = ready(saf=0)
    bench.safe("SAF5")

    assert bench.ask(bytes.fromhex("02083052554E440803")) == bytes.fromhex("020B3030533F434F4DB58003")
    assert bench.safe("") == "00S"


def test_crc_and_length_bytes_that_look_like_control_characters_end_nothing() -> None:
    bench = make(saf=5)
    # "SAF" + padding spaces gives every length, also 0x0D and 0x03's neighbours; spaces are deleted by the pump
    for padding in range(40):
        assert bench.safe("0" + " " * padding + "SAF") == "00S5"


def test_a_partial_packet_is_dropped_after_half_a_second() -> None:
    bench = make(saf=5)
    bench.ask(safe_packet("0RUN")[:5])
    bench.now_ns += 600_000_000

    assert bench.safe("0SAF") == "00S5"


def test_safe_mode_ignores_bare_text_and_basic_mode_understands_packets() -> None:
    bench = make()
    assert bench.ask(safe_packet("0VER")) == b"\x0200SNE1000V3.928\x03"
    bench.safe("SAF9")
    assert bench.ask(b"0VER\r") == b""
    assert bench.ask(safe_packet("SAF0")) == b"\x0200S\x03"
    assert bench.basic("VER") == "00SNE1000V3.928"


def test_escape_and_text_in_one_write_are_both_heard() -> None:
    bench = make(saf=5)
    assert bench.ask(safe_packet("SAF0") + b"VER\r") == b"\x0200S\x03\x0200SNE1000V3.928\x03"


def test_reply_framing_rule_is_a_switch() -> None:
    bench = make(reply_framing="before")
    assert bench.ask(safe_packet("SAF5")) == b"\x0200S\x03"


@pytest.mark.parametrize("typed", ["0 rat 50 um", "\n0RAT50UM", "00RAT50UM", "rat50um", "*RAT50UM", "0R\tAT5\x000UM"])
def test_spaces_controls_and_lower_case_do_not_matter(typed: str) -> None:
    bench = ready(rate="10.00UM")
    assert bench.basic(typed) == "00S"
    assert bench.basic("RAT") == "00S50.00UM"


def test_only_the_addressed_pump_answers() -> None:
    bench = make(address=7)
    assert bench.ask(b"VER\r") == b""
    assert bench.ask(b"17VER\r") == b""
    assert bench.ask(b"7VER\r") == bench.ask(b"07VER\r") == b"\x0207SNE1000V3.928\x03"
    assert bench.basic("*ADR") == "07S07"
    assert bench.basic("*ADR12") == "12S"
    assert bench.ask(b"7VER\r") == b""
    assert bench.basic("*RESET") == "00S"


def test_paired_pumps_hear_system_commands_only() -> None:
    bench = make()
    assert bench.basic("*ADRDUAL") == "00S"
    assert bench.ask(b"0VER\r") == b""
    assert bench.basic("*ADR0") == "00S"
    assert bench.basic("0VER") == "00SNE1000V3.928"


def test_a_pending_alarm_is_told_once_and_the_command_is_not_obeyed() -> None:
    bench = make(alarm=True)
    assert bench.basic("DIA4.699") == "00A?R"
    assert bench.basic("DIA") == "00S26.59"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("0.001", "0.001"), (".5", "0.500"), ("50", "50.00"), ("100.0", "100.0"), ("1000.", "1000."), ("9999", "9999.")],
)
def test_numbers_are_kept_in_four_digits_with_a_point(text: str, shown: str) -> None:
    bench = ready()
    assert bench.basic("VOL" + text) == "00S"
    assert bench.basic("VOL") == f"00S{shown}UL"


@pytest.mark.parametrize("text", ["12345", "0.0001", "1.2.3", "1E3", "-5", ".", "100.00", "5UL5"])
def test_numbers_the_pump_cannot_hold_are_refused_and_change_nothing(text: str) -> None:
    for options, answer in (({}, "00S?"), ({"overlong": "?OOR"}, "00S?OOR")):
        bench = ready(**options)
        assert bench.basic("VOL" + text) == answer
        assert bench.basic("VOL") == "00S100.0UL"


@given(st.integers(0, 9_999), st.integers(0, 3))
def test_every_number_that_fits_reads_back_as_sent(digits: int, decimals: int) -> None:
    bench = ready()
    text = f"{digits / 10**decimals:.{decimals}f}"
    if sum(map(str.isdigit, text)) <= 4:
        assert bench.basic("VOL" + text) == "00S"
        assert float(bench.basic("VOL")[3:-2]) == float(text)


@given(st.binary(max_size=60), st.booleans())
def test_no_bytes_whatever_start_the_motor_or_break_the_pump(noise: bytes, safe: bool) -> None:
    bench = make(saf=5 if safe else 0)
    bench.ask(noise)
    bench.now_ns += S
    bench.ask(b"\r" if not safe else safe_packet(""))
    bench.now_ns += S
    if b"PUR" not in noise.upper().replace(b" ", b""):
        assert bench.plunger.travelled_mm(bench.now_ns) == 0


def test_units_flip_at_fourteen_millimetres_and_a_new_diameter_clears_counters() -> None:
    bench = ready()
    bench.basic("RUN")
    bench.wait(10)
    bench.basic("STP")
    bench.basic("STP")
    assert bench.basic("DIS") == "00SI8.333W0.000UL"
    assert bench.basic("DIA14.00") == "00S"
    assert bench.basic("VOL") == "00S100.0UL"
    assert bench.basic("DIS") == "00SI0.000W0.000UL"
    assert bench.basic("DIA14.01") == "00S"
    assert bench.basic("VOL") == "00S100.0ML"  # the same digits, a thousand times the dose
    assert bench.basic("VOLUL") == "00S"
    assert bench.basic("VOL") == "00S100.0UL"


@pytest.mark.parametrize(("diameter", "ok"), [("0.1", ""), ("50.0", ""), ("0.09", "?OOR"), ("50.1", "?OOR")])
def test_diameter_limits(diameter: str, ok: str) -> None:
    assert make().basic("DIA" + diameter) == "00S" + ok


@pytest.mark.parametrize(
    ("rate", "answer"), [("0.729UH", "?OOR"), ("0.730UH", ""), ("884.0UM", ""), ("885.0UM", "?OOR"), ("0", "?OOR")]
)
def test_rate_limits_of_a_one_millilitre_syringe(rate: str, answer: str) -> None:
    assert ready().basic("RAT" + rate) == "00S" + answer


def test_target_is_reached_exactly_and_the_pump_stops() -> None:
    bench = ready()
    bench.basic("RUN")
    bench.wait(119.9)
    assert bench.basic("") == "00I"
    assert bench.wait(0.2) == b""
    assert bench.basic("DIS") == "00SI100.0W0.000UL"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(100.0, rel=1e-9)


def test_target_is_kept_when_nobody_asks_for_hours() -> None:
    bench = ready()
    bench.basic("RUN")
    bench.now_ns += 7200 * S
    assert bench.basic("DIS") == "00SI100.0W0.000UL"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(100.0, rel=1e-9)


def test_volume_zero_runs_until_stopped() -> None:
    bench = ready(volume="0")
    bench.basic("RUN")
    bench.wait(600)
    assert bench.basic("") == "00I"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(500.0)


def test_pause_and_resume_keep_the_target() -> None:
    bench = ready()
    bench.basic("RUN")
    bench.wait(60)
    assert bench.basic("STP") == "00P"
    bench.wait(1000)
    assert bench.basic("RUN") == "00I"
    assert bench.basic("RUN") == "00I?NA"
    bench.wait(61)
    assert bench.basic("DIS") == "00SI100.0W0.000UL"


def test_settings_are_refused_while_running_but_for_a_bare_rate() -> None:
    bench = ready()
    bench.basic("RUN")
    for text in ("DIA4.699", "VOL10", "DIRWDR", "CLDINF", "RAT10UM", "PHN2", "PUR", "RUN"):
        assert bench.basic(text) == "00I?NA", text
    assert bench.basic("RAT100") == "00I"
    bench.wait(6)
    assert bench.basic("DIS") == "00II10.00W0.000UL"


def test_a_rate_changed_while_running_is_gone_after_a_power_cycle() -> None:
    bench = ready()
    bench.basic("RUN")
    bench.basic("RAT100")
    bench.pump.power_off(bench.now_ns)
    bench.pump.power_on(bench.now_ns)
    assert bench.basic("RAT") == "00S50.00UM"


def test_a_finished_phase_goes_on_with_the_forgotten_next_one() -> None:
    bench = ready(leftover_ul_per_min=20.0)
    bench.basic("RUN")
    bench.wait(180)
    assert bench.basic("") == "00I"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(120.0)


def test_a_stop_in_phase_two_ends_the_program() -> None:
    bench = ready(leftover_ul_per_min=20.0)
    for text in ("PHN2", "FUNSTP", "PHN1"):
        assert bench.basic(text) == "00S"
    assert bench.basic("FUN") == "00SRAT"
    bench.basic("RUN")
    bench.wait(180)
    assert bench.basic("DIS") == "00SI100.0W0.000UL"


def test_loops_pauses_and_jumps_of_a_program() -> None:
    bench = ready(volume="10.00")
    for text in ("PHN2", "FUNPAS05", "PHN3", "FUNLOP03"):
        assert bench.basic(text) == "00S"
    bench.basic("RUN")
    bench.wait(12.5)
    assert bench.basic("") == "00T"
    bench.wait(100)
    assert bench.basic("DIS") == "00SI30.00W0.000UL"


def test_a_jump_to_itself_is_a_program_error_not_a_hang() -> None:
    bench = ready()
    bench.basic("PHN2")
    bench.basic("FUNJMP02")
    assert bench.basic("RUN2") == "00A?E"


def test_pumps_without_programs_answer_unknown() -> None:
    assert ready(programs=False).basic("PHN2") == "00S?"


def test_purge_runs_at_top_speed_until_stopped() -> None:
    bench = ready(rate="50.00UM")
    assert bench.basic("PUR") == "00X"
    bench.wait(6)
    assert bench.basic("STP") == "00S"
    assert bench.plunger.travelled_mm(bench.now_ns) == pytest.approx(5.1005)


def test_withdrawal_counts_apart() -> None:
    bench = ready()
    bench.wait(0)
    bench.basic("RUN")
    bench.wait(121)
    bench.basic("DIRWDR")
    assert bench.basic("RUN") == "00W"
    bench.wait(60)
    assert bench.basic("DIS") == "00WI100.0W50.00UL"


def test_a_stall_stops_the_pump_and_raises_the_alarm() -> None:
    bench = ready()
    bench.basic("RUN")
    bench.wait(10)
    bench.plunger.block(bench.now_ns)
    assert bench.wait(2) == b""  # Basic mode: the pump only talks when asked
    assert bench.basic("STP") == "00A?S"
    assert bench.basic("DIS") == "00SI8.333W0.000UL"


def test_a_stall_is_pushed_in_safe_mode_and_still_to_be_acknowledged() -> None:
    bench = ready(saf=0)
    bench.safe("SAF60")
    bench.safe("RUN")
    bench.plunger.block(bench.now_ns)
    assert bench.wait(2) == bytes.fromhex("02093030413F5375A703")
    assert bench.safe("") == "00A?S"
    assert bench.safe("") == "00S"


def test_an_empty_syringe_stalls() -> None:
    bench = ready(loaded_ul=20.0)
    bench.basic("RUN")
    bench.wait(60)
    assert bench.basic("") == "00A?S"
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(20.0)


def test_the_watchdog_stops_the_pump_on_time_and_says_so_once() -> None:
    bench = ready()
    bench.safe("SAF5")
    bench.safe("RUN")
    assert bench.wait(4.9) == b""
    bench.safe("")
    assert bench.wait(4.9) == b""
    assert bench.wait(0.2) == bytes.fromhex("02093030413F54054003")
    assert bench.wait(3600) == b""
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(50 / 60 * 9.9)
    assert bench.safe("RUN") == "00A?T"
    assert bench.safe("") == "00S"


def test_the_watchdog_counts_from_the_first_packet_after_saf() -> None:
    bench = ready()
    bench.safe("SAF1")
    assert bench.wait(10) == b""
    armed_at_once = ready(saf_arms_timer=True)
    armed_at_once.safe("SAF1")
    assert armed_at_once.wait(10) == bytes.fromhex("02093030413F54054003")


def test_noise_and_foreign_packets_do_not_feed_the_watchdog() -> None:
    bench = ready()
    bench.safe("SAF2")
    bench.safe("RUN")
    for _ in range(6):
        bench.wait(0.5)
        bench.ask(b"0VER\r" + safe_packet("05RUN") + b"\x02\x08broken\x00\x00\x03")
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(50 / 60 * 2)


def test_power_cycle_in_safe_mode_comes_up_safe_unarmed_and_says_reset() -> None:
    bench = ready(alarm=False)
    bench.safe("SAF5")
    bench.safe("RUN")
    bench.wait(1)
    bench.pump.power_off(bench.now_ns)
    assert bench.ask(safe_packet("")) == b""
    cycled = make(alarm=True, saf=5)
    assert cycled.pump.transmit(0) == bytes.fromhex("02093030413F52658603")
    assert cycled.wait(100) == b""
    assert cycled.safe("") == "00A?R"
    assert cycled.safe("") == "00S"


@pytest.mark.parametrize(("pf", "state"), [(False, "00S"), (True, "00I")])
def test_power_failure_mode_restarts_by_itself(pf: bool, state: str) -> None:
    bench = ready()
    bench.basic(f"PF{int(pf)}")
    bench.basic("RUN")
    bench.wait(1)
    bench.pump.power_off(bench.now_ns)
    bench.wait(5)
    bench.pump.power_on(bench.now_ns)
    assert bench.basic("") == state


def test_a_command_at_the_instant_of_a_new_phase_is_ignored_once() -> None:
    bench = ready(leftover_ul_per_min=20.0, ign_window_ms=10.0)
    bench.basic("RUN")
    bench.wait(120)
    assert bench.basic("STP") == "00I?IGN"
    assert bench.basic("STP") == "00P"


def test_stop_when_stopped_is_a_switch() -> None:
    assert make().basic("STP") == "00S?NA"
    assert make(stop_when_stopped="S").basic("STP") == "00S"


@pytest.mark.parametrize("text", ["LN1", "AL0", "PF0", "LOC1", "BP0", "TRGOF", "BUZ13", "OUT51"])
def test_setup_switches_are_kept(text: str) -> None:
    assert make().basic(text) == "00S"


def test_old_firmware_knows_fewer_triggers_and_no_purge_status() -> None:
    bench = make(old_firmware=True)
    assert bench.basic("TRGOF") == "00S?"
    bench.basic("DIA4.699")
    assert bench.basic("PUR") == "00I"


@pytest.mark.parametrize(
    ("options", "text", "answer"),
    [
        ({"model": "ne-300"}, "PHN2", "00S?"),
        ({"model": "ne-300", "programs": "true"}, "PHN2", "00S"),
        ({"model": "ne-300"}, "VER", "00SNE300V3.928"),
        ({"model": "ne-500"}, "LOC", "00S?"),
        ({"model": "ne-1000"}, "LOC", "00S0"),
        ({"loc": True}, "LOC", "00S1"),
        ({"model": "ne-1000"}, "PHN42", "00S?OOR"),
        ({"model": "ne-1000x2"}, "PHN340", "00S"),
        ({"model": "ne-1000x2"}, "VER", "00SNE1000X2V3.928"),
        ({"model": "ne-1002x"}, "VER", "00SNE1002XV3.928"),
        ({"model": "ne-4000"}, "RAT3.000MM", "00S"),
        ({"model": "ne-1000"}, "RAT3.000MM", "00S?OOR"),
        ({"highest_mm_per_min": 2.0}, "RAT50.00UM", "00S?OOR"),
        ({"lowest_mm_per_min": 10.0}, "RAT50.00UM", "00S?OOR"),
        ({}, "LN1", "00S"),
        ({"low_noise_command": False}, "LN1", "00S?"),
        ({"volume_unit_command": False}, "VOLML", "00S?"),
        ({"old_firmware": True}, "VER", "00SNE1000V3.70"),
        ({"old_firmware": True}, "TRGLE", "00S"),
    ],
)
def test_models_and_ages_answer_as_they_know(options: dict[str, object], text: str, answer: str) -> None:
    bench = make(**options)  # type: ignore[arg-type]
    assert bench.basic("DIA4.699") == "00S"
    assert bench.basic(text) == answer


@pytest.mark.parametrize("outlives", [False, True])
def test_whether_a_volume_unit_outlives_a_new_diameter_is_a_switch(outlives: bool) -> None:
    bench = make(volume_unit_outlives_diameter=outlives)
    for text in ("DIA4.699", "VOLML", "DIA4.699"):
        assert bench.basic(text) == "00S"
    assert bench.basic("DIS") == f"00SI0.000W0.000{'ML' if outlives else 'UL'}"


@pytest.mark.parametrize("feeds", [False, True])
def test_whether_packets_for_siblings_feed_the_watchdog_is_a_switch(feeds: bool) -> None:
    bench = make(saf=3, sibling_packets_feed=feeds)
    bench.ask(safe_packet("0"))
    for _second in range(5):
        bench.wait(1.0)
        assert bench.ask(safe_packet("7DIS")) == b""
    assert bench.safe("0") == ("00S" if feeds else "00A?T")


def test_options_from_text_name_what_is_wrong() -> None:
    assert parse_options(NewEraOptions, {"saf": "5", "overlong": "?OOR"}, "new-era").saf == 5
    for bad in (
        {"colour": "red"},
        {"saf": "soon"},
        {"overlong": "??"},
        {"pf": "maybe"},
        {"saf": "256"},
        {"baud": "4800"},
        {"lowest_mm_per_min": "99"},
        {"model": "ne-9000"},
    ):
        with pytest.raises(ValueError, match="new-era"):
            parse_options(NewEraOptions, bad, "new-era")
