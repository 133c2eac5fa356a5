"""The tables of a cohort: one row per response, per animal, per arm. Each row says SIMULATED by itself.

Knows columns and their units. Numbers are rounded to what they can mean; an empty cell is a number that there is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from acquisition.safe_csv import Cell, csv_text
from analysis.cohort.animal import AnimalReading
from analysis.cohort.summary import ArmSummary
from analysis.study.compare import Contrast, GroupEffect

MARK = "SIMULATED"


def responses_csv(animals: Sequence[AnimalReading]) -> str:
    """Return one row per stimulus: times in min, amplitudes in µM."""
    head = ["origin", "animal", "group", "treatment", "t_min", "from_drug_min"]
    head += ["amplitude_um", "fit_r2", "picked_um", "blank_um"]
    return csv_text([head, *(row for animal in animals for row in _responses(animal))])


def animals_csv(animals: Sequence[AnimalReading]) -> str:
    """Return one row per animal and stretch of time; the interval is that over responses."""
    head = ["origin", "animal", "group", "treatment", "seed", "session", "outcome", "drug_min", "stretch"]
    head += ["baseline_um", "baseline_n", "after_n", "ratio", "ratio_low", "ratio_high", "log_ratio", "problem"]
    return csv_text([head, *(row for animal in animals for row in _effects(animal))])


def arms_csv(arms: Sequence[ArmSummary], control: str) -> str:
    """Return one row per arm and stretch: geometric mean ratios with 95 % intervals, and over the control's."""
    head = ["origin", "group", "treatment", "stretch", "n", "left_out", "ratio", "ratio_low", "ratio_high", "p"]
    head += [f"over {control}", f"over {control}_low", f"over {control}_high", "over_p", "over_p_holm"]
    rows: list[list[Cell]] = [
        [
            MARK, arm.group, arm.treatment, arm.stretch, arm.effect.n, arm.left_out, *_ratio(arm.effect),
            *_ratio(arm.against_control), number(arm.against_control.p_holm, 6) if arm.against_control else None,
        ]
        for arm in arms
    ]  # fmt: skip
    return csv_text([head, *rows])


def number(value: float, digits: int = 4) -> float | None:
    """Return a number for a cell; None for one that there is not."""
    return round(value, digits) if isfinite(value) else None


def _responses(animal: AnimalReading) -> Iterator[list[Cell]]:
    found = animal.reading.responses
    for at, onset_s in enumerate(found.onset_s):
        from_drug_s = float(onset_s) - animal.reading.drug_s
        yield [
            MARK, animal.name, animal.group, animal.treatment, number(float(onset_s) / 60), number(from_drug_s / 60),
            *(number(float(column[at])) for column in (found.amplitude_um, found.r2, found.picked_um, found.blank_um)),
        ]  # fmt: skip


def _effects(animal: AnimalReading) -> Iterator[list[Cell]]:
    reading = animal.reading
    about: list[Cell] = [
        MARK, animal.name, animal.group, animal.treatment, animal.seed, animal.session, animal.outcome,
        number(reading.drug_s / 60),
    ]  # fmt: skip
    if not reading.effects:
        yield [*about, *[None] * 8, reading.problem]
    for label, one in reading.effects.items():
        yield [
            *about, label, number(reading.baseline_um), one.n_before, one.n_after, number(one.value), number(one.low),
            number(one.high), number(one.log_ratio), reading.problem,
        ]  # fmt: skip


def _ratio(found: GroupEffect | Contrast | None) -> list[Cell]:
    if found is None:
        return [None] * 4
    return [number(found.ratio), number(found.low), number(found.high), number(found.p, 6)]
