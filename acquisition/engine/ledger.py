"""The dose ledger: per pump what was ordered, what its counter confirmed, what may have been given beyond that.

Knows volumes and doses, and never under-counts: what is not confirmed is bounded by rate, time and armed target and
kept as uncertain until a fresh reply resolves it (R35, R38). Records what was delivered, never what was planned (R28).
Does not know bytes, alarms or what to do about a deviation (``delivery_watch``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from acquisition.engine.gatekeeper import PastInfusion
from acquisition.experiment.exposure import dose_mg_per_kg
from acquisition.plan import PumpSetup
from acquisition.recording.records import InfusionRow
from drivers.capabilities import PumpProgram, PumpStatus
from drivers.clock import NS_PER_S

_NS_PER_MIN = 60 * NS_PER_S
NOBODYS_STEP = 0
"""Number of no step of any plan: for volume that no step ordered."""
WASTE_STEP = -1
"""Number of no step either: moved while the line was off the animal. Gone from the syringe, given to nobody."""


@dataclass
class Infusion:
    """One infusion from the intent on. It stays open until a fresh reply says that it is over."""

    step: int
    program: PumpProgram
    sent_ns: int
    """When RUN was about to be sent, at first when it was decided: nothing can have moved before."""
    counter_ul: float = 0.0
    """The pump's own counter, cleared before each infusion: one counter epoch (R16)."""
    counter_step_ul: float = 0.0
    confirmed_ns: int | None = None
    """When the question was asked whose answer gave ``counter_ul``."""
    onset_ns: int | None = None
    """Since when the pump may have moved; None until a reply says that it has."""
    seen_moving_ns: int | None = None
    """When that reply came: it moves since then at the latest, however late a busy computer sent RUN."""
    last_heard_ns: int = 0
    """Latest time at which the pump may have received a valid packet of ours: its watchdog counts from there."""
    ended_ns: int | None = None
    uncertain_ul: float = 0.0
    """Frozen at the end; while open it grows with time."""

    @property
    def into_waste(self) -> bool:
        """Tell whether nobody was at the end of the line."""
        return self.step == WASTE_STEP

    @property
    def target_ul(self) -> float:
        """Return the volume at which the pump stops by itself."""
        return self.program.target_ul

    def flow_ul(self, from_ns: int, to_ns: int) -> float:
        """Return what the programmed rate delivers in this time."""
        return max(0, to_ns - from_ns) / _NS_PER_MIN * self.program.rate_ul_per_min

    def ordered_ul(self, now_ns: int) -> float:
        """Return the host's own integral of the ordered rate since the onset: v_h of R26."""
        if self.onset_ns is None:
            return 0.0
        return min(self.target_ul, self.flow_ul(self.onset_ns, self.ended_ns or now_ns))

    def surely_ordered_ul(self, now_ns: int) -> float:
        """Return the least that a pump in order has given: the ordered rate since it was seen to move."""
        if self.seen_moving_ns is None:
            return 0.0
        return min(self.target_ul, self.flow_ul(self.seen_moving_ns, now_ns))

    def open_uncertain_ul(self, now_ns: int, watchdog_s: int) -> float:
        """Return the worst case beyond the counter: rate times the time it may have run, never above the target."""
        known_ns = self.confirmed_ns if self.confirmed_ns is not None else self.sent_ns
        until_ns = now_ns
        if watchdog_s > 0:
            until_ns = min(now_ns, max(self.last_heard_ns, known_ns) + watchdog_s * NS_PER_S)
        worst_ul = self.flow_ul(known_ns, until_ns) + self.counter_step_ul
        return max(0.0, min(worst_ul, self.target_ul - self.counter_ul))


