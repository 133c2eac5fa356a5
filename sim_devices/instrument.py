"""One simulated instrument on its line: firmware, wire and faults lived through in the order in which things happen.

Knows time order, power, plug and blockage. Does not know bytes, physics, or other instruments (the bench does).
Instruments of a chain hear the host each on a lane of its own and speak on one lane, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sim_devices.faults import BABBLE_PERIOD_NS, INNER_KINDS, Change, InstrumentFaults
from sim_devices.interfaces import Bursting, Disturbable, Firmware
from sim_devices.line import NEVER_NS, SimulatedPort, Wire

_SHORTEST_STEP_NS = 1_000_000
"""A firmware that asks to be woken at once, again and again, is woken after this time: bounds a faulty one."""

_NOISE = b"\x80"


@runtime_checkable
class Blockable(Protocol):
    """A plunger whose line can be occluded from outside."""

    def block(self, now_ns: int) -> None:
        """Occlude the line."""
        ...

    def unblock(self, now_ns: int) -> None:
        """Clear the occlusion."""
        ...

    def limit(self, now_ns: int) -> None:
        """End the travel here: the syringe is empty, or a switch is hit."""
        ...


@dataclass
class Instrument:
    """Everything at one end of a cable."""

    name: str
    url: str
    firmware: Firmware
    faults: InstrumentFaults
    plunger: Blockable | None = None
    wire: Wire = field(default_factory=Wire)
    port: SimulatedPort | None = None
    """The host's open port, if any."""
    plugged: bool = True
    looks_on: bool = False
    """Nothing that it does is felt by any other instrument: it may live its past when somebody turns to it."""
    chained: bool = False
    """Others are on the same line: a cut before this one loses nothing that is on its way from them."""
    swap: Callable[[str], None] = lambda _other: None
    """Change places with the instrument of that name; the bench knows it."""
    due_ns: int = NEVER_NS
    """When something next happens here."""
    _outside_ns: int = NEVER_NS
    """When something next comes from outside: bytes of the host, a fault."""
    _bursting: Bursting | None = field(init=False, repr=False)
    _cuts: int = 0
    _offs: int = 0
    _blocks: int = 0
    _echoes: int = 0
    _off_speed: int = 0
    _last_question: bytes = b""
    """What the host sent last."""

    def __post_init__(self) -> None:
        self._bursting = self.firmware if isinstance(self.firmware, Bursting) else None  # asked once: it is slow

    @property
    def says_when(self) -> bool:
        """Tell whether its firmware says when each piece of its output left, whenever it is asked for it."""
        return self._bursting is not None

    def refresh(self, now_ns: int) -> None:
        """Find out when something next happens; called after anything has."""
        change_ns = self.faults.next_change_ns()
        self._outside_ns = min(self.wire.to_device.next_ns(), NEVER_NS if change_ns is None else change_ns)
        self.due_ns = min(self._firmware_due_ns(now_ns), self._outside_ns)

    def _firmware_due_ns(self, now_ns: int) -> int:
        event_ns = self.firmware.next_event_ns(now_ns)
        if event_ns is None:
            return NEVER_NS
        return event_ns if event_ns > now_ns else now_ns + _SHORTEST_STEP_NS

    def live_until(self, end_ns: int) -> None:
        """Live through all that is due up to ``end_ns``; between outside events the firmware emits in one go."""
        while self.due_ns <= end_ns:
            outside_ns = self._outside_ns
            if self.due_ns < outside_ns:
                t_ns = min(end_ns, outside_ns - 1)
                self._emit(self.due_ns, t_ns)
            else:
                t_ns = outside_ns
                self._outside(t_ns)
            self.refresh(t_ns)

    def _outside(self, t_ns: int) -> None:
        for change in self.faults.pop_due(t_ns):
            self._change(change, t_ns)
        flying = self.wire.to_device.flying
        heard = False
        while flying and flying[0][0] <= t_ns:
            self.firmware.receive(self._as_heard(flying.popleft()[1]), t_ns)
            self._emit(t_ns, t_ns)
            heard = True
        if not heard:
            self._emit(t_ns, t_ns)

    def _emit(self, first_ns: int, t_ns: int) -> None:
        """Let the firmware speak; what nobody listens to is gone.

        What goes on by itself was produced all the way up to now; the end of something, when it was due.
        """
        if self._bursting is not None:
            self._emit_bursts(self._bursting.bursts(t_ns))
            return
        data = self.firmware.transmit(t_ns)
        if data and self._is_heard():
            produced_ns = first_ns if self.firmware.next_event_ns(t_ns) is None else t_ns
            self._speak(data, first_ns, produced_ns, t_ns)

    def _emit_bursts(self, bursts: list[tuple[int, bytes]]) -> None:
        if not bursts or not self._is_heard():
            return
        if not self.faults.specs and self._same_speed():  # nothing happens to them on the way
            self.wire.to_host.send_all(bursts, self.wire.byte_ns)
            return
        for left_ns, data in bursts:
            self._speak(data, left_ns, left_ns, left_ns)

    def _is_heard(self) -> bool:
        return self.port is not None and self.plugged and not self._cuts

    def _speak(self, data: bytes, began_ns: int, produced_ns: int, told_ns: int) -> None:
        heard = self._as_heard(data)
        for piece, extra_ns in self.faults.mangle(heard, "in", told_ns) if heard else ():
            self.wire.to_host.send(piece, began_ns, produced_ns, self.wire.byte_ns, extra_ns)

    def _as_heard(self, data: bytes) -> bytes:
        """Return what becomes of bytes that one side sends and the other hears at another baud rate: noise."""
        return data if self._same_speed() else _NOISE * ((len(data) + 1) // 2)

    def _same_speed(self) -> bool:
        return not self._off_speed and getattr(self.firmware, "line_baud", 0) in (0, self.wire.baud)

    def take_from_host(self, data: bytes, now_ns: int) -> None:
        """Put bytes of the host on the wire."""
        if self._cuts:
            return
        self._last_question = data
        if self._echoes:
            self.wire.to_host.send(data, now_ns, now_ns, self.wire.byte_ns)
        for piece, extra_ns in self.faults.mangle(data, "out", now_ns):
            self.wire.to_device.send(piece, now_ns, now_ns, self.wire.byte_ns, extra_ns)

    def _change(self, change: Change, t_ns: int) -> None:
        step = 1 if change.begins else -1
        if change.kind == "cut":
            self._cuts += step
            self.wire.to_device.clear()
            if not self.chained:
                self.wire.to_host.clear()
        elif change.kind == "unplug":
            self._plug(in_=not change.begins)
            if change.value == "power":
                self._power(step, t_ns)
        elif change.kind == "power-cycle":
            self._power(step, t_ns)
        elif change.kind == "stall":
            self._block(step, t_ns)
        elif change.kind == "empty" and self.plunger is not None:
            self.plunger.limit(t_ns)
        elif change.kind in INNER_KINDS and isinstance(self.firmware, Disturbable):
            self.firmware.disturb(change.kind, change.value, t_ns, begins=change.begins)
        else:
            self._change_of_line(change, step, t_ns)

    def _change_of_line(self, change: Change, step: int, t_ns: int) -> None:
        if change.kind == "echo":
            self._echoes += step
        elif change.kind == "baud":
            self._off_speed += step
        elif change.kind == "babble" and self.port is not None and self.plugged and not self._cuts:
            noise = _NOISE * (BABBLE_PERIOD_NS // self.wire.byte_ns)
            self.wire.to_host.send(noise, t_ns, t_ns, self.wire.byte_ns)
        elif change.kind == "foreign":
            self.firmware.receive(self._as_heard(self._last_question), t_ns)
        elif change.kind == "swap":
            if change.begins:
                self._plug(in_=False)
            else:
                self.swap(change.value)

    def unplug(self) -> None:
        """Take its plug out of the port."""
        self._plug(in_=False)

    def _plug(self, *, in_: bool) -> None:
        self.plugged = in_
        self.wire.clear()
        if self.port is not None:
            self.port.lost = "the port has vanished: its cable was unplugged or its adapter lost power"
            self.port = None

    def _power(self, step: int, t_ns: int) -> None:
        was_on = self._offs == 0
        self._offs += step
        if was_on and self._offs > 0:
            self.firmware.power_off(t_ns)
        elif not was_on and self._offs == 0:
            self.firmware.power_on(t_ns)

    def _block(self, step: int, t_ns: int) -> None:
        was_free = self._blocks == 0
        self._blocks += step
        if self.plunger is None:
            return
        if was_free and self._blocks > 0:
            self.plunger.block(t_ns)
        elif not was_free and self._blocks == 0:
            self.plunger.unblock(t_ns)
