"""What the conductor asks of a lane and what a lane reports back, as values.

Knows the vocabulary between the two, nothing of threads, bytes or decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from drivers.capabilities import (
    AmperometrySettings,
    DigitalEdge,
    Identity,
    OptionValue,
    OutputUse,
    PumpProgram,
    PumpStatus,
    SampleBlock,
)

# ---- requests -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Connect:
    """Open the line, find out who is there, compare with the rig; read only."""


@dataclass(frozen=True)
class SelfTest:
    """Send a STOP to the still pump, see it confirmed, arm the watchdog and see that it holds (R18, R41)."""

    watchdog_s: int
    generation: int


@dataclass(frozen=True)
class ProveWatchdog:
    """Say nothing to the still pump for longer than its watchdog waits, then ask whether it raised its alarm (R41)."""

    watchdog_s: int
    generation: int


@dataclass(frozen=True)
class Program:
    """Write an infusion and read it back. Refused when a STOP came after ``generation``."""

    token: int
    program: PumpProgram
    generation: int


@dataclass(frozen=True)
class Verify:
    """Read the armed program again; queries only."""

    token: int


@dataclass(frozen=True)
class Run:
    """Start what is armed, once. Refused when a STOP came after ``generation``, and after ``until_ns``: who wakes from
    a sleep of the computer must not carry out what was decided before it (R22).
    """

    token: int
    generation: int
    until_ns: int


@dataclass(frozen=True)
class StartSampling:
    """Apply the potential and sample."""

    settings: AmperometrySettings


@dataclass(frozen=True)
class Close:
    """Bring the instrument to its safe state, confirm it, release the port."""


@dataclass(frozen=True)
class Drive:
    """Set the digital outputs of a use; for a mark, a pulse begins."""

    use: OutputUse
    is_high: bool


Request = Connect | SelfTest | ProveWatchdog | Program | Verify | Run | StartSampling | Drive | Close

# ---- reports --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Connected:
    """The instrument answered and is the one the rig names. ``again`` after a lost line."""

    identity: Identity
    again: bool


@dataclass(frozen=True)
class SelfTested:
    """STOP was confirmed; ``watchdog`` tells whether the pump holds one."""

    watchdog: bool
    status: PumpStatus


@dataclass(frozen=True)
class WatchdogTried:
    """How the pump took the silence; ``status`` is without the alarm that was wanted."""

    expired: bool
    status: PumpStatus


@dataclass(frozen=True)
class Programmed:
    """The pump holds this, as read back."""

    token: int
    readback: PumpProgram


@dataclass(frozen=True)
class Verified:
    """The pump holds this, as read back without writing anything."""

    token: int
    readback: PumpProgram


@dataclass(frozen=True)
class Sending:
    """RUN is about to be sent; from here the pump may move."""

    token: int


@dataclass(frozen=True)
class Started:
    """RUN was answered."""

    token: int
    status: PumpStatus


@dataclass(frozen=True)
class StartUnclear:
    """The reply to RUN was lost: the pump may or may not run. The lane asks from here on; it never repeats RUN.

    ``foreign``: somebody else answered (R39).
    """

    token: int
    why: str
    foreign: bool = False


@dataclass(frozen=True)
class Polled:
    """A fresh look. No ``news``: it stands still, as it did when it was asked before, and has no alarm."""

    status: PumpStatus
    news: bool = True


@dataclass(frozen=True)
class PollFailed:
    """A question was sent and not answered. ``foreign``: somebody else answered (R39)."""

    why: str
    foreign: bool = False


@dataclass(frozen=True)
class StopConfirmed:
    """A reply to a question asked after the STOP says stopped."""

    generation: int
    status: PumpStatus


@dataclass(frozen=True)
class StopFailed:
    """The STOP was sent and not confirmed, or could not be sent; the lane goes on trying."""

    generation: int
    why: str


@dataclass(frozen=True)
class Lost:
    """The line is gone."""

    why: str


@dataclass(frozen=True)
class WasReset:
    """The device says that it lost its run state."""

    why: str


@dataclass(frozen=True)
class Failed:
    """A request was not carried out. ``refused``: nothing was sent, or the device said no and changed nothing."""

    request: Request
    error: str
    kind: str
    refused: bool = False


@dataclass(frozen=True)
class SamplingStarted:
    """The settings in force."""

    settings: AmperometrySettings


@dataclass(frozen=True)
class FactsTold:
    """What the driver does to the samples, and the constants it uses, since this start."""

    facts: Mapping[str, OptionValue]


@dataclass(frozen=True)
class Edges:
    """Digital inputs that changed, in order of time."""

    edges: tuple[DigitalEdge, ...]


@dataclass(frozen=True)
class OutputsTold:
    """Whether digital outputs are driven; ``problem`` says why not, "" when they are."""

    problem: str


@dataclass(frozen=True)
class Driven:
    """The outputs of a use were told their level just now; or were not, and ``why_not``."""

    use: OutputUse
    is_high: bool
    why_not: str = ""


@dataclass(frozen=True)
class Samples:
    """What has arrived."""

    block: SampleBlock


@dataclass(frozen=True)
class PartsTold:
    """The channels that give nothing at present and why, each time that changes; the others go on."""

    troubles: Mapping[str, str]


@dataclass(frozen=True)
class Closed:
    """The port is released. ``safe``: the safe state (cell off, pump stopped) was confirmed; else ``why`` not."""

    safe: bool
    why: str = ""


@dataclass(frozen=True)
class Crashed:
    """A defect of this program in a lane; a pump was told to stop before this report (R44)."""

    trace: str


@dataclass(frozen=True)
class Wire:
    """Raw bytes of the exchanges of one unit of work: (time, direction, bytes)."""

    lines: tuple[tuple[int, str, bytes], ...]


@dataclass(frozen=True)
class Strayed:
    """Bytes came that answered nothing we asked: noise, an echo, or somebody else's conversation (R39)."""

    strays: tuple[bytes, ...]


What = (
    Connected
    | SelfTested
    | WatchdogTried
    | Programmed
    | Verified
    | Sending
    | Started
    | StartUnclear
    | Polled
    | PollFailed
    | StopConfirmed
    | StopFailed
    | Lost
    | WasReset
    | Failed
    | SamplingStarted
    | FactsTold
    | Edges
    | Samples
    | PartsTold
    | Closed
    | Crashed
    | Wire
    | Strayed
    | OutputsTold
    | Driven
)


class LaneReport(NamedTuple):
    """What happened on one lane, and when the lane said so."""

    lane: str
    t_ns: int
    what: What
