"""What the journal of a session that was cut short says of each pump: what was confirmed, what was under way.

Knows how an infusion shows in the events and rows of a journal. Asks no pump and changes nothing; a journal that
cannot be read says nothing, and the dose book still does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from acquisition.events import Event, EventKind
from acquisition.recording.session_data import SessionData, read_session


@dataclass
class PumpAccount:
    """The account of one pump when the recording ended."""

    given_ul: float = 0.0
    """Counters of the infusions that were over."""
    doubt_ul: float = 0.0
    """Worst case beyond it, of those."""
    open_step: int | None = None
    """The infusion that was under way; its counter says how far."""
    began_ns: int = 0
    target_ul: float = 0.0
    rate_ul_per_min: float = 0.0
    counter_ul: float = 0.0
    """Last confirmed by the pump in that infusion."""
    last_counter_ul: float | None = None
    """What the pump's counter showed when nothing was under way; None when it was not told."""
    begun: dict[int, tuple[float, float]] = field(default_factory=dict)
    """By step: target and rate of every infusion that may have run."""
    waste_ul: float | None = None
    """The target of a scale check that was under way: nobody gets what the pump counts up to it. None without one."""


@dataclass(frozen=True)
class CutShort:
    """What is known from the recording. ``problem`` says why nothing is, where that is so."""

    accounts: dict[str, PumpAccount] = field(default_factory=dict)
    remaining: tuple[str, ...] = ()
    """The infusions of the plan that had not begun, in words."""
    problem: str = ""


def read_cut_short(session_dir: Path) -> CutShort:
    """Read the journal of a session. Never raises: a folder that is gone says so."""
    try:
        data = read_session(session_dir)
    except (OSError, ValueError) as error:
        return CutShort(problem=f"the recording in {session_dir} cannot be read ({error})")
    return CutShort({pump: _account(pump, data) for pump in data.header.pumps}, _remaining(data))


def _account(pump: str, data: SessionData) -> PumpAccount:
    account = PumpAccount()
    for event in data.events:
        if event.source == pump:
            _take(event, account)
    rows = data.infusions[pump]
    if len(rows.t_ns):
        before = rows.t_ns <= account.began_ns if account.open_step is not None else rows.t_ns >= 0
        account.doubt_ul = float(rows.uncertain_ul[before][-1]) if before.any() else 0.0
        if account.open_step is not None:
            account.counter_ul = min(account.target_ul, max(0.0, float(rows.confirmed_ul[-1]) - account.given_ul))
        else:
            account.given_ul = max(account.given_ul, float(rows.confirmed_ul[-1]))
    return account


def _take(event: Event, account: PumpAccount) -> None:
    what = event.data.get("what")
    if event.kind is EventKind.INTENT or what in ("waste over", "stop confirmed", "scale check"):
        account.waste_ul = None
    if event.kind is EventKind.INTENT:
        account.open_step, account.began_ns = _whole(event, "step"), event.t_ns
        account.target_ul, account.rate_ul_per_min = _number(event, "target_ul"), _number(event, "rate_ul_per_min")
        account.begun[account.open_step] = account.target_ul, account.rate_ul_per_min
    elif what in ("target reached", "ended early"):
        account.given_ul += _number(event, "infused_ul")
        account.open_step = None
        account.last_counter_ul = _number(event, "infused_ul")
    elif what in ("stop confirmed", "waste over") and account.open_step is None:
        account.last_counter_ul = _number(event, "infused_ul")
    elif what == "into waste":
        account.waste_ul = _number(event, "target_ul")
    elif what in ("not run", "not sent"):
        account.begun.pop(account.open_step or 0, None)
        account.open_step = None


def _remaining(data: SessionData) -> tuple[str, ...]:
    begun = {
        event.data.get("step") for event in data.events if event.kind is EventKind.STEP and "state" in event.data
    } | {event.data.get("step") for event in data.events if event.kind is EventKind.INTENT}
    steps = [step for step in data.header.plan.get("steps") or () if step.get("kind") == "infuse"]
    return tuple(
        f"step {step['number']}: {step['volume_ul']:.4g} µL from {step['pump']} ({step['label']})"
        for step in steps
        if step["number"] not in begun
    )


def _number(event: Event, key: str) -> float:
    value = event.data.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else 0.0


def _whole(event: Event, key: str) -> int:
    value = event.data.get(key)
    return value if isinstance(value, int) else 0
