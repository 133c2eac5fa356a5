"""The Rodeostat as a whole: JSON lines of the host in, replies and samples out (potentiostats.md 3.2 to 3.4).

Not simulated: the multiplexer (as a build without one answers), and tests other than ``constant`` (listed, but
answered with "test not found").
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeGuard

from sim_devices.firmware.rodeostat import numbers
from sim_devices.firmware.rodeostat.cell import ELECTRODES, Cell
from sim_devices.firmware.rodeostat.constant_test import Parameters, Run
from sim_devices.firmware.rodeostat.options import RodeostatOptions
from sim_devices.interfaces import ElectrodeFrontEnd

_BUFFER = 2000
_USB_PACKET = 64
_TESTS = ["cyclic", "sinusoid", "constant", "squareWave", "linearSweep", "chronoamp", "multiStep", "differentialPulse"]
_WHOLE_MAX = 2**32 - 1
_PERIOD_MS = (1, 1000)
_MUX_ONLY = (
    *("setMuxEnabled", "setEnabledMuxChannels", "getEnabledMuxChannels", "getMuxTestNames", "disconnectAllMuxElect"),
    *(f"{verb}Mux{name}ElectConnected" for verb in ("set", "get") for name in ELECTRODES),
)


class Refused(Exception):
    """The instrument says no."""


class RodeostatFirmware:
    """One potentiostat. Implements ``sim_devices.interfaces.Firmware``."""

    def __init__(self, front_end: ElectrodeFrontEnd, options: RodeostatOptions) -> None:
        self._options = options
        self._cell = Cell(options, front_end)
        self._device_id = options.device_id  # in non-volatile memory
        self._powered = False
        self._commands = self._table()
        self._power_up_state()

    def _power_up_state(self) -> None:
        self._line = bytearray()
        self._out: list[str] = []
        self._period_ms = 10
        self._parameters = Parameters()
        self._run: Run | None = None
        self._ref_volt_range = next(iter(self._options.volt_ranges))

    def power_on(self, now_ns: int) -> None:
        self._power_up_state()
        self._cell.power(on=True, now_ns=now_ns)
        self._powered = True

    def power_off(self, now_ns: int) -> None:
        self._advance(now_ns)
        self._power_up_state()
        self._cell.power(on=False, now_ns=now_ns)
        self._powered = False

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._advance(now_ns)
        for byte in data:
            if byte != 0x0A:
                if len(self._line) <= _BUFFER:
                    self._line.append(byte)
                continue
            line, self._line = bytes(self._line), bytearray()
            if self._options.board == "itsybitsy" and (len(line) + 1) % _USB_PACKET == 0:
                continue  # lost on the way in
            self._take(line, now_ns)

    def transmit(self, now_ns: int) -> bytes:
        self._advance(now_ns)
        out, self._out = "".join(self._out), []
        return out.encode("ascii")

    def next_event_ns(self, now_ns: int) -> int | None:
        return None if self._run is None else max(self._run.next_ns(), now_ns)

    def _advance(self, now_ns: int) -> None:
        run = self._run
        if run is None:
            return
        self._out += run.until(now_ns, self._cell)
        if now_ns >= run.end_ns:
            self._end(run.end_ns)

    def _end(self, t_ns: int) -> None:
        self._run = None
        self._cell.end_test(t_ns)
        self._out.append("{}\r\n")

    # --- host lines ----------------------------------------------------------------------------------------

    def _take(self, line: bytes, now_ns: int) -> None:
        try:
            message = json.loads(line.decode("latin-1"), parse_constant=_no_constant) if len(line) <= _BUFFER else None
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._fail("unable to parse json", None)
            return
        name = message.get("command")
        if self._run is not None and self._options.deaf_while_running and name != "stopTest":
            return
        if not isinstance(name, str):
            self._fail("CommandTable: command not found", None)
        elif name not in self._commands:
            self._fail(f"command, {name}, not found", None)
        else:
            self._obey(name, message, now_ns)

    def _obey(self, name: str, message: dict[str, Any], now_ns: int) -> None:
        try:
            values = self._commands[name](message, now_ns)
        except Refused as refusal:
            self._fail(str(refusal), name)
            return
        self._reply({"success": True, "response": {"command": name, **values}})
        if name == "stopTest":
            self._end(now_ns)

    def _fail(self, why: str, command: str | None) -> None:
        response = {} if command is None else {"command": command}
        self._reply({"success": False, "message": why, "response": response})

    def _reply(self, fields: dict[str, Any]) -> None:
        self._out.append(_written(fields) + "\r\n")

    # --- commands ------------------------------------------------------------------------------------------

    def _table(self) -> dict[str, Callable[[dict[str, Any], int], dict[str, Any]]]:
        options, cell = self._options, self._cell
        table: dict[str, Callable[[dict[str, Any], int], dict[str, Any]]] = {
            "getVersion": lambda _m, _t: {"version": options.version},
            "getVariant": lambda _m, _t: {"variant": options.variant_text},
            "setVolt": self._set_volt,
            "getVolt": lambda _m, _t: {"v": float(cell.volt_v)},
            "getCurr": lambda _m, t_ns: {"i": float(cell.measure_ua(range(t_ns, t_ns + 1))[0][0])},
            "getRefVolt": lambda _m, _t: {"r": 0.0},
            "setCurrRange": self._set_curr_range,
            "getCurrRange": lambda _m, _t: {"currRange": cell.curr_range},
            "setVoltRange": self._set_volt_range,
            "getVoltRange": lambda _m, _t: {"voltRange": cell.volt_range},
            "setSamplePeriod": self._set_period,
            "getSamplePeriod": lambda _m, _t: {"samplePeriod": self._period_ms},
            "setDeviceId": self._set_device_id,
            "getDeviceId": lambda _m, _t: {"deviceId": self._device_id},
            "setParam": self._set_param,
            "getParam": self._get_param,
            "getTestDoneTime": self._done_time,
            "getTestNames": lambda _m, _t: {"testNames": _TESTS},
            "runTest": self._run_test,
            "stopTest": self._stop_test,
            "getMuxEnabled": lambda _m, _t: {"muxEnabled": False},
            **dict.fromkeys(_MUX_ONLY, _no_mux),
        }
        if cell.has_switches:
            table["getHardwareVersion"] = lambda _m, _t: {"version": f"{options.version_prefix}{options.hardware}"}
            table["getRefElectVoltRange"] = lambda _m, _t: {"voltRange": self._ref_volt_range}
            table["setRefElectVoltRange"] = self._set_ref_volt_range
            table["getElectAutoConnect"] = lambda _m, _t: {"autoConnect": cell.auto_connect}
            table["setElectAutoConnect"] = self._set_auto_connect
            for name in (*ELECTRODES, "All"):
                table[f"set{name}ElectConnected"] = lambda m, t_ns, name=name: self._connect(name, m, t_ns)  # type: ignore[misc]
                table[f"get{name}ElectConnected"] = lambda _m, _t, name=name: {"connected": self._is_connected(name)}  # type: ignore[misc]
        return table

    def _set_volt(self, message: dict[str, Any], now_ns: int) -> dict[str, Any]:
        volt_v = _of(message, "v")
        if not _is_decimal(volt_v):
            raise Refused("unable to convert volt to float")
        self._cell.set_volt(float(volt_v), now_ns)
        return {"v": float(self._cell.volt_v)}

    def _set_curr_range(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        name = str(_of(message, "currRange"))
        if name not in self._options.ranges_ua:
            raise Refused(f"currRange, {name}, not found")
        self._cell.curr_range = name
        return {"currRange": name}

    def _set_volt_range(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        name = str(_of(message, "voltRange"))
        if name not in self._options.volt_ranges:
            raise Refused(f"voltRange, {name}, not found")
        self._cell.volt_range = name
        return {"voltRange": name}

    def _set_ref_volt_range(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        name = str(_of(message, "voltRange"))
        if name not in self._options.volt_ranges:
            raise Refused(f"voltRange, {name}, not found")
        self._ref_volt_range = name
        return {"voltRange": name}

    def _set_period(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        given = _of(message, "samplePeriod")
        period_ms = int(given) if _is_decimal(given) else 0
        if period_ms < _PERIOD_MS[0]:
            raise Refused("json samplePeriod value is too small")
        if period_ms > _PERIOD_MS[1]:
            raise Refused("json samplePeriod value is too large")
        self._period_ms = period_ms
        return {"samplePeriod": period_ms}

    def _set_device_id(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        self._device_id = _of(message, "deviceId")
        return {"deviceId": self._device_id}

    def _set_param(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        _constant(message)
        given = _of(message, "param")
        if not isinstance(given, dict):
            raise Refused("json does not contain key: param")
        taken: dict[str, Any] = {}
        for key, is_time in (("quietValue", False), ("quietTime", True), ("value", False), ("duration", True)):
            value: object = given.get(key)
            if not _is_decimal(value):
                continue
            taken[key] = min(max(int(value), 0), _WHOLE_MAX) if is_time else float(value)
            setattr(self._parameters, key, taken[key])
        return {"test": "constant", "param": taken}

    def _get_param(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        _constant(message)
        p = self._parameters
        param = {"quietValue": p.quietValue, "quietTime": p.quietTime, "value": p.value, "duration": p.duration}
        return {"test": "constant", "param": param}

    def _done_time(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        _constant(message)
        return {"test": "constant", "testDoneTime": self._parameters.total_ms}

    def _run_test(self, message: dict[str, Any], now_ns: int) -> dict[str, Any]:
        _constant(message)
        p = self._parameters
        self._cell.begin_test(max(p.quietValue, p.value, key=abs), now_ns)
        self._cell.set_volt(p.quietValue if p.quietTime else p.value, now_ns)
        parameters = Parameters(p.quietValue, p.quietTime, p.value, p.duration)
        self._run = Run(parameters, self._period_ms, now_ns, self._options.le_before_i)
        return {"test": "constant"}

    def _stop_test(self, _message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        return {}

    def _set_auto_connect(self, message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
        self._cell.auto_connect = bool(_of(message, "autoConnect"))
        return {"autoConnect": self._cell.auto_connect}

    def _connect(self, electrode: str, message: dict[str, Any], now_ns: int) -> dict[str, Any]:
        connected = bool(_of(message, "connected"))
        self._cell.connect(electrode, now_ns, connected=connected)
        return {"connected": connected}

    def _is_connected(self, electrode: str) -> bool:
        connected = self._cell.connected
        return all(connected.values()) if electrode == "All" else connected[electrode]


def _of(message: dict[str, Any], key: str) -> Any:
    if key not in message:
        raise Refused(f"json does not contain key: {key}")
    return message[key]


def _constant(message: dict[str, Any]) -> None:
    if _of(message, "test") != "constant":
        raise Refused("test not found")


def _no_mux(_message: dict[str, Any], _now_ns: int) -> dict[str, Any]:
    raise Refused("multiplexer hardware not supported")


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _is_decimal(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e12


def _written(value: Any) -> str:
    """Return JSON without spaces, decimal numbers as this firmware writes them."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float):
        return numbers.text(value)
    return json.dumps(value, separators=(",", ":"))
