"""What a simulated world is told of blinded syringes, and what it may tell of them afterwards.

Knows that simulated animals of a simulated rig must feel what they get, and that a rehearsal on the twins of a real rig
must not: its currents would show, before the session, what somebody's animal is to get. Shows and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acquisition.books.contents import content_of
from acquisition.books.seals import Solution
from acquisition.experiment.rig import is_simulated
from acquisition.plan import Plan, PumpSetup

_VEHICLE = Solution("", "", None)
_TOLD = ("t_s", "seed", "sensors", "beaker", "lines", "pumps")
_TOLD_OF_PUMP = ("route", "true_delivered_ul", "true_at_animal_ul")


def filling(plan: Plan, pump: PumpSetup) -> Solution:
    """Return what is in the syringe of a simulated pump. Raises SealUnopened.

    The truth, or vehicle in a blinded one where an instrument of the rig is real and only its twin takes part.
    """
    return _VEHICLE if pump.code and _stands_for_a_real_one(plan) else content_of(pump)


def vehicle_warnings(plan: Plan) -> Iterator[str]:
    """Say of which blinded syringes a rehearsal gives vehicle, whatever is in them."""
    codes = [pump.code for pump in plan.pumps if pump.code]
    if codes and _stands_for_a_real_one(plan):
        yield (
            f"SIMULATED: from blinded {', '.join(codes)} the simulated animal gets vehicle, whatever is in it: "
            "currents that answer a drug would tell before the session. Limits are held against what is truly in it"
        )


def told_truth(plan: Plan, truth: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a rehearsal may tell of the simulated world: with a blinded syringe in it, nothing of any drug.

    What the animal holds of an open drug beside it goes too: a level tells what adds to it, or does not.
    """
    blinded = {pump.name: pump.drug for pump in plan.pumps if pump.code}
    if not blinded:
        return truth
    pumps = {name: _told_of(pump, blinded.get(name)) for name, pump in truth["pumps"].items()}
    return {key: truth[key] for key in _TOLD if key in truth} | {"pumps": pumps}


def _told_of(pump: Mapping[str, Any], label: str | None) -> Mapping[str, Any]:
    return pump if label is None else {key: pump[key] for key in _TOLD_OF_PUMP} | {"drug": label}


def _stands_for_a_real_one(plan: Plan) -> bool:
    urls = [*(pump.url for pump in plan.pumps), *(potentiostat.url for potentiostat in plan.potentiostats)]
    return not all(map(is_simulated, urls))
