"""Carries out what is done before a start: checks of the pumps, a known volume into waste, words of people.

Knows what a person may ask for while the session is ready, and keeps what came of it. Whether that is enough is said by
the rules in ``preflight``. Moves a plunger only when somebody said by name that the line is off the animal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from acquisition.engine import gate_rules
from acquisition.engine.preflight import items
from acquisition.engine.preflight_facts import NOTHING_KNOWN, Background, PreflightFacts, PumpProof, Word
from acquisition.engine.waste import WasteMove
from acquisition.events import NO_DATA, EventKind, Scalar
from acquisition.messages import Accept, MoveIntoWaste, PreflightItem, Preparation, ReadScale, RunChecks
from acquisition.plan import SteadyRule
from drivers.clock import NS_PER_S

if TYPE_CHECKING:
    from acquisition.engine.conductor import Conductor
    from acquisition.engine.pump_desk import PumpDesk

_NOT_READY = "The pre-flight belongs before the start; the session is {phase}."


@dataclass
class PreflightDesk:
    """The pre-flight of one session, in the conductor's own thread."""

    engine: Conductor
    background: Background = NOTHING_KNOWN
    _words: dict[str, Word] = field(default_factory=dict)
    _moves: dict[str, WasteMove] = field(default_factory=dict)
    _seen: tuple[int, tuple[PreflightItem, ...]] = (-1, ())

    # ---- what is known ----------------------------------------------------------------------------------------------

    def facts(self, now_ns: int) -> PreflightFacts:
        """Return what the rules look at."""
        clock = self.engine.desk.clock
        wall_s = (now_ns + clock.wall_ns() - clock.now_ns()) / NS_PER_S
        today = datetime.fromtimestamp(wall_s, UTC).date() if self.engine.simulated else _local(wall_s)
        proofs = {pump.name: self._proof(pump) for pump in self.engine.pumps.values()}
        slopes: dict[SteadyRule, float] = {}
        for sensor in self.engine.sensors.values():
            slopes |= sensor.slopes_a_per_min(now_ns)
        return PreflightFacts(today, proofs, dict(self._words), self.background, slopes)

    def _proof(self, pump: PumpDesk) -> PumpProof:
        move = self._moves.get(pump.name)
        proof = PumpProof(pump.identity, pump.holds_watchdog, pump.watchdog_proof, pump.watchdog_why)
        if move is None:
            return proof
        return replace(proof, moving_into_waste=move.under_way, scale=move.reading, scale_why=move.why)

    def items(self, now_ns: int) -> tuple[PreflightItem, ...]:
        """Return the list as it stands; empty once the plan has been started."""
        if self.engine.phase not in ("connecting", "ready"):
            return ()
        self._seen = now_ns, items(self.engine.snapshot(now_ns), self.engine.desk.plan, self.engine.desk.limits)
        return self._seen[1]

    # ---- what is done -----------------------------------------------------------------------------------------------

    def carry_out(self, command: Preparation, now_ns: int) -> tuple[bool, str]:
        """Do what a person asks for; return whether it was taken, and what to tell them."""
        if self.engine.phase != "ready":
            return False, _NOT_READY.format(phase=self.engine.phase)
        if isinstance(command, RunChecks):
            return self._check(now_ns)
        if isinstance(command, Accept):
            return self._accept(command, now_ns)
        pump = self.engine.pumps.get(command.pump)
        if pump is None:
            return False, f"There is no pump {command.pump!r}; there are {', '.join(self.engine.pumps)}."
        if isinstance(command, MoveIntoWaste):
            return self._move(pump, command, now_ns)
        return self._read(pump, command, now_ns)

    def tick(self, now_ns: int) -> None:
        """Go on with what moves into waste."""
        for move in self._moves.values():
            move.go_on(now_ns)

    def _check(self, now_ns: int) -> tuple[bool, str]:
        busy = [pump.name for pump in self.engine.pumps.values() if not pump.idle]
        if busy:
            return False, f"{', '.join(busy)} cannot be checked now: not still, or being checked. Wait, or look there."
        self._say(now_ns, "The pumps are checked: STOP, then silence until their watchdogs expire")
        for pump in self.engine.pumps.values():
            pump.ask_self_test()
            pump.ask_watchdog_proof()
        return (
            True,
            "Checking every pump: STOP, then silence until its watchdog expires. Nothing moves; pumps may beep.",
        )

    def _accept(self, command: Accept, now_ns: int) -> tuple[bool, str]:
        # Many are signed at once: the list of this very moment will do, a start is held against one of its own.
        lines = self._seen[1] if self._seen[0] == now_ns else self.items(now_ns)
        item = next((i for i in lines if i.item_id == command.item_id), None)
        if item is None:
            return False, f"The pre-flight has no line {command.item_id!r}."
        if item.level == "ok":
            return True, "That is in order; nobody has to stand for it."
        if item.level in ("refused", "wait"):
            return False, f"Nobody can accept that: {item.what} {item.do_what}"
        self._words[item.item_id] = Word(command.by, item.what)
        verb = "ticked" if item.level == "tick" else "accepted"
        data = {"preflight": item.item_id, "by": command.by, "verb": verb}
        self._say(now_ns, f"{command.by} {verb}: {item.what}", data)
        return True, f"{verb.capitalize()} by {command.by}."

    def _move(self, pump: PumpDesk, command: MoveIntoWaste, now_ns: int) -> tuple[bool, str]:
        if not command.line_is_off:
            return False, (
                f"Not moved: take the line of {pump.name} off the animal and into waste first, and say so. What moves "
                "now would be a dose."
            )
        setup, snapshot = pump.setup, self.engine.snapshot(now_ns)
        causes = [
            *gate_rules.plan_intact(snapshot, self.engine.desk.plan, self.engine.desk.limits),
            *gate_rules.clock(snapshot),
            *gate_rules.wall_clock(snapshot),
            *gate_rules.pump_ready(snapshot, setup),
            *gate_rules.pump_tested(snapshot, setup),
            *map(gate_rules.alarm_cause, gate_rules.alarms_against(snapshot, self.engine.desk.plan, setup)),
            *gate_rules.recording(snapshot),
        ]
        if causes or not pump.idle:
            reasons = " ".join(f"{cause.reason} {cause.remedy}" for cause in causes)
            return False, f"Not moved. {reasons or 'It is being checked; wait.'}"
        move = WasteMove(self.engine.desk, pump, command.by, self.engine.take_token())
        if why := move.begin(now_ns):
            return False, f"Not moved: {why}"
        self._moves[pump.name] = move
        return True, f"{pump.name} moves {move.program_ul:.4g} uL into waste. Read the change on the barrel."

    def _read(self, pump: PumpDesk, command: ReadScale, now_ns: int) -> tuple[bool, str]:
        move = self._moves.get(pump.name)
        if move is None or move.reading is None:
            return False, f"{pump.name} has not moved into waste yet, or not to its end: nothing to compare with."
        move.reading = replace(move.reading, seen_ul=command.seen_ul, by=command.by)
        data: Mapping[str, Scalar] = {"moved_ul": move.reading.moved_ul, "seen_ul": command.seen_ul, "by": command.by}
        self._say(now_ns, f"{command.by} saw {command.seen_ul:.4g} uL on the scale of {pump.name}", data)
        return True, f"Noted: {command.seen_ul:.4g} uL seen, {move.reading.moved_ul:.4g} uL counted."

    def _say(self, now_ns: int, text: str, data: Mapping[str, Scalar] = NO_DATA) -> None:
        self.engine.desk.say(EventKind.OPERATOR, now_ns, "operator", text, data)


def _local(wall_s: float) -> date:
    return datetime.fromtimestamp(wall_s, UTC).astimezone().date()
