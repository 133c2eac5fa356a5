"""What instruments can do, as small protocols, and the values that cross them.

A driver implements these; the engine, the compliance suites and third-party packages rely on nothing else.
Knows no bytes and no family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntFlag
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

OptionValue = str | int | float | bool
"""What may stand in an options table of the rig file."""


@dataclass(frozen=True)
class Identity:
    """Who answered: as the device tells it, control characters escaped. Empty text where the device does not say."""

    family: str
    model: str
    firmware: str
    serial_number: str = ""


class Motion(Enum):
    """What the plunger does, as last confirmed by a fresh reply."""

    STOPPED = "stopped"
    PAUSED = "paused"
    INFUSING = "infusing"
    WITHDRAWING = "withdrawing"
    PURGING = "purging"
    WAITING = "waiting"
    UNKNOWN = "unknown"

    @property
    def is_still(self) -> bool:
        """Tell whether the plunger is known not to move."""
        return self in (Motion.STOPPED, Motion.PAUSED)


class PumpAlarm(Enum):
    """An alarm of the pump's own."""

    RESET = "reset"
    STALL = "stall"
    WATCHDOG = "watchdog"
    PROGRAM = "program error"
    PHASE = "phase out of range"


@dataclass(frozen=True)
class PumpStatus:
    """One confirmed look at a pump. It was true somewhere between ``asked_ns`` and ``received_ns``."""

    asked_ns: int
    received_ns: int
    motion: Motion
    infused_ul: float
    withdrawn_ul: float
    counter_step_ul: float
    """Resolution of the counters at their present value."""
    alarm: PumpAlarm | None = None


@dataclass(frozen=True)
class PumpProgram:
    """One infusion as the device is to hold it. There is no unlimited mode: the target is always above zero."""

    diameter_mm: float
    rate_ul_per_min: float
    target_ul: float


@runtime_checkable
class Identified(Protocol):
    """Can say who it is without changing anything."""

    def connect(self) -> Identity:
        """Find out who is there. Reads only, apart from what makes the device safer to talk to.

        Never moves, resets, zeroes or stops anything. May be called again after the line was lost.
        Raises PortError, ExchangeError, WrongInstrument.
        """
        ...

    def close(self) -> None:
        """Release the port; sends nothing that starts or changes anything. May be called twice."""
        ...


@runtime_checkable
class Stoppable(Protocol):
    """Can be brought to its safe state."""

    def stop(self) -> PumpStatus:
        """Stop, repeat until a reply to a question asked after the stop says so, and return that reply.

        Allowed in any state, also before ``connect``. Raises DriverError if not confirmed within 3 s, caused by a
        PortError where the line is what is missing.
        """
        ...


@runtime_checkable
class OnSharedLine(Protocol):
    """May be one of several instruments on one line."""

    def line_is_taken(self) -> bool:
        """Tell whether another instrument's exchange waits on this line for us to return: only a STOP may go on.

        Always False in threads, where an exchange just waits its turn.
        """
        ...


@runtime_checkable
class SyringePump(Identified, Stoppable, Protocol):
    """A syringe pump with a volume target of its own. Volumes in microlitres, rates in microlitres per minute."""

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        """Return (lowest, highest) rate for this syringe. Pure: nothing is sent. Raises NotEncodable."""
        ...

    def quantised(self, program: PumpProgram) -> PumpProgram:
        """Return the program as the device would hold it. Pure.

        Raises NotEncodable when a value would be refused, become zero or unlimited, change its unit, or differ
        by more than 0.5 %.
        """
        ...

    def program(self, program: PumpProgram) -> PumpProgram:
        """Write an infusion into the stopped device, clear its counters, read everything back, return what was read.

        Raises NotEncodable, DeviceRefused, DeviceAlarm, ReadbackMismatch, ExchangeError. Never starts anything.
        """
        ...

    def read_back(self) -> PumpProgram:
        """Ask for diameter, rate and target as the device holds them now. Queries only."""
        ...

    def start(self) -> PumpStatus:
        """Start the programmed infusion. Sent once, never repeated.

        Raises ExchangeError when the reply was lost: the pump may or may not run; ask ``status``.
        """
        ...

    def status(self) -> PumpStatus:
        """Ask for motion and counters. May repeat its queries. Raises DeviceReset on loss of run state."""
        ...

    def arm_watchdog(self, timeout_s: int) -> bool:
        """Let the pump stop by itself after ``timeout_s`` without a valid packet. False if it has no such thing.

        From then on every ``status`` feeds it: who polls keeps the pump running.
        """
        ...

    def disarm_watchdog(self) -> None:
        """Switch the watchdog off; only with the pump stopped. Nothing if it has none."""
        ...


@runtime_checkable
class Cautious(Protocol):
    """Stands on something that only a person at the instrument can see to."""

    def cautions(self) -> tuple[str, ...]:
        """Return one sentence each, shown as a warning with every plan. Pure; nothing is sent."""
        ...


class SampleFlag(IntFlag):
    """Quality of one sample."""

    OK = 0
    TIMING = 1
    OVERLOAD = 2
    UNDERLOAD = 4
    NEAR_LIMIT = 8
    NOT_A_NUMBER = 16
    OTHER_RANGE = 32
    """Measured in another current range than the one that was set; the value itself is not in doubt."""


@dataclass(frozen=True)
class ElectrodeSettings:
    """One working electrode as a channel of its own."""

    channel: str
    electrode: str
    """One of the names that the driver's factory lists in ``electrodes``."""
    range_a: float
    """Full scale current; the device uses its smallest range that holds it, fixed (no auto-ranging)."""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """The driver's own settings of this channel; its factory lists the keys in ``channel_options``."""


