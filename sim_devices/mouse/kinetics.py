"""Where ketamine goes in one animal: depots, blood, tissue, brain, effect site, and its metabolites.

Knows pharmacokinetics (science.md 4.4). Does not know pumps, receptors or glutamate. All flows are linear, so each
second is exact for drug that arrives evenly within it. Metabolites are counted by mass as if nothing were lost with the
methyl group [A]; what the brain takes up is not missed in the blood [A].
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from sim_devices.mouse.linear import Array, LinearSystem
from sim_devices.presets.parameter import Table, number

Entry = Literal["depot", "subcutis", "blood", "cortex"]
ENTRY_OF_ROUTE: dict[str, Entry] = {
    "iv_bolus": "blood",
    "iv_infusion": "blood",
    "ip": "depot",
    "im": "depot",  # [A] no mouse numbers in the reference: absorbed as from the peritoneum
    "sc": "subcutis",
    "intracerebral": "cortex",
    "intracortical": "cortex",
}
"""Where a route puts the drug. "icv" and "bench" are missing: delivered and counted, without an effect here."""
Compound = Literal["ketamine", "hnk"]

_NAMES = (
    *("depot", "subcutis", "central", "peripheral", "brain", "effect"),
    *("norketamine", "hnk_depot", "hnk", "hnk_brain", "hnk_effect", "cortex", "hnk_cortex"),
)
_AT = {name: index for index, name in enumerate(_NAMES)}
_INPUTS: tuple[tuple[Compound, Entry], ...] = (
    ("ketamine", "depot"),
    ("ketamine", "subcutis"),
    ("ketamine", "blood"),
    ("ketamine", "cortex"),
    ("hnk", "depot"),
    ("hnk", "subcutis"),
    ("hnk", "blood"),
    ("hnk", "cortex"),
)


class Kinetics(Table):
    """Ketamine, norketamine, hydroxynorketamine; preset "mouse" of science.md 4.4, on the dog's structure."""

    bioavailability_depot: float = number(0.5, 0.0, 1.0, "1", "A", "share of an i.p. or i.m. dose that reaches blood")
    absorption_per_min: float = number(0.25, 0.01, 2.0, "1/min", "A", "absorption from peritoneum or muscle")
    bioavailability_sc: float = number(0.5, 0.0, 1.0, "1", "A", "share of an s.c. dose that reaches blood")
    absorption_sc_per_min: float = number(0.10, 0.01, 2.0, "1/min", "A", "absorption from under the skin")
    clearance_l_per_min_kg: float = number(
        0.10, 0.02, 0.3, "L/min/kg", "A", "ketamine clearance; 0.16 gives the half-life of 13 min [U]"
    )
    central_volume_l_per_kg: float = number(0.54, 0.2, 2.0, "L/kg", "S", "dog, Kaka & Hayton 1980")
    peripheral_volume_l_per_kg: float = number(1.94, 0.5, 6.0, "L/kg", "S", "dog, Kaka & Hayton 1980")
    exchange_l_per_min_kg: float = number(0.40, 0.05, 1.0, "L/min/kg", "A", "between both volumes; 0.13 in the dog [D]")
    brain_to_plasma: float = number(2.0, 1.0, 5.0, "1", "U", "2 to 3 in the mouse")
    brain_entry_per_min: float = number(0.5, 0.05, 2.0, "1/min", "A", "equilibration of brain and plasma")
    effect_delay_per_min: float = number(0.10, 0.01, 1.0, "1/min", "A", "equilibration of the effect site, ke0")
    to_norketamine: float = number(0.62, 0.0, 1.0, "1", "S", "share cleared to norketamine; dog, Kaka & Hayton 1980")
    norketamine_clearance_l_per_min_kg: float = number(0.15, 0.02, 0.5, "L/min/kg", "A", "norketamine clearance")
    norketamine_volume_l_per_kg: float = number(1.0, 0.2, 6.0, "L/kg", "A", "norketamine volume")
    to_hnk: float = number(0.5, 0.0, 1.0, "1", "A", "share of norketamine cleared to hydroxynorketamine")
    hnk_bioavailability_depot: float = number(0.5, 0.0, 1.0, "1", "A", "i.p. and s.c.; 0.46 to 0.52 oral in mice [S]")
    hnk_clearance_l_per_min_kg: float = number(0.06, 0.005, 0.3, "L/min/kg", "A", "hydroxynorketamine clearance")
    hnk_volume_l_per_kg: float = number(2.0, 0.5, 10.0, "L/kg", "A", "hydroxynorketamine volume; 7.35 in the rat [S]")
    hnk_brain_to_plasma: float = number(1.0, 0.2, 5.0, "1", "A", "hydroxynorketamine, brain to plasma")
    cortex_volume_ul: float = number(5.0, 0.5, 50.0, "uL", "A", "tissue in which an intracortical dose spreads")
    cortex_washout_per_min: float = number(0.05, 0.005, 1.0, "1/min", "A", "from that tissue into blood")