@dataclass
class PumpLedger:
    """The account of one pump and what it means for the animal."""

    setup: PumpSetup
    weight_g: float
    current: Infusion | None = None
    past: list[Infusion] = field(default_factory=list)
    watchdog_armed: bool = False
    slack: float = 1.0
    """As ``Desk.slack``: the watchdog of a simulated pump that runs faster is armed so much longer."""
    _last_look: PumpStatus | None = None
    """While nothing is ordered, what the counter adds to this is motion nobody ordered."""

    # ---- what happens -----------------------------------------------------------------------------------------------

    def begin(self, step: int, program: PumpProgram, now_ns: int) -> None:
        """Open an infusion: from here its whole target counts as possibly given."""
        if self.current is not None:
            raise RuntimeError(f"{self.setup.name}: an infusion is open")
        self.current = Infusion(step, program, sent_ns=now_ns, last_heard_ns=now_ns)

    def sending(self, now_ns: int) -> None:
        """Note that RUN goes out only now: its intent may have waited for the disk."""
        if self.current is not None:
            self.current.sent_ns = max(self.current.sent_ns, now_ns)

    def never_ran(self) -> None:
        """Forget the open infusion: the pump is known to have stood still with its counter at zero (fault L2)."""
        self.current = None

    def heard(self, now_ns: int) -> None:
        """Note that a packet went out that the pump may have received, whatever came back."""
        if self.current is not None:
            self.current.last_heard_ns = now_ns

    def confirm(self, status: PumpStatus) -> None:
        """Take a fresh look: what was uncertain until it was asked is now known."""
        infusion, before, self._last_look = self.current, self._last_look, status
        if infusion is None:
            if before is not None:
                self._unordered(before, status)
            return
        infusion.counter_ul = max(infusion.counter_ul, status.infused_ul)
        infusion.counter_step_ul = status.counter_step_ul
        infusion.confirmed_ns = status.asked_ns
        infusion.last_heard_ns = status.received_ns
        if infusion.onset_ns is None and (not status.motion.is_still or status.infused_ul > 0):
            infusion.onset_ns, infusion.seen_moving_ns = infusion.sent_ns, status.received_ns

    def _unordered(self, before: PumpStatus, status: PumpStatus) -> None:
        """Count what a pump gave by its own keys or its own will: the animal got it, whoever ordered it (R28).

        A lower counter was cleared, or is that of a pump that lost its power: what it shows came since.
        """
        gained_ul = status.infused_ul - before.infused_ul
        if gained_ul < -status.counter_step_ul:
            gained_ul = status.infused_ul
        if gained_ul <= 0.0:
            return
        if not self.past or self.past[-1].step != NOBODYS_STEP:
            program = PumpProgram(self.setup.diameter_mm, 0.0, 0.0)
            self.past.append(Infusion(NOBODYS_STEP, program, sent_ns=before.asked_ns))
        self.past[-1].counter_ul += gained_ul
        self.past[-1].ended_ns = status.received_ns

    def end(self, now_ns: int, *, confirmed: bool, may_go_on: bool = False) -> None:
        """Close the infusion: by a fresh reply, or without one; then the worst case stays on the account (R38).

        ``may_go_on``: nobody looks at the pump from now on; it counts until its watchdog or its target must have ended
        it.
        """
        infusion = self.current
        if infusion is None:
            return
        until_ns = now_ns
        if may_go_on:
            until_ns += round(infusion.target_ul / infusion.program.rate_ul_per_min * _NS_PER_MIN)
            until_ns += self._watchdog_s * NS_PER_S
        infusion.uncertain_ul = 0.0 if confirmed else infusion.open_uncertain_ul(until_ns, self._watchdog_s)
        infusion.ended_ns = now_ns
        self.past.append(infusion)
        self.current = None

    @property
    def _watchdog_s(self) -> int:
        return math.ceil(self.setup.watchdog_s * self.slack) if self.watchdog_armed else 0

    # ---- what it comes to -------------------------------------------------------------------------------------------

    @property
    def confirmed_ul(self) -> float:
        """Return what the counters confirmed over the session."""
        return sum(infusion.counter_ul for infusion in self._given)

    def uncertain_ul(self, now_ns: int) -> float:
        """Return the worst case beyond that."""
        return sum(self._uncertain_ul(infusion, now_ns) for infusion in self._given)

    def _uncertain_ul(self, infusion: Infusion, now_ns: int) -> float:
        is_open = infusion is self.current
        return infusion.open_uncertain_ul(now_ns, self._watchdog_s) if is_open else infusion.uncertain_ul

    def waste_ul(self, now_ns: int) -> float:
        """Return what went into waste at worst."""
        return sum(i.counter_ul + self._uncertain_ul(i, now_ns) for i in self._all if i.into_waste)

    def ordered_ul(self, now_ns: int) -> float:
        """Return what was ordered up to now."""
        return sum(infusion.ordered_ul(now_ns) for infusion in self._given)

    def estimated_ul(self, now_ns: int) -> float:
        """Return counter plus rate times the age of the counter in the present infusion, never above its target."""
        infusion = self.current
        if infusion is None:
            return 0.0
        if infusion.confirmed_ns is None or infusion.onset_ns is None:
            return infusion.counter_ul
        return min(infusion.target_ul, infusion.counter_ul + infusion.flow_ul(infusion.confirmed_ns, now_ns))

    @property
    def dose_mg_per_kg(self) -> float | None:
        """Return the confirmed dose in the plan's own form of the drug; None without drug or concentration."""
        if not self.setup.drug or self.setup.concentration_mg_per_ml is None:
            return None
        return dose_mg_per_kg(self.confirmed_ul, self.setup.concentration_mg_per_ml, self.weight_g)

    def remaining_ul(self, now_ns: int) -> float:
        """Return what is left in the syringe at worst."""
        gone_ul = self.confirmed_ul + self.uncertain_ul(now_ns) + self.waste_ul(now_ns)
        return max(0.0, self.setup.loaded_ul - gone_ul)

    def past_infusions(self, now_ns: int) -> tuple[PastInfusion, ...]:
        """Return the account as the gatekeeper counts it; of the open one the whole target counts as given (R54)."""
        found = []
        for i in self._all:
            beyond_ul = max(0.0, i.target_ul - i.counter_ul) if i is self.current else i.uncertain_ul
            end_ns = i.ended_ns or now_ns
            name, waste = self.setup.name, i.into_waste
            found.append(PastInfusion(i.step, name, i.sent_ns, end_ns, i.counter_ul, beyond_ul, into_waste=waste))
        return tuple(found)

    def row(self, now_ns: int) -> InfusionRow:
        """Return one row for the recording; call it in the order of time."""
        infusion = None if self.current is not None and self.current.into_waste else self.current
        given = self._given
        confirmed_ul = sum(one.counter_ul for one in given)
        estimate_ul, ordered_rate, rate = confirmed_ul, 0.0, 0.0
        if infusion is not None:
            estimated_ul = self.estimated_ul(now_ns)
            estimate_ul += estimated_ul - infusion.counter_ul
            ordered_rate = infusion.program.rate_ul_per_min
            rate = ordered_rate if infusion.onset_ns is not None and estimated_ul < infusion.target_ul else 0.0
        at_animal_ul = max(0.0, estimate_ul - self._to_fill_ul)
        return InfusionRow(
            self.setup.name,
            now_ns,
            commanded_ul_per_min=ordered_rate,
            confirmed_ul_per_min=rate,
            at_animal_ul_per_min=rate if at_animal_ul > 0 else 0.0,
            commanded_ul=sum(one.ordered_ul(now_ns) for one in given),
            confirmed_ul=confirmed_ul,
            uncertain_ul=sum(self._uncertain_ul(one, now_ns) for one in given),
            at_animal_ul=at_animal_ul,
        )

    @property
    def _to_fill_ul(self) -> float:
        """Return what must flow before the solution reaches the animal: nothing when the line is primed to its tip.

        What went into waste went through the line, and filled it.
        """
        if self.setup.primed:
            return 0.0
        filled_ul = sum(infusion.counter_ul for infusion in self._all if infusion.into_waste)
        return max(0.0, self.setup.line_dead_volume_ul - filled_ul)

    @property
    def _given(self) -> list[Infusion]:
        """Return what the animal got: all but what went into waste."""
        return [infusion for infusion in self._all if not infusion.into_waste]

    @property
    def _all(self) -> list[Infusion]:
        return [*self.past, self.current] if self.current is not None else self.past
