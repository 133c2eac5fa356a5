"""What a rehearsal says against a plan by what a blinded syringe gave at worst: that it is too much, not of what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acquisition.books.seals import Solution
from acquisition.engine.gate_facts import PastInfusion
from acquisition.plan import InfuseStep
from analysis.rehearsal.given import blinded_codes, sealed_reasons, solution
from tests.engine.kit import LIMITS, PUMP, make_plan
from tests.experiment.blinded_kit import VEHICLE, blinded_pump, ketamine, tells

MORE = PastInfusion(1, "drug", 0, 600_000_000_000, confirmed_ul=25.0, uncertain_ul=60.0)
"""34 mg/kg of 30 at worst, where 10 were planned."""


@pytest.mark.parametrize(("content", "reasons"), [(ketamine(10.0), 1), (VEHICLE, 0)])
def test_R07_more_than_was_planned_of_a_blinded_syringe_stands_against_a_plan(content: Solution, reasons: int) -> None:
    pump = blinded_pump(PUMP, content)
    plan = make_plan((InfuseStep(1, "", "drug", 25.0, 2.5, None),), pumps=(pump,))
    as_planned = replace(MORE, uncertain_ul=0.0)
    assert sealed_reasons(plan, LIMITS, [as_planned], 0) == []
    found = sealed_reasons(plan, LIMITS, [MORE], 0)
    assert len(found) == reasons
    assert not any(tells(text) for text in (*found, solution(pump)))
    assert sealed_reasons(plan, LIMITS, [replace(MORE, into_waste=True)], 0) == []
    assert blinded_codes(plan) == ("K7Q",)
