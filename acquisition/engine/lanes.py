"""What every lane has in common: one port, one unit of work per step, an inbox, reports, and coming back after a loss.

Knows how to open, identify and re-open one instrument, and that a defect in here must never pass silently. Does not
know threads (a shell or the lockstep host calls ``step``), plans, doses or other lanes. ``PumpLane`` and
``PotentiostatLane`` add what their kind of instrument does.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from typing import Protocol

from acquisition.engine.lane_messages import (
    Closed,
    Connect,
    Connected,
    Crashed,
    Failed,
    LaneReport,
    Lost,
    Request,
    Strayed,
    What,
    Wire,
)
from drivers.capabilities import Identified, Identity, WireRecord
from drivers.clock import NS_PER_S, Clock
from drivers.errors import DriverError, PortError, WrongInstrument

RETRY_CONNECT_NS = 2 * NS_PER_S
"""Pause between attempts to find a lost instrument again [P]."""

Post = Callable[[LaneReport], None]


class Expected(Protocol):
    """What the rig says about an instrument's identity; a PumpSetup or a PotentiostatSetup."""

    @property
    def name(self) -> str: ...
    @property
    def expected_model(self) -> str: ...
    @property
    def expected_serial_number(self) -> str: ...


def check_identity(expected: Expected, identity: Identity) -> None:
    """Compare who answered with who the rig names. Raises WrongInstrument (R19, R37)."""
    if not identity.model.startswith(expected.expected_model):
        raise WrongInstrument(
            f"{expected.name}: the rig expects a model {expected.expected_model!r}, {identity.model!r} answered;"
            " nothing was set on it. Check the cables or correct the rig file"
        )
    if expected.expected_serial_number and identity.serial_number != expected.expected_serial_number:
        raise WrongInstrument(
            f"{expected.name}: the rig expects serial number {expected.expected_serial_number!r},"
            f" {identity.serial_number or 'none'!r} answered; nothing was set on it. Check which cable goes where"
        )


class BaseLane:
    """Inbox, reports, connection and crash handling of one port."""

    hurried = False
    """Others that take seconds let this one finish first, where all share one thread."""

    def __init__(
        self,
        expected: Expected,
        device: Identified,
        clock: Clock,
        post: Post,
        *,
        wire: list[WireRecord] | None = None,
        strays: list[bytes] | None = None,
    ) -> None:
        self._expected = expected
        self._device = device
        self._clock = clock
        self._post = post
        self._inbox: deque[Request] = deque()
        self._wire = wire if wire is not None else []
        """Where the driver puts the raw bytes of its exchanges (R57)."""
        self._strays = strays if strays is not None else []
        """Where the driver puts what came and answered nothing (R39)."""
        self._wanted = False
        self._was_connected = False
        self._next_connect_ns = 0
        self._last_failure = ""
        self._connect_error: DriverError | None = None
        self.connected = False
        self.closed = False
        self.wake: Callable[[], None] = lambda: None
        """Set by a threaded host: called when there is new work."""

    @property
    def name(self) -> str:
        return self._expected.name

    def request(self, request: Request) -> None:
        """Put work into the inbox; from the conductor's thread."""
        self._inbox.append(request)
        self.wake()

    def step(self, now_ns: int) -> None:
        """Do one unit of work; a defect brings the instrument to its safe state first and is reported then (R44)."""
        if self.closed:
            return
        try:
            self._work(now_ns)
        except Exception:  # noqa: BLE001 - R44: whatever it was, the instrument is made safe before anyone is told
            trace = traceback.format_exc()
            self._make_safe()
            self.report(Crashed(trace[-2000:]))
        self._flush_wire()

    def report(self, what: What) -> None:
        """Tell the conductor."""
        self._flush_wire()
        self._post(LaneReport(self.name, self._clock.now_ns(), what))

    def _flush_wire(self) -> None:
        if self._wire:
            lines = tuple((record.t_ns, record.direction, record.data) for record in self._wire)
            self._wire.clear()
            self._post(LaneReport(self.name, lines[0][0], Wire(lines)))
        if self._strays:
            strays = tuple(self._strays)
            self._strays.clear()
            self._post(LaneReport(self.name, self._clock.now_ns(), Strayed(strays)))

    def next_due_ns(self) -> int | None:
        """Return when there is something to do next (in the past: now); None for nothing until woken."""
        raise NotImplementedError

    def next_is_long(self) -> bool:
        """Tell whether the next unit of work may take seconds."""
        return True

    # ---- for the two kinds ------------------------------------------------------------------------------------------

    def _work(self, now_ns: int) -> None:
        raise NotImplementedError

    def _make_safe(self) -> None:
        raise NotImplementedError

    def _connect_due_ns(self) -> int | None:
        return self._next_connect_ns if self._wanted and not self.connected else None

    def _try_connect(self, now_ns: int) -> bool:
        """Open and identify, read only; report either way (the same failure once). Return whether it is there."""
        self._next_connect_ns = now_ns + RETRY_CONNECT_NS
        try:
            identity = self._device.connect()
            check_identity(self._expected, identity)
        except DriverError as error:
            self._connect_error = error
            self._device.close()
            self._next_connect_ns = self._clock.now_ns() + RETRY_CONNECT_NS
            if str(error) != self._last_failure:
                self._last_failure = str(error)
                self.report(Failed(Connect(), str(error), type(error).__name__, refused=True))
            return False
        self.connected, again = True, self._was_connected
        self._was_connected = True
        self._last_failure, self._connect_error = "", None
        self.report(Connected(identity, again=again))
        return True

    def _lost(self, error: PortError) -> None:
        """Note that the line is gone; from now on look for the instrument at intervals (R37, R40)."""
        was_connected, self.connected = self.connected, False
        self._device.close()
        self._next_connect_ns = self._clock.now_ns() + RETRY_CONNECT_NS
        if was_connected:
            self.report(Lost(str(error)))

    def _close_port(self, *, safe: bool, why: str = "") -> None:
        self._device.close()
        self.connected = False
        self.closed = True
        self.report(Closed(safe=safe, why=why))
