"""What was given in a rehearsal: per pump, per drug, and held against every limit.

Knows how plan, ledger and simulated truth are laid beside each other. Counts by the same arithmetic that refuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from acquisition.engine.gate_facts import PastInfusion
from acquisition.experiment.exposure import Exposure, dose_mg_per_kg, earlier, excesses, planned
from acquisition.experiment.limit_use import LimitUse, limit_uses
from acquisition.experiment.limits import LimitRow, Limits
from acquisition.host.rehearsal import RehearsalResult
from acquisition.plan import InfuseStep, Plan, PumpSetup
from analysis.rehearsal.facts import DoseFact, LimitFact, PumpFact
from drivers.clock import NS_PER_S


def infusions_of(plan: Plan, pump: str) -> list[InfuseStep]:
    """Return the planned infusions of one pump."""
    return [step for step in plan.steps if isinstance(step, InfuseStep) and step.pump == pump]


def solution(setup: PumpSetup) -> str:
    """Return what is in a pump, for people."""
    if not setup.drug:
        return "no drug"
    strength = f" {setup.concentration_mg_per_ml:g} mg/mL" if setup.concentration_mg_per_ml is not None else ""
    return f"{setup.drug} {setup.drug_form}".strip() + strength


def pump_facts(plan: Plan, result: RehearsalResult) -> tuple[PumpFact, ...]:
    """Return what left every pump."""
    return tuple(_pump(plan, setup, result) for setup in plan.pumps)


def _pump(plan: Plan, setup: PumpSetup, result: RehearsalResult) -> PumpFact:
    steps = infusions_of(plan, setup.name)
    needed_ul = math.fsum(step.volume_ul for step in steps)
    truth = result.truth["pumps"].get(setup.name)
    confirmed_ul, uncertain_ul = result.confirmed_ul[setup.name], result.uncertain_ul[setup.name]
    wasted = [i for i in result.infusions if i.pump == setup.name and i.into_waste]
    waste_ul = math.fsum(i.confirmed_ul + i.uncertain_ul for i in wasted)
    left_ul = max(0.0, setup.loaded_ul - confirmed_ul - uncertain_ul - waste_ul)
    fill_ul = 0.0 if setup.primed else setup.line_dead_volume_ul
    usable_ul = setup.loaded_ul - fill_ul
    return PumpFact(
        pump=setup.name,
        solution=solution(setup),
        route=setup.route,
        loaded_ul=setup.loaded_ul,
        planned_ul=needed_ul,
        confirmed_ul=confirmed_ul,
        uncertain_ul=uncertain_ul,
        waste_ul=waste_ul,
        true_delivered_ul=None if truth is None else float(truth["true_delivered_ul"]),
        true_at_animal_ul=None if truth is None else float(truth["true_at_animal_ul"]),
        left_ul=left_ul,
        empty_in_s=left_ul / steps[-1].rate_ul_per_min * 60.0 if steps else None,
        refills=max(0, math.ceil((needed_ul - usable_ul) / setup.syringe_volume_ul - 1e-9)),
        further_runs=math.floor(left_ul / needed_ul + 1e-9) if needed_ul > 0 else None,
    )


def dose_facts(plan: Plan, result: RehearsalResult) -> tuple[DoseFact, ...]:
    """Return the dose of every drug by every route; what goes nowhere ("bench") reaches no animal."""
    together: dict[tuple[str, str, str], list[PumpSetup]] = {}
    for setup in plan.animal_pumps:
        if setup.drug and setup.concentration_mg_per_ml is not None and plan.subject.weight_g > 0:
            together.setdefault((setup.drug, setup.drug_form, setup.route), []).append(setup)
    return tuple(_dose(plan, key, setups, result) for key, setups in together.items())


def _dose(plan: Plan, key: tuple[str, str, str], setups: Sequence[PumpSetup], result: RehearsalResult) -> DoseFact:
    def dose(volumes_ul: Iterator[float]) -> float:
        return math.fsum(
            dose_mg_per_kg(ul, setup.concentration_mg_per_ml or 0.0, plan.subject.weight_g)
            for setup, ul in zip(setups, volumes_ul, strict=True)
        )

    truths = [result.truth["pumps"].get(setup.name) for setup in setups]
    drug, form, route = key
    return DoseFact(
        drug=drug,
        form=form,
        route=route,
        animal=plan.subject.subject_id,
        planned_mg_per_kg=dose(math.fsum(s.volume_ul for s in infusions_of(plan, setup.name)) for setup in setups),
        confirmed_mg_per_kg=dose(result.confirmed_ul[setup.name] for setup in setups),
        uncertain_mg_per_kg=dose(result.uncertain_ul[setup.name] for setup in setups),
        true_mg_per_kg=None if None in truths else dose(float(t["true_at_animal_ul"]) for t in truths if t),
        effect_modelled=all(t is not None and bool(t["effect_modelled"]) for t in truths),
    )


def limit_facts(
    plan: Plan, limits: Limits, infusions: Sequence[PastInfusion], plan_began_ns: int | None
) -> tuple[LimitFact, ...]:
    """Return every limit that the plan touches, the closest first; what was infused counts at worst."""
    weight_g, before = plan.subject.weight_g, earlier(plan.history, 0.0)
    uses = limit_uses(limits, weight_g, [*before, *planned(plan.pumps, plan.steps)])
    given = _given(plan, infusions, plan_began_ns)
    as_run = {use.row.limit_id: use for use in limit_uses(limits, weight_g, [*before, *given])}
    facts = [_limit(use, as_run.get(use.row.limit_id)) for use in uses]
    return tuple(sorted(facts, key=lambda fact: (-fact.soft_percent, -fact.hard_percent)))


def sealed_reasons(
    plan: Plan, limits: Limits, infusions: Sequence[PastInfusion], plan_began_ns: int | None
) -> list[str]:
    """Return what stands against a plan by what blinded syringes gave at worst, without a word of what is in them."""
    counted = [*earlier(plan.history, 0.0), *_given(plan, infusions, plan_began_ns)]
    if not (plan.subject.weight_g > 0 and any(exposure.blinded for exposure in counted)):
        return []
    found = [excess for excess in excesses(limits, plan.subject.weight_g, counted, hard=True) if excess.sealed]
    return [f"the animal may have got {excess.found_text}, a hard one" for excess in found]


def blinded_codes(plan: Plan) -> tuple[str, ...]:
    """Return the codes of blinded syringes, of this plan and of what the animal was given before, each once."""
    codes = [*(pump.code for pump in plan.pumps), *(dose.code for dose in plan.history)]
    return tuple(dict.fromkeys(code for code in codes if code))


def _given(plan: Plan, infusions: Sequence[PastInfusion], plan_began_ns: int | None) -> list[Exposure]:
    """Return what was infused, at worst, on the plan's clock."""
    rates = {step.number: step.rate_ul_per_min for step in plan.steps if isinstance(step, InfuseStep)}
    return [
        Exposure(
            i.step,
            plan.pump(i.pump),
            (i.started_ns - (plan_began_ns or 0)) / NS_PER_S,
            (i.ended_ns - (plan_began_ns or 0)) / NS_PER_S,
            i.confirmed_ul + i.uncertain_ul,
            rates.get(i.step, 0.0),
        )
        for i in infusions
        if not i.into_waste
    ]


def _limit(use: LimitUse, run: LimitUse | None) -> LimitFact:
    row = use.row
    return LimitFact(
        limit_id=row.limit_id,
        quantity=row.quantity,
        drug=row.drug,
        routes=tuple(row.routes),
        window=_window(row),
        unit=row.unit,
        soft=use.soft,
        hard=use.hard,
        planned=use.found,
        given=None if run is None else run.found,
        soft_percent=100.0 * use.found / use.soft,
        hard_percent=100.0 * use.found / use.hard,
        given_hard_percent=None if run is None else 100.0 * run.found / run.hard,
        source=row.source,
        mark=row.mark,
    )


def _window(row: LimitRow) -> str:
    if not row.quantity.startswith("total"):
        return "each infusion"
    if row.window_s is None:
        return "session and 24 h before"
    return "lifetime" if math.isinf(row.window_s) else f"any {row.window_s / 3600:g} h"
