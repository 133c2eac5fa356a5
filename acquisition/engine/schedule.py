"""Runs the steps of a plan one after the other: says what is due and believes what it is told about the outcome.

Knows the order and timing of steps and the rule for late ones (R22). Does not know pumps, permits or alarms: it hands
out actions and is told how they ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acquisition.engine.attendance import Way
from acquisition.messages import StepState, StepView
from acquisition.plan import InfuseStep, MarkStep, OperatorStep, Plan, StableStep, Step, WaitStep
from drivers.clock import NS_PER_S

LOOK_NS = NS_PER_S
"""A baseline is looked at again after this."""
LATE_NS = NS_PER_S
"""An infusion that would start later than this after its time is missed [P], R22."""


@dataclass(frozen=True)
class Infuse:
    """Start the infusion now."""

    step: InfuseStep


@dataclass(frozen=True)
class Missed:
    """An infusion that is not started: its time has passed by ``late_s``."""

    step: InfuseStep
    late_s: float


@dataclass(frozen=True)
class NotStarted:
    """An infusion that is not started because nobody watches: the plan waits before it, or leaves it out."""

    step: InfuseStep
    left_out: bool


@dataclass(frozen=True)
class Ask:
    """A person must say go on."""

    step: OperatorStep


@dataclass(frozen=True)
class Unstable:
    """A baseline has not become steady in the time that the plan gives it: a person decides."""

    step: StableStep


@dataclass(frozen=True)
class MarkNow:
    """Write the mark."""

    step: MarkStep


@dataclass(frozen=True)
class StepEnded:
    """A step is over."""

    step: Step
    state: StepState


@dataclass(frozen=True)
class StepBegan:
    """A step has begun."""

    step: Step


@dataclass(frozen=True)
class Through:
    """All steps are over."""


Action = Infuse | Missed | NotStarted | Ask | Unstable | MarkNow | StepBegan | StepEnded | Through


WayOf = Callable[[InfuseStep, tuple[InfuseStep, ...], int], Way]
PassesOf = Callable[[InfuseStep, tuple[InfuseStep, ...], int], bool]
SteadyOf = Callable[[StableStep, int], bool]


def _start(_step: InfuseStep, _following: tuple[InfuseStep, ...], _now_ns: int) -> Way:
    return "start"


def _never(_step: InfuseStep, _following: tuple[InfuseStep, ...], _now_ns: int) -> bool:
    return False


def _unsteady(_step: StableStep, _now_ns: int) -> bool:
    return False


class Schedule:
    """Where the plan is. ``held_on`` is the step that waits for a person, for whatever reason.

    ``way`` is asked before each infusion, with those that follow; ``passes`` after one that did not end as planned;
    ``steady`` while a step waits for a baseline.
    """

    def __init__(
        self,
        plan: Plan,
        late_ns: int = LATE_NS,
        way: WayOf = _start,
        passes: PassesOf = _never,
        steady: SteadyOf = _unsteady,
    ) -> None:
        self._way, self._passes, self._steady = way, passes, steady
        self._steps = plan.steps
        self._late_ns = late_ns
        self._views = _planned(plan)
        self._at = -1
        self._due_ns = 0
        self._end_ns: int | None = None
        self._look_ns = 0
        self._stopped = False
        self._through = False
        self.started_ns: int | None = None
        self.held_on: int | None = None
        self.held_before = False
        """The step that waits has not begun: going on begins it."""
        self.progress_ns: int | None = None
        """When ``step`` last returned: a token of the earned keep-alive."""

    @property
    def views(self) -> tuple[StepView, ...]:
        """Return the state of every step."""
        return tuple(self._views)

    @property
    def through(self) -> bool:
        """Tell whether all steps are over."""
        return self._through

    @property
    def infusing(self) -> InfuseStep | None:
        """Return the infusion that has begun and whose outcome is wanted."""
        step = self.current
        running = isinstance(step, InfuseStep) and self._views[self._at].state == "running"
        return step if running and isinstance(step, InfuseStep) else None

    @property
    def current(self) -> Step | None:
        """Return the running step, None before the start and after the end."""
        active = self.started_ns is not None and not self._through and not self._stopped
        return self._steps[self._at] if active else None

    def next_due_ns(self) -> int | None:
        """Return when a wait ends, or a baseline is looked at again; None when something else must happen first."""
        if self._stopped or self._through or self.held_on is not None:
            return None
        return self._look_ns if isinstance(self.current, StableStep) else self._end_ns

    def upcoming(self) -> tuple[InfuseStep, ...]:
        """Return the infusions that a started plan has not begun yet."""
        if self.started_ns is None or self._stopped or self._through:
            return ()
        first = self._at if self.held_before else self._at + 1
        return tuple(step for step in self._steps[first:] if isinstance(step, InfuseStep))

    def start(self, now_ns: int) -> list[Action]:
        """Begin with the first step."""
        if self.started_ns is not None:
            raise RuntimeError("a plan starts once")
        self.started_ns = now_ns
        return self._enter(0, due_ns=now_ns, now_ns=now_ns)

    def step(self, now_ns: int) -> list[Action]:
        """Return what is due. The end of a wait does not drift: the next step is due when it ends, not when seen."""
        self.progress_ns = now_ns
        if self.held_before:
            return self._leave_out_if_alone(now_ns)
        due_ns = self.next_due_ns()
        if due_ns is None or now_ns < due_ns:
            return []
        if isinstance(self.current, StableStep):
            return self._await_baseline(self.current, now_ns)
        over = self._views[self._at].state in ("missed", "aborted")  # its time had to pass
        return self._enter(self._at + 1, due_ns, now_ns) if over else self._leave("done", due_ns, now_ns)

    def infusion_ended(self, number: int, state: StepState, now_ns: int) -> list[Action]:
        """Take the outcome of an infusion.

        Anything but "done" holds the plan until a person decides; with ``passes`` the time goes by that it had left.
        """
        step = self.current
        if step is None or step.number != number or self.infusing is None:
            return []
        if state == "done":
            return self._leave("done", now_ns, now_ns)
        self._mark_ended(state, now_ns)
        if isinstance(step, InfuseStep) and self._passes(step, self._following(), now_ns):
            self._end_ns = max(now_ns, self._due_ns + round(step.duration_s * NS_PER_S))
        else:
            self.held_on = number
        return [StepEnded(step, state)]

    def go_on(self, number: int, now_ns: int, *, skip: bool = False) -> list[Action] | None:
        """Go on after the step a person was asked about; None if that is not the step that waits.

        An infusion that has not begun begins now, or is left out with ``skip``.
        """
        if self.held_on != number or self.current is None:
            return None
        self.held_on = None
        if self.held_before and not skip:
            return self._enter(self._at, due_ns=now_ns, now_ns=now_ns)
        if self.held_before:
            step = self._miss(now_ns)
            return [StepEnded(step, "missed"), *self._enter(self._at + 1, due_ns=now_ns, now_ns=now_ns)]
        if isinstance(self.current, OperatorStep | StableStep):
            return self._leave("done", now_ns, now_ns)
        return self._enter(self._at + 1, due_ns=now_ns, now_ns=now_ns)

    def stop(self, now_ns: int) -> list[Action]:
        """End the plan where it is; what has not begun is aborted too."""
        step = self.current
        if self._through or self._stopped:
            return []
        ended: list[Action] = []
        if step is not None and self._views[self._at].state == "running":
            self._mark_ended("aborted", now_ns)
            ended.append(StepEnded(step, "aborted"))
        self._views = [replace_step(view, state="aborted") if view.state == "pending" else view for view in self._views]
        self._stopped = True
        self.held_on, self.held_before = None, False
        return ended

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _enter(self, at: int, due_ns: int, now_ns: int) -> list[Action]:
        """Enter steps from ``at`` on until one takes time. A loop: a plan may have thousands of marks in a row."""
        actions: list[Action] = []
        self.held_before = False
        while at < len(self._steps):
            self._at, self._due_ns, self._end_ns = at, due_ns, None
            step = self._steps[at]
            if isinstance(step, InfuseStep) and now_ns - due_ns > self._late_ns:
                self._miss(now_ns)
                self.held_on = step.number
                return [*actions, Missed(step, (now_ns - due_ns) / NS_PER_S), StepEnded(step, "missed")]
            if isinstance(step, InfuseStep) and (way := self._ask(step, now_ns)) != "start":
                return [*actions, *self._not_started(step, due_ns, now_ns, left_out=way == "pass over")]
            self._views[at] = replace_step(self._views[at], state="running", started_ns=now_ns)
            actions.append(StepBegan(step))
            if isinstance(step, InfuseStep):
                return [*actions, Infuse(step)]
            if isinstance(step, OperatorStep):
                self.held_on = step.number
                return [*actions, Ask(step)]
            if isinstance(step, WaitStep | StableStep):
                longest_s = step.duration_s if isinstance(step, WaitStep) else step.at_most_s
                self._end_ns, self._look_ns = due_ns + round(longest_s * NS_PER_S), now_ns
                if now_ns < self._end_ns or isinstance(step, StableStep):
                    return actions
                due_ns = self._end_ns
            else:
                actions.append(MarkNow(step))
            self._mark_ended("done", now_ns)
            actions.append(StepEnded(step, "done"))
            at += 1
        self._at, self._end_ns, self._through = len(self._steps), None, True
        return [*actions, Through()]

    def _await_baseline(self, step: StableStep, now_ns: int) -> list[Action]:
        if self._steady(step, now_ns):
            return self._leave("done", now_ns, now_ns)
        if self._end_ns is not None and now_ns < self._end_ns:
            self._look_ns = min(now_ns + LOOK_NS, self._end_ns)
            return []
        self._end_ns, self.held_on = None, step.number
        return [Unstable(step)]

    def _leave_out_if_alone(self, now_ns: int) -> list[Action]:
        """Leave out the infusion that waits once ``way`` says so: who it waited for has gone, and maintenance follows.

        What follows is due now: its time has passed, and would count as missed.
        """
        step = self.current
        if not isinstance(step, InfuseStep) or self._ask(step, now_ns) != "pass over":
            return []
        self.held_on = None
        self._miss(now_ns)
        left_out = NotStarted(step, left_out=True)
        return [left_out, StepEnded(step, "missed"), *self._enter(self._at + 1, due_ns=now_ns, now_ns=now_ns)]

    def _ask(self, step: InfuseStep, now_ns: int) -> Way:
        return self._way(step, self._following(), now_ns)

    def _following(self) -> tuple[InfuseStep, ...]:
        return tuple(later for later in self._steps[self._at + 1 :] if isinstance(later, InfuseStep))

    def _not_started(self, step: InfuseStep, due_ns: int, now_ns: int, *, left_out: bool) -> list[Action]:
        """Wait before the infusion, or let the time pass that it would have taken: what follows keeps its time."""
        if not left_out:
            self.held_on, self.held_before = step.number, True
            return [NotStarted(step, left_out=False)]
        self._miss(now_ns)
        self._end_ns = due_ns + round(step.duration_s * NS_PER_S)
        return [NotStarted(step, left_out=True), StepEnded(step, "missed")]

    def _leave(self, state: StepState, due_ns: int, now_ns: int) -> list[Action]:
        step = self._steps[self._at]
        self._mark_ended(state, now_ns)
        return [StepEnded(step, state), *self._enter(self._at + 1, due_ns, now_ns)]

    def _miss(self, now_ns: int) -> Step:
        self._views[self._at] = replace_step(self._views[self._at], state="missed", started_ns=now_ns, ended_ns=now_ns)
        return self._steps[self._at]

    def _mark_ended(self, state: StepState, now_ns: int) -> None:
        self._end_ns = None
        self._views[self._at] = replace_step(self._views[self._at], state=state, ended_ns=now_ns)


def _planned(plan: Plan) -> list[StepView]:
    views, start_s = [], 0.0
    for step in plan.steps:
        duration_s = step.duration_s if isinstance(step, InfuseStep | WaitStep) else 0.0
        views.append(
            StepView(
                number=step.number,
                kind=step.kind,
                label=step.label,
                pump=step.pump if isinstance(step, InfuseStep) else None,
                planned_start_s=start_s,
                duration_s=duration_s,
            )
        )
        start_s += duration_s
    return views


def replace_step(view: StepView, **changes: object) -> StepView:
    """Return the step in another state."""
    return view.model_copy(update=changes)
