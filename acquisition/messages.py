"""What crosses between the engine and its clients: frozen types and their JSON.

State goes out whole, several times a second: a client that missed some has missed nothing. Commands come in one at
a time and are answered one at a time. Nothing here is pickled; every message is UTF-8 JSON of one object with a
``type`` field, at most MAX_MESSAGE_BYTES, and unknown fields are refused.
"""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from acquisition.wire_facts import PROTOCOL_VERSION

AUDIO_PAUSE_S = 120
"""R47: the sound of alarms is paused for so long at most, in real seconds."""
ATTEND_S = 2.0
"""Real seconds between two signs of life of a window; see ``acquisition.engine.attendance``."""
MAX_SAID = 200
"""Characters of a name, a label or a reason (X16)."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True, ser_json_inf_nan="constants")


def _cut(value: object) -> object:
    return value[:MAX_SAID] if isinstance(value, str) else value


CutText = Annotated[str, BeforeValidator(_cut)]
"""Kept up to MAX_SAID characters and never refused for its length: a STOP carries one."""
SaidText = Annotated[str, Field(max_length=MAX_SAID)]
NameText = Annotated[str, Field(min_length=1, max_length=MAX_SAID, pattern=r"\S")]
"""Who stands for something."""
TimeNs = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""What a recording can hold."""

Phase = Literal["connecting", "ready", "running", "holding", "stopping", "stopped", "finished", "closing"]
"""ready: recording, plan not started; holding: waits for the operator; stopped: STOP ended the plan, recording goes on;
finished: the plan is through, recording goes on; closing: files are being closed."""
StepState = Literal["pending", "running", "done", "aborted", "missed"]
Priority = Literal["high", "medium", "low"]
Level = Literal["ok", "refused", "wait", "warning", "tick"]
Link = Literal["connecting", "online", "lost"]


class PumpView(_Message):
    """One pump as the engine knows it. ``confirmed_ns`` is when its last fresh reply was asked for."""

    name: str
    model: str
    link: Link
    simulated: bool
    motion: str
    """A value of drivers.capabilities.Motion; "unknown" when no fresh reply says otherwise."""
    stop_confirmed: bool | None = None
    """None: no STOP pending; False: NOT CONFIRMED STOPPED; True: confirmed after the last STOP."""
    unknown_since_ns: int | None = None
    drug: str = ""
    rate_ul_per_min: float = 0.0
    """Armed rate of the present or next infusion, as read back; 0 when nothing is armed."""
    target_ul: float = 0.0
    delivered_ul: float = 0.0
    """Confirmed by the pump's counter in the present infusion."""
    estimated_ul: float = 0.0
    """Delivered plus rate times the age of the last reply, never above the target."""
    session_ul: float = 0.0
    """Confirmed over the whole session."""
    session_uncertain_ul: float = 0.0
    """Worst case that may have been delivered without being confirmed."""
    dose_mg_per_kg: float | None = None
    """Confirmed over the session, where the solution has a drug and a concentration."""
    remaining_in_syringe_ul: float | None = None
    confirmed_ns: int | None = None
    watchdog_s: int = 0


class ChannelView(_Message):
    """One recorded channel."""

    name: str
    instrument: str
    role: str
    link: Link
    interval_s: float | None = None
    """Distance of its samples."""
    sensitivity_a_per_um: float | None = None
    slope_low_a_per_um: float | None = None
    slope_high_a_per_um: float | None = None
    """The sensitivity's 95 % interval; None where the rig gives a bare number."""
    sentinel: str = ""
    """The channel that is taken off this glutamate site; empty where there is none, or several."""
    sentinel_gain: float | None = None
    """What the sentinel is multiplied with before it is taken off this site; None: not calibrated."""
    last_current_a: float | None = None
    last_t_ns: int | None = None
    flags: int = 0
    samples: int = 0
    gaps: int = 0


class StepView(_Message):
    """One step of the plan."""

    number: int
    kind: str
    label: str
    pump: str | None = None
    planned_start_s: float
    """Seconds after the start of the plan."""
    duration_s: float
    state: StepState = "pending"
    started_ns: int | None = None
    ended_ns: int | None = None


