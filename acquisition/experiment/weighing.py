"""How old the weight of an animal may be (R06). Asked before a run begins and again when it is started."""

from __future__ import annotations

from datetime import date, timedelta

from acquisition.experiment.limits import Limits
from acquisition.plan import Plan

NO_ANIMAL = "none"
"""Species of a bench run: nothing reaches an animal, every pump's route is "bench"."""


def overridden(limit_id: str) -> str:
    """Return how the plan's warning about an overridden soft limit begins."""
    return f"soft limit {limit_id} overridden by "


def weighing_fault(plan: Plan, limits: Limits, today: date) -> str:
    """Return when the animal was weighed if that is too long ago, or still to come; empty if nothing is wrong."""
    weighed = plan.subject.weighed_on
    if not weighed or plan.subject.species == NO_ANIMAL:
        return ""
    if any(warning.startswith(overridden("weighing-age")) for warning in plan.warnings):
        return ""
    age = today - date.fromisoformat(weighed)
    if timedelta(0) <= age and age.total_seconds() <= limits.weight.max_age_s:
        return ""
    when = "in the future" if age < timedelta(0) else f"{age.days} days ago"
    return f"{when} ({weighed}, today is {today})"
