"""What the gatekeeper is asked, what it looks at, and what it answers: frozen types without behaviour.

The conductor fills a ``Snapshot`` with facts of one moment. Knows no rule; the rules are in
``acquisition.engine.gatekeeper``.
"""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.engine.preflight_facts import NOTHING_PROVED, PreflightFacts
from acquisition.messages import AlarmView, Link, Phase, RecorderView
from drivers.capabilities import Motion, PumpProgram


@dataclass(frozen=True)
class StartPlan:
    """A person wants the plan to start."""


@dataclass(frozen=True)
class ProgramInfusion:
    """Write the settings of an infuse step into its (stopped) pump. Moves nothing."""

    step: int


@dataclass(frozen=True)
class StartInfusion:
    """Send RUN for an infuse step whose settings have been written and read back."""

    step: int


@dataclass(frozen=True)
class StopAll:
    """Stop every pump. Always permitted."""

    reason: str = ""


@dataclass(frozen=True)
class FinishSession:
    """Close the files and end."""


Intent = StartPlan | ProgramInfusion | StartInfusion | StopAll | FinishSession


@dataclass(frozen=True)
class PumpSnapshot:
    """One pump as last confirmed."""

    name: str
    link: Link
    simulated: bool
    """As the opener says, not as the rig claims (R24)."""
    identity_matched: bool
    """Model and serial number were compared with the rig after the last connect, and agreed (R19)."""
    motion: Motion
    stop_confirmed: bool | None
    """None: no STOP was sent; False: sent and not confirmed; True: confirmed by a reply asked after it."""
    confirmed_ns: int | None
    """When its last fresh reply came; None: never."""
    alarm: bool = False
    """The pump itself reports an alarm now."""
    watchdog_armed: bool | None = None
    """True/False: armed or not; None: this pump has no watchdog."""
    self_tested_ns: int | None = None
    """When identity, STOP and watchdog setting were proved last since it was connected (R18)."""
    infusing_step: int | None = None
    """The step whose RUN was sent and whose end is not yet confirmed; also while its state is unknown."""
    read_back: PumpProgram | None = None
    """What the pump said it holds, after the last write; None after any reset, reconnect or finished infusion."""


@dataclass(frozen=True)
class PastInfusion:
    """One infusion of the ledger, the running one included (then with its whole target as uncertain)."""

    step: int
    pump: str
    started_ns: int
    ended_ns: int
    confirmed_ul: float
    uncertain_ul: float
    """Worst case beyond ``confirmed_ul``; counted as given for every limit (R54)."""
    into_waste: bool = False
    """Moved while the line was off the animal: it is gone from the syringe, and nobody was given it."""


@dataclass(frozen=True)
class Snapshot:
    """The facts that ``decide`` looks at, all of one moment ``now_ns``."""

    now_ns: int
    phase: Phase
    accepted_plan_sha256: str
    """Hash of the plan as it was accepted and written into the session header."""
    current_step: int | None
    """Number of the step that the schedule is at; None before the start and after the end."""
    simulated: bool
    """True if every port is simulated; must agree with the plan and with each pump."""
    pumps: tuple[PumpSnapshot, ...]
    past: tuple[PastInfusion, ...]
    alarms: tuple[AlarmView, ...]
    recorder: RecorderView
    recorder_progressed_ns: int | None
    """When ``RecordSink.progress`` last rose."""
    disk_need_bytes: int
    """What the rest of the session will write."""
    attended: bool
    """A person watches, or a named one decided that nobody has to."""
    session_s: float = 0.0
    """How long this session has been open."""
    clock_sound: bool = True
    """False after a jump, a sleep of the machine or a stalled loop that nobody has acknowledged."""
    clock_doubt: str = ""
    """Why the wall clock cannot be true (T3); empty if nothing speaks against it."""
    preflight: PreflightFacts = NOTHING_PROVED
    """What was proved, told and found for the start of the plan."""

    def pump(self, name: str) -> PumpSnapshot | None:
        """Return the pump called ``name``."""
        return next((pump for pump in self.pumps if pump.name == name), None)


@dataclass(frozen=True)
class Permit:
    """Go on. ``program`` is what the pump must hold (for ProgramInfusion and StartInfusion)."""

    intent: Intent
    program: PumpProgram | None = None


@dataclass(frozen=True)
class Cause:
    """One thing that stands in the way, and what would take it away."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class Refusal:
    """No, with every cause at once (R21)."""

    causes: tuple[Cause, ...]

    @property
    def reason(self) -> str:
        """Return all reasons in one text."""
        return " ".join(cause.reason for cause in self.causes)

    @property
    def remedy(self) -> str:
        """Return all remedies in one text, each once."""
        return " ".join(dict.fromkeys(cause.remedy for cause in self.causes))
