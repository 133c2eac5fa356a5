"""The simulated Rodeostat against potentiostats.md 3.2 to 3.6, and hours of virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.firmware.rodeostat import RodeostatFirmware, RodeostatOptions, build, numbers

S = 1_000_000_000
MS = 1_000_000


@dataclass
class Electrodes:
    """A front end whose current is given by a function of the time in s."""

    current: Callable[[float], float] = lambda _t_s: 12e-9
    on: bool = False
    potential_v: float = 0.0
    switched: list[tuple[bool, float, int]] = field(default_factory=list)
    last_ns: int = 0
    asked: int = 0

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        assert now_ns >= self.last_ns, "times go back"
        if (on, potential_v) != (self.on, self.potential_v):
            self.switched.append((on, potential_v, now_ns))
        self.on, self.potential_v = on, potential_v

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        assert t_ns >= self.last_ns, "times go back"
        assert electrode == 0
        self.last_ns = t_ns
        self.asked += 1
        return self.current(t_ns / S) if self.on else 0.0


@dataclass
class Bench:
    device: RodeostatFirmware
    electrodes: Electrodes
    now_ns: int = 0

    def ask(self, text: str) -> str:
        self.device.receive(text.encode() + b"\n", self.now_ns)
        return self.device.transmit(self.now_ns).decode("ascii")

    def command(self, name: str, **arguments: object) -> str:
        return self.ask(json.dumps({"command": name, **arguments}))

    def value(self, name: str, **arguments: object) -> dict[str, object]:
        answer = json.loads(self.command(name, **arguments))
        assert answer["success"], answer
        values: dict[str, object] = answer["response"]
        assert values.pop("command") == name
        return values

    def wait(self, seconds: float) -> str:
        self.now_ns += round(seconds * S)
        return self.device.transmit(self.now_ns).decode("ascii")


def make(current: Callable[[float], float] | None = None, **options: object) -> Bench:
    electrodes = Electrodes(current) if current else Electrodes()
    device = RodeostatFirmware(electrodes, RodeostatOptions(**options))  # type: ignore[arg-type]
    device.power_on(0)
    return Bench(device, electrodes)


def running(bench: Bench, duration_ms: int = 1000, period_ms: int = 100, value: float = 0.6, **param: object) -> Bench:
    bench.command("setSamplePeriod", samplePeriod=period_ms)
    bench.command("setParam", test="constant", param={"value": value, "duration": duration_ms, **param})
    assert bench.command("runTest", test="constant") == (
        '{"success":true,"response":{"command":"runTest","test":"constant"}}\r\n'
    )
    return bench


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.6, "0.6"), (0.012345678, "0.012346"), (0.1234567, "0.123457"), (12.3456789, "12.34568"), (123.456, "123.456"),
     (0.000012, "0.000012"), (9.9e-6, "9.9e-6"), (-5e-6, "-5e-6"), (1e-5, "9.999999e-6"), (0.0, "0"),
     (-0.6, "-0.6"), (9.9999999, "10"), (24000.0, "24000"), (-0.0000001, "-1e-7")],
)  # fmt: skip
def test_numbers_are_written_as_the_reference_prints_them(value: float, text: str) -> None:
    assert numbers.text(value) == text


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
def test_every_number_reads_back_to_seven_digits_and_alone_as_among_others(values: list[float]) -> None:
    texts = numbers.texts(np.array(values, dtype=np.float32))
    assert texts == [numbers.text(value) for value in values]
    for value, text in zip(values, texts, strict=True):
        assert float(text) == pytest.approx(value, rel=2e-6, abs=max(6e-7 if abs(value) > 1e-5 else 0.0, 1e-44))


def test_the_printed_exchange_byte_for_byte() -> None:
    currents = {100: 12.3e-9, 1000: 15.3e-9}
    bench = make(lambda t_s: currents.get(round(t_s * 1000), 0.0), variant="microAmp", quantise=False)
    assert bench.ask('{"command": "getVariant"}') == (
        '{"success":true,"response":{"command":"getVariant","variant":"10V_microAmpV0.2"}}\r\n'
    )
    assert bench.ask('{"command": "setCurrRange", "currRange": "1uA"}') == (
        '{"success":true,"response":{"command":"setCurrRange","currRange":"1uA"}}\r\n'
    )
    assert bench.ask('{"command": "setSamplePeriod", "samplePeriod": 100}') == (
        '{"success":true,"response":{"command":"setSamplePeriod","samplePeriod":100}}\r\n'
    )
    assert bench.ask(
        '{"command": "setParam", "test": "constant", '
        '"param": {"quietValue": 0.0, "quietTime": 0, "value": 0.6, "duration": 1000}}'
    ) == (
        '{"success":true,"response":{"command":"setParam","test":"constant",'
        '"param":{"quietValue":0,"quietTime":0,"value":0.6,"duration":1000}}}\r\n'
    )
    assert bench.ask('{"command": "runTest", "test": "constant"}') == (
        '{"success":true,"response":{"command":"runTest","test":"constant"}}\r\n'
    )
    lines = bench.wait(2.0).splitlines(keepends=True)
    assert lines[0] == '{"t":100,"v":0.6,"i":0.0123}\r\n'
    assert lines[-2:] == ['{"t":1000,"v":0.6,"i":0.0153}\r\n', "{}\r\n"]
    assert len(lines) == 11
    assert bench.device.next_event_ns(bench.now_ns) is None


@pytest.mark.parametrize(
    ("sent", "message", "command"),
    [
        ('{"command": "setCurrRange", "currRange": "5uA"}', "currRange, 5uA, not found", "setCurrRange"),
        ("hello", "unable to parse json", None),
        ("[1]", "unable to parse json", None),
        ('{"command": "getVersion"' + " " * 2000 + "}", "unable to parse json", None),
        ("[" * 1900, "unable to parse json", None),
        ('{"command": "fly"}', "command, fly, not found", None),
        ('{"test": "constant"}', "CommandTable: command not found", None),
        ('{"command": "setVolt"}', "json does not contain key: v", "setVolt"),
        ('{"command": "setVolt", "v": "much"}', "unable to convert volt to float", "setVolt"),
        ('{"command": "setSamplePeriod", "samplePeriod": 0}', "json samplePeriod value is too small",
         "setSamplePeriod"),
        ('{"command": "setSamplePeriod", "samplePeriod": 1001}', "json samplePeriod value is too large",
         "setSamplePeriod"),
        ('{"command": "runTest", "test": "quantum"}', "test not found", "runTest"),
        ('{"command": "setMuxEnabled", "muxEnabled": true}', "multiplexer hardware not supported", "setMuxEnabled"),
    ],
)  # fmt: skip
def test_failures_of_the_reference(sent: str, message: str, command: str | None) -> None:
    response = "{}" if command is None else f'{{"command":"{command}"}}'
    assert make(variant="microAmp").ask(sent) == (
        f'{{"success":false,"message":"{message}","response":{response}}}\r\n'
    )


def test_who_it_is() -> None:
    bench = make(device_id=7)
    assert bench.value("getVersion") == {"version": "FW0.1.0"}
    assert bench.value("getVariant") == {"variant": "10V_nanoAmpV0.2"}
    assert bench.value("getHardwareVersion") == {"version": "V0.2"}
    assert bench.value("getDeviceId") == {"deviceId": 7}
    assert bench.value("getMuxEnabled") == {"muxEnabled": False}
    assert bench.value("getSamplePeriod") == {"samplePeriod": 10}


def test_hardware_01_has_no_electrode_switches_and_is_connected_always() -> None:
    bench = make(hardware="0.1", variant="microAmp")
    assert "not found" in bench.command("getHardwareVersion")
    assert "not found" in bench.command("setAllElectConnected", connected=False)
    running(bench)
    bench.wait(2)
    assert bench.electrodes.switched == [(True, 0.0, 0), (True, 0.6, 0), (True, 0.0, 1 * S)]


def test_hardware_02_connects_for_the_test_only_unless_told_otherwise() -> None:
    bench = running(make())
    bench.wait(2)
    assert [on for on, _v, _t in bench.electrodes.switched] == [True, True, False]

    bench = make()
    bench.command("setVolt", v=0.6)
    bench.command("setElectAutoConnect", autoConnect=False)
    bench.command("setAllElectConnected", connected=True)
    running(bench)
    bench.wait(2)
    assert bench.electrodes.switched == [(False, 0.6, 0), (True, 0.6, 0), (True, 0.0, 1 * S)], "at 0 V, connected"
    assert bench.value("getWrkElectConnected") == {"connected": True}
    bench.command("setWrkElectConnected", connected=False)
    assert bench.value("getAllElectConnected") == {"connected": False}
    assert not bench.electrodes.on


def test_only_the_keys_received_are_echoed_and_the_rest_is_kept() -> None:
    bench = make()
    bench.command("setParam", test="constant", param={"quietValue": 0.1, "quietTime": 5, "value": 0.2, "duration": 60})
    assert bench.value("setParam", test="constant", param={"duration": 2**32 - 1, "value": 0.65}) == {
        "test": "constant",
        "param": {"value": 0.65, "duration": 2**32 - 1},
    }
    assert bench.value("getParam", test="constant")["param"] == {
        "quietValue": 0.1,
        "quietTime": 5,
        "value": 0.65,
        "duration": 2**32 - 1,
    }


def test_quiet_time_comes_first_at_its_own_potential() -> None:
    bench = running(make(), quietValue=0.1, quietTime=200, duration_ms=200)
    volts = [json.loads(line).get("v") for line in bench.wait(1).splitlines()]
    assert volts == [0.1, 0.6, 0.6, 0.6, None]


def test_replies_stand_between_samples() -> None:
    bench = running(make())
    bench.wait(0.2)
    assert bench.value("getSamplePeriod") == {"samplePeriod": 100}
    assert bench.wait(0.1).startswith('{"t":300,')


def test_stop_answers_then_ends_the_test() -> None:
    bench = running(make())
    bench.wait(0.25)
    assert bench.command("stopTest") == '{"success":true,"response":{"command":"stopTest"}}\r\n{}\r\n'
    assert bench.wait(5) == ""
    assert not bench.electrodes.on
    assert bench.command("stopTest") == '{"success":true,"response":{"command":"stopTest"}}\r\n{}\r\n', "as well"


@pytest.mark.parametrize(("current_a", "printed"), [(70e-9, '"i":0.06,"le":true'), (-70e-9, '"i":-0.06,"le":true')])
def test_beyond_the_rail_le_is_set_and_the_current_clipped(current_a: float, printed: str) -> None:
    bench = running(make(lambda _t: current_a))
    assert printed in bench.wait(0.1)


def test_oxidation_is_positive_unless_the_firmware_is_for_the_other_hardware() -> None:
    assert '"i":0.012}' in running(make(quantise=False)).wait(0.1)
    assert '"i":-0.012}' in running(make(quantise=False, negated=True)).wait(0.1)
    assert '"i":0.012}' in running(make(quantise=False, hardware="0.1", nano_table_fault=False)).wait(0.1)


@pytest.mark.parametrize(("board", "step_a"), [("teensy", 1.83e-12), ("itsybitsy", 29.3e-12)])
def test_currents_come_in_steps_of_the_converter(board: str, step_a: float) -> None:
    bench = running(make(lambda t_s: t_s * 5e-12, board=board), duration_ms=60_000)
    currents_a = {json.loads(line).get("i", 0.0) * 1e-6 for line in bench.wait(50).splitlines()}
    steps = np.diff(sorted(currents_a))
    assert steps.mean() == pytest.approx(step_a, rel=0.2)
    assert np.ptp(steps) <= 1.01e-12, "the text itself has steps of 1 pA"


def test_the_nano_build_of_hardware_01_has_the_wrong_table_on_a_teensy_only() -> None:
    assert "not found" in make(hardware="0.1").command("setCurrRange", currRange="60nA")
    assert make(hardware="0.1").value("setCurrRange", currRange="100uA")
    assert make(hardware="0.1", board="itsybitsy").value("setCurrRange", currRange="60nA")


def test_an_itsybitsy_loses_messages_of_whole_packets() -> None:
    message = '{"command": "getVersion"}'
    padded = message + " " * (127 - len(message))
    assert make(board="itsybitsy").ask(padded) == ""
    assert '"success":true' in make(board="itsybitsy").ask(" " + padded)
    assert '"success":true' in make(board="teensy").ask(padded)


def test_a_power_cycle_forgets_everything_but_the_device_id() -> None:
    bench = running(make())
    bench.command("setDeviceId", deviceId=9)
    bench.device.power_off(bench.now_ns)
    assert not bench.electrodes.on
    assert bench.command("getVersion") == bench.wait(1) == ""
    bench.device.power_on(bench.now_ns)
    assert bench.value("getDeviceId") == {"deviceId": 9}
    assert bench.value("getSamplePeriod") == {"samplePeriod": 10}
    assert bench.wait(5) == ""


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match="femtoAmp"):
        build("stat", Electrodes(), {"variant": "femtoAmp"}, np.random.default_rng(1))


def test_twelve_hours_in_virtual_time_lose_no_sample() -> None:
    bench = running(make(lambda t_s: 10e-9 + t_s * 1e-15, quantise=False), duration_ms=12 * 3_600_000)
    count, ended = 0, False
    while (event := bench.device.next_event_ns(bench.now_ns)) is not None:
        assert event > bench.now_ns
        bench.now_ns = max(event, bench.now_ns + 600 * S)
        out = bench.device.transmit(bench.now_ns)
        count += out.count(b'"t":')
        ended = ended or out.endswith(b'{"t":43200000,"v":0.6,"i":0.010043}\r\n{}\r\n')
    assert ended
    assert count == bench.electrodes.asked == 432_000
    assert bench.electrodes.last_ns == 12 * 3600 * S


ODD = (
    b'{"command": "runTest", "test": "constant"}',
    b'{"command":',
    b'{"command": null}',
    b'{"command": "setParam", "test": "constant", "param": {"duration": 1e99, "value": NaN}}',
    b'{"command": "setParam", "test": "constant", "param": {"duration": -5, "value": []}}',
    b'{"command": "setVolt", "v": 1e300}',
    b'{"command": "setVolt", "v": true}',
    b'{"command": "setCurrRange", "currRange": []}',
    b'{"command": "setSamplePeriod", "samplePeriod": true}',
    b'{"command": "setDeviceId"}',
)


@given(st.lists(st.binary(max_size=80) | st.sampled_from(ODD), max_size=8))
def test_no_bytes_whatever_break_the_instrument(lines: list[bytes]) -> None:
    bench = make()
    for line in lines:
        bench.device.receive(line + b"\n", bench.now_ns)
        bench.wait(0.5)
    bench.wait(100)
    assert bench.command("getVersion").endswith('"version":"FW0.1.0"}}\r\n')
