"""The Rodeostat driver: every byte of a start and a stop, what a bad line or a bad instrument does."""

from __future__ import annotations

import json
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
    SampleFlag,
)
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import (
    DeviceRefused,
    GarbledReply,
    NotEncodable,
    PortLost,
    ReadbackMismatch,
    ReplyTimeout,
    WrongInstrument,
)
from drivers.rodeostat import RodeostatPotentiostat, build, family
from tests.drivers import test_any_bytes
from tests.drivers.kit import URL, ScriptedLine, Step, step
from tests.drivers.test_compliance_rodeostat import ONE, RodeostatSetUp

SETTINGS = AmperometrySettings(0.6, 0.1, (ElectrodeSettings("glutamate", "we1", 0.8e-6),))


def exchange(command: str, arguments: str = "", answer: str = "", *more: bytes | tuple[float, bytes]) -> Step:
    """One command and its reply; both written as the reference writes them."""
    sent = f'{{"command": "{command}"{arguments}}}\n'
    sent = sent if len(sent) % 64 else f" {sent}"  # the setting of the test has 128 bytes: an ItsyBitsy would lose it
    reply = f'{{"success":true,"response":{{"command":"{command}"{answer}}}}}\r\n'
    return step(sent.encode(), reply.encode(), *more)


def refused(command: str, arguments: str = "", message: str = "") -> Step:
    why = message or f"command, {command}, not found"
    response = "" if not message else f'"command":"{command}"'
    reply = f'{{"success":false,"message":"{why}","response":{{{response}}}}}\r\n'
    return step(f'{{"command": "{command}"{arguments}}}\n'.encode(), reply.encode())


CONNECT = [
    exchange("getVariant", "", ',"variant":"10V_microAmpV0.2"'),
    exchange("getVersion", "", ',"version":"FW0.1.0"'),
    exchange("getHardwareVersion", "", ',"version":"V0.2"'),
    exchange("getDeviceId", "", ',"deviceId":7'),
]
PREPARE = [
    step(b'{"command": "stopTest"}\n', b'{"success":true,"response":{"command":"stopTest"}}\r\n{}\r\n'),
    exchange("getMuxEnabled", "", ',"muxEnabled":false'),
    exchange("setCurrRange", ', "currRange": "1uA"', ',"currRange":"1uA"'),
    exchange("getCurrRange", "", ',"currRange":"1uA"'),
    exchange("setSamplePeriod", ', "samplePeriod": 100', ',"samplePeriod":100'),
    exchange("getSamplePeriod", "", ',"samplePeriod":100'),
    exchange(
        "setParam",
        ', "test": "constant", "param": {"quietValue": 0.6, "quietTime": 0, "value": 0.6, "duration": 4294967295}',
        ',"test":"constant","param":{"quietValue":0.6,"quietTime":0,"value":0.6,"duration":4294967295}',
    ),
    exchange(
        "getParam",
        ', "test": "constant"',
        ',"test":"constant","param":{"quietValue":0.6,"quietTime":0,"value":0.6,"duration":4294967295}',
    ),
    exchange("setVoltRange", ', "voltRange": "1V"', ',"voltRange":"1V"'),
    exchange("getVoltRange", "", ',"voltRange":"1V"'),
    exchange("setVolt", ', "v": 0.6', ',"v":0.6'),
    exchange("getVolt", "", ',"v":0.6'),
    exchange("setElectAutoConnect", ', "autoConnect": false', ',"autoConnect":false'),
    exchange("getElectAutoConnect", "", ',"autoConnect":false'),
    exchange("setAllElectConnected", ', "connected": true', ',"connected":true'),
    *(exchange(f"get{name}ElectConnected", "", ',"connected":true') for name in ("Ref", "Ctr", "Wrk")),
]
STOP = [
    step(b'{"command": "stopTest"}\n', b'{"success":true,"response":{"command":"stopTest"}}\r\n{}\r\n'),
    exchange("setAllElectConnected", ', "connected": false', ',"connected":false'),
    exchange("setElectAutoConnect", ', "autoConnect": true', ',"autoConnect":true'),
    *(exchange(f"get{name}ElectConnected", "", ',"connected":false') for name in ("Ref", "Ctr", "Wrk")),
    exchange("setVolt", ', "v": 0.0', ',"v":0'),
    exchange("getVolt", "", ',"v":0'),
    exchange("getSamplePeriod", "", ',"samplePeriod":100'),
]


