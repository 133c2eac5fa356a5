"""What the recordings of a study say of how it was done: volumes given, anaesthesia, sensors, hours, notes, alarms.

Knows which facts of a session the ARRIVE items ask for. A blinded syringe is told by its code. Does not know groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from acquisition.events import EventKind
from acquisition.recording.session_data import SessionData
from analysis.study.sessions import Found, data_of
from drivers.clock import NS_PER_S

PA_PER_A = 1e12


@dataclass(frozen=True)
class Conduct:
    """One complete session."""

    animal: str
    session: str
    simulated: bool
    started_wall_ns: int
    software: str
    rig_sha256: str
    given: tuple[str, ...]
    """What each pump gave, in words."""
    anaesthesia: tuple[str, ...]
    sensors: tuple[str, ...]
    not_calibrated: tuple[str, ...]
    """Glutamate channels without a slope."""
    notes: int
    alarms: int

    @property
    def hour(self) -> float:
        """Return the hour of day it was begun, UTC."""
        began = datetime.fromtimestamp(self.started_wall_ns / NS_PER_S, UTC)
        return began.hour + began.minute / 60


def conducts(sessions: Mapping[str, Sequence[Found]]) -> tuple[Conduct, ...]:
    """Return the facts of every animal's last complete session. Reads them whole; raises OSError, ValueError."""
    last = [[one for one in them if one.is_complete][-1:] for them in sessions.values()]
    return tuple(_conduct(found, data_of(found)) for them in last for found in them)


def _conduct(found: Found, data: SessionData) -> Conduct:
    header, plan = data.header, data.header.plan
    channels = [(p["name"], c) for p in plan["potentiostats"] for c in p["channels"]]
    return Conduct(
        animal=found.animal,
        session=found.path.name,
        simulated=header.simulated,
        started_wall_ns=header.started_wall_ns,
        software=header.software,
        rig_sha256=str(plan["rig_sha256"]),
        given=tuple(_given(data, pump) for pump in plan["pumps"]),
        anaesthesia=tuple(_solution(pump) for pump in plan["pumps"] if pump["role"] == "anaesthetic_maintenance"),
        sensors=tuple(_sensor(instrument, channel) for instrument, channel in channels),
        not_calibrated=tuple(
            f"{instrument}.{channel['name']}"
            for instrument, channel in channels
            if channel["role"] == "glutamate" and not channel["sensitivity_a_per_um"]
        ),
        notes=sum(event.kind is EventKind.NOTE for event in data.events),
        alarms=sum(_is_alarm(event.kind, event.data) for event in data.events),
    )


def _is_alarm(kind: EventKind, data: Mapping[str, object]) -> bool:
    return kind is EventKind.ALARM and data.get("priority") == "high" and data.get("change") == "raised"


def _given(data: SessionData, pump: Mapping[str, Any]) -> str:
    rows = data.infusions[pump["name"]]
    confirmed_ul = float(rows.confirmed_ul[-1]) if len(rows.t_ns) else 0.0
    uncertain_ul = float(rows.uncertain_ul[-1]) if len(rows.t_ns) else 0.0
    rates = {f"{step['rate_ul_per_min']:g}" for step in data.header.plan["steps"] if step.get("pump") == pump["name"]}
    doubt = f" (maybe {uncertain_ul:.4g} more)" if uncertain_ul else ""
    at = f" at {' and '.join(sorted(rates))} µL/min" if rates else ""
    return f"{_solution(pump)} {confirmed_ul:.4g} µL{doubt}{at}, {pump['route']}"


def _solution(pump: Mapping[str, Any]) -> str:
    strength = pump["concentration_mg_per_ml"]
    return (pump["drug"] or "no drug") + (f" {strength:g} mg/mL" if strength is not None else "")


def _sensor(instrument: str, channel: Mapping[str, Any]) -> str:
    slope = channel["sensitivity_a_per_um"]
    probe = f", probe {channel['probe']}" if channel.get("probe") else ""
    of = f", calibrated {channel['calibrated_on']}" if channel.get("calibrated_on") else ""
    told = f"{slope * PA_PER_A:g} pA/µM" if slope else "no slope"
    return f"{instrument}.{channel['name']} ({channel['role']}): {told}{probe}{of}"


def spread(values: Iterable[float], unit: str) -> str:
    """Return the smallest and the largest of some numbers, for people."""
    found = sorted(values)
    if not found:
        return "none"
    return f"{found[0]:g} {unit}" if found[0] == found[-1] else f"{found[0]:g} to {found[-1]:g} {unit}"
