"""The source-measure unit as a whole: bytes of its line in, answers out, one message after the other (5).

Knows what ends a command, device clear, flow control, the input buffer, the error queue, and that a reading keeps the
instrument busy. Not simulated: current source, resistance, sweeps, buffers, limits, service requests.
"""

from __future__ import annotations

from collections import deque

from sim_devices.firmware.scpi_smu import settings as at
from sim_devices.firmware.scpi_smu.commands import Headers, units
from sim_devices.firmware.scpi_smu.meter import Meter
from sim_devices.firmware.scpi_smu.options import TERMINATORS, SmuOptions
from sim_devices.firmware.scpi_smu.settings import Refused, Settings
from sim_devices.interfaces import ElectrodeFrontEnd

CLEAR = (0x03, 0x18)
XON, XOFF = 0x11, 0x13
_ERRORS_MAX = 10
_READS = ("READ", "MEASure[:CURRent[:DC]]", "FETCh")
_ACTIONS = (
    *("*RST", "*CLS", "*ESE", "*WAI", "*OPC", "ABORt", "TRIGger:CLEar", "SYSTem:BEEPer[:IMMediate]", "SYSTem:REMote"),
    *("SYSTem:LOCal", "SYSTem:TIME:RESet", "SENSe[1]:FUNCtion[:ON]", "SENSe[1]:FUNCtion:ALL", "INITiate[:IMMediate]"),
    *("FORMat:ELEMents[:SENSe[1]]", "OUTPut[1][:STATe]"),
)
_QUESTIONS = ("*IDN", "*ESR", "*STB", "*TST", "SYSTem:ERRor[:NEXT]", "SYSTem:TIME", "SYSTem:VERSion")