class AlarmView(_Message):
    """An alarm that is active or not yet acknowledged: what happened, what it means, what to do."""

    alarm_id: str
    priority: Priority
    instrument: str
    what: str
    so_what: str
    do_what: str
    raised_ns: int
    active: bool
    acknowledged: bool
    count: int = 1
    """How many times it was raised since ``raised_ns``; more than ten a minute are one alarm with a count (R51)."""
    latest_ns: int | None = None
    """When it was raised or said again last; None when only once."""


class PreflightItem(_Message):
    """One line of the pre-flight: whether something stands against the start of the plan, and what would help.

    Levels: ``ok``; ``refused`` (no way round but to mend it); ``wait`` (under way); ``warning`` (a person may accept it
    by name); ``tick`` (only a person can know: to be ticked by name).
    """

    item_id: str
    """Kind and, after a colon, what it is about: ``watchdog:ket``."""
    level: Level
    what: str
    so_what: str = ""
    do_what: str = ""
    by: str = ""
    """Who accepted or ticked it; empty while nobody has."""

    @property
    def blocks(self) -> bool:
        """Tell whether the plan cannot be started because of it."""
        return self.level in ("refused", "wait") or (self.level in ("warning", "tick") and not self.by)


@functools.lru_cache(maxsize=1024)
def preflight_item(
    item_id: str, level: Level, what: str, so_what: str = "", do_what: str = "", *, by: str = ""
) -> PreflightItem:
    """Return a line of the pre-flight; the whole list is made anew several times a second, of the same lines."""
    return PreflightItem(item_id=item_id, level=level, what=what, so_what=so_what, do_what=do_what, by=by)


class RecorderView(_Message):
    """How the recording is doing."""

    journal_bytes: int = 0
    records: int = 0
    synced_ns: int | None = None
    """When the last fdatasync returned."""
    queue_fill: float = 0.0
    """0..1 of the bounded queue in memory."""
    disk_free_bytes: int | None = None
    archiver: Literal["off", "running", "behind", "dead", "done"] = "off"
    failing: str = ""
    """Why writing fails now; empty when it does not."""


class EngineState(_Message):
    """A full copy of what a client may show."""

    type: Literal["state"] = "state"
    version: int = PROTOCOL_VERSION
    now_ns: int
    wall_ns: int
    rate: float = 1.0
    """Engine seconds per real second; 1 except on a simulated rig."""
    simulated: bool
    session_id: str
    session_dir: str
    plan_name: str
    plan_sha256: str
    subject: str
    phase: Phase
    phase_text: str = ""
    """What the engine is doing or waiting for, for people."""
    session_started_ns: int
    """Monotonic time of the first record; the zero of every time axis."""
    plan_started_ns: int | None = None
    plan_duration_s: float = 0.0
    pumps: tuple[PumpView, ...] = ()
    channels: tuple[ChannelView, ...] = ()
    steps: tuple[StepView, ...] = ()
    held_on: int | None = None
    """The step at which the plan waits for a person."""
    held_before: bool = False
    """That step is an infusion that has not begun: continuing begins it."""
    watched_by: tuple[str, ...] = ()
    """Whose window or terminal was heard lately."""
    unattended_by: str = ""
    """Who decided that infusions start with nobody watching; empty: they do not."""
    preflight: tuple[PreflightItem, ...] = ()
    """Everything a start is held against; empty once the plan has been started."""
    alarms: tuple[AlarmView, ...] = ()
    audio_paused_until_ns: int | None = None
    """Until when no window sounds an alarm; None while they sound. In engine time: divide by ``rate`` for people."""
    recorder: RecorderView = RecorderView()


class EventNotice(_Message):
    """An event, as it went into the journal."""

    type: Literal["event"] = "event"
    kind: str
    t_ns: int
    wall_ns: int
    source: str
    text: str
    data: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


class ChannelSamples(_Message):
    """Samples of one instrument since the last message; min/max-reduced when the client was slow."""

    type: Literal["samples"] = "samples"
    instrument: str
    channels: tuple[str, ...]
    journal_sequence: int
    """Sequence number of the last journal record these samples came from: a client that backfills from the
    journal up to N drops messages up to N."""
    t_ns: tuple[int, ...]
    current_a: tuple[tuple[float, ...], ...]
    """One tuple per channel, as long as ``t_ns``; NaN marks a gap."""


