"""From readings and labels to a statement: every group, every contrast, and what it would be had one chosen otherwise.

Knows who is counted: an animal that was excluded before the analysis was locked is left out of the primary comparison
and shown in the one beside it; one excluded afterwards stays in the primary one. An animal without a session or without
a ratio is named, never dropped. Labels are text, masked or not: nothing here depends on what they mean, or in which
direction a drug should act. The statistics are ``analysis.study.compare``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import log

import numpy as np

from analysis.study.compare import (
    Contrast,
    Difference,
    GroupEffect,
    GroupMean,
    MixedContrast,
    differences,
    group_effect,
    group_mean,
    mixed_contrast,
    pair_contrasts,
)
from analysis.study.measure import PRIMARY, windows
from analysis.study.readings import AnimalRead, Settings

AS_PLANNED, EVERYBODY = "excluded animals left out", "nobody left out"
LATE_TOO = "animals excluded too late left out, too"


@dataclass(frozen=True)
class Member:
    """One animal of the allocation."""

    code: str
    label: str
    """Its group: the mask of it while the study is blind."""
    read: AnimalRead | None = None
    """None: it has no session."""
    excluded: str = ""
    """The reason; empty when it is not."""
    excluded_late: bool = False
    """Excluded after the analysis was locked, or somebody was told its group."""
    absent: str = ""
    """Why there is no reading."""

    @property
    def is_counted(self) -> bool:
        """Return whether it is in the primary comparison, given that it has a number."""
        return not self.excluded or self.excluded_late

    def log_ratio(self, stretch: str) -> float | None:
        """Return the log of after over before in a stretch; None when the animal has none."""
        effect = self.read.effects.get(stretch) if self.read and not self.read.problem else None
        return log(effect.value) if effect and effect.value and effect.value > 0 else None


@dataclass(frozen=True)
class Comparison:
    """Groups and contrasts of one set of animals. A group of fewer than two animals has no contrast."""

    who: str
    groups: tuple[GroupEffect, ...]
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True)
class Mixed:
    """The mixed model of all responses, for one contrast; None when it could not be fitted."""

    group: str
    control: str
    found: MixedContrast | None


@dataclass(frozen=True)
class Varied:
    """The primary comparison by another choice."""

    stretch: str
    measured: str
    baseline: str
    without_ratio: int
    groups: tuple[GroupEffect, ...]
    contrasts: tuple[Contrast, ...]

    @property
    def is_primary(self) -> bool:
        """Return whether this is the choice that was made beforehand."""
        return (self.measured, self.baseline) == PRIMARY


@dataclass(frozen=True)
class Analysis:
    """Everything that a study says. ``control`` is empty while all pairs are compared."""

    labels: tuple[str, ...]
    control: str
    members: tuple[Member, ...]
    settings: Settings
    primary: Comparison
    beside: tuple[Comparison, ...]
    """The same with other animals; empty when nobody was excluded."""
    mixed: tuple[Mixed, ...]
    tonic: tuple[GroupMean, ...]
    """Secondary: change of the tonic level in the primary stretch, µM."""
    tonic_contrasts: tuple[Difference, ...]
    varied: tuple[Varied, ...]
    missing: tuple[tuple[str, str], ...]
    """(code, why) of every animal that has no number and was not excluded."""


def analyse(members: Sequence[Member], labels: Sequence[str], settings: Settings, control: str = "") -> Analysis:
    """Compare groups; against ``control``, or all pairs when it is empty. ``labels`` give the order of the groups.

    Raises ValueError for a control that is no group.
    """
    if control and control not in labels:
        raise ValueError(f'the control "{control}" is none of the groups {", ".join(labels)}')
    planned = [one for one in members if one.is_counted]
    stretch = settings.primary
    beside = []
    if any(one.excluded for one in members):
        beside.append(_compared(EVERYBODY, members, stretch, labels, control))
    if any(one.excluded_late for one in members):
        beside.append(_compared(LATE_TOO, [one for one in members if not one.excluded], stretch, labels, control))
    tonic = _by_label(planned, labels, _tonic_um)
    return Analysis(
        labels=tuple(labels),
        control=control,
        members=tuple(members),
        settings=settings,
        primary=_compared(AS_PLANNED if beside else EVERYBODY, planned, stretch, labels, control),
        beside=tuple(beside),
        mixed=tuple(_mixed(planned, labels, settings, control)),
        tonic=tuple(group_mean(label, values) for label, values in tonic.items()),
        tonic_contrasts=differences(tonic, _pairs(tonic, control)),
        varied=tuple(_varied(planned, labels, control)),
        missing=tuple((one.code, why) for one in planned if (why := _why_missing(one, stretch))),
    )


def _compared(who: str, members: Sequence[Member], stretch: str, labels: Sequence[str], control: str) -> Comparison:
    values = _by_label(members, labels, lambda one: one.log_ratio(stretch))
    return Comparison(who, *_groups_and_contrasts(values, control))


def _groups_and_contrasts(
    values: Mapping[str, Sequence[float]], control: str
) -> tuple[tuple[GroupEffect, ...], tuple[Contrast, ...]]:
    groups = tuple(group_effect(label, them) for label, them in values.items())
    return groups, pair_contrasts(values, _pairs(values, control))


def _by_label(
    members: Sequence[Member], labels: Sequence[str], number: Callable[[Member], float | None]
) -> dict[str, list[float]]:
    """Return the numbers of each group, in the order of ``labels``; animals without one are told as missing."""
    found: dict[str, list[float]] = {label: [] for label in labels}
    for one in members:
        if (value := number(one)) is not None:
            found[one.label].append(value)
    return found


def _pairs(values: Mapping[str, Sequence[float]], control: str) -> list[tuple[str, str]]:
    """Return (group, control) of every comparison that can be made."""
    enough = [label for label, them in values.items() if len(them) > 1]
    if control:
        return [(label, control) for label in enough if label != control and control in enough]
    return [(other, one) for one, other in combinations(enough, 2)]


def _mixed(members: Sequence[Member], labels: Sequence[str], settings: Settings, control: str) -> Iterator[Mixed]:
    values = _by_label(members, labels, lambda one: one.log_ratio(settings.primary))
    for group, against in _pairs(values, control):
        rows = [row for one in members if one.label in (group, against) for row in _rows(one, settings)]
        mouse, label, after, amplitude = zip(*rows, strict=True)
        try:
            found = mixed_contrast(mouse, label, after, amplitude, against)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):  # no spread, or no convergence
            found = None
        yield Mixed(group, against, found)


def _rows(member: Member, settings: Settings) -> Iterator[tuple[str, str, bool, float]]:
    """Yield (mouse, group, after?, amplitude) of every response in the primary windows."""
    read = member.read
    if read is None or member.log_ratio(settings.primary) is None or read.first_s is None or read.drug_s is None:
        return
    chosen = windows(settings, read.first_s, read.drug_s, settings.primary)
    for onset_s, amplitude_um in zip(read.onset_s, read.amplitude_um, strict=True):
        since_s = onset_s - read.drug_s
        for after, (from_s, until_s) in ((False, chosen.before_s), (True, chosen.after_s)):
            if amplitude_um is not None and from_s <= since_s < until_s:
                yield member.code, member.label, after, amplitude_um


def _varied(members: Sequence[Member], labels: Sequence[str], control: str) -> Iterator[Varied]:
    """Yield every choice, that of the primary outcome among them."""
    choices = dict.fromkeys((c.stretch, c.measured, c.baseline) for m in members if m.read for c in m.read.choices)
    for choice in choices:
        values = _by_label(members, labels, partial(_chosen, choice=choice))
        without = len(members) - sum(map(len, values.values()))
        yield Varied(*choice, without, *_groups_and_contrasts(values, control))


def _chosen(member: Member, choice: tuple[str, str, str]) -> float | None:
    if member.read is None or member.read.problem:
        return None
    found = (c.log_ratio for c in member.read.choices if (c.stretch, c.measured, c.baseline) == choice)
    return next(found, None)


def _tonic_um(member: Member) -> float | None:
    if member.read is None or member.read.problem or member.read.tonic is None:
        return None
    return member.read.tonic.value


def _why_missing(member: Member, stretch: str) -> str:
    if member.read is None:
        return member.absent or "no session"
    if member.read.problem:
        return member.read.problem
    return "" if member.log_ratio(stretch) is not None else "no ratio"
