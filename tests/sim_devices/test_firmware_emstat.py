"""The simulated MethodSCRIPT potentiostat against potentiostats.md 2.3 to 2.11, and hours of virtual time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.firmware.emstat import Backplane, EmStatFirmware, EmStatOptions
from sim_devices.firmware.emstat.packages import encode

S = 1_000_000_000
MS = 1_000_000


@dataclass
class Electrodes:
    """A front end whose currents are given by a function of (electrode, time in s)."""

    current: Callable[[int, float], float] = lambda _electrode, _t_s: 12e-9
    on: bool = False
    potential_v: float = 0.0
    switched: list[tuple[bool, float, int]] = field(default_factory=list)
    last_ns: int = 0

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        self.on, self.potential_v = on, potential_v
        self.switched.append((on, potential_v, now_ns))

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        assert t_ns >= self.last_ns, "times go back"
        self.last_ns = t_ns
        return self.current(electrode, t_ns / S) if self.on else 0.0


@dataclass
class Bench:
    device: EmStatFirmware
    electrodes: Electrodes
    now_ns: int = 0

    def ask(self, text: str) -> str:
        self.device.receive(text.encode(), self.now_ns)
        return self.device.transmit(self.now_ns).decode("latin-1")

    def wait(self, seconds: float) -> str:
        self.now_ns += round(seconds * S)
        return self.device.transmit(self.now_ns).decode("latin-1")


def make(current: Callable[[int, float], float] | None = None, **options: object) -> Bench:
    electrodes = Electrodes(current) if current else Electrodes()
    device = EmStatFirmware(electrodes, EmStatOptions(**options))  # type: ignore[arg-type]
    device.power_on(0)
    return Bench(device, electrodes)


SESSION = """var p
var c
var t
set_pgstat_chan 0
set_pgstat_mode 2
set_max_bandwidth 60
set_range_minmax da 600m 600m
set_range ba {range}
set_autoranging ba {range} {range}
set_e 600m
cell_on
timer_start
meas_loop_ca p c 600m 100m {seconds}
    timer_get t
    pck_start
    pck_add t
    pck_add p
    pck_add c
    pck_end
endloop
on_finished:
    cell_off
"""

BIPOT = """var p
var c
var b
set_pgstat_chan 0
set_pgstat_mode 2
set_bipot_mode 1          # 1 = WE2 at a fixed potential versus RE0
set_range bb 100n
set_bipot_potential 600m
set_max_bandwidth 60
set_range_minmax da 600m 600m
set_range ba 100n
set_autoranging ba 100n 100n
set_e 600m
cell_on
meas_loop_ca p c 600m 100m {seconds} add_meas(0 bb b)
    pck_start
    pck_add p
    pck_add c
    pck_add b
    pck_end