class Answer(_Message):
    """The reply to one command."""

    type: Literal["answer"] = "answer"
    request: int
    ok: bool
    text: str
    confirmed: bool | None = None
    """For stop: whether every pump confirmed."""


class Hello(_Message):
    """First message of a client. ``operator`` names the person; ``samples`` asks for the live feed."""

    type: Literal["hello"] = "hello"
    request: int
    operator: CutText = ""
    samples: bool = False


class Credit(_Message):
    """The client has drawn what it got: one more samples message may be sent. Not answered."""

    type: Literal["credit"] = "credit"


class Attend(_Message):
    """A person's window or terminal is alive: said every ATTEND_S. Not answered. Without it no infusion starts."""

    type: Literal["attend"] = "attend"
    operator: CutText


class Start(_Message):
    """Start the plan. ``unattended_by`` names who decides that infusions start also when nobody watches."""

    type: Literal["start"] = "start"
    request: int
    unattended_by: SaidText = ""


class Stop(_Message):
    """Stop every pump now; answered when all have confirmed or 3 s have passed."""

    type: Literal["stop"] = "stop"
    request: int
    reason: CutText = ""


class Continue(_Message):
    """Go on from the step that waits. ``skip``: leave out an infusion that has not begun instead of beginning it."""

    type: Literal["continue"] = "continue"
    request: int
    step: int
    skip: bool = False


class Note(_Message):
    """A note; ``opened_ns`` is the engine time at which the box was opened."""

    type: Literal["note"] = "note"
    request: int
    text: str = Field(max_length=10_000)
    opened_ns: TimeNs


class Mark(_Message):
    """A mark, now."""

    type: Literal["mark"] = "mark"
    request: int
    label: SaidText


class Acknowledge(_Message):
    """A person has seen this alarm; the recording keeps who."""

    type: Literal["acknowledge"] = "acknowledge"
    request: int
    alarm_id: CutText
    by: NameText


class PauseAudio(_Message):
    """Pause the sound of alarms in every window, for real seconds; 0 ends a pause. A new alarm ends it too (R47)."""

    type: Literal["pause-audio"] = "pause-audio"
    request: int
    seconds: float = Field(default=AUDIO_PAUSE_S, ge=0, le=AUDIO_PAUSE_S)


class ReportSound(_Message):
    """Whether the alarms of a window can be heard, as far as it can tell; ``detail`` says why not (R48)."""

    type: Literal["report-sound"] = "report-sound"
    request: int
    works: bool
    detail: str = Field(default="", max_length=500)


class RunChecks(_Message):
    """Test every pump: a STOP and its confirmation, then silence until its own watchdog expires. Moves nothing."""

    type: Literal["run-checks"] = "run-checks"
    request: int


class Accept(_Message):
    """A person ticks a line of the pre-flight, or accepts its warning, by name."""

    type: Literal["accept"] = "accept"
    request: int
    item_id: CutText
    by: NameText


class MoveIntoWaste(_Message):
    """Move two millimetres of a syringe into waste. ``line_is_off``: a person has seen that no animal is at the end."""

    type: Literal["move-into-waste"] = "move-into-waste"
    request: int
    pump: CutText
    by: NameText
    line_is_off: bool


class ReadScale(_Message):
    """What a person saw the volume on a syringe's scale change by, during the last MoveIntoWaste of its pump (R15)."""

    type: Literal["read-scale"] = "read-scale"
    request: int
    pump: CutText
    by: NameText
    seen_ul: float = Field(ge=0, lt=1e6, allow_inf_nan=False)


class Finish(_Message):
    """End the session: refused while a pump runs; stops the potentiostats, closes the files, ends the engine.

    Refused, too, while records wait for a disk that takes none, unless ``discard`` gives them up.
    """

    type: Literal["finish"] = "finish"
    request: int
    discard: bool = False


Preparation = RunChecks | Accept | MoveIntoWaste | ReadScale
"""What is done before a start (R18, R15, R31)."""
_AtAnyTime = Hello | Credit | Attend | Stop | Note | Mark | Acknowledge | PauseAudio | ReportSound
Command = _AtAnyTime | Preparation | Start | Continue | Finish
Report = EngineState | EventNotice | ChannelSamples | Answer

COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])
REPORT: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="type")])