class SmuFirmware:
    """One instrument. Implements ``sim_devices.interfaces.Firmware``."""

    def __init__(self, front_end: ElectrodeFrontEnd, options: SmuOptions) -> None:
        self._options = options
        self._settings = Settings(options)
        self._meter = Meter(options, front_end, self._settings)
        compliance = (at.TRIPPED,) if options.is_source_meter else ()
        self._headers = Headers((*self._settings.kinds, *_ACTIONS, *_QUESTIONS, *compliance, *_READS))
        self._end = {"model": b"\r" if options.is_source_meter else b"\n", "cr": b"\r", "lf": b"\n"}.get(
            options.executes_on, TERMINATORS[options.terminator]
        )
        self._powered = False
        self._power_up_state()

    @property
    def line_baud(self) -> int:
        """Return the speed that is set; 0 takes any."""
        return self._options.baud

    def _power_up_state(self) -> None:
        self._line = bytearray()
        self._queue: deque[bytes] = deque()
        self._waiting = 0  # bytes in the input buffer
        self._out = bytearray()
        self._errors: deque[tuple[int, str]] = deque()
        self._reading: tuple[int, int, list[str], deque[tuple[str, str]]] | None = None
        """(begun, over, answers before it, what follows in the same message)"""
        self._event_mask = 0
        self._is_held = False
        self._said_xoff = False

    def power_on(self, now_ns: int) -> None:
        self._settings.reset()
        self._power_up_state()
        self._meter.power(on=True, now_ns=now_ns)
        self._powered = True

    def power_off(self, now_ns: int) -> None:
        self._advance(now_ns)
        self._power_up_state()
        self._meter.power(on=False, now_ns=now_ns)
        self._powered = False

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._advance(now_ns)
        for byte in data:
            if byte in CLEAR:
                self._clear()
            elif self._options.flow == "xon-xoff" and byte in (XON, XOFF):
                self._is_held = byte == XOFF
            elif self._waiting < self._options.input_bytes:
                self._line.append(byte)
                self._waiting += 1
                if byte == self._end[-1] and self._line.endswith(self._end):
                    self._queue.append(bytes(self._line))
                    self._line.clear()
                self._control_flow()
        self._advance(now_ns)

    def transmit(self, now_ns: int) -> bytes:
        self._advance(now_ns)
        if self._is_held:
            return b""
        out, self._out = bytes(self._out), bytearray()
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        return None if self._reading is None else max(self._reading[1], now_ns)

    # --- line ----------------------------------------------------------------------------------------------

    def _control_flow(self) -> None:
        """Say XOFF above three quarters of the input buffer, XON below half of it (manuals)."""
        if self._options.flow == "none":
            return
        share = self._waiting / self._options.input_bytes
        if share > 0.75 and not self._said_xoff:
            self._out.append(XOFF)
            self._said_xoff = True
        elif share < 0.5 and self._said_xoff:
            self._out.append(XON)
            self._said_xoff = False

    def _clear(self) -> None:
        """Drop what is under way and what was to be said; settings and output stay."""
        self._line.clear()
        self._queue.clear()
        self._waiting = 0
        self._out.clear()
        self._reading = None
        if self._options.clear_echo == "yes" or (
            self._options.clear_echo == "model" and not self._options.is_source_meter
        ):
            self._out += b"DCL\r\n"

    def _advance(self, now_ns: int) -> None:
        if self._reading is not None:
            begun_ns, over_ns, answers, rest = self._reading
            if over_ns > now_ns:
                return
            self._reading = None
            try:
                answers.append(self._meter.read(begun_ns))
            except Refused as refusal:
                self._note(refusal)
            self._run(rest, answers, over_ns)
        while self._queue and self._reading is None:
            message = self._queue.popleft()
            self._waiting -= len(message)
            self._run(deque(units(message.decode("latin-1"))), [], now_ns)
            self._control_flow()
        if self._reading is not None and self._reading[1] <= now_ns:
            self._advance(now_ns)

    # --- messages ------------------------------------------------------------------------------------------

    def _run(self, parts: deque[tuple[str, str]], answers: list[str], now_ns: int) -> None:
        """Do one message; a reading in it makes the rest wait. An error ends the message, not what came before."""
        while parts:
            header, parameters = parts.popleft()
            try:
                if self._begins_reading(header):
                    self._reading = (now_ns, now_ns + self._meter.duration_ns(), answers, parts)
                    return
                answer = self._obey(header, parameters, now_ns)
            except Refused as refusal:
                self._note(refusal)
                break
            if answer is not None:
                answers.append(answer)
        if answers:
            self._out += ";".join(answers).encode("latin-1") + TERMINATORS[self._options.terminator]

    def _begins_reading(self, header: str) -> bool:
        if not (header.endswith("?") and self._headers.find(header[:-1]) in _READS):
            return False
        if self._options.is_source_meter and not self._meter.is_on:
            raise Refused(803, "Not permitted with OUTPUT off")
        return True

    def _note(self, refusal: Refused) -> None:
        if len(self._errors) < _ERRORS_MAX:
            self._errors.append(refusal.entry)
        else:
            self._errors[-1] = (-350, "Queue overflow")

    def _obey(self, header: str, parameters: str, now_ns: int) -> str | None:
        asked = header.endswith("?")
        name = self._headers.find(header.removesuffix("?"))
        if name is None:
            raise Refused(-113, "Undefined header")
        if name in self._settings.kinds:
            if asked:
                return self._settings.tell(name)
            self._settings.set(name, parameters)
            self._meter.apply(now_ns)
            return None
        if asked:
            return self._answer(name, now_ns)
        self._act(name, parameters, now_ns)
        return None

    def _answer(self, name: str, now_ns: int) -> str:
        if name == "SYSTem:ERRor[:NEXT]":
            number, message = self._errors.popleft() if self._errors else (0, "No error")
            return f'{number},"{message}"'
        seconds = (now_ns - self._meter.clock_zero_ns) / 1e9
        answers = {
            "*IDN": self._options.identity,
            "*ESE": str(self._event_mask),
            "*ESR": "0",
            "*STB": "0",
            "*TST": "0",
            "*OPC": "1",
            "SYSTem:TIME": f"{seconds % 1e5:.6E}",
            "SYSTem:VERSion": "1996.0",
            "OUTPut[1][:STATe]": str(int(self._meter.is_on)),
            at.TRIPPED: str(int(self._meter.is_limiting(now_ns))),
            "SENSe[1]:FUNCtion[:ON]": '"CURR:DC"',
            "FORMat:ELEMents[:SENSe[1]]": ",".join(self._meter.elements),
        }
        if name not in answers:
            raise Refused(-113, "Undefined header")
        return answers[name]

    def _act(self, name: str, parameters: str, now_ns: int) -> None:
        if name in (*_QUESTIONS, at.TRIPPED):
            raise Refused(-113, "Undefined header")
        if name == "*RST":
            self._settings.reset()
            self._meter.reset(now_ns)
        elif name == "*CLS":
            self._errors.clear()
        elif name == "*ESE":
            self._event_mask = int(at.Number(0, 0, 255, whole=True).parse(parameters))
        elif name == "SYSTem:TIME:RESet":
            self._meter.clock_zero_ns = now_ns
        elif name == "OUTPut[1][:STATe]":
            self._meter.switch(on=at.Switch(default=False).parse(parameters), now_ns=now_ns)
        elif name == "FORMat:ELEMents[:SENSe[1]]":
            self._set_elements(parameters)
        elif name == "SENSe[1]:FUNCtion[:ON]":
            self._check_functions(parameters)

    def _set_elements(self, parameters: str) -> None:
        known = at.Word("", self._meter.all_elements)
        named = {known.parse(word.strip()) for word in parameters.split(",")}
        self._meter.choose(named)

    @staticmethod
    def _check_functions(parameters: str) -> None:
        words = [word.strip("\"' ").upper() for word in parameters.split(",")]
        if not all(word.split(":")[0] in ("CURR", "CURRENT", "VOLT", "VOLTAGE", "RES", "RESISTANCE") for word in words):
            raise Refused(-224, "Illegal parameter value")
