"""What a list of infusions means for one animal, held against the rows of a limits file.

Knows rates, single volumes, and sums of volume and dose over a session, any rolling window or the animal's life. Pure
arithmetic, used twice: on the whole plan before anything is armed (R08) and on ledger plus next step before each RUN
(R07). What a blinded syringe truly holds is counted like anything else and never told: rows of a drug are told of open
solutions alone, so that nothing that is said depends on sealed ones, and an excess that they make has no row, no number
and no drug. Does not know files, pumps or who may override what.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from acquisition.books.contents import content_of
from acquisition.books.seals import Solution
from acquisition.experiment.limits import SEALED_CONTENT, Bound, LimitRow, Limits
from acquisition.plan import InfuseStep, PastDose, PumpSetup, Step, WaitStep

EARLIER_SESSION = -1
SAME_DAY_S = 24 * 3600.0
"""A total without a window is over the session and this long before its first infusion: a session that was ended, or
whose computer failed, and the one started after it are one experiment for the animal."""
SINGLE = ("rate", "dose_rate", "infusion_volume")
"""Quantities of one infusion; all others are sums."""
TOLERANCE = 1e-9
"""Relative slack of a comparison: covers the rounding of doubles, nothing else."""


@dataclass(frozen=True)
class Exposure:
    """One infusion as the animal gets it. ``step`` is its number in the plan; times in seconds on any common zero."""

    step: int
    """``EARLIER_SESSION`` where it was given before this one; 0 where no step ordered it."""
    pump: PumpSetup | PastDose
    start_s: float
    end_s: float
    volume_ul: float
    rate_ul_per_min: float

    @cached_property
    def content(self) -> Solution:
        """Return what it truly is. Raises SealUnopened: what cannot be opened cannot be counted."""
        return content_of(self.pump)

    @property
    def blinded(self) -> bool:
        """Tell whether nobody may know."""
        return bool(self.pump.code)


_NOWHERE = Bound(math.nan, per_kg=False, text="no number that may be told")
_SEALED_ROW = LimitRow(SEALED_CONTENT, "total_dose", (), "", None, _NOWHERE, _NOWHERE, "", "")


@dataclass(frozen=True)
class Excess:
    """A row that is exceeded: by which step (the one that crosses it), what was found, and the bound as text."""

    row: LimitRow
    step: int
    found: float
    found_text: str
    bound: Bound

    @property
    def sealed(self) -> bool:
        """Tell whether it is by what a blinded syringe holds: then ``found_text`` is all that may be said."""
        return self.row is _SEALED_ROW


def planned(setups: Sequence[PumpSetup], steps: Sequence[Step]) -> list[Exposure]:
    """Return the infusions of the flat plan, from its start. Operator steps take no time, the worst case."""
    by_name = {setup.name: setup for setup in setups}
    exposures = []
    start_s = 0.0
    for step in steps:
        duration_s = step.duration_s if isinstance(step, InfuseStep | WaitStep) else 0.0
        if isinstance(step, InfuseStep):
            end_s = start_s + duration_s
            exposures.append(
                Exposure(step.number, by_name[step.pump], start_s, end_s, step.volume_ul, step.rate_ul_per_min)
            )
        start_s += duration_s
    return exposures


def earlier(history: Iterable[PastDose], since_plan_s: float) -> list[Exposure]:
    """Return the doses of earlier sessions as exposures, in seconds before now; ``since_plan_s`` is the plan's age."""
    found = []
    for dose in history:
        start_s, end_s = (-ago_s - since_plan_s for ago_s in (dose.started_ago_s, dose.ended_ago_s))
        found.append(Exposure(EARLIER_SESSION, dose, start_s, end_s, dose.volume_ul, 0.0))
    return found


def dose_mg_per_kg(volume_ul: float, concentration_mg_per_ml: float, weight_g: float) -> float:
    """Return the dose, mg/kg: mg/mL is ug/uL, and ug/g is mg/kg."""
    return volume_ul * concentration_mg_per_ml / weight_g


