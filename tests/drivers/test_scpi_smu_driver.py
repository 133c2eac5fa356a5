"""The source-measure unit driver: every byte of a start and a stop, the grid of its samples, what a bad line does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from drivers.capabilities import (
    AmperometrySettings,
    Described,
    DriverOptions,
    ElectrodeSettings,
    Identity,
    Polled,
    SampleBlock,
    SampleFlag,
)
from drivers.clock import NS_PER_S
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    DriverError,
    GarbledReply,
    NotEncodable,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.scpi_smu import SmuPotentiostat, build
from tests.drivers import test_any_bytes
from tests.drivers.kit import MS, URL, ScriptedLine, Step, step
from tests.drivers.test_compliance_scpi_smu import ONE, SmuSetUp

SETTINGS = AmperometrySettings(0.6, 0.25, ONE)
IDENTITY = b"KEITHLEY INSTRUMENTS INC.,MODEL 6430,0812345,A01 Jan 1 2009"


def line_of(text: str) -> bytes:
    return text.encode() + b"\r\n"


def asked(query: str, *answers: str) -> Step:
    return step(line_of(query), *(answer.encode() + b"\r" for answer in answers))


def kept(command: str, query: str, answer: str) -> list[Step]:
    return [step(line_of(command)), asked(query, answer)]


def off(mark: int, answer: str = "0") -> list[Step]:
    return [
        step(line_of(":OUTP OFF")), step(b"\x03"), asked(f"*ESE {99 + mark};*ESE?", str(99 + mark)),
        step(line_of(":OUTP OFF")), *[asked(":OUTP?", answer)] * 2,
    ]  # fmt: skip


NO_ERROR = asked(":SYST:ERR?", '0,"No error"')
CONNECT = [asked("*IDN?", IDENTITY.decode())]
RECIPE = [
    *kept(":SOUR:FUNC VOLT", ":SOUR:FUNC?", "VOLT"),
    *kept(":OUTP:SMOD HIMP", ":OUTP:SMOD?", "HIMP"),
    *kept(":SOUR:CLE:AUTO OFF", ":SOUR:CLE:AUTO?", "0"),
    *kept(":SYST:RSEN OFF", ":SYST:RSEN?", "0"),
    *kept(":SOUR:VOLT:RANG 2", ":SOUR:VOLT:RANG?", "2.100000E+00"),
    *kept(":SOUR:VOLT 0.6", ":SOUR:VOLT?", "6.000000E-01"),
    *kept(":SENS:FUNC:CONC OFF", ":SENS:FUNC:CONC?", "0"),
    *kept(':SENS:FUNC "CURR"', ":SENS:FUNC?", '"CURR:DC"'),
    *kept(":SENS:CURR:RANG:AUTO OFF", ":SENS:CURR:RANG:AUTO?", "0"),
    *kept(":SENS:CURR:RANG 1E-08", ":SENS:CURR:RANG?", "1.050000E-08"),
    *kept(":SENS:CURR:PROT 1E-08", ":SENS:CURR:PROT?", "1.000000E-08"),
    *kept(":SENS:CURR:NPLC 2", ":SENS:CURR:NPLC?", "2.000000E+00"),
    *kept(":SENS:AVER OFF", ":SENS:AVER?", "0"),
    *kept(":SYST:AZER ON", ":SYST:AZER?", "1"),
    *kept(":ARM:COUN 1", ":ARM:COUN?", "1"),
    *kept(":TRIG:COUN 1", ":TRIG:COUN?", "1"),
    *kept(":FORM:ELEM VOLT,CURR,TIME,STAT", ":FORM:ELEM?", "VOLT,CURR,TIME,STAT"),
    NO_ERROR,
]
PREPARE = [*off(1), step(line_of("*RST")), asked(":SYST:ERR?", '-113,"Undefined header"'), NO_ERROR, *RECIPE]
ON = [step(line_of(":OUTP ON")), *[asked(":OUTP?", "1")] * 2, NO_ERROR]


def reading(answer: str) -> Step:
    return step(line_of(":READ?"), (0.2, answer.encode() + b"\r"))


def on_script(*steps: Step) -> tuple[ScriptedLine, SmuPotentiostat]:
    line = ScriptedLine([step(s.expect, *s.replies) for s in steps])
    return line, build(line, URL, line.clock, DriverOptions(instrument="smu"))


def test_connect_start_two_samples_and_stop_byte_for_byte() -> None:
    readings = [
        reading("+6.000000E-01,+1.234567E-09,+1.234500E+01,+2.150800E+04"),
        reading("+6.000000E-01,-2.000000E-12,+1.259500E+01,+2.150800E+04"),
    ]
    line, instrument = on_script(*CONNECT, *PREPARE, *ON, *readings, *off(2))
    assert instrument.connect() == Identity("scpi-smu", "Keithley 6430", "A01 Jan 1 2009", "0812345")
    used = instrument.start(SETTINGS)
    assert used.electrodes[0].range_a == 1e-8
    first_ns = line.clock.now_ns()
    blocks = instrument.read(1.0) + instrument.read(0.45)
    assert [block.index.tolist() for block in blocks] == [[0], [1]]
    assert np.concatenate([block.current_a for block in blocks])[:, 0] == pytest.approx([1.234567e-9, -2e-12])
    delay_s = (6 + 2) / 960 + 3 * 2 / 50 / 2  # the bytes of the question, and half of three conversions of 2 periods
    assert blocks[0].t_ns()[0] - first_ns == pytest.approx(delay_s * NS_PER_S, abs=1)
    assert not blocks[0].flags.any()
    instrument.stop()
    line.done()


def test_what_the_samples_are_is_told() -> None:
    _bench, instrument = running()
    assert isinstance(instrument, Described)
    facts = instrument.facts()
    told = ("current_sign", "integration_s", "mains_hz", "autozero", "current_limit_a")
    assert {key: facts[key] for key in told} == {
        "current_sign": 1, "integration_s": 0.04, "mains_hz": 50.0, "autozero": True, "current_limit_a": 1e-8,
    }  # fmt: skip
    assert facts["filter_delay_s"] == pytest.approx(0.0083 + 0.06, abs=1e-3)


# --- who is there ---


@pytest.mark.parametrize("answer", ["KEITHLEY INSTRUMENTS INC.,MODEL 2000,1,A", "HP,34401A,0,1", "NE-1000", "0"])
def test_anything_else_is_refused_and_hears_only_the_question(answer: str) -> None:
    line, instrument = on_script(*[asked("*IDN?", answer)] * (1 if "MODEL" in answer else 3))
    with pytest.raises(WrongInstrument):
        instrument.connect()
    line.done()
    assert b"\x03" not in line.written


def test_silence_is_said() -> None:
    line, instrument = on_script(*[asked("*IDN?")] * 3)
    with pytest.raises(ReplyTimeout, match="set to RS-232"):
        instrument.connect()
    line.done()


def test_an_engine_that_died_leaves_a_reading_and_the_next_one_still_finds_out_who_is_there() -> None:
    bench, first = running()
    first.read(0.0)
    first.close()
    assert bench.driver().connect().model == "Keithley 6430"
    assert bench.cell_on(), "connecting changes nothing"


# --- settings ---


@pytest.mark.parametrize(
    "bad",
    [
        replace(SETTINGS, potential_v=20.5),
        replace(SETTINGS, potential_v=0.60000049),
        replace(SETTINGS, interval_s=0.1),
        replace(SETTINGS, interval_s=float("inf")),
        replace(SETTINGS, electrodes=(ElectrodeSettings("x", "we2", 1e-6),)),
        replace(SETTINGS, electrodes=(*ONE, ElectrodeSettings("x", "we2", 1e-6))),
        replace(SETTINGS, electrodes=(ElectrodeSettings("x", "we1", 2.0),)),
    ],
)
def test_what_it_cannot_do_is_refused(bad: AmperometrySettings) -> None:
    with pytest.raises(NotEncodable):
        on_script()[1].checked(bad)


@pytest.mark.parametrize("at", [at for at, one in enumerate(RECIPE) if b"?" in one.expect])
def test_a_setting_that_reads_back_otherwise_starts_nothing(at: int) -> None:
    lie = '824,"Cannot exceed compliance range"' if at == len(RECIPE) - 1 else "7"
    steps = [*PREPARE[: len(PREPARE) - len(RECIPE)], *RECIPE[:at], step(RECIPE[at].expect, lie.encode() + b"\r")]
    line, instrument = on_script(*CONNECT, *steps, NO_ERROR, *off(2))
    instrument.connect()
    with pytest.raises((ReadbackMismatch, DeviceRefused)):
        instrument.start(SETTINGS)
    line.done()
    assert b":OUTP ON" not in line.written


def test_an_output_that_does_not_come_on_is_said() -> None:
    line, instrument = on_script(*CONNECT, *PREPARE, ON[0], *[asked(":OUTP?", "0")] * 2, *off(2))
    instrument.connect()
    with pytest.raises(ReadbackMismatch, match="did not come on"):
        instrument.start(SETTINGS)
    line.done()


@pytest.mark.parametrize("range_a", [1e-9, 1e-4, 1e-3])
def test_compliance_is_the_range_whichever_of_the_two_limits_the_other(range_a: float) -> None:
    bench = SmuSetUp(electrodes=(ElectrodeSettings("x", "we1", range_a),))
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    held = [data for data in bench.line.sent if b"PROT " in data or b"RANG " in data]
    assert sum(f"{range_a:.6G}".encode() in data for data in held) == 2
    instrument.stop()


def test_a_question_whose_answer_is_lost_is_asked_again_behind_a_device_clear() -> None:
    lost = asked(":SOUR:FUNC?")
    again = [lost, step(b"\x03"), asked("*ESE 101;*ESE?", "101"), asked(":SOUR:FUNC?", "VOLT")]
    steps = [*PREPARE[: len(PREPARE) - len(RECIPE)], RECIPE[0], *again, *RECIPE[2:]]
    line, instrument = on_script(*CONNECT, *steps, *ON, *off(3))
    instrument.connect()
    instrument.start(SETTINGS)
    instrument.stop()
    line.done()


# --- stopping ---


@pytest.mark.parametrize("at", [2, 4, 5])
def test_a_stop_whose_answers_get_lost_is_repeated_until_confirmed(at: int) -> None:
    steps = off(1)
    line, instrument = on_script(*steps[:at], step(steps[at].expect), *off(2))
    instrument.stop()
    line.done()


def test_an_output_that_stays_on_is_said_aloud() -> None:
    line, instrument = on_script(*off(1, "1"), *off(2, "1"), *off(3, "1"))
    with pytest.raises(ReplyTimeout, match="MAY STILL BE UNDER POTENTIAL"):
        instrument.stop()
    line.done()


def test_a_late_off_from_before_is_not_taken_for_the_answer() -> None:
    steps = off(1, "1")
    late = step(steps[2].expect, (0.1, b"0\r"), (0.105, b"100\r"))
    line, instrument = on_script(*steps[:2], late, *steps[3:], *off(2))
    instrument.stop()
    line.done()


def test_a_stop_does_not_wait_for_a_reading_that_is_under_way() -> None:
    bench = SmuSetUp(interval_s=30.0)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    instrument.read(0.0)
    before_ns = bench.clock.now_ns()
    instrument.stop()
    assert bench.clock.now_ns() - before_ns < NS_PER_S // 2
    assert not bench.cell.on


# --- running ---


def running(interval_s: float = 0.25, **options: str) -> tuple[SmuSetUp, SmuPotentiostat]:
    bench = SmuSetUp(options, interval_s=interval_s)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    return bench, instrument


def read_all(bench: SmuSetUp, instrument: SmuPotentiostat, seconds: float) -> Iterator[SampleBlock]:
    end_ns = bench.clock.now_ns() + round(seconds * NS_PER_S)
    while bench.clock.now_ns() < end_ns:
        yield from instrument.read(0.1)


def rows(blocks: Iterator[SampleBlock]) -> list[tuple[int, float, int]]:
    return [(int(b.index[0]), float(b.current_a[0, 0]), int(b.flags[0, 0])) for b in blocks]


@pytest.mark.parametrize(
    ("current_a", "told_a", "flags"),
    [(9.9e-9, 9.9e-9, SampleFlag.OK), (30e-9, 10e-9, SampleFlag.OVERLOAD), (-30e-9, -10e-9, SampleFlag.OVERLOAD)],
)
def test_a_current_at_the_compliance_is_flagged(current_a: float, told_a: float, flags: SampleFlag) -> None:
    bench, instrument = running()
    bench.cell.currents_a = (current_a, 0.0)
    *_rest, last = rows(read_all(bench, instrument, 2.0))
    assert last[1] == pytest.approx(told_a)
    assert last[2] == flags


@pytest.mark.parametrize(
    ("field", "flags"),
    [("+9.900000E+37", SampleFlag.OVERLOAD | SampleFlag.NOT_A_NUMBER), ("+9.910000E+37", SampleFlag.NOT_A_NUMBER)],
)
def test_numbers_that_are_no_values_never_become_one(field: str, flags: SampleFlag) -> None:
    first = reading(f"+6.000000E-01,{field},+1.234500E+01,+2.150800E+04")
    _line, instrument = on_script(*CONNECT, *PREPARE, *ON, first)
    instrument.connect()
    instrument.start(SETTINGS)
    (block,) = instrument.read(0.22)
    assert np.isnan(block.current_a).all()
    assert block.flags.tolist() == [[flags]]


def test_a_zero_check_switched_on_by_hand_gives_no_values() -> None:
    bench = SmuSetUp({"model": "6517B"})
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    bench.line.firmware.receive(b":SYST:ZCH ON\n", bench.clock.now_ns())
    assert {row[2] for row in rows(read_all(bench, instrument, 2.0))} == {SampleFlag.NOT_A_NUMBER}


def test_hum_cancels_if_the_mains_are_what_the_rig_says() -> None:
    def spread(hum_hz: str) -> float:
        bench, instrument = running(hum_a="3e-9", hum_hz=hum_hz)
        return float(np.ptp([row[1] for row in rows(read_all(bench, instrument, 20.0))]))

    assert spread("50") < 1e-12
    assert spread("53") > 1e-10


def test_samples_lie_on_the_grid_however_often_it_is_read() -> None:
    bench, instrument = running()
    assert isinstance(instrument, Polled)
    taken = []
    for _ in range(100):
        bench.clock.sleep_until_ns(instrument.next_read_ns())
        taken += rows(iter(instrument.read(0.0)))
    assert [row[0] for row in taken] == list(range(len(taken)))
    assert len(taken) >= 97
    assert not any(row[2] for row in taken)


def test_a_reader_that_comes_late_gets_flags_and_then_gaps_and_nothing_invented() -> None:
    bench, instrument = running()
    instrument.read(0.0)
    grid_ns = bench.clock.now_ns()
    taken = []
    for late_ms in (0, 60, 0, 200, 0, 0):  # of 250: a little late, and too late for the question to be asked
        bench.clock.sleep_until_ns(instrument.next_read_ns() + late_ms * MS)
        taken += rows(iter(instrument.read(0.0)))
    bench.clock.sleep_until_ns(instrument.next_read_ns())
    taken += rows(iter(instrument.read(0.0)))
    assert bench.clock.now_ns() - grid_ns == 7 * 250 * MS
    assert [(row[0], row[2]) for row in taken] == [(0, 0), (1, 0), (2, SampleFlag.TIMING), (3, 0), (5, 0), (6, 0)]


def test_an_instrument_slower_than_foreseen_gives_flags_and_gaps() -> None:
    bench, instrument = running(overhead_s="0.15")
    taken = rows(read_all(bench, instrument, 20.0))
    steps = np.diff([row[0] for row in taken])
    assert set(steps) == {1, 2}
    assert 0.2 < np.mean([row[2] == SampleFlag.TIMING for row in taken]) < 0.9


def test_an_answer_that_is_broken_in_its_decisive_digit_is_not_believed() -> None:
    steps = off(1, "1")
    broken = [*steps[:4], asked(":OUTP?", "0"), *[asked(":OUTP?", "1")] * 2]
    line, instrument = on_script(*broken, *off(2))
    instrument.stop()
    line.done()


DISTURBANCES: dict[str, Callable[[np.random.Generator, bytes], list[tuple[float, bytes]]]] = {
    "lost": lambda _rng, _data: [],
    "cut short": lambda rng, data: [(0.0, data[: rng.integers(len(data))])],
    "doubled": lambda _rng, data: [(0.0, data), (0.0, data)],
    "doubled, the second later": lambda _rng, data: [(0.0, data), (0.17, data)],
    "late": lambda _rng, data: [(1.5 if b"," in data else 0.0, data)],
    "a byte changed": lambda rng, data: [(0.0, _changed(data, int(rng.integers(len(data)))))],
    "head lost": lambda rng, data: [(0.0, data[rng.integers(1, len(data)) :])],
    "babble before": lambda _rng, data: [(0.0, b"\x00\xff1.5\r" + data)],
}


def _changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]


@pytest.mark.parametrize("what", DISTURBANCES)
def test_a_disturbed_line_costs_samples_and_never_gives_a_wrong_one(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, instrument = running()
    rng = np.random.default_rng(5)
    disturb = DISTURBANCES[what]
    monkeypatch.setattr(bench.cell, "current_a", lambda _electrode, t_ns, _over_ns=0: t_ns / NS_PER_S * 5e-12)
    bench.line.from_device = lambda data: disturb(rng, data) if rng.random() < 0.08 else [(0.0, data)]
    blocks = list(read_all(bench, instrument, 100.0))
    index = np.concatenate([block.index for block in blocks])
    assert np.all(np.diff(index) > 0)
    assert 200 <= index.size <= 400
    assert (index.size < 390) == ("doubled" not in what)
    for block in blocks:
        within_s = 0.13 if block.flags[0, 0] & SampleFlag.TIMING else 0.03
        assert block.current_a[0, 0] == pytest.approx(block.t_ns()[0] / NS_PER_S * 5e-12, abs=within_s * 5e-12)
    bench.line.from_device = lambda data: [(0.0, data)]
    instrument.stop()
    assert not bench.cell_on()


def test_a_power_cycle_is_named_and_measured_again_only_by_a_new_start() -> None:
    bench, instrument = running()
    list(read_all(bench, instrument, 2.0))
    bench.line.firmware.power_off(bench.clock.now_ns())
    bench.line.firmware.power_on(bench.clock.now_ns())
    with pytest.raises(DeviceReset, match="output is off"):
        list(read_all(bench, instrument, 5.0))
    with pytest.raises(DeviceRefused, match="no measurement runs"):
        instrument.read(0.1)
    instrument.start(bench.settings())
    assert next(read_all(bench, instrument, 2.0)).epoch == 2


@pytest.mark.parametrize(
    ("act", "kind"), [(b":SOUR:VOLT 0.3\r", ReadbackMismatch), (b":OUTP OFF\r", DeviceReset), (b"*RST\r", DeviceReset)]
)
def test_what_somebody_does_at_the_instrument_is_named(act: bytes, kind: type[DriverError]) -> None:
    bench, instrument = running()
    list(read_all(bench, instrument, 2.0))
    bench.line.firmware.receive(act, bench.clock.now_ns())
    with pytest.raises(kind):
        list(read_all(bench, instrument, 5.0))


def test_a_clock_that_somebody_sets_back_costs_one_sample() -> None:
    bench, instrument = running(on_for_s="1000")
    list(read_all(bench, instrument, 2.0))
    bench.line.firmware.receive(b":SYST:TIME:RES\r", bench.clock.now_ns())
    index = [row[0] for row in rows(read_all(bench, instrument, 5.0))]
    assert sum(np.diff(index) - 1) == 1


def test_an_instrument_that_falls_silent_is_said() -> None:
    bench, instrument = running()
    list(read_all(bench, instrument, 2.0))
    bench.line.firmware.power_off(bench.clock.now_ns())
    with pytest.raises(ReplyTimeout, match=r"does not answer.*ELECTRODES"):
        list(read_all(bench, instrument, 10.0))


def test_readings_that_stay_broken_are_said() -> None:
    bench, instrument = running()
    bench.line.from_device = lambda data: [(0.0, data.replace(b"E", b"e") if b"," in data else data)]
    with pytest.raises(GarbledReply, match="in a row"):
        list(read_all(bench, instrument, 20.0))


def test_a_pulled_cable_is_not_opened_by_itself() -> None:
    bench, instrument = running()
    bench.unplug()
    with pytest.raises(PortLost):
        list(read_all(bench, instrument, 2.0))
    bench.plug()
    with pytest.raises(PortLost):
        instrument.start(bench.settings())


SMU_FRAGMENTS = (
    IDENTITY + b"\r", b"0\r", b"1\r", b'0,"No error"\r', b'-113,"Undefined header"\r', b"VOLT\r", b"HIMP\r",
    b"6.000000E-01\r", b"2.100000E+00\r", b'"CURR:DC"\r', b"1.050000E-08\r", b"DCL\r\n", b"\x11\x13", b"\xff" * 9,
    b"+6.000000E-01,+1.234567E-09,+1.234500E+01,+2.150800E+04\r", b"+9.900000E+37\r", b"," * 40 + b"\r", b"2\r",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_nonsense_on_the_line(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_any_bytes, "FRAGMENTS", SMU_FRAGMENTS)
    line = test_any_bytes.NonsenseLine(np.random.default_rng(seed))
    instrument = build(line, URL, line.clock, DriverOptions("smu"))
    acts: list[Callable[[], object]] = [instrument.connect, lambda: instrument.start(SETTINGS)]
    for act in (*acts, *[lambda: instrument.read(1.0)] * 5, instrument.stop):
        test_any_bytes.only_ours(line.clock, act)
    assert sum(b":OUTP ON" in data for data in line.written) <= 1