def on_script(*steps: Step) -> tuple[ScriptedLine, RodeostatPotentiostat]:
    line = ScriptedLine([step(s.expect, *s.replies) for s in steps])
    return line, build(line, URL, line.clock, DriverOptions(instrument="stat"))


def run_test(*samples: bytes | tuple[float, bytes]) -> Step:
    return exchange("runTest", ', "test": "constant"', ',"test":"constant"', *samples)


def test_connect_start_two_samples_and_stop_byte_for_byte() -> None:
    samples = ((0.105, b'{"t":100,"v":0.6,"i":0.0123}\r\n'), (0.205, b'{"t":200,"v":0.6,"i":0.0153}\r\n'))
    line, instrument = on_script(*CONNECT, *PREPARE, run_test(*samples), *STOP)
    assert instrument.connect() == Identity(
        "rodeostat", "Rodeostat microAmp", "FW0.1.0 (for hardware 0.2; current as printed)", "7"
    )
    used = instrument.start(SETTINGS)
    assert used.electrodes[0].range_a == 1e-6
    blocks = instrument.read(1.0) + instrument.read(1.0)
    assert [block.index.tolist() for block in blocks] == [[0], [1]]
    assert np.concatenate([block.current_a for block in blocks])[:, 0] == pytest.approx([12.3e-9, 15.3e-9])
    instrument.stop()
    line.done()


def test_samples_in_one_piece_with_the_reply_to_the_start_are_not_lost() -> None:
    reply = (
        b'{"success":true,"response":{"command":"runTest","test":"constant"}}\r\n{"t":100,"v":0.6,"i":0.01}\r\n{"t":2'
    )
    start = step(b'{"command": "runTest", "test": "constant"}\n', reply, (0.1, b'00,"v":0.6,"i":0.02}\r\n'))
    _line, instrument = on_script(*CONNECT, *PREPARE, start)
    instrument.connect()
    instrument.start(SETTINGS)
    index = [n for _ in range(2) for block in instrument.read(1.0) for n in block.index.tolist()]
    assert index == [0, 1]


@pytest.mark.parametrize("hardware", ["0.1", "0.2"])
@pytest.mark.parametrize(
    ("settings", "built_for_the_other", "sign", "told"),
    [({}, "0", 1, "as printed"), ({"sign": "as-printed"}, "1", -1, "as printed"), ({"sign": "negated"}, "1", 1, "neg")],
)  # fmt: skip
def test_oxidation_is_positive_on_both_hardwares_unless_the_firmware_is_for_the_other(
    settings: dict[str, str], built_for_the_other: str, sign: int, told: str, hardware: str
) -> None:
    bench = RodeostatSetUp({"variant": "microAmp", "hardware": hardware, "negated": built_for_the_other})
    instrument = build(bench.line, URL, bench.clock, bench.line.options(settings=settings))
    assert f"current {told}" in instrument.connect().firmware
    instrument.start(bench.settings())
    (block,) = instrument.read(1.0)
    assert block.current_a[0, 0] == pytest.approx(sign * 1.2345e-9, abs=50e-12)


def test_a_sign_that_is_none_is_refused_before_a_port_is_opened() -> None:
    with pytest.raises(NotEncodable, match="as-printed, negated"):
        build(ScriptedLine([]), URL, VirtualClock(), DriverOptions("stat", settings={"sign": "plus"}))


def test_what_it_does_to_the_current_is_told() -> None:
    facts = RodeostatPotentiostat(None, -1).facts()  # type: ignore[arg-type]  # facts() is pure
    assert isinstance(RodeostatPotentiostat(None), Described)  # type: ignore[arg-type]
    assert (facts["current_sign"], facts["low_pass_hz"]) == (-1, 200.0)
    assert facts["filter_delay_s"] == pytest.approx(1.59e-3, rel=1e-2)


# --- who is there ---