def rate_matrix_per_min(k: Kinetics, weight_g: float) -> Array:
    """Return A of ``dx/dt = A x`` per minute; amounts in mg per kg body, brain and effect site in mg per kg."""
    a = np.zeros((len(_NAMES), len(_NAMES)))

    def flow(source: str, target: str, per_min: float) -> None:
        a[_AT[source], _AT[source]] -= per_min
        a[_AT[target], _AT[source]] += per_min

    def follow(level: str, source: str, per_min: float, ratio: float = 1.0) -> None:
        a[_AT[level], _AT[level]] = -per_min
        a[_AT[level], _AT[source]] = per_min * ratio

    in_blood_per_min = k.clearance_l_per_min_kg / k.central_volume_l_per_kg
    norketamine_per_min = k.norketamine_clearance_l_per_min_kg / k.norketamine_volume_l_per_kg
    per_kg_of_tissue = weight_g * 1e-3 / (k.cortex_volume_ul * 1e-6)  # mg/kg body to mg/kg of the tissue it spreads in
    flow("depot", "central", k.absorption_per_min)
    flow("subcutis", "central", k.absorption_sc_per_min)
    flow("central", "norketamine", in_blood_per_min * k.to_norketamine)
    a[_AT["central"], _AT["central"]] -= in_blood_per_min * (1.0 - k.to_norketamine)
    flow("central", "peripheral", k.exchange_l_per_min_kg / k.central_volume_l_per_kg)
    flow("peripheral", "central", k.exchange_l_per_min_kg / k.peripheral_volume_l_per_kg)
    flow("norketamine", "hnk", norketamine_per_min * k.to_hnk)
    a[_AT["norketamine"], _AT["norketamine"]] -= norketamine_per_min * (1.0 - k.to_hnk)
    flow("hnk_depot", "hnk", k.absorption_per_min)
    a[_AT["hnk"], _AT["hnk"]] -= k.hnk_clearance_l_per_min_kg / k.hnk_volume_l_per_kg
    flow("cortex", "central", k.cortex_washout_per_min)
    flow("hnk_cortex", "hnk", k.cortex_washout_per_min)
    follow("brain", "central", k.brain_entry_per_min, k.brain_to_plasma / k.central_volume_l_per_kg)
    follow("hnk_brain", "hnk", k.brain_entry_per_min, k.hnk_brain_to_plasma / k.hnk_volume_l_per_kg)
    for site, brain, cortex in (("effect", "brain", "cortex"), ("hnk_effect", "hnk_brain", "hnk_cortex")):
        follow(site, brain, k.effect_delay_per_min)
        a[_AT[site], _AT[cortex]] = k.effect_delay_per_min * per_kg_of_tissue
    return a


def _feeds(k: Kinetics) -> Array:
    targets = {
        ("ketamine", "depot"): ("depot", k.bioavailability_depot),
        ("ketamine", "subcutis"): ("subcutis", k.bioavailability_sc),
        ("ketamine", "blood"): ("central", 1.0),
        ("ketamine", "cortex"): ("cortex", 1.0),
        ("hnk", "depot"): ("hnk_depot", k.hnk_bioavailability_depot),
        ("hnk", "subcutis"): ("hnk_depot", k.hnk_bioavailability_depot),
        ("hnk", "blood"): ("hnk", 1.0),
        ("hnk", "cortex"): ("hnk_cortex", 1.0),
    }
    feeds = np.zeros((len(_NAMES), len(_INPUTS)))
    for column, given in enumerate(_INPUTS):
        name, share = targets[given]
        feeds[_AT[name], column] = share
    return feeds


class Body:
    """Levels in one animal, moved in fixed steps."""

    def __init__(self, kinetics: Kinetics, weight_g: float, step_s: float = 1.0) -> None:
        self.kinetics = kinetics
        self._system = LinearSystem(rate_matrix_per_min(kinetics, weight_g), _feeds(kinetics), step_s / 60.0)
        self.effect_mg_per_kg = 0.0
        self.hnk_effect_mg_per_kg = 0.0

    def step(self, doses_mg_per_kg: dict[tuple[Compound, Entry], float]) -> bool:
        """Move one step in which these doses arrive evenly, mg per kg body; return False where there is no drug."""
        arrived = tuple(doses_mg_per_kg.get(given, 0.0) for given in _INPUTS) if doses_mg_per_kg else (0.0,)
        if not self._system.step(arrived):
            return False
        self.effect_mg_per_kg = float(self._system.state[_AT["effect"]])
        self.hnk_effect_mg_per_kg = float(self._system.state[_AT["hnk_effect"]])
        return True

    def levels(self) -> dict[str, float]:
        """Return plasma levels in mg/L and brain levels in mg/kg."""
        k, x = self.kinetics, self._system.state
        return {
            "plasma_mg_per_l": float(x[_AT["central"]]) / k.central_volume_l_per_kg,
            "brain_mg_per_kg": float(x[_AT["brain"]]),
            "effect_mg_per_kg": self.effect_mg_per_kg,
            "norketamine_plasma_mg_per_l": float(x[_AT["norketamine"]]) / k.norketamine_volume_l_per_kg,
            "hnk_plasma_mg_per_l": float(x[_AT["hnk"]]) / k.hnk_volume_l_per_kg,
            "hnk_brain_mg_per_kg": float(x[_AT["hnk_brain"]]),
        }