def excesses(limits: Limits, weight_g: float, exposures: Sequence[Exposure], *, hard: bool) -> list[Excess]:
    """Return every row whose soft (or hard) bound is exceeded, once per row, at the first step that crosses it.

    Infusions on route "bench" reach no animal and are left out. Doses of earlier sessions count where a row has a
    window, and those of the same day in every total; what they alone exceed is said only of a row that a step of this
    plan adds to. What blinded syringes truly hold makes one more, without its row. Raises SealUnopened.
    """
    found: list[Excess] = []
    for row, concerned in concerned_rows(limits, exposures):
        found += _excess_of_row(row, limits, weight_g, concerned, hard=hard)
    # a hard one that open solutions make alone is refused in full words; a soft one may have its override, by somebody
    # who did not stand for what a blinded syringe adds
    told = {excess.row.limit_id for excess in found if hard}
    sealed = [
        excess
        for row, concerned in _sealed_rows(limits, exposures)
        if row.limit_id not in told
        for excess in _excess_of_row(row, limits, weight_g, concerned, hard=hard)
    ]
    if sealed:
        found.append(_without_its_row(min(excess.step for excess in sealed), exposures))
    return found


def concerned_rows(limits: Limits, exposures: Sequence[Exposure]) -> Iterator[tuple[LimitRow, list[Exposure]]]:
    """Yield every row that a step of this plan adds to, with all that counts in it and may be told."""
    begun_s = _begun_s(exposures)
    for row in limits.rows:
        concerned = _concerned(row, [e for e in exposures if not (row.tells_content and e.blinded)], begun_s)
        if any(exposure.step > 0 for exposure in concerned):
            yield row, concerned


def _sealed_rows(limits: Limits, exposures: Sequence[Exposure]) -> Iterator[tuple[LimitRow, list[Exposure]]]:
    """Yield every row that tells a content in which a blinded solution counts, with all that truly counts in it."""
    if not any(exposure.blinded for exposure in exposures):
        return
    begun_s = _begun_s(exposures)
    for row in (row for row in limits.rows if row.tells_content):
        concerned = _concerned(row, exposures, begun_s)
        if any(e.step > 0 for e in concerned) and any(e.blinded for e in concerned):
            yield row, concerned


def _begun_s(exposures: Sequence[Exposure]) -> float:
    """Return when this session's first infusion into the animal begins."""
    of_now = (e.start_s for e in exposures if e.pump.route != "bench" and e.step != EARLIER_SESSION)
    return min(of_now, default=math.inf)


def _concerned(row: LimitRow, exposures: Sequence[Exposure], begun_s: float) -> list[Exposure]:
    return [
        exposure
        for exposure in exposures
        if exposure.pump.route != "bench"
        and row.concerns(exposure.pump.route, exposure.content.drug)
        and (exposure.step != EARLIER_SESSION or _counts_on(row, exposure, begun_s))
    ]


def _without_its_row(step: int, exposures: Sequence[Exposure]) -> Excess:
    """Return an excess that says whose syringe it is about, and nothing of what is in it."""
    by = next((e.pump for e in exposures if e.step == step), None)
    codes = [by.code] if by is not None and by.code else sorted({e.pump.code for e in exposures if e.blinded})
    syringes = f"blinded syringe {codes[0]} holds" if len(codes) == 1 else f"blinded syringes {', '.join(codes)} hold"
    return Excess(_SEALED_ROW, step, math.nan, f"more of what {syringes} than a limit allows", _NOWHERE)


def _counts_on(row: LimitRow, exposure: Exposure, begun_s: float) -> bool:
    """Tell whether a dose of an earlier session counts in a row."""
    same_day = row.quantity.startswith("total") and exposure.end_s >= begun_s - SAME_DAY_S
    return row.window_s is not None or same_day