def test_a_rodeostat_of_hardware_01_does_not_know_the_question_for_it() -> None:
    steps = [
        exchange("getVariant", "", ',"variant":"10V_nanoAmpV0.1"'),
        exchange("getVersion", "", ',"version":"FW0.1.0"'),
        refused("getHardwareVersion"),
        refused("getDeviceId"),
    ]
    line, instrument = on_script(*steps)
    assert instrument.connect().firmware.startswith("FW0.1.0 (for hardware 0.1; current as printed")
    line.done()


@pytest.mark.parametrize(
    "steps",
    [
        [exchange("getVariant", "", ',"variant":"\\u001b[2J"')],
        [exchange("getVariant", "", ',"variant":5')],
        [*CONNECT[:2], exchange("getHardwareVersion", "", ',"version":"V0.3"')],
        [exchange("getVariant", "", ',"variant":"10V_nanoAmpV0.1"'), *CONNECT[1:3]],
    ],
)  # fmt: skip
def test_something_else_is_not_taken_for_a_rodeostat(steps: list[Step]) -> None:
    line, instrument = on_script(*steps)
    with pytest.raises(WrongInstrument) as error:
        instrument.connect()
    assert str(error.value).isprintable()
    line.done()


def test_a_line_that_only_echoes_is_no_rodeostat() -> None:
    who = b'{"command": "getVariant"}\n'
    line, instrument = on_script(*[step(who, who)] * 3)
    with pytest.raises(WrongInstrument):
        instrument.connect()
    line.done()  # no stop, and nothing else, is sent to what is no Rodeostat


def test_silence_is_no_rodeostat_either() -> None:
    line, instrument = on_script(*[step(b'{"command": "getVariant"}\n')] * 3)
    with pytest.raises(ReplyTimeout, match="is it connected"):
        instrument.connect()
    line.done()


def test_a_test_that_makes_the_instrument_deaf_is_stopped_to_ask_who_it_is() -> None:
    who, sample = b'{"command": "getVariant"}\n', b'{"t":1000,"v":0.6,"i":0.01}\r\n'
    line, instrument = on_script(step(who, sample), step(who), step(who), PREPARE[0], *CONNECT)
    assert instrument.connect().model == "Rodeostat microAmp"
    line.done()


def test_a_question_whose_answer_is_lost_is_asked_again_and_a_start_never() -> None:
    line, instrument = on_script(
        step(CONNECT[0].expect), *CONNECT, *PREPARE, step(b'{"command": "runTest", "test": "constant"}\n'), *STOP
    )
    instrument.connect()
    with pytest.raises(ReplyTimeout, match=r"no reply in time.*runTest"):
        instrument.start(SETTINGS)
    line.done()  # and it is off again


# --- settings ---


@pytest.mark.parametrize(
    "bad",
    [
        replace(SETTINGS, potential_v=10.1),
        replace(SETTINGS, potential_v=0.60000049),
        replace(SETTINGS, interval_s=0.0005),
        replace(SETTINGS, interval_s=1.001),
        replace(SETTINGS, interval_s=0.0125),
        replace(SETTINGS, electrodes=(ElectrodeSettings("x", "we2", 1e-6),)),
        replace(SETTINGS, electrodes=(*SETTINGS.electrodes, ElectrodeSettings("x", "we2", 1e-6))),
        replace(SETTINGS, electrodes=(ElectrodeSettings("x", "we1", 25e-3),)),
    ],
)
def test_what_it_cannot_do_is_refused(bad: AmperometrySettings) -> None:
    with pytest.raises(NotEncodable):
        RodeostatPotentiostat(None).checked(bad)  # type: ignore[arg-type]  # checked() is pure


@pytest.mark.parametrize("interval_s", [0.001, 0.1, 0.25, 1.0])
def test_whole_milliseconds_are_kept(interval_s: float) -> None:
    settings = replace(SETTINGS, interval_s=interval_s)
    assert RodeostatPotentiostat(None).checked(settings).interval_s == interval_s  # type: ignore[arg-type]


def test_the_wrong_table_of_the_nano_build_is_said_and_leaves_it_off() -> None:
    bench = RodeostatSetUp({"variant": "nanoAmp", "hardware": "0.1"})
    instrument = bench.driver()
    instrument.connect()
    with pytest.raises(DeviceRefused, match="currRange, 60nA, not found"):
        instrument.start(bench.settings())
    assert not bench.cell_on()


