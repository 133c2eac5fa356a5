"""The figure of a study: every animal with its group's mean and interval, and the course in time.

Knows how readings and comparisons become what ``analysis.cohort.figure`` draws. Shows what is compared, no more: an
animal that was left out is not in it, and the caption says how many.
"""

from __future__ import annotations

from math import nan

import numpy as np
from matplotlib.figure import Figure

from analysis.cohort.animal import AnimalReading
from analysis.cohort.figure import cohort_figure
from analysis.cohort.summary import ArmSummary
from analysis.effect import Effect
from analysis.evoked import EffectStretch, Reading, Responses
from analysis.study.analyse import Analysis, Member
from analysis.study.readings import AnimalRead

NAME = "effect"


def study_figure(analysis: Analysis, *, simulated: bool) -> Figure:
    """Return the figure of the primary outcome."""
    stretch = EffectStretch(*analysis.settings.stretches[0])
    counted = [one for one in analysis.members if one.is_counted and one.log_ratio(stretch.label) is not None]
    against = {one.group: one for one in analysis.primary.contrasts if one.control == analysis.control}
    arms = [
        ArmSummary(
            group="",
            treatment=effect.group,
            stretch=stretch.label,
            log_ratios=tuple(_log_ratio(one, stretch.label) for one in counted if one.label == effect.group),
            left_out=sum(one.label == effect.group and one not in counted for one in analysis.members),
            effect=effect,
            against_control=against.get(effect.group),
        )
        for effect in analysis.primary.groups
    ]
    animals = [_animal(one) for one in counted]
    return cohort_figure(animals, arms, stretch, analysis.control, simulated=simulated)


def caption(analysis: Analysis) -> str:
    """Return what the figure shows, in words."""
    left_out = len(analysis.members) - sum(one.n for one in analysis.primary.groups)
    more = f" {left_out} of {len(analysis.members)} animals are not in it; the flow of animals says why." * bool(
        left_out
    )
    return (
        "a: primary outcome of each animal, geometric mean and 95 % interval of each group (t on the logarithms). "
        "b: mean and standard error of each response over the animal's own baseline; the triangles are the infusions, "
        f"grey is the stretch of a.{more}"
    )


def _log_ratio(member: Member, stretch: str) -> float:
    value = member.log_ratio(stretch)
    return nan if value is None else value


def _animal(member: Member) -> AnimalReading:
    assert member.read is not None  # noqa: S101 - narrows a type; who has a ratio was read
    read = member.read
    return AnimalReading(member.code, "", member.label, 0, read.session, read.outcome, _reading(read))


def _reading(read: AnimalRead) -> Reading:
    """Return a reading as it was before it was kept."""
    columns = (read.onset_s, read.amplitude_um, read.r2, read.picked_um, read.blank_um)
    responses = Responses(*(np.array([_number(one) for one in column], np.float64) for column in columns))
    effects = {
        label: Effect(_number(one.value), _number(one.low), _number(one.high), one.n_before, one.n_after)
        for label, one in read.effects.items()
    }
    first_s, drug_s, baseline_um = map(_number, (read.first_s, read.drug_s, read.baseline_um))
    return Reading(responses, first_s, drug_s, baseline_um, effects, read.problem)


def _number(value: float | None) -> float:
    return nan if value is None else value
