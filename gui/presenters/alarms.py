"""Alarms in the order in which a person should look at them: priority as shape, word and colour (R45, R46, R49)."""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.messages import AlarmView, EngineState, Priority
from gui.presenters.text import Tone, plain, time_of_day

SHOWN = 3
_RANK: dict[Priority, int] = {"high": 0, "medium": 1, "low": 2}
LOOK: dict[Priority, tuple[str, str, Tone]] = {
    "high": ("◆", "HIGH", "alarm"),
    "medium": ("▲", "MEDIUM", "warn"),
    "low": ("●", "LOW", "busy"),
}


@dataclass(frozen=True)
class AlarmRow:
    """One alarm: what happened, what it means, what to do."""

    alarm_id: str
    urgency: Priority
    symbol: str
    priority: str
    tone: Tone
    what: str
    so_what: str
    do_what: str
    when: str
    can_acknowledge: bool


def alarm_rows(state: EngineState | None) -> tuple[AlarmRow, ...]:
    """Return every alarm: not acknowledged before acknowledged, then by priority, active
    before gone, the newest first.
    """
    if state is None:
        return ()
    ordered = sorted(
        state.alarms, key=lambda a: (a.acknowledged, _RANK[a.priority], not a.active, -(a.latest_ns or a.raised_ns))
    )
    return tuple(_row(alarm, state) for alarm in ordered)


def _row(alarm: AlarmView, state: EngineState) -> AlarmRow:
    symbol, word, tone = LOOK[alarm.priority]
    since = time_of_day(state.wall_ns - (state.now_ns - alarm.raised_ns))
    status = "still active" if alarm.active else "cause is gone"
    if alarm.count > 1 and alarm.latest_ns is not None:
        status = f"{alarm.count} times, last {time_of_day(state.wall_ns - (state.now_ns - alarm.latest_ns))} · {status}"
    if alarm.acknowledged:
        status += ", acknowledged"
    where, what = plain(alarm.instrument), plain(alarm.what)
    if where and where not in what:
        what = f"{where}: {what}"
    return AlarmRow(
        alarm_id=alarm.alarm_id,
        urgency=alarm.priority,
        symbol=symbol,
        priority=word,
        tone=tone,
        what=what,
        so_what=plain(alarm.so_what),
        do_what=plain(alarm.do_what),
        when=f"{since} · {status}",
        can_acknowledge=not alarm.acknowledged,
    )


def more_text(rows: tuple[AlarmRow, ...]) -> str:
    """Return the line for alarms that do not fit; they are in the log too."""
    hidden = len(rows) - SHOWN
    return f"and {hidden} more alarm{'s' if hidden > 1 else ''}, all in the log" if hidden > 0 else ""