@pytest.mark.parametrize(
    ("at", "answer"),
    [(3, ',"currRange":"10uA"'), (5, ',"samplePeriod":10'), (9, ',"voltRange":"10V"'), (11, ',"v":0.7'),
     (13, ',"autoConnect":true'), (17, ',"connected":false'),
     (7, ',"test":"constant","param":{"quietValue":0.6,"quietTime":0,"value":0.6,"duration":1000}'),
     (7, ',"test":"constant","param":{"quietValue":0.6,"quietTime":0,"value":0.6}')],
)  # fmt: skip
def test_a_setting_that_reads_back_otherwise_starts_nothing(at: int, answer: str) -> None:
    sent = PREPARE[at].expect
    command = json.loads(sent)["command"]
    lie = step(sent, f'{{"success":true,"response":{{"command":"{command}"{answer}}}}}\r\n'.encode())
    line, instrument = on_script(*CONNECT, *PREPARE[:at], lie, *STOP)
    instrument.connect()
    with pytest.raises(ReadbackMismatch):
        instrument.start(SETTINGS)
    line.done()


def test_a_multiplexer_that_is_on_is_refused() -> None:
    mux = exchange("getMuxEnabled", "", ',"muxEnabled":true')
    line, instrument = on_script(*CONNECT, PREPARE[0], mux, *STOP)
    instrument.connect()
    with pytest.raises(DeviceRefused, match="multiplexer"):
        instrument.start(SETTINGS)
    line.done()


# --- stopping ---


@pytest.mark.parametrize("at", range(len(STOP)))
def test_a_stop_whose_answers_get_lost_is_repeated_until_confirmed(at: int) -> None:
    lost = [step(STOP[at].expect)]
    line, instrument = on_script(*STOP[:at], *lost, *STOP[at:])
    instrument.stop()
    line.done()


def test_an_electrode_that_stays_connected_is_said_aloud() -> None:
    stuck = exchange("getWrkElectConnected", "", ',"connected":true')
    _line, instrument = on_script(*[*STOP[:5], stuck] * 3)
    with pytest.raises(ReplyTimeout, match=r"MAY STILL BE UNDER POTENTIAL.*Wrk"):
        instrument.stop()


def test_a_test_that_goes_on_after_the_stop_is_said_aloud() -> None:
    babble = exchange("getSamplePeriod", "", ',"samplePeriod":100', (0.1, b'{"t":900,"v":0.6,"i":0.01}\r\n'))
    _line, instrument = on_script(*[*STOP[:-1], babble] * 3)
    with pytest.raises(ReplyTimeout, match="samples still come"):
        instrument.stop()


def test_hardware_01_is_stopped_at_0_volts() -> None:
    steps = [STOP[0], refused("setAllElectConnected", ', "connected": false'), *STOP[6:]]
    line, instrument = on_script(*steps)
    instrument.stop()
    line.done()


def test_hardware_01_that_keeps_its_potential_is_said_aloud() -> None:
    kept = exchange("getVolt", "", ',"v":0.6')
    steps = [STOP[0], refused("setAllElectConnected", ', "connected": false'), STOP[6], kept]
    _line, instrument = on_script(*steps * 3)
    with pytest.raises(ReplyTimeout, match="MAY STILL BE UNDER POTENTIAL"):
        instrument.stop()


# --- running ---


def running(**options: str) -> tuple[RodeostatSetUp, RodeostatPotentiostat]:
    bench = RodeostatSetUp(options)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    return bench, instrument


def read_all(instrument: RodeostatPotentiostat, times: int) -> Iterator[tuple[int, int, float]]:
    for _ in range(times):
        for block in instrument.read(0.1):
            for index, current_a in zip(block.index.tolist(), block.current_a[:, 0].tolist(), strict=True):
                yield block.epoch, index, current_a


@pytest.mark.parametrize(("hardware", "switched"), [("0.2", [True]), ("0.1", [])])
def test_the_test_runs_again_at_its_end_with_the_electrodes_kept_connected(
    monkeypatch: pytest.MonkeyPatch, hardware: str, switched: list[bool]
) -> None:
    monkeypatch.setattr(family, "DURATION_MS", 20_000)
    bench = RodeostatSetUp({"variant": "microAmp", "hardware": hardware})
    instrument = bench.driver()
    instrument.connect()
    bench.cell.switched.clear()
    instrument.start(bench.settings())
    rows = list(read_all(instrument, 650))
    for epoch in (1, 2, 3):
        assert [index for e, index, _ in rows if e == epoch] == list(range(200))
    assert {epoch for epoch, _, _ in rows} == {1, 2, 3, 4}
    assert bench.cell.switched == switched
    assert sum(b"runTest" in data for data in bench.line.sent) == 4
    assert sum(b"setVolt" in data for data in bench.line.sent) == 2, "settings are written once"


