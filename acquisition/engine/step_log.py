"""What the log says of the plan: a step that begins or ends, is left out, was missed, never became steady; its marks.

Knows the words and the data of these events and the alarm of a missed step. Does not know when a step is due or what
is done for it.
"""

from __future__ import annotations

from acquisition.engine.parts import Desk
from acquisition.engine.schedule import Action, MarkNow, Missed, NotStarted, StepBegan, StepEnded, Unstable
from acquisition.events import EventKind, Scalar

SOURCE = "conductor"
"""Who speaks of the plan in the log."""


def tell(desk: Desk, action: Action, now_ns: int, held_by: tuple[str, ...] = ()) -> None:
    """Say what there is to say of one action of the schedule; an infusion speaks for itself when it begins.

    ``held_by``: the watched signals that hold infusions now; with none of them, nobody watches.
    """
    if isinstance(action, StepBegan | StepEnded):
        _tell_state(desk, action, now_ns)
    elif isinstance(action, Missed):
        detail = f"step {action.step.number} was {action.late_s:.1f} s late"
        desk.alarms.flash("missed", now_ns, action.step.pump, detail)
    elif isinstance(action, NotStarted):
        what = "was left out" if action.left_out else "waits for a person"
        why = f"held by {'; '.join(held_by)}" if held_by else "nobody watches"
        text = f"Step {action.step.number} {what}, {why}: {action.step.label}"
        desk.say(EventKind.STEP, now_ns, SOURCE, text, {"what": "held by a signal" if held_by else "nobody watches"})
    elif isinstance(action, Unstable):
        text = f"Step {action.step.number}: {action.step.channel} is not steady after {action.step.at_most_s:g} s"
        desk.say(EventKind.STEP, now_ns, SOURCE, text, {"what": "not steady"})
    elif isinstance(action, MarkNow):
        data: dict[str, Scalar] = {"by": "plan", "step": action.step.number}
        desk.say(EventKind.MARK, now_ns, SOURCE, action.step.label, data)


def _tell_state(desk: Desk, action: StepBegan | StepEnded, now_ns: int) -> None:
    state = action.state if isinstance(action, StepEnded) else "running"
    step = action.step
    data: dict[str, Scalar] = {"step": step.number, "kind": step.kind, "state": state}
    desk.say(EventKind.STEP, now_ns, SOURCE, f"Step {step.number} {state}: {step.label}", data)
