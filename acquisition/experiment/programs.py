"""From steps to programs: each infusion as its pump would hold it, or why it cannot (R05, R06, R09, R10).

Knows volumes, doses, rates and durations, and asks the driver what becomes of them. Does not know limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from acquisition.experiment import dose
from acquisition.experiment.exposure import dose_mg_per_kg
from acquisition.experiment.problems import did_you_mean
from acquisition.experiment.protocol import FlatStep, InfuseTable, Protocol, StableTable
from acquisition.experiment.setups import Findings, PumpPlan
from acquisition.experiment.toml_lines import Key
from acquisition.experiment.weighing import NO_ANIMAL
from acquisition.plan import InfuseStep, MarkStep, OperatorStep, PumpSetup, StableStep, Step, WaitStep
from drivers.capabilities import PumpProgram
from drivers.errors import NotEncodable

Refuse = Callable[[str, str], None]
FIDELITY = 0.005
"""R09: what a pump holds differs from what was asked by at most this, relative; zero never passes (R10)."""
FEWEST_STEPS_OF_A_DOSE = 20
"""[P] A dose of fewer of the pump's volume steps than this is warned about: dilute the solution."""


def plan_steps(protocol: Protocol, pumps: dict[str, PumpPlan], found: Findings) -> list[Step]:
    """Return the steps, numbered from 1, every infusion as its pump would hold it; those that could be made out."""
    steps: list[Step] = []
    programs: dict[tuple[Key, ...], PumpProgram | None] = {}
    for number, flat in enumerate(protocol.steps, start=1):
        table = flat.table
        if table.infuse is not None:
            if flat.path not in programs:  # a repeat asks the driver once
                programs[flat.path] = _program(number, flat, protocol, pumps, found)
            program = programs[flat.path]
            if program is not None:
                # the diameter as the pump holds it: that is what its read-back is compared with
                setup = pumps[table.infuse.pump].setup = replace(
                    pumps[table.infuse.pump].setup, diameter_mm=program.diameter_mm
                )
                steps.append(_infuse_step(number, flat, program, setup, protocol.subject.weight_g))
        elif table.wait is not None:
            steps.append(WaitStep(number, (table.label or "wait") + flat.round_text, table.wait))
        elif table.wait_until_stable is not None:
            steps.append(_stable_step(number, flat, table.wait_until_stable))
        elif table.wait_for_operator is not None:
            steps.append(OperatorStep(number, table.wait_for_operator + flat.round_text))
        else:
            steps.append(MarkStep(number, (table.mark or "") + flat.round_text))
    return steps


def _stable_step(number: int, flat: FlatStep, table: StableTable) -> StableStep:
    label = (table.label or f"until {table.channel} is steady") + flat.round_text
    return StableStep(number, label, table.channel, table.slope, table.over, table.at_most)


def _program(
    number: int, flat: FlatStep, protocol: Protocol, pumps: dict[str, PumpPlan], found: Findings
) -> PumpProgram | None:
    """Return what the pump would hold for this step, or None with the reasons in ``found``."""

    def refuse(key: str, sentence: str) -> None:
        found.problem(protocol.source.problem((*flat.path, "infuse", key), sentence))

    infuse = flat.table.infuse
    pump = pumps.get(infuse.pump) if infuse is not None else None
    if infuse is None:
        return None
    if pump is None:
        known = [use.name for use in protocol.pumps]
        if infuse.pump not in known:
            refuse("pump", f"there is no [pumps.{infuse.pump}] in this protocol.{did_you_mean(infuse.pump, known)}")
        return None
    volume_ul = _volume_ul(infuse, pump.setup, protocol, refuse)
    if volume_ul is None:
        return None
    program = _held(infuse, pump, volume_ul, refuse)
    if program is not None and _is_coarse(pump, program):
        found.warn(
            f"step {number}: {program.target_ul:g} uL is fewer than {FEWEST_STEPS_OF_A_DOSE} of "
            f"the volume steps that pump {infuse.pump} can hold; a more dilute solution would be more exact"
        )
    return program


