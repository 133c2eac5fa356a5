"""Which alarms are on: latching, acknowledgement, floods of one alarm, and the pause of the sound.

Knows R46, R47 and R51. Does not know the texts (``alarm_table``), how an alarm is detected, shown or sounded. The pause
of the sound is kept here and not in a window, so that two windows on one experiment agree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from acquisition.engine.alarm_table import TABLE
from acquisition.messages import AUDIO_PAUSE_S, AlarmView, Priority
from drivers.clock import NS_PER_S

__all__ = ["FLOOD_PER_MINUTE", "TABLE", "AlarmBoard", "AlarmChange"]

FLOOD_PER_MINUTE = 10
"""R51: more of one alarm within a minute are one with a count."""


@dataclass(frozen=True)
class AlarmChange:
    """A line for the event log."""

    alarm: AlarmView
    verb: str
    """raised, cleared, acknowledged, repeated (a reminder), collapsed (a flood begins)."""
    counted_only: bool = False
    """It is one of a flood: for the recording, not for the lists on screens."""
    by: str = ""
    """Who acknowledged it."""


class AlarmBoard:
    """Which alarms are on. High and medium stay until acknowledged, also when their cause has gone (R46).

    ``slack`` is engine seconds per real second: people's ears live in real time, also beside a faster simulation.
    """

    def __init__(self, on_change: Callable[[AlarmChange], None], slack: float = 1.0) -> None:
        self._on_change = on_change
        self._alarms: dict[str, AlarmView] = {}
        self._raises: dict[str, deque[int]] = {}
        """The last times at which each alarm was raised, as many as a flood needs."""
        self._floods: set[str] = set()
        self._minute_ns = round(60 * NS_PER_S * slack)
        self._slack = slack
        self._paused_until_ns: int | None = None

    def on(self, kind: str, now_ns: int, instrument: str = "", detail: str = "") -> None:
        """Raise an alarm; one that is on already stays as it is and is not said twice."""
        alarm_id = _id(kind, instrument)
        known = self._alarms.get(alarm_id)
        if known is not None and known.active:
            return
        flood_begins = self._count(alarm_id, now_ns)
        flood = alarm_id in self._floods
        seen = flood and known is not None and known.acknowledged  # one press of a person is enough for a flood
        view = self._view(kind, now_ns, instrument, detail, known).model_copy(update={"acknowledged": seen})
        self._break_pause(view, flood=flood, waits=known is not None and not known.acknowledged)
        self._alarms[alarm_id] = view
        self._on_change(AlarmChange(view, "raised", counted_only=flood))
        if flood_begins:
            self._on_change(AlarmChange(view, "collapsed"))

    def repeat(self, kind: str, now_ns: int, instrument: str = "", detail: str = "") -> None:
        """Raise an alarm, or say one that is on once more, with its newest detail: a reminder (R50)."""
        known = self._alarms.get(_id(kind, instrument))
        if known is None or not known.active:
            self.on(kind, now_ns, instrument, detail)
            return
        view = self._view(kind, now_ns, instrument, detail, known)
        self._alarms[view.alarm_id] = view
        self._on_change(AlarmChange(view, "repeated"))

    def off(self, kind: str, instrument: str = "") -> None:
        """Note that the cause has gone."""
        if not self._alarms:  # nearly always, and asked many times a second
            return
        known = self._alarms.get(_id(kind, instrument))
        if known is None or not known.active:
            return
        view = replace_view(known, active=False)
        self._keep(view)
        self._on_change(AlarmChange(view, "cleared", counted_only=view.alarm_id in self._floods))

    def flash(self, kind: str, now_ns: int, instrument: str = "", detail: str = "") -> None:
        """Raise an alarm about something that is over already: it stays until acknowledged."""
        self.on(kind, now_ns, instrument, detail)
        self.off(kind, instrument)

    def acknowledge(self, alarm_id: str, by: str) -> bool:
        """Note who has seen it; an active cause stays visible. Return whether there was such an alarm."""
        known = self._alarms.get(alarm_id)
        if known is None:
            return False
        if not known.acknowledged:
            view = replace_view(known, acknowledged=True)
            self._keep(view)
            self._on_change(AlarmChange(view, "acknowledged", by=by))
        return True

    def tick(self, now_ns: int) -> None:
        """End the floods that have ebbed to half, and the pause of the sound whose time is over."""
        for alarm_id in sorted(self._floods):
            if len(self._recent(alarm_id, now_ns)) <= FLOOD_PER_MINUTE // 2:
                self._floods.discard(alarm_id)
                if alarm_id in self._alarms:
                    self._keep(self._alarms[alarm_id])
        if self._paused_until_ns is not None and now_ns >= self._paused_until_ns:
            self._paused_until_ns = None

    def pause_audio(self, now_ns: int, seconds: float) -> None:
        """Pause the sound for so many real seconds, at most ``AUDIO_PAUSE_S``; 0 ends a pause (R47)."""
        pause_ns = round(min(seconds, AUDIO_PAUSE_S) * NS_PER_S * self._slack)
        self._paused_until_ns = now_ns + pause_ns if pause_ns > 0 else None

    @property
    def audio_paused_until_ns(self) -> int | None:
        """Return until when no alarm is to sound; None while they sound."""
        return self._paused_until_ns

    def active(self, kind: str, instrument: str = "") -> bool:
        """Tell whether the cause is present now."""
        known = self._alarms.get(_id(kind, instrument))
        return known is not None and known.active

    def views(self) -> tuple[AlarmView, ...]:
        """Return what a screen shows, the worst first, then the oldest."""
        order = {"high": 0, "medium": 1, "low": 2}
        return tuple(sorted(self._alarms.values(), key=lambda view: (order[view.priority], view.raised_ns)))

    def unacknowledged(self, *priorities: Priority) -> tuple[AlarmView, ...]:
        """Return the alarms of these priorities that no person has seen."""
        return tuple(view for view in self.views() if not view.acknowledged and view.priority in priorities)

    def _view(self, kind: str, now_ns: int, instrument: str, detail: str, known: AlarmView | None) -> AlarmView:
        row, alarm_id = TABLE[kind], _id(kind, instrument)
        count = known.count + 1 if known is not None else max(1, len(self._recent(alarm_id, now_ns)))
        return AlarmView(
            alarm_id=alarm_id,
            priority=row.priority,
            instrument=instrument,
            what=row.what.format(instrument=instrument, detail=detail),
            so_what=row.so_what,
            do_what=row.do_what,
            raised_ns=known.raised_ns if known is not None else now_ns,
            active=True,
            acknowledged=False,
            count=count,
            latest_ns=now_ns if count > 1 else None,
        )

    def _count(self, alarm_id: str, now_ns: int) -> bool:
        """Count one more, and tell whether with it a flood begins."""
        self._raises.setdefault(alarm_id, deque(maxlen=FLOOD_PER_MINUTE + 1)).append(now_ns)
        begins = alarm_id not in self._floods and len(self._recent(alarm_id, now_ns)) > FLOOD_PER_MINUTE
        if begins:
            self._floods.add(alarm_id)
        return begins

    def _recent(self, alarm_id: str, now_ns: int) -> list[int]:
        return [t_ns for t_ns in self._raises.get(alarm_id, ()) if now_ns - t_ns < self._minute_ns]

    def _break_pause(self, view: AlarmView, *, flood: bool, waits: bool) -> None:
        """R47: what is new breaks the pause; so does a high one that comes again, but no medium one that waits."""
        if not flood and (view.priority == "high" or (view.priority == "medium" and not waits)):
            self._paused_until_ns = None

    def _keep(self, view: AlarmView) -> None:
        seen = view.acknowledged or view.priority == "low"
        if not view.active and seen and view.alarm_id not in self._floods:
            self._alarms.pop(view.alarm_id, None)
        else:
            self._alarms[view.alarm_id] = view


def _id(kind: str, instrument: str) -> str:
    return f"{kind}:{instrument}" if instrument else kind


def replace_view(view: AlarmView, **changes: bool) -> AlarmView:
    """Return the alarm with other flags."""
    return view.model_copy(update=changes)