def _excess_of_row(
    row: LimitRow, limits: Limits, weight_g: float, concerned: Sequence[Exposure], *, hard: bool
) -> Iterable[Excess]:
    bound = row.hard if hard else row.soft
    allowed = allowed_amount(row, bound, weight_g)
    amounts = [_amount(row, limits, weight_g, exposure) for exposure in concerned]
    worst = _worst(row, concerned, amounts)
    if row.quantity in SINGLE:
        crossing = next((i for i, amount in enumerate(amounts) if exceeds(amount, allowed)), None)
    else:
        crossing = _first_crossing(concerned, amounts, row.window_s, allowed) if exceeds(worst, allowed) else None
    if crossing is None:
        return []
    step = next((exposure.step for exposure in concerned[crossing:] if exposure.step > 0), 0)
    text = f"{_people(worst)} {row.unit}"
    if bound.per_kg and not row.is_dose:
        text += f" ({_people(worst / weight_g * row.per_g_divisor)} {row.unit_per_kg})"
    return [Excess(row, step, worst, text, bound)]


def allowed_amount(row: LimitRow, bound: Bound, weight_g: float) -> float:
    """Return a bound for an animal of this weight, in ``row.unit``."""
    return bound.value * weight_g / row.per_g_divisor if bound.per_kg and not row.is_dose else bound.value


def worst_amount(row: LimitRow, limits: Limits, weight_g: float, concerned: Sequence[Exposure]) -> float:
    """Return the largest amount that a row finds in what it concerns, in ``row.unit``."""
    return _worst(row, concerned, [_amount(row, limits, weight_g, exposure) for exposure in concerned])


def _worst(row: LimitRow, concerned: Sequence[Exposure], amounts: Sequence[float]) -> float:
    return max(amounts) if row.quantity in SINGLE else max_in_window(concerned, amounts, row.window_s)


def _amount(row: LimitRow, limits: Limits, weight_g: float, exposure: Exposure) -> float:
    if row.quantity == "rate":
        return exposure.rate_ul_per_min
    if row.quantity in ("infusion_volume", "total_volume"):
        return exposure.volume_ul
    factor = limits.form_factor(exposure.content.drug, exposure.content.form)
    concentration = (exposure.content.concentration_mg_per_ml or 0.0) * factor
    amount = exposure.rate_ul_per_min if row.quantity == "dose_rate" else exposure.volume_ul
    return dose_mg_per_kg(amount, concentration, weight_g)


def exceeds(found: float, allowed: float) -> bool:
    """Tell whether ``found`` is above ``allowed`` by more than the rounding of doubles; NaN exceeds everything."""
    return not found <= allowed * (1.0 + TOLERANCE)


def max_in_window(exposures: Sequence[Exposure], amounts: Sequence[float], window_s: float | None) -> float:
    """Return the largest amount that falls into any window of ``window_s`` (None: all of them).

    The amount of an infusion is spread evenly over its time. The sum over a sliding window is piecewise linear, so
    its maximum lies where the window ends with an infusion or begins with one. Windows that end before this session
    are history: no step of it can change them.
    """
    if not exposures:
        return 0.0
    start = np.array([exposure.start_s for exposure in exposures])
    end = np.array([exposure.end_s for exposure in exposures])
    if window_s is None or end.max() - start.min() <= window_s:
        return math.fsum(amounts)
    length = np.maximum(end - start, 1e-6)
    amount = np.array(amounts)
    worst = 0.0
    begun = min((exposure.start_s for exposure in exposures if exposure.step != EARLIER_SESSION), default=-math.inf)
    lasts = np.unique(np.concatenate([end, start + window_s]))
    for last in lasts[lasts >= begun]:
        upper = np.clip((last - start) / length, 0.0, 1.0)
        lower = np.clip((last - window_s - start) / length, 0.0, 1.0)
        worst = max(worst, float(np.sum(amount * (upper - lower))))
    return worst


def _first_crossing(
    exposures: Sequence[Exposure], amounts: Sequence[float], window_s: float | None, allowed: float
) -> int:
    """Return the index of the first infusion with which the sum is above ``allowed`` (bisection: sums only grow)."""
    low, high = 0, len(exposures) - 1
    while low < high:
        middle = (low + high) // 2
        if exceeds(max_in_window(exposures[: middle + 1], amounts[: middle + 1], window_s), allowed):
            high = middle
        else:
            low = middle + 1
    return low


def _people(value: float) -> str:
    return f"{value:.4g}"