endloop
on_finished:
cell_off
"""


def session(range_text: str = "100n", seconds: int = 36000) -> str:
    return SESSION.format(range=range_text, seconds=seconds)


def run(script: str) -> str:
    return f"e\n{script}\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "8000000 "),
        (0.6, "80927C0u"),
        (-0.6, "7F6D840u"),
        (1.2345e-9, "812D644f"),
        (-35e-12, "5E9F140a"),
        (12e-9, "8B71B00f"),
        (0.1, "DF5E100n"),
        (0.2, "8030D40u"),
        (100.0, "DF5E100u"),
        (134.217727, "FFFFFFFu"),
        (134.217728, "8020C4Am"),
        (200.0, "8030D40m"),
        (3600.0, "836EE80m"),
        (36000.0, "A255100m"),
        (2.799987e-9, "82AB973f"),
        (-57.847747e-6, "48D503Dp"),
        (float("nan"), "     nan"),
        (134.2177279, "8020C4Am"),
    ],
)
def test_encoding_vectors_of_the_reference(value: float, text: str) -> None:
    assert encode(value) == text


@given(st.floats(min_value=-1e6, max_value=1e6).filter(lambda v: v == 0 or abs(v) > 1e-9))
def test_every_value_decodes_to_within_half_a_step(value: float) -> None:
    text = encode(value)
    exponent = dict(zip("afpnum kMGTPE", range(-18, 19, 3), strict=True))[text[7]]
    assert len(text) == 8
    assert abs((int(text[:7], 16) - 0x8000000) * 10.0**exponent - value) <= 0.51 * 10.0**exponent


def test_idle_replies_of_the_reference() -> None:
    bench = make(model="es4", version="01.09.00")
    assert bench.ask("t\n") == "tes4_lr1500#Mar 12 2026 14:28:01\nR*\n"
    assert bench.ask("i\n") == "iES4LR20B0008\n"
    assert bench.ask("v\n") == "v01.09.00\n"
    assert bench.ask("\n") == "\n"
    assert bench.ask("xyz\n") == "x!0003\n"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [("Z\n", "Z!0006\n"), ("Y\n", "Y!0006\n"), ("m\n", "m!0048\n"), ("r\n", "r!000C\n"), ("G04\n", "G!0004\n"),
     ("S0412\n", "S!0004\n"), ("Gq\n", "G!0007\n"), ("v\n", "v!0003\n"), ("q" * 200 + "\n", "q!0008\n")],
)  # fmt: skip
def test_commands_refused_while_idle(sent: str, answered: str) -> None:
    assert make(version="").ask(sent) == answered


def test_capability_masks_tell_what_is_there() -> None:
    def bits(reply: str) -> set[int]:
        assert len(reply) == 67
        return {bit for bit in range(256) if int(reply[2:], 16) >> bit & 1}

    assert bits(make().ask("CC\n")) >= {1, 32, 33, 38, 48, 98}
    assert bits(make().ask("CM\n")) >= {28, 38, 104, 105}
    assert not bits(make(model="es4").ask("CM\n")) & {104, 105}


def test_input_is_ignored_for_fifty_milliseconds_after_an_error() -> None:
    bench = make()
    assert bench.ask("xyz\n") == "x!0003\n"
    bench.now_ns += 49 * MS
    assert bench.ask("t\n") == ""
    bench.now_ns += 1 * MS
    assert bench.ask("t\n").startswith("tespico")


def test_session_of_the_reference_verbatim() -> None:
    bench = make(lambda _electrode, t_s: 1.2345e-9 if t_s < 0.15 else 1.2355e-9, model="es4", quantise=False)

    assert bench.ask("t\n") == "tes4_lr1500#Mar 12 2026 14:28:01\nR*\n"
    assert bench.ask(run(session("1n"))) == "e\nM0007\n"
    assert bench.wait(0.1) == "PebDF5E100n;da80927C0u;ba812D644f,10,203\n"
    assert bench.wait(0.1) == "Peb8030D40u;da80927C0u;ba812DA2Cf,10,203\n"
    assert bench.ask("Z\n") == "Z\n*\n\n"
    assert not bench.electrodes.on


def test_a_run_ends_with_marker_cell_off_and_empty_line() -> None:
    bench = make()
    assert bench.ask(run(session(seconds=1))) == "e\nM0007\n"
    assert bench.electrodes.switched[-1] == (True, 0.6, 0)
    out = bench.wait(10)
    assert out.count("P") == 10
    assert out.endswith("\n*\n\n")
    assert bench.electrodes.switched[-1] == (False, 0.6, 1 * S)
    assert bench.device.next_event_ns(bench.now_ns) is None


def test_two_electrodes_in_one_package() -> None:
    bench = make(lambda electrode, _t: (12e-9, -3e-9)[electrode], quantise=False)
    assert bench.ask(run(BIPOT.format(seconds=1))) == "e\nM0007\n"
    assert bench.wait(0.1) == "Pda80927C0u;ba8B71B00f,10,200;bb7D2394" + "0f,10,200\n"


def test_flags_overload_underload_and_near_the_limit() -> None:
    currents = [50e-9, 150e-9, -150e-9, 0.5e-9, 57e-9]
    bench = make(lambda _electrode, t_s: currents[round(t_s * 10) - 1], quantise=False)
    bench.ask(run(session(seconds=1)))
    lines = [bench.wait(0.1).rstrip().split(";")[2] for _ in currents]
    assert [line.split(",")[1] for line in lines] == ["10", "12", "12", "14", "18"]
    assert lines[1][2:10] == encode(60e-9), "a Pico measures up to about 0.6 of its range"
    assert lines[2][2:10] == encode(-60e-9)


def test_auto_ranging_moves_between_its_limits_and_tells_the_range() -> None:
    bench = make(lambda _electrode, _t: 2e-6)
    bench.ask(run(session(seconds=1).replace("set_autoranging ba 100n 100n", "set_autoranging ba 100n 8u")))
    ranges = [bench.wait(0.1).rstrip()[-2:] for _ in range(4)]
    assert ranges == ["00", "01", "02", "02"]


def test_currents_come_in_steps_of_the_converter() -> None:
    bench = make(lambda _electrode, _t: 12.0001e-9)
    bench.ask(run(session(seconds=1)))
    value = (int(bench.wait(0.1).split("ba")[1][:7], 16) - 0x8000000) * 1e-15
    assert value / 5.5e-12 == pytest.approx(round(12.0001e-9 / 5.5e-12), abs=1e-3)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("fail!\n", "e!4001: Line 1, Col 6"),
        ("invalid_command\n", "e!4001: Line 1, Col 16"),
        ("var p\n  oops 1\n", "e!4001: Line 2, Col 7"),
        ("var p\nvar p\n", "e!4026: Line 2, Col 6"),
        ("pck_add p\n", "e!400D: Line 1, Col 10"),
        ("var p\npck_add p\n", "e!401B: Line 2, Col 8"),
        ("endloop\n", "e!401A: Line 1, Col 8"),
        ("cell_on now\n", "e!4004: Line 1, Col 12"),
        ("set_e 0.6\n", "e!0144: Line 1, Col 10"),
        ("set_e\n", "e!4004: Line 1, Col 6"),
        ("var p\nvar c\nmeas_loop_ca p c 0 1 1\n", "e!4018: Line 3, Col 1"),
        ("var p\nvar c\nmeas_loop_ca p c 0 1 1 meta_msk(1)\nendloop\n", "e!4008: Line 3, Col 35"),
        ("wait " + "9" * 200 + "\n", "e!0008: Line 1, Col 128"),
    ],
)
def test_a_script_that_is_wrong_is_refused_whole(script: str, error: str) -> None:
    bench = make()
    assert bench.ask(run(script)) == error + "\n"
    assert not bench.electrodes.on


def test_bipot_is_refused_by_a_model_without_it() -> None:
    assert make(model="es4").ask(run("set_bipot_mode 1\n")) == "e!001B: Line 1, Col 15\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [("set_e 3", "000F"), ("set_pgstat_mode 9", "0021"), ("set_pgstat_chan 2", "002F"), ("set_range bb 100n", "0022"),
     ("set_range ba 1", "0007")],
)  # fmt: skip
def test_a_run_time_error_stops_the_script_and_leaves_the_cell_on(line: str, code: str) -> None:
    bench = make()
    script = f"set_pgstat_mode 2\nset_e 600m\ncell_on\n{line}\nwait 1\non_finished:\ncell_off\n"
    assert bench.ask(run(script)) == f"e\n!{code}: Line 4\n"
    assert bench.electrodes.on
    assert bench.wait(2) == ""
    assert bench.ask("e\ncell_off\n\n") == "e\n\n"
    assert not bench.electrodes.on


POLY = """var p
var c
var b
set_pgstat_chan 1
set_pgstat_mode 5
set_poly_we_mode 0
set_e 600m
set_range ba 100n
set_pgstat_chan 0
set_pgstat_mode 2
set_range ba 1u
set_autoranging ba 1u 1u
set_e 600m
cell_on
meas_loop_ca p c 600m 100m 1 poly_we(1 b)
    pck_start
    pck_add c
    pck_add b
    pck_end