@dataclass(frozen=True)
class AmperometrySettings:
    """Constant-potential amperometry: potential versus reference, one sample of all electrodes per interval."""

    potential_v: float
    interval_s: float
    electrodes: tuple[ElectrodeSettings, ...]


@dataclass(frozen=True)
class SampleBlock:
    """Consecutive samples of one instrument, amperes. ``index`` counts device samples: a hole in it is a gap.

    ``epoch`` counts starts of the measurement; time of a sample is ``t0_ns + index * interval_ns`` on the host's
    monotonic clock, where ``t0_ns`` is fitted once per epoch and stays.
    """

    instrument: str
    epoch: int
    t0_ns: int
    interval_ns: int
    channels: tuple[str, ...]
    index: NDArray[np.int64]
    """Shape (n,), strictly rising."""
    current_a: NDArray[np.float64]
    """Shape (n, channels), amperes; NaN only where flagged NOT_A_NUMBER."""
    flags: NDArray[np.uint8]
    """Shape (n, channels), SampleFlag."""
    received_ns: int
    """Host time at which the last byte of the block was read."""

    def t_ns(self) -> NDArray[np.int64]:
        """Return the host time of each sample, shape (n,)."""
        return self.t0_ns + self.index * np.int64(self.interval_ns)


@runtime_checkable
class Potentiostat(Identified, Protocol):
    """Runs constant-potential amperometry continuously, for hours."""

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        """Return the settings as the device would use them (ranges rounded up). Pure. Raises NotEncodable."""
        ...

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        """Apply the potential and start sampling; return the settings in force. Raises DeviceRefused, ..."""
        ...

    def read(self, timeout_s: float) -> list[SampleBlock]:
        """Return what has arrived, waiting at most ``timeout_s`` for the first sample.

        Restarts the measurement by itself, as a new epoch and without switching the cell off, when a run ends by
        its own length. Raises PortLost, DeviceRefused (run-time error), GarbledReply (resynchronisation failed).
        """
        ...

    def stop(self) -> None:
        """Stop sampling and switch the cell off; raise if the device did not confirm that."""
        ...


@runtime_checkable
class Polled(Protocol):
    """Measures only when asked: a potentiostat whose samples are taken when its driver is read."""

    def next_read_ns(self) -> int:
        """Return when ``read`` must be called next, at the latest, for a sample to be taken on time. Pure.

        Who calls it later gets samples flagged TIMING, and gaps.
        """
        ...


@runtime_checkable
class Described(Protocol):
    """Does something to the samples, or holds constants, that a reader of the recording must know."""

    def facts(self) -> Mapping[str, OptionValue]:
        """Return what is in force since ``start``: filter and its delay, conversion factors, signs. Pure.

        Keys carry units (``filter_delay_s``); those of one channel begin with its name and a dot.
        """
        ...


@runtime_checkable
class InParts(Protocol):
    """Consists of parts that can fail one by one, such as channels with a port each."""

    def troubles(self) -> Mapping[str, str]:
        """Return the channels that give nothing at present, or lost something, and why. Nothing is sent.

        The other channels go on. A sample that a channel did not give is NaN, flagged NOT_A_NUMBER.
        """
        ...


@dataclass(frozen=True)
class DigitalEdge:
    """A digital input that changed, on the clock of the samples. ``is_high`` is the level after the change."""

    t_ns: int
    input: str
    is_high: bool


@runtime_checkable
class DigitalInputs(Protocol):
    """Reports digital inputs (TTL marks of other devices) beside its samples."""

    def edges(self) -> list[DigitalEdge]:
        """Return the changes found by ``read`` since the last call, in order; nothing is sent."""
        ...


OutputUse = Literal["infusion", "mark"]
"""What a digital output tells other devices: that a pump runs or may run, or (a pulse) that a mark was made."""


@runtime_checkable
class DigitalOutputs(Protocol):
    """Drives digital outputs (TTL marks for other devices) beside its samples, which come first."""

    def output_uses(self) -> frozenset[OutputUse]:
        """Return what the rig wants outputs for; empty: none are driven. Pure."""
        ...

    def outputs_problem(self) -> str | None:
        """Return why they are not driven now; "": they are; None: that is still being found out. Nothing is sent."""
        ...

    def drive(self, use: OutputUse, *, is_high: bool) -> None:
        """Set the outputs of this use and return at once; all are low after ``start``.

        What could not be sent is a problem from then on: it starts no measurement anew. Raises DeviceRefused while
        there is a problem, PortLost.
        """
        ...


AbortCheck = Callable[[], bool]
"""Asked at least every 20 ms while a driver waits; True makes the exchange raise Interrupted."""


class WireRecord(NamedTuple):
    """Bytes that crossed a line, for the log: R57."""

    t_ns: int
    direction: Literal["out", "in"]
    data: bytes


@dataclass(frozen=True)
class DriverOptions:
    """What the engine hands to every driver besides its line."""

    instrument: str
    address: int = 0
    abort: AbortCheck = field(default=lambda: False)
    on_wire: Callable[[WireRecord], None] = field(default=lambda _record: None)
    on_foreign: Callable[[bytes], None] = field(default=lambda _stray: None)
    """Told of bytes that answered nothing: another program on the line, or a device that talks out of turn (R39)."""
    model: str = ""
    """The model that the rig expects; until ``connect`` a driver of several models plans for it."""
    baud: int | None = None
    """Line speed set at the device; None: the family's usual ones, tried in turn."""
    settings: Mapping[str, OptionValue] = field(default_factory=dict)
    """The driver's own settings from the rig file; its factory lists the keys in ``options``."""
