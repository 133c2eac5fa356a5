"""The share of a limit that a plan uses is told by the same arithmetic that refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.experiment.exposure import TOLERANCE, earlier, excesses, planned
from acquisition.experiment.limit_use import limit_uses
from acquisition.plan import InfuseStep, PastDose, WaitStep
from tests.engine.kit import LIMITS, PUMP

HOUR = 3600.0
WEIGHT_G = 25.0
_FORM = next(iter(LIMITS.forms["ketamine"]))
KETAMINE = replace(PUMP, drug_form=_FORM, concentration_mg_per_ml=5.0)


def infusions(*volumes_ul: float, rate_ul_per_min: float = 1.0, pause_s: float = 600.0) -> list[InfuseStep | WaitStep]:
    steps: list[InfuseStep | WaitStep] = []
    for number, volume_ul in enumerate(volumes_ul):
        steps.append(InfuseStep(2 * number + 1, "", "drug", volume_ul, rate_ul_per_min, None))
        steps.append(WaitStep(2 * number + 2, "", pause_s))
    return steps


def test_a_dose_is_told_in_the_row_s_unit_with_soft_and_hard_for_this_animal() -> None:
    exposures = planned([KETAMINE], infusions(10.0, 15.0))
    uses = {use.row.limit_id: use for use in limit_uses(LIMITS, WEIGHT_G, exposures)}

    factor = LIMITS.form_factor("ketamine", _FORM)
    total = uses["ketamine-total-dose"]
    assert total.found == pytest.approx(25.0 * 5.0 * factor / WEIGHT_G)
    assert (total.soft, total.hard) == (total.row.soft.value, total.row.hard.value), "mg/kg goes by no weight"
    rate = uses["iv-infusion-rate"]
    assert rate.found == 1.0
    assert rate.hard == pytest.approx(rate.row.hard.value * WEIGHT_G / 60.0)


def test_only_what_falls_into_the_window_counts_and_what_earlier_sessions_gave_counts_with_it() -> None:
    yesterday = PastDose(3 * HOUR, 2.9 * HOUR, 100.0, "ketamine", _FORM, 5.0, "iv_infusion")
    just_now = replace(yesterday, started_ago_s=0.6 * HOUR, ended_ago_s=0.5 * HOUR)
    plan = planned([KETAMINE], infusions(10.0))

    def in_two_hours(*before: PastDose) -> float:
        uses = limit_uses(LIMITS, WEIGHT_G, [*earlier(before, 0.0), *plan])
        return next(use.found for use in uses if use.row.limit_id == "ketamine-iv-dose")

    alone = in_two_hours()
    assert in_two_hours(yesterday) == pytest.approx(alone)
    assert in_two_hours(just_now) == pytest.approx(11 * alone)


def test_without_an_animal_there_are_no_limits() -> None:
    assert limit_uses(LIMITS, 0.0, planned([KETAMINE], infusions(10.0))) == ()
    assert limit_uses(LIMITS, WEIGHT_G, planned([replace(KETAMINE, route="bench")], infusions(10.0))) == ()


@given(
    volumes_ul=st.lists(st.floats(0.1, 400.0), min_size=1, max_size=6),
    rate=st.floats(0.05, 50.0),
    pause_s=st.floats(1.0, 20_000.0),
)
def test_what_is_above_the_bound_is_what_is_refused(volumes_ul: list[float], rate: float, pause_s: float) -> None:
    exposures = planned([KETAMINE], infusions(*volumes_ul, rate_ul_per_min=rate, pause_s=pause_s))
    uses = limit_uses(LIMITS, WEIGHT_G, exposures)
    for hard in (True, False):
        refused = {excess.row.limit_id: excess.found for excess in excesses(LIMITS, WEIGHT_G, exposures, hard=hard)}
        above = {
            use.row.limit_id: use.found
            for use in uses
            if use.found > (use.hard if hard else use.soft) * (1.0 + TOLERANCE)
        }
        assert above == refused
    assert all(math.isfinite(use.found) and use.found > 0 for use in uses)
