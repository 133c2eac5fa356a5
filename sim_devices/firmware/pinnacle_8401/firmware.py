"""The 8401-HR as a whole: control packets of the host in, replies and data packets out (potentiostats.md 1.3 to 1.6).

Not simulated: the bootloader, multiplexed preamplifiers, analog values of EXT1 and TTL inputs (always 0).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from sim_devices.firmware.pinnacle_8401.analog import CHANNELS, Analog, Registers
from sim_devices.firmware.pinnacle_8401.control import ControlParser, Received, packet
from sim_devices.firmware.pinnacle_8401.options import PinnacleOptions
from sim_devices.firmware.pinnacle_8401.stream import PacketStream
from sim_devices.interfaces import ElectrodeFrontEnd

NACK, RESET, STREAM = 1, 3, 6
_U8, _U16 = 2, 4
_RATES = {"2000-20000": range(2000, 20_001), "100-2000": range(100, 2001)}
Reply = tuple[tuple[int, int], ...]
Handler = Callable[[list[int], int], Reply]


class Refused(Exception):
    """Answered with NACK: the reference does not say what a bad argument provokes [?]."""


class Silent(Exception):
    """Not answered at all."""


class PinnacleFirmware:
    """One instrument. Implements ``sim_devices.interfaces.Firmware``."""

    def __init__(self, front_end: ElectrodeFrontEnd, options: PinnacleOptions, rng: np.random.Generator) -> None:
        noise, self._chance = rng.spawn(2)
        self._options = options
        self._analog = Analog(options, front_end, noise)
        self._parser = ControlParser()
        self._out: list[tuple[int, bytes]] = []
        self._late = b""
        self._stream: PacketStream | None = None
        self._counter = 0
        self._powered = False
        self._asked, self._set = self._questions(), self._settings()

    def power_on(self, now_ns: int) -> None:
        self._analog.forget(now_ns, powered=True)
        self._powered = True
        self._out.append((now_ns, packet(RESET)))

    def power_off(self, now_ns: int) -> None:
        self._advance(now_ns, at_once=True)
        self._powered, self._stream, self._counter = False, None, 0
        self._out.clear()
        self._late = b""
        self._parser.reset()
        self._analog.forget(now_ns, powered=self._options.bias_after_reset == "kept")

    def receive(self, data: bytes, now_ns: int) -> None:
        if not self._powered:
            return
        self._advance(now_ns, at_once=True)
        for received in self._parser.feed(data):
            if received.intact:
                self._obey(received, now_ns)
            elif self._options.nack_broken:
                self._out.append((now_ns, packet(NACK)))

    def transmit(self, now_ns: int) -> bytes:
        return b"".join(data for _left_ns, data in self.bursts(now_ns))

    def bursts(self, now_ns: int) -> list[tuple[int, bytes]]:
        self._advance(now_ns)
        out, self._out = self._out, []
        return out

    def next_event_ns(self, now_ns: int) -> int | None:
        if self._out:
            return now_ns
        return None if self._stream is None else self._stream.next_ns(now_ns)

    def _advance(self, now_ns: int, *, at_once: bool = False) -> None:
        if self._stream is None:
            return
        bursts = self._stream.until(now_ns, at_once=at_once)
        self._out += bursts
        if bursts and self._late:
            self._out.append((bursts[-1][0], self._late))
            self._late = b""

    # --- commands ------------------------------------------------------------------------------------------

    def _obey(self, received: Received, now_ns: int) -> None:
        number = received.number
        widths, handler = self._asked.get(number) or self._set.get(number) or ((), _unknown)
        try:
            reply = packet(number, *handler(_cut(received.payload, widths), now_ns))
        except Refused:
            reply = packet(NACK)
        except Silent:
            return
        else:
            if number in self._set:
                self._analog.apply(now_ns)
                reply = b"" if self._options.silent_sets else reply
        if number == STREAM and self._stream is not None and self._options.late_stream_echo:
            self._late = reply
        else:
            self._out.append((now_ns, reply))

    def _questions(self) -> Mapping[int, tuple[tuple[int, ...], Handler]]:
        def registers() -> Registers:
            return self._analog.registers  # others after a reset

        return {
            2: ((), lambda _v, _t: ()),
            STREAM: ((_U8,), self._switch_stream),
            8: ((), lambda _v, _t: ((0x31, _U8),)),
            12: ((), lambda _v, _t: _version(self._options.firmware)),
            100: ((), lambda _v, _t: ((registers().rate, _U16),)),
            102: ((_U8,), lambda v, _t: ((registers().highpass[_channel(v)], _U8),)),
            104: ((_U8,), lambda v, _t: ((registers().lowpass[_channel(v)], _U16),)),
            106: ((_U8,), lambda v, _t: ((registers().dc_mode[_channel(v)], _U8),)),
            112: ((_U8,), lambda v, _t: ((registers().bias[_channel(v)], _U16),)),
            114: ((), lambda _v, _t: ((self._options.ext0, _U16),)),
            115: ((), lambda _v, _t: ((0, _U16),)),
            122: ((), lambda _v, _t: ((registers().connected, _U8),)),
            128: ((), lambda _v, _t: ((registers().ttl_out, _U8), (registers().ttl_in, _U8))),
            130: ((_U8,), lambda v, _t: ((registers().second_stage[_channel(v)], _U8),)),
            133: ((), lambda _v, _t: ((registers().mux, _U8),)),
            134: ((_U8,), lambda _v, _t: ((0, _U16),)),
        }

    def _settings(self) -> Mapping[int, tuple[tuple[int, ...], Handler]]:
        return {
            101: ((_U16,), self._one("rate", _RATES[self._options.rates])),
            103: ((_U8, _U8), self._of_channel("highpass", range(4))),
            105: ((_U8, _U16), self._of_channel("lowpass", range(1, 15_001))),
            107: ((_U8, _U8), self._of_channel("dc_mode", range(2))),
            113: ((_U8, _U16), self._of_channel("bias", range(65_536))),
            116: ((_U8,), lambda _v, _t: ()),
            117: ((_U8,), lambda _v, _t: ()),
            121: ((_U8,), self._one("connected", range(16))),
            127: ((_U8, _U8), self._set_ttl),
            129: ((_U8, _U8), self._set_outs),
            131: ((_U8, _U8), self._of_channel("second_stage", range(4))),
            132: ((_U8,), self._one("mux", range(2))),
        }

    def _one(self, name: str, allowed: range) -> Handler:
        def act(values: list[int], _now_ns: int) -> Reply:
            setattr(self._analog.registers, name, _within(values[0], allowed))
            return ()

        return act

    def _of_channel(self, name: str, allowed: range) -> Handler:
        def act(values: list[int], _now_ns: int) -> Reply:
            getattr(self._analog.registers, name)[_channel(values)] = _within(values[1], allowed)
            return ()

        return act

    def _set_ttl(self, values: list[int], _now_ns: int) -> Reply:
        self._analog.registers.ttl_out, self._analog.registers.ttl_in = values
        return ()

    def _set_outs(self, values: list[int], now_ns: int) -> Reply:
        does = "taken" if self._stream is None else self._options.outs_in_stream
        if does == "refused":
            raise Refused
        if does == "restarts":
            self.power_off(now_ns)
            self.power_on(now_ns)
        if does in ("ignored", "restarts"):
            raise Silent
        which, levels = values
        self._analog.registers.outs = self._analog.registers.outs & ~which | levels & which
        return ()

    def _switch_stream(self, values: list[int], now_ns: int) -> Reply:
        _within(values[0], range(2))
        if self._stream is not None:
            self._counter = self._stream.counter
        if not values[0]:
            self._stream = None
        elif self._stream is None:
            self._stream = PacketStream(self._options, self._analog, self._chance, now_ns, self._counter)
        return ((values[0], _U8),)


def _cut(payload: str, widths: tuple[int, ...]) -> list[int]:
    if len(payload) != sum(widths):
        raise Refused
    values, at = [], 0
    for width in widths:
        values.append(int(payload[at : at + width], 16))
        at += width
    return values


def _channel(values: list[int]) -> int:
    return _within(values[0], range(CHANNELS))


def _within(value: int, allowed: range) -> int:
    if value not in allowed:
        raise Refused
    return value


def _unknown(_values: list[int], _now_ns: int) -> Reply:
    raise Refused


def _version(text: str) -> Reply:
    """Return major, minor, revision: each byte is the character of a hex digit, so 10 is "A"."""
    major, minor, revision = (f"{int(part):X}".encode("ascii") for part in text.split("."))
    return (major[0], _U8), (minor[0], _U8), (int.from_bytes(revision, "big"), _U16)