endloop
on_finished:
cell_off
"""


@pytest.mark.parametrize("kind", ["bb", "ba"])
def test_two_electrodes_before_version_1_8(kind: str) -> None:
    bench = make(lambda electrode, _t: (12e-9, -3e-9)[electrode], quantise=False, version="01.06.00", poly_kind=kind)
    assert not int(bench.ask("CM\n")[2:], 16) >> 104 & 3
    assert int(bench.ask("CM\n")[2:], 16) >> 49 & 1
    assert bench.ask(run(POLY)) == "e\nM0007\n"
    assert bench.wait(0.1) == f"Pba8B71B00f,14,201;{kind}7D23940f,10,200\n"
    bench.wait(1)
    assert bench.ask(run(BIPOT.format(seconds=1))) == "e!001B: Line 6, Col 15\n"


@pytest.mark.parametrize(
    ("model", "prefix", "range_text", "code"),
    [("pico", "espico", "58n", "00"), ("sensit", "senswb", "1160n", "01"), ("es4lr", "es4_lr", "1n", "03"),
     ("es4hr", "es4_hr", "100n", "09"), ("mes4lr", "mes4lr", "10n", "06"), ("mes4hr", "mes4hr", "100m", "1B"),
     ("nexus", "nexus1", "100p", "10"), ("nexus", "nexus1", "1", "0B")],
)  # fmt: skip
def test_each_model_has_its_own_name_and_range_codes(model: str, prefix: str, range_text: str, code: str) -> None:
    for by in ("nominal", "usable"):
        bench = make(lambda _electrode, _t: 1e-12, model=model, range_by=by)
        assert bench.ask("t\n").startswith(f"t{prefix}")
        bench.ask(run(session(range_text, seconds=1)))
        assert bench.wait(0.1).rstrip()[-2:] == code


def test_a_channel_of_a_multi_channel_instrument_says_which_it_is_and_of_which() -> None:
    bench = make(model="mes4lr", channel=3)
    assert bench.ask("i\n") == "iMES4LR22C0001CH003\n"
    assert bench.ask("m\n") == "mMES4LR22C0001\n"
    assert make(model="es4").ask(run("set_channel_sync 1\n")) == "e!4019: Line 1, Col 17\n"


def test_synchronised_channels_begin_when_channel_1_does_and_keep_its_pace() -> None:
    backplane = Backplane()
    devices = [
        EmStatFirmware(Electrodes(), EmStatOptions(model="mes4lr", channel=n, crystal_ppm=40.0 * n), backplane)
        for n in (1, 2)
    ]
    script = run("set_channel_sync 1\n" + session(seconds=3600)).encode()
    for device, at_ns in ((devices[1], 0), (devices[0], 30 * MS)):
        device.power_on(0)
        device.receive(script, at_ns)
    assert devices[1].transmit(30 * MS) == b"e\nM0007\n"
    assert devices[0].transmit(30 * MS) == b"e\nM0007\n"
    end_ns = 30 * MS + 3600 * S
    assert devices[0].transmit(end_ns).count(b"P") == devices[1].transmit(end_ns).count(b"P") == 35_998


def test_a_slow_crystal_gives_fewer_samples_and_does_not_know_it() -> None:
    bench = make(crystal_ppm=100.0)
    bench.ask(run(session()))
    out = bench.wait(1000.05)
    assert out.count("P") == 9_999
    assert out.rsplit("eb", 1)[1][:8] == encode(999.9)


@pytest.mark.parametrize("stops", [False, True])
def test_whether_the_timer_stands_still_while_halted_is_a_switch(stops: bool) -> None:
    bench = make(timer_stops_when_halted=stops)
    bench.ask(run(session()))
    bench.wait(0.25)
    bench.ask("h\n")
    bench.wait(5)
    bench.ask("H\n")
    assert bench.wait(0.05)[3:11] == encode(0.3 if stops else 5.3)


def test_halt_resume_and_abort_of_the_loop_only() -> None:
    bench = make()
    bench.ask(run(session(seconds=10).replace("on_finished:", "wait 1\non_finished:")))
    assert bench.wait(0.2).count("P") == 2
    assert bench.ask("h\n") == "h\n"
    assert bench.wait(5) == ""
    assert bench.ask("H\n") == "H\n"
    assert bench.wait(0.1).startswith("Peb")
    assert bench.ask("Y\n") == "Y\n*\n"
    assert bench.electrodes.on
    assert bench.ask("t\n") == "t!0006\n"
    assert bench.wait(1) == "\n"
    assert not bench.electrodes.on


def test_abort_closes_every_open_loop_and_runs_on_finished() -> None:
    bench = make()
    loop = "var n\nstore_var n 0i ja\nset_pgstat_mode 2\ncell_on\nvar p\nvar c\nloop n < 3i\nadd_var n 1i\n"
    measure = (
        'meas_loop_ca p c 0 1 5\npck_start\npck_add c\npck_end\nendloop\nendloop\non_finished:\nsend_string "bye"\n'
    )
    assert bench.ask(run(loop + measure)) == "e\nL\nM0007\n"
    assert bench.wait(7).count("\n*\nM0007\n") == 1
    assert bench.ask("Z\n") == "Z\n*\n+\nTbye\n\n"


def test_an_endless_loop_without_waits_still_hears_z() -> None:
    bench = make()
    assert bench.ask(run("loop 1i > 0i\nendloop\n")) == "e\nL\n"
    assert bench.wait(0.1) == ""
    assert bench.ask("Z\n") == "Z\n+\n\n"


def test_a_loaded_script_runs_again_and_again() -> None:
    bench = make()
    assert bench.ask('l\nsend_string "hi"\n\n') == "l\n"
    assert bench.ask("r\n") == bench.ask("r\n") == "r\nThi\n\n"


def test_resynchronisation_as_the_vendor_does_it() -> None:
    bench = make()
    bench.ask(run(session()))
    assert bench.ask("\n") == ""
    assert bench.ask("Z\n") == "Z\n*\n\n"
    assert bench.ask("\n") == "\n"
    assert bench.ask("Z\n") == "Z!0006\n"


def test_power_cycle_forgets_the_run_and_opens_the_cell() -> None:
    bench = make()
    bench.ask(run(session()))
    bench.device.power_off(bench.now_ns)
    assert not bench.electrodes.on
    assert bench.ask("t\n") == bench.wait(1) == ""
    bench.device.power_on(bench.now_ns)
    assert bench.ask("r\n") == "r!000C\n"


def test_switchable_output_forms() -> None:
    assert make(joined_ack=True).ask(run(session())) == "eM0007\n"
    bench = make(noise_metadata=True, xon_xoff_every=2)
    assert bench.ask(run(session())) == "e\nM0007\n\x13\x11"
    assert ",10,200,40\n" in bench.wait(0.2)
    assert make(carriage_returns=True).ask("i\n") == "iESPIC21A0007\r\n"
    assert make(capabilities=False).ask("CM\n") == "C!0003\n"
    assert make(sensit_as_pico=True, model="sensit").ask("t\n").startswith("tespico")
    late = make(late_every=2, range_metadata=False)
    late.ask(run(session()))
    assert [line[-3:] for line in late.wait(0.4).split()] == [",10", ",11", ",10", ",11"]
    above = make(wrong_range=True)
    above.ask(run(session()))
    assert above.wait(0.1).endswith(",14,201\n")
    slow = make(turn_gap_ms=7.0)
    loops = "meas_loop_ca p c 0 100m 1\nendloop\n" * 2
    slow.ask(run("var p\nvar c\nset_pgstat_mode 2\ncell_on\n" + loops))
    assert slow.wait(1.0) == "*\n"
    assert slow.wait(0.006) == ""
    assert slow.wait(0.001) == "M0007\n"
    failing = make(blank_after_error=True)
    assert failing.ask(run("set_e 1\n")) == "e\n!0023: Line 1\n\n"


def test_time_prefix_changes_at_two_to_the_27_microseconds() -> None:
    bench = make()
    bench.ask(run(session()))
    times = re.findall(r"Peb(........);", bench.wait(134.4))
    assert times[1341] == encode(134.2)
    assert times[1342] == encode(134.3)
    assert (times[1341][-1], times[1342][-1]) == ("u", "m")


@pytest.mark.slow
def test_twelve_hours_in_virtual_time_lose_no_sample() -> None:
    bench = make(lambda electrode, _t_s: (12e-9, 1e-9)[electrode])
    hours, interval_s = 12, 0.1
    bench.ask(run(BIPOT.format(seconds=hours * 3600)))
    count = 0
    while (event := bench.device.next_event_ns(bench.now_ns)) is not None:
        assert event > bench.now_ns
        bench.now_ns = max(event, bench.now_ns + 60 * S)
        count += bench.device.transmit(bench.now_ns).count(b"P")
    assert count == hours * 3600 / interval_s
    assert bench.electrodes.last_ns == hours * 3600 * S
    assert bench.electrodes.switched[-1] == (False, 0.6, hours * 3600 * S)


@given(st.text(alphabet='ehHlrtvZYmGS{}()"#iabcdp_0123456789 \n\x11\x00é', max_size=200))
def test_no_text_whatever_breaks_the_instrument(text: str) -> None:
    bench = make(deaf_ms=0.0)
    bench.ask(text)
    bench.wait(1)
    bench.ask("\n\n")
    bench.wait(1000)
    bench.ask("Z\n")
    bench.wait(1)
    assert bench.ask("t\n").endswith("*\n")
