"""Whether a person watches the experiment, and what may begin while nobody does.

Knows who was heard last and when, for how long a silence is forgiven, and who decided that nobody has to watch. A
window says every two seconds that it lives, from the loop that also draws it: one that hangs is as good as none. Does
not know clients or sockets, nor how a plan is held (``schedule``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from acquisition.engine.parts import Desk
from acquisition.events import EventKind
from acquisition.plan import InfuseStep
from drivers.clock import NS_PER_S

GRACE_S = 20.0
"""[P] Real seconds of silence that are forgiven: a window that died is opened again, or a busy computer draws late.
Twice the 10 s of R42, because here only the next start waits; a running infusion is bounded by its target."""
STAND_IN = "automatic operator"

Way = Literal["start", "hold", "pass over"]
"""What becomes of an infusion that is due: it starts; the plan waits before it; it is left out and its time passes."""


@dataclass
class Attendance:
    """Asked by the conductor in each step, and before every infusion."""

    desk: Desk
    unattended_by: str = ""
    """Who decided that infusions start with nobody watching; empty: nobody did."""
    _heard_ns: dict[str, int] = field(default_factory=dict)
    _stand_in: bool = False

    def stand_in(self) -> None:
        """Note that a program in a person's place is there from beginning to end: rehearsals and trials."""
        self._stand_in = True

    def heard(self, operator: str, now_ns: int) -> None:
        """Note a sign of life of a person's window or terminal."""
        if operator not in self.present(now_ns):
            text = f"{operator} watches"
            self.desk.say(EventKind.OPERATOR, now_ns, "conductor", text, {"what": "attends", "by": operator})
        self._heard_ns[operator] = now_ns

    def present(self, now_ns: int) -> tuple[str, ...]:
        """Return who watches now."""
        if self._stand_in:
            return (STAND_IN,)
        grace_ns = round(GRACE_S * NS_PER_S * self.desk.slack)
        return tuple(sorted(name for name, heard_ns in self._heard_ns.items() if now_ns - heard_ns <= grace_ns))

    def leave_alone(self, by: str, now_ns: int) -> None:
        """Take the decision of a named person that nobody has to watch. It holds until the session ends."""
        self.unattended_by = by
        text = f"Infusions may start with nobody watching, as {by} decided"
        self.desk.say(EventKind.OPERATOR, now_ns, "operator", text, {"what": "unattended", "by": by})

    def allows_start(self, now_ns: int) -> bool:
        """Tell whether an infusion may begin as far as watching goes."""
        return bool(self.unattended_by or self.present(now_ns))

    def way(self, step: InfuseStep, following: tuple[InfuseStep, ...], now_ns: int) -> Way:
        """Decide about an infusion that is due, ``following`` being those after it.

        An animal that wakes with nobody there is worse off than one whose anaesthesia goes on as planned: maintenance
        starts. An experimental infusion before it is left out, so that its wait does not hold up the maintenance.
        """
        if self.allows_start(now_ns) or self._keeps_asleep(step):
            return "start"
        return "pass over" if any(map(self._keeps_asleep, following)) else "hold"

    def held_by_signal(self, step: InfuseStep, following: tuple[InfuseStep, ...], now_ns: int) -> Way:
        """Decide about an infusion that is due while a watched signal holds: it waits for a person.

        Maintenance starts. With nobody there to go on, an experimental infusion before maintenance is left out.
        """
        if self._keeps_asleep(step):
            return "start"
        return "pass over" if not self.present(now_ns) and any(map(self._keeps_asleep, following)) else "hold"

    def passes(self, step: InfuseStep, following: tuple[InfuseStep, ...], now_ns: int) -> bool:
        """Tell whether the plan goes on after an experimental infusion that went wrong, and nobody is there to decide.

        Only for the sake of maintenance that follows: it would wait for a person for ever. Experimental infusions then
        wait, or are left out, until somebody is there, also in a plan that may run unattended.
        """
        if self.present(now_ns) or self._keeps_asleep(step) or not any(map(self._keeps_asleep, following)):
            return False
        if self.unattended_by:
            text = f"What {self.unattended_by} decided holds no longer: an infusion went wrong and nobody is there"
            self.desk.say(EventKind.OPERATOR, now_ns, "conductor", text, {"what": "unattended", "by": ""})
            self.unattended_by = ""
        return True

    def look(self, upcoming: Callable[[], tuple[InfuseStep, ...]], now_ns: int) -> None:
        """Raise or clear the alarms about it; ``upcoming`` tells the infusions still to come in a started plan."""
        if self._stand_in:
            return
        alone = not self.present(now_ns) and bool(upcoming())
        alarms = self.desk.alarms
        names = ", ".join(f"{name} since {self._silent_s(name, now_ns):.0f} s" for name in sorted(self._heard_ns))
        last = f"last heard: {names}" if names else "nobody was there yet"
        for kind, is_on in (("nobody-watching", not self.unattended_by), ("unattended", bool(self.unattended_by))):
            if not (alone and is_on):
                alarms.off(kind)
            elif not alarms.active(kind):
                by = f"{self.unattended_by} decided so; " if self.unattended_by else ""
                alarms.on(kind, now_ns, detail=f"{by}{last}")
        for name in [name for name in self._heard_ns if name not in self.present(now_ns)]:
            data = {"what": "left", "by": name}
            self.desk.say(EventKind.OPERATOR, now_ns, "conductor", f"{name} watches no more", data)
            del self._heard_ns[name]

    def _silent_s(self, name: str, now_ns: int) -> float:
        return (now_ns - self._heard_ns[name]) / NS_PER_S / self.desk.slack

    def _keeps_asleep(self, step: InfuseStep) -> bool:
        return self.desk.plan.pump(step.pump).role == "anaesthetic_maintenance"
