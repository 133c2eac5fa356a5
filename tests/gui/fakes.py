"""An engine as a list of messages, and a state to begin from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from acquisition.messages import (
    AlarmView,
    ChannelSamples,
    ChannelView,
    Command,
    Credit,
    EngineState,
    EventNotice,
    PumpView,
    RecorderView,
    Report,
    StepView,
)
from acquisition.signal.blocks import Stretch
from gui.presenters.rehearsal import RehearsalRun

S = 1_000_000_000
STARTED_NS = 100 * S
WALL_NS = 1_767_258_000 * S
EVIL = "<img src=//evil/x><b>SAFE</b>"


@dataclass
class FakeLink:
    """Keeps what was sent, gives what it is told to give."""

    operator: str = "eva"
    connected: bool = True
    connections: int = 1
    trouble: str = ""
    sent: list[Command] = field(default_factory=list)
    incoming: list[Report] = field(default_factory=list)
    attended: int = 0

    def poll(self) -> list[Report]:
        reports, self.incoming = self.incoming, []
        return reports

    def attend(self) -> None:
        self.attended += 1

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def commands(self, kind: type[Any]) -> list[Any]:
        return [command for command in self.sent if isinstance(command, kind)]

    @property
    def credits(self) -> int:
        return len(self.commands(Credit))


@dataclass
class FakePlayer:
    """Keeps what was to be heard."""

    trouble: str = ""
    played: list[str] = field(default_factory=list)

    def play(self, priority: str) -> None:
        self.played.append(priority)


@dataclass
class FakeRehearser:
    """Keeps what it was told."""

    run: RehearsalRun = field(default_factory=RehearsalRun)
    told: list[str] = field(default_factory=list)

    def start(self, session_dir: str) -> None:
        self.told.append(f"start {session_dir}")
        self.run = RehearsalRun("running", session_dir)

    def cancel(self) -> None:
        if self.run.stage == "running":
            self.told.append("cancel")
            self.run = RehearsalRun("cancelled", self.run.session_dir)

    def close(self) -> None:
        self.told.append("close")


def pump(**changes: Any) -> PumpView:
    return PumpView(
        **{
            "name": "ket",
            "model": "NE-1000",
            "link": "online",
            "simulated": True,
            "motion": "infusing",
            "drug": "ketamine",
            "rate_ul_per_min": 10.0,
            "target_ul": 125.0,
            "delivered_ul": 42.31,
            "estimated_ul": 42.47,
            "session_ul": 42.31,
            "dose_mg_per_kg": 3.385,
            "remaining_in_syringe_ul": 557.7,
            "confirmed_ns": STARTED_NS + 1800 * S,
            "watchdog_s": 5,
            **changes,
        }
    )


def channel(name: str = "glu", role: str = "glutamate", **changes: Any) -> ChannelView:
    return ChannelView(
        **{
            "name": name,
            "instrument": "emstat",
            "role": role,
            "link": "online",
            "interval_s": 1.0,
            "sensitivity_a_per_um": 7e-12 if role == "glutamate" else None,
            "last_current_a": 1.2345e-10,
            "last_t_ns": STARTED_NS + 1800 * S,
            **changes,
        }
    )


def step(number: int, kind: str, label: str, duration_s: float, **changes: Any) -> StepView:
    start = {"planned_start_s": 0.0, **changes}
    return StepView(number=number, kind=kind, label=label, duration_s=duration_s, **start)


def alarm(**changes: Any) -> AlarmView:
    return AlarmView(
        **{
            "alarm_id": "pump.stall",
            "priority": "high",
            "instrument": "ket",
            "what": "The pump reports a stall.",
            "so_what": "The infusion has stopped; pressure may be high in the line.",
            "do_what": "Clamp the line, look for a kink, then relieve the pressure slowly.",
            "raised_ns": STARTED_NS + 1790 * S,
            "active": True,
            "acknowledged": False,
            **changes,
        }
    )


def state(**changes: Any) -> EngineState:
    return EngineState(
        **{
            "now_ns": STARTED_NS + 1800 * S,
            "wall_ns": WALL_NS + 1800 * S,
            "simulated": True,
            "session_id": "2026-01-01_M07_ketamine",
            "session_dir": "sessions/x",
            "plan_name": "ketamine iv",
            "plan_sha256": "0" * 64,
            "subject": "M07 · mouse · 25.0 g",
            "phase": "running",
            "phase_text": "infusing",
            "session_started_ns": STARTED_NS,
            "plan_started_ns": STARTED_NS + 60 * S,
            "plan_duration_s": 7200.0,
            "pumps": (pump(),),
            "channels": (channel(), channel("sentinel", "sentinel")),
            "recorder": RecorderView(
                journal_bytes=45_100_000,
                records=9000,
                synced_ns=STARTED_NS + 1800 * S - S // 5,
                disk_free_bytes=200_000_000_000,
                archiver="running",
            ),
            **changes,
        }
    )


def event(kind: str, t_s: float, text: str, **data: Any) -> EventNotice:
    t_ns = STARTED_NS + round(t_s * S)
    return EventNotice(kind=kind, t_ns=t_ns, wall_ns=WALL_NS, source="conductor", text=text, data=data)


def stretch(t_s: Any, current_a: Any, name: str = "glu") -> Stretch:
    t_ns = STARTED_NS + np.round(np.asarray(t_s, dtype=float) * S).astype(np.int64)
    return Stretch("emstat", (name,), t_ns, np.asarray(current_a, dtype=float)[:, None])


def samples(t_s: Any, current_a: Any, sequence: int = 1, name: str = "glu") -> ChannelSamples:
    t_ns = STARTED_NS + np.round(np.asarray(t_s, dtype=float) * S).astype(np.int64)
    return ChannelSamples(
        instrument="emstat",
        channels=(name,),
        journal_sequence=sequence,
        t_ns=tuple(t_ns.tolist()),
        current_a=(tuple(np.asarray(current_a, dtype=float).tolist()),),
    )
