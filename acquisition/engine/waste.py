"""Moves two millimetres of a syringe into waste, so that a person can compare the counter with the scale (R15).

Knows one such move from its settings to its end. It goes the same way as a dose: settings, read-back, entry on the
disk, RUN once, a target in the pump. It is booked as gone from the syringe and given to nobody. Whether it may be done
at all is ``preflight_desk``'s to ask.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.engine.gatekeeper import same_program
from acquisition.engine.infusion_start import run_until_ns
from acquisition.engine.lane_messages import Run
from acquisition.engine.ledger import WASTE_STEP
from acquisition.engine.parts import Desk
from acquisition.engine.preflight_facts import ScaleReading
from acquisition.engine.pump_desk import PumpDesk
from acquisition.events import EventKind, Scalar
from acquisition.recording.records import RecordingFailed
from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable

STROKE_MM = 2.0
"""R15 says 1 to 2 mm: the longer, the better it can be read."""
TAKES_S = 15.0
"""Fast enough to wait for, slow enough to watch [P]."""
COMMIT_TIMEOUT_S = 2.0
_DIGITS = 3


@dataclass
class WasteMove:
    """One move of one pump."""

    desk: Desk
    pump: PumpDesk
    by: str
    token: int
    reading: ScaleReading | None = None
    """Once it is over; ``seen_ul`` when somebody has said what the scale showed."""
    why: str = ""
    """Why nothing came of it."""
    program: PumpProgram | None = None
    _state: Literal["settings", "moving", "over"] = "settings"
    _generation: int = field(default=0, init=False)
    _moves_before: int = field(default=0, init=False)

    @property
    def under_way(self) -> bool:
        """Tell whether it is not over."""
        return self._state != "over"

    @property
    def program_ul(self) -> float:
        """Return the volume it is to move."""
        return self.program.target_ul if self.program is not None else 0.0

    def begin(self, now_ns: int) -> str:
        """Have the settings written; return why not, if not."""
        pump = self.pump
        try:
            program = pump.lane.encodable(_wanted(pump))
        except NotEncodable as error:
            self._state = "over"
            return f"{pump.name} cannot do that: {error.message}"
        left_ul = pump.ledger.remaining_ul(now_ns)
        if program.target_ul > left_ul:
            self._state = "over"
            return f"{pump.name} holds {left_ul:.4g} uL, the check needs {program.target_ul:.4g} uL."
        self.program, self._generation = program, pump.lane.slot.generation
        text = f"{self.by}: the line of {pump.name} is off the animal; {program.target_ul:.4g} uL go into waste"
        data: Mapping[str, Scalar] = {"what": "into waste", "pump": pump.name, "target_ul": program.target_ul}
        self.desk.say(EventKind.OPERATOR, now_ns, "operator", text, data)
        pump.prepare(self.token, program, self._generation)
        return ""

    def go_on(self, now_ns: int) -> None:
        """Start it once its settings have been read back, and see it end."""
        pump = self.pump
        if self._state == "settings" and pump.outcome is not None:
            self._give_up("its settings could not be written", now_ns)
        elif self._state == "settings" and pump.armed_token == self.token:
            self._run(now_ns)
        elif self._state == "moving" and not pump.infusing:
            self._over(now_ns)

    def _run(self, now_ns: int) -> None:
        pump, program = self.pump, self.program
        if program is None or pump.read_back is None or not same_program(pump.read_back, program):
            pump.abort()
            self._give_up(f"it holds other settings than were sent: {pump.read_back}", now_ns)
            return
        text = f"Into waste: {program.target_ul:.6g} uL at {program.rate_ul_per_min:.6g} uL/min"
        data: Mapping[str, Scalar] = {"what": "into waste", "by": self.by, "target_ul": program.target_ul}
        entry = self.desk.event(EventKind.PUMP, now_ns, pump.name, text, data)
        try:
            self.desk.commit(entry, COMMIT_TIMEOUT_S)
        except RecordingFailed as error:
            self.desk.recording_error = str(error)
            pump.abort()
            self._give_up(f"the recording does not take it: {error}", now_ns)
            return
        self._moves_before = len(pump.ledger.past)
        pump.open_infusion(WASTE_STEP, program, now_ns)
        pump.lane.request(Run(self.token, self._generation, run_until_ns(now_ns, self.desk.slack)))
        self._state = "moving"

    def _over(self, now_ns: int) -> None:
        moves = [move for move in self.pump.ledger.past[self._moves_before :] if move.into_waste]
        last = moves[-1] if moves else None  # none: the pump is known never to have run it
        done = self.pump.outcome == "done" and last is not None
        if last is not None:
            self._write_down(last.counter_ul + last.uncertain_ul, now_ns)
        self.pump.outcome = None
        if not done or last is None:
            self._give_up("it did not come to its end", now_ns)
            return
        self._state, self.reading = "over", ScaleReading(last.counter_ul)

    def _write_down(self, volume_ul: float, now_ns: int) -> None:
        wall_ns = now_ns + self.desk.clock.wall_ns() - self.desk.clock.now_ns()
        try:
            self.desk.books.note_waste(self.pump.setup, volume_ul, self.by, wall_ns)
        except (BookUnwritable, BookBroken) as error:
            text = f"The log of the container does not have these {volume_ul:.4g} uL of waste, write them: {error}"
            self.desk.say(EventKind.SYSTEM, now_ns, self.pump.name, text)

    def _give_up(self, why: str, now_ns: int) -> None:
        self._state, self.why, self.pump.outcome = "over", why, None
        self.desk.say(EventKind.PUMP, now_ns, self.pump.name, f"Scale check not made: {why}", {"what": "scale check"})


def _wanted(pump: PumpDesk) -> PumpProgram:
    """Return two millimetres of its syringe in about a quarter of a minute, within what the pump can do."""
    setup = pump.setup
    volume_ul = _rounded(math.pi / 4 * setup.diameter_mm**2 * STROKE_MM)
    low, high = pump.lane.rate_limits_ul_per_min(setup.diameter_mm)
    rate = min(max(volume_ul / TAKES_S * 60.0, low * 1.01), high * 0.99)
    return PumpProgram(setup.diameter_mm, _rounded(rate), volume_ul)


def _rounded(value: float) -> float:
    """Return a number of few digits: every pump can hold it."""
    return float(f"{value:.{_DIGITS}g}")