def _held(infuse: InfuseTable, pump: PumpPlan, volume_ul: float, refuse: Refuse) -> PumpProgram | None:
    rate = infuse.rate if infuse.rate is not None else volume_ul / ((infuse.duration or 0.0) / 60.0)
    amount = infuse.amount
    if not pump.lowest_ul_per_min <= rate <= pump.highest_ul_per_min:
        refuse(
            "rate" if infuse.rate is not None else "duration",
            f"this is {rate:.4g} uL/min; pump {infuse.pump} with {pump.setup.syringe} ({pump.setup.diameter_mm:g} mm) "
            f"can do {pump.lowest_ul_per_min:.4g} to {pump.highest_ul_per_min:.4g} uL/min.",
        )
        return None
    try:
        program = pump.driver.quantised(PumpProgram(pump.setup.diameter_mm, rate, volume_ul))
    except NotEncodable as error:
        reason = error.message.rstrip(".")
        refuse(amount, f"pump {infuse.pump} cannot hold {volume_ul:.6g} uL at {rate:.6g} uL/min: {reason}.")
        return None
    pairs = ((program.target_ul, volume_ul), (program.rate_ul_per_min, rate))
    if not all(math.isclose(held, wanted, rel_tol=FIDELITY) for held, wanted in pairs):  # whatever a driver says
        refuse(
            amount,
            f"{volume_ul:.6g} uL at {rate:.6g} uL/min would become {program.target_ul:.6g} uL at "
            f"{program.rate_ul_per_min:.6g} uL/min in pump {infuse.pump}, more than {FIDELITY:.1%} off.",
        )
        return None
    return program


def _volume_ul(infuse: InfuseTable, setup: PumpSetup, protocol: Protocol, refuse: Refuse) -> float | None:
    weight_g, strength = protocol.subject.weight_g, setup.concentration_mg_per_ml
    if infuse.volume is not None:
        return infuse.volume
    if protocol.subject.species == NO_ANIMAL:
        unit = "mg/kg" if infuse.dose is not None else "mL/kg"
        refuse(infuse.amount, f"an amount in {unit} needs an animal; give a volume for a bench run.")
    elif infuse.dose is not None and setup.code:
        refuse("dose", f"a dose would tell what blinded syringe {setup.code} holds; give volume or volume_per_kg.")
    elif infuse.dose is not None and strength is None:
        refuse("dose", f"pump {setup.name} has no drug with a concentration; give a volume, or drug and concentration.")
    elif weight_g > 0:
        try:
            if infuse.volume_per_kg is not None:
                return dose.volume_by_weight_ul(infuse.volume_per_kg, weight_g)
            if infuse.dose is not None and strength is not None:
                return dose.volume_ul(infuse.dose, weight_g, strength)
        except dose.DoseDisagreement as error:
            refuse(infuse.amount, f"{error}.")
    return None


def _is_coarse(pump: PumpPlan, program: PumpProgram) -> bool:
    """Tell whether the pump cannot hold a volume 5 % smaller: then it has fewer than 20 steps here."""
    smaller = replace(program, target_ul=program.target_ul * (1.0 - 1.0 / FEWEST_STEPS_OF_A_DOSE))
    try:
        return pump.driver.quantised(smaller).target_ul == program.target_ul
    except NotEncodable:
        return True


def _infuse_step(number: int, flat: FlatStep, program: PumpProgram, setup: PumpSetup, weight_g: float) -> InfuseStep:
    given = None
    if setup.concentration_mg_per_ml is not None and weight_g > 0:
        given = dose_mg_per_kg(program.target_ul, setup.concentration_mg_per_ml, weight_g)
    amount = f"{program.target_ul:g} uL" if given is None else f"{given:.3g} mg/kg"
    own = flat.table.infuse.label if flat.table.infuse is not None else ""
    label = own or flat.table.label or f"{setup.drug or 'solution'} {amount}"
    return InfuseStep(number, label + flat.round_text, setup.name, program.target_ul, program.rate_ul_per_min, given)