def test_an_overloaded_electrode_is_flagged() -> None:
    bench, instrument = running()
    bench.cell.currents_a = (90e-9, 0.0)
    (*_first, last) = [block for _ in range(5) for block in instrument.read(0.2)]
    assert last.flags[-1, 0] == SampleFlag.OVERLOAD
    assert last.current_a[-1, 0] == pytest.approx(60e-9)


DISTURBANCES: dict[str, Callable[[np.random.Generator, bytes], list[bytes]]] = {
    "lost": lambda _rng, _data: [],
    "cut short": lambda rng, data: [data[: rng.integers(len(data))]],
    "doubled": lambda _rng, data: [data, data],
    "a byte that is none of JSON": lambda rng, data: [_changed(data, int(rng.integers(len(data))))],
    "head lost": lambda rng, data: [data[rng.integers(1, len(data)) :]],
}


def _changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]


@pytest.mark.parametrize("what", DISTURBANCES)
def test_a_disturbed_line_costs_samples_and_never_gives_a_wrong_one(what: str) -> None:
    bench, instrument = running()
    rng = np.random.default_rng(5)
    disturb = DISTURBANCES[what]
    bench.line.from_device = lambda data: (
        [(0.0, part) for part in disturb(rng, data)] if rng.random() < 0.1 else [(0.0, data)]
    )
    rows = list(read_all(instrument, 400))
    index = np.array([row[1] for row in rows])
    assert np.all(np.diff(index) > 0)
    assert 250 <= index.size <= 400
    assert (index.size < 395) == (what != "doubled")
    assert [row[2] for row in rows] == pytest.approx([1.2345e-9] * len(rows), abs=2e-12)
    bench.line.from_device = lambda data: [(0.0, data)]
    instrument.stop()
    assert not bench.cell_on()


@pytest.mark.parametrize("seed", range(4))
def test_a_digit_of_the_time_that_breaks_misplaces_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, instrument = running()
    rng = np.random.default_rng(seed)

    def disturb(data: bytes) -> list[tuple[float, bytes]]:
        at = int(rng.integers(5, data.index(b","))) if data.startswith(b'{"t":') else 0
        return [(0.0, data[:at] + b"%d" % rng.integers(1, 10) + data[at + 1 :] if at and rng.random() < 0.1 else data)]

    monkeypatch.setattr(bench.cell, "current_a", lambda _electrode, t_ns, _over_ns=0: t_ns / NS_PER_S * 100e-12)
    first_a = next(read_all(instrument, 1))[2]
    bench.line.from_device = disturb
    rows = list(read_all(instrument, 600))
    assert 400 < len(rows) < 590
    assert [row[2] for row in rows] == pytest.approx([first_a + row[1] * 10e-12 for row in rows], abs=4e-12)


def test_lines_that_stay_broken_raise_and_do_not_pass_for_silence() -> None:
    bench, instrument = running()
    bench.line.from_device = lambda _data: [(0.0, b"\xff\xfe\r\n" * 60)]
    with pytest.raises(GarbledReply):
        list(read_all(instrument, 100))


def test_an_instrument_that_falls_silent_is_said_and_can_be_started_again() -> None:
    bench, instrument = running()
    list(read_all(instrument, 20))
    bench.line.firmware.power_off(bench.clock.now_ns())
    bench.line.firmware.power_on(bench.clock.now_ns())
    with pytest.raises(ReplyTimeout, match=r"fell silent.*ELECTRODES"):
        list(read_all(instrument, 20))
    with pytest.raises(DeviceRefused, match="no measurement runs"):
        instrument.read(0.1)
    instrument.start(bench.settings())
    rows = list(read_all(instrument, 20))
    assert [row[:2] for row in rows[:3]] == [(2, 0), (2, 1), (2, 2)]


