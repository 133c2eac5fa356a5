"""Faults on the line and inside a simulated pump, one by one, as a program on its port sees them."""

from __future__ import annotations

import pytest

from drivers.errors import PortLost
from drivers.transport import LineSettings
from sim_devices.bench import SimBench
from sim_devices.line import SimulatedPort
from tests.sim_devices.test_bench import SETUP, S, ask, make, until


def pump(*faults: str) -> tuple[SimBench, SimulatedPort]:
    """A pump whose reset alarm has been read, and which infuses 100 uL at 50 uL/min from 1 s on."""
    bench = make(*faults)
    port = bench.open("/dev/ttyUSB0", LineSettings(baud=19_200))
    ask(port, "VER")
    bench.clock.sleep_until_ns(S)
    for command in SETUP:
        ask(port, command)
    return bench, port


def at(bench: SimBench, port: SimulatedPort, t_s: float, question: str) -> bytes:
    bench.clock.sleep_until_ns(round(t_s * S))
    port.discard_input()
    return ask(port, question)


def test_L6_a_truncated_answer_lacks_its_end() -> None:
    bench, port = pump("ketamine:truncate@4s=2")
    assert at(bench, port, 5, "DIA") == b"\x0200I4.69"
    assert at(bench, port, 6, "DIA") == b"\x0200I4.699\x03"


def test_L8_an_echo_comes_before_the_answer() -> None:
    bench, port = pump("ketamine:echo@4s+2s")
    assert at(bench, port, 5, "DIA") == b"DIA\r\x0200I4.699\x03"
    assert at(bench, port, 7, "DIA") == b"\x0200I4.699\x03"


def test_L9_a_line_that_babbles_is_full_of_noise_as_fast_as_it_can_be() -> None:
    bench, port = pump("ketamine:babble@4s+2s")
    bench.clock.sleep_until_ns(8 * S)
    noise = port.read(65_536, 0.1)
    assert 0.9 * 2 * 1920 < len(noise) <= 2 * 1920
    assert b"\x03" not in noise
    assert at(bench, port, 9, "DIA") == b"\x0200I4.699\x03"


def test_L14_a_second_program_makes_the_pump_answer_what_nobody_here_asked() -> None:
    bench, port = pump("ketamine:foreign@4s")
    bench.clock.sleep_until_ns(5 * S)
    assert until(port, b"\x03") == b"\x0200I?NA\x03"


def test_L15_at_another_baud_rate_neither_hears_the_other() -> None:
    bench, port = pump("ketamine:baud@4s+2s")
    answer = at(bench, port, 5, "STP")
    assert b"\x03" not in answer
    assert at(bench, port, 7, "") == b"\x0200I\x03", "it did not hear STP"


def test_L12_swapped_plugs_answer_on_each_other_s_port() -> None:
    bench, port = pump("ketamine:swap@4s+2s=head")
    bench.clock.sleep_until_ns(7 * S)
    with pytest.raises(PortLost):
        port.read(1, 0.1)
    again = bench.open("sim://emstat/head", LineSettings(baud=19_200))
    assert ask(again, "DIA") == b"\x0200I4.699\x03"


def test_D2_a_brown_out_leaves_the_settings_and_nothing_of_the_run_and_raises_no_alarm() -> None:
    bench, port = pump("ketamine:brown-out@4s")
    assert at(bench, port, 5, "DIS") == b"\x0200SI0.000W0.000UL\x03"
    assert at(bench, port, 5, "RAT") == b"\x0200S50.00UM\x03"


@pytest.mark.parametrize(("what", "question", "answer"), [
    ("rate", "RAT", b"\x0200I51.00UM\x03"), ("target", "VOL", b"\x0200I200.0UL\x03"),
])  # fmt: skip
def test_D3_a_brown_out_changes_a_setting_of_the_running_pump(what: str, question: str, answer: bytes) -> None:
    bench, port = pump(f"ketamine:brown-out@4s={what}")
    assert at(bench, port, 5, question) == answer


def test_D5_a_runaway_answers_to_STOP_and_goes_on_until_its_target() -> None:
    bench, port = pump("ketamine:runaway@4s")
    assert at(bench, port, 5, "STP") == b"\x0200I\x03"
    assert at(bench, port, 200, "") == b"\x0200S\x03"
    assert bench.truth()["pumps"]["ketamine"]["true_delivered_ul"] == pytest.approx(100.0, rel=1e-3)


@pytest.mark.parametrize("percent", [50, 150])
def test_D6_a_wrong_speed_shows_in_the_counter_and_ends_at_the_target_all_the_same(percent: int) -> None:
    bench, port = pump(f"ketamine:speed@0s={percent}%")
    bench.clock.sleep_until_ns(13 * S)
    given_ul = bench.truth()["pumps"]["ketamine"]["true_delivered_ul"]
    assert given_ul == pytest.approx(10.0 * percent / 100, rel=0.05)
    assert at(bench, port, 600, "DIS") == b"\x0200SI100.0W0.000UL\x03"


def test_D7_the_keys_at_the_front_stop_and_start() -> None:
    bench, port = pump("ketamine:keypad@4s", "ketamine:keypad@8s=start")
    assert at(bench, port, 5, "") == b"\x0200P\x03"
    assert at(bench, port, 9, "") == b"\x0200I\x03"


def test_D8_a_pump_that_refuses_takes_no_setting_and_no_RUN_but_a_STOP() -> None:
    bench, port = pump("ketamine:refuse@4s")
    assert at(bench, port, 5, "STP") == b"\x0200P\x03"
    assert at(bench, port, 6, "RAT10.00") == b"\x0200P?NA\x03"
    assert at(bench, port, 7, "RUN") == b"\x0200P?NA\x03"


def test_D9_at_the_end_of_the_syringe_it_stalls() -> None:
    bench, port = pump("ketamine:empty@4s")
    assert at(bench, port, 6, "") == b"\x0200A?S\x03"
    assert bench.truth()["pumps"]["ketamine"]["true_delivered_ul"] == pytest.approx(2.5, abs=0.2)


@pytest.mark.parametrize(("fault", "says"), [
    ("head:speed@1s=90%", "head cannot show"), ("head:stall@1s", "no plunger"), ("ketamine:speed@1s", "percent"),
    ("ketamine:speed@1s=fast", "percent"), ("ketamine:swap@1s", "other instrument"),
    ("ketamine:swap@1s=nobody", "two instruments"), ("swap@1s=head", "two instruments"),
    ("ketamine:empty@1s+2s", "duration"), ("keypad@1s=purge", "keypad"),
])  # fmt: skip
def test_a_fault_that_cannot_be_is_refused_with_the_reason(fault: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(fault)