def test_a_test_that_another_program_ended_is_said() -> None:
    bench, instrument = running()
    list(read_all(instrument, 20))
    bench.line.firmware.receive(b'{"command": "stopTest"}\n', bench.clock.now_ns())
    with pytest.raises(ReplyTimeout, match="ended its test before time"):
        list(read_all(instrument, 20))


def test_a_reader_that_pauses_is_no_silence() -> None:
    bench, instrument = running()
    list(read_all(instrument, 5))
    bench.line.pass_s(8.0)
    rows = list(read_all(instrument, 20))
    assert len(rows) >= 80
    assert np.all(np.diff([row[1] for row in rows]) == 1)


def test_a_pulled_cable_ends_the_reading_and_the_line_is_not_opened_by_itself() -> None:
    bench, instrument = running()
    bench.unplug()
    with pytest.raises(PortLost):
        list(read_all(instrument, 20))
    bench.plug()
    with pytest.raises(PortLost):
        instrument.start(bench.settings())


def test_a_thousand_samples_a_second_all_arrive() -> None:
    bench = RodeostatSetUp()
    instrument = bench.driver()
    instrument.connect()
    instrument.start(replace(bench.settings(), interval_s=0.001))
    rows = list(read_all(instrument, 3000))
    assert [row[1] for row in rows[:2900]] == list(range(2900))
    instrument.stop()
    assert not bench.cell_on()


def test_a_fast_stream_does_not_pile_up_behind_a_reader_that_comes_four_times_a_second() -> None:
    bench = RodeostatSetUp()
    instrument = bench.driver()
    instrument.connect()
    instrument.start(replace(bench.settings(), interval_s=0.001))
    for _ in range(20):
        bench.line.pass_s(0.25)
        blocks = instrument.read(0.0)
        assert bench.clock.now_ns() - int(blocks[-1].t_ns()[-1]) <= 2_000_000


@pytest.mark.parametrize("act", ["stop", "start", "connect"])
def test_thousands_of_samples_before_the_answer_hold_nothing_up(act: str) -> None:
    bench = RodeostatSetUp()
    instrument = bench.driver()
    instrument.connect()
    fast = replace(bench.settings(), interval_s=0.001)
    instrument.start(fast)
    bench.line.from_device = lambda data: [(0.5, data)]  # half a second of samples is always on its way
    for _ in range(200):
        bench.line.pass_s(0.005)
        bench.line.read(0, 0.0)
    {"stop": instrument.stop, "start": lambda: instrument.start(fast), "connect": instrument.connect}[act]()
    instrument.stop()
    assert not bench.cell_on()


RODEO_FRAGMENTS = (
    b'{"success":true,"response":{"command":"getVariant","variant":"10V_nanoAmpV0.2"}}\r\n', b"{}\r\n",
    b'{"success":true,"response":{"command":"getVersion","version":"\\u001b"}}\r\n', b'{"success":true,',
    b'{"success":true,"response":{"command":"getHardwareVersion","version":"V0.2"}}\r\n',
    b'{"success":true,"response":{"command":"stopTest"}}\r\n', b'{"t":100,"v":0.6,"i":0.01}\r\n', b"[" * 2000,
    b'{"success":true,"response":{"command":"runTest","test":"constant"}}\r\n', b'{"t":200,"v":0.6,"i":1e9}\r\n',
    b'{"success":false,"message":"\\u0007","response":{}}\r\n', b"\xff" * 9, b"\n", b'{"success":true,"response":{}}\n',
    b'{"success":true,"response":{"command":"getVolt","v":0}}\r\n', b"NE-1000\r\n",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_nonsense_on_the_line(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_any_bytes, "FRAGMENTS", RODEO_FRAGMENTS)
    line = test_any_bytes.NonsenseLine(np.random.default_rng(seed))
    instrument = build(line, URL, line.clock, DriverOptions("stat"))
    settings = AmperometrySettings(0.6, 0.1, ONE)
    acts: list[Callable[[], object]] = [instrument.connect, lambda: instrument.start(settings)]
    for act in (*acts, *[lambda: instrument.read(1.0)] * 5, instrument.stop):
        test_any_bytes.only_ours(line.clock, act)
    assert sum(b"runTest" in data for data in line.written) <= 1
