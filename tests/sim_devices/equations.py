"""The animal's equations, written out once more and solved by scipy: what the simulator's own stepping is held to.

Shares nothing with ``sim_devices`` but the numbers of the preset. Times in minutes, amounts in mg per kg body.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

from sim_devices.presets.animal import AnimalPreset

Rate = Callable[[float], float]
NAMES = (
    *("depot", "skin", "central", "peripheral", "brain", "effect", "nk", "hnk", "hnk_brain", "hnk_effect", "cortex"),
    *("ampa_depot", "ampa", "a1_depot", "a1", "fold"),
)


@dataclass
class Doses:
    """Rates of arrival, mg/kg/min, of the time in minutes."""

    ip: Rate = lambda _t: 0.0
    sc: Rate = lambda _t: 0.0
    iv: Rate = lambda _t: 0.0
    cortex: Rate = lambda _t: 0.0
    ampa: Rate = lambda _t: 0.0
    a1: Rate = lambda _t: 0.0
    breaks_min: Sequence[float] = field(default_factory=tuple)
    """Where any of them jumps: the solver begins anew there."""


def solved(preset: AnimalPreset, doses: Doses, end_min: float, weight_g: float = 25.0) -> dict[str, float]:
    """Return every state and M at the end, from ``solve_ivp`` at a tolerance of 1e-10."""
    k, e = preset.kinetics, preset.effect

    def slope(t: float, y: np.ndarray) -> list[float]:
        s = dict(zip(NAMES, y, strict=True))
        plasma = s["central"] / k.central_volume_l_per_kg
        exchange = k.exchange_l_per_min_kg * (plasma - s["peripheral"] / k.peripheral_volume_l_per_kg)
        cleared = k.clearance_l_per_min_kg * plasma
        nk_cleared = k.norketamine_clearance_l_per_min_kg / k.norketamine_volume_l_per_kg * s["nk"]
        hnk_plasma = s["hnk"] / k.hnk_volume_l_per_kg
        washed = k.cortex_washout_per_min * s["cortex"]
        at_site = s["brain"] + s["cortex"] * (weight_g / 1000.0) / (k.cortex_volume_ul / 1e6)
        x = (s["effect"] / e.ec50_mg_per_kg) ** e.hill + (s["hnk_effect"] / e.hnk_ec50_mg_per_kg) ** e.hnk_hill
        target = 1 + (e.fold_max - 1) * x / (1 + x) * (1 - occupied("ampa", s["ampa"]))
        ampa, a1 = preset.antagonists.ampa, preset.antagonists.a1
        return [
            k.bioavailability_depot * doses.ip(t) - k.absorption_per_min * s["depot"],
            k.bioavailability_sc * doses.sc(t) - k.absorption_sc_per_min * s["skin"],
            k.absorption_per_min * s["depot"] + k.absorption_sc_per_min * s["skin"] + doses.iv(t)
            + washed - cleared - exchange,
            exchange,
            k.brain_entry_per_min * (k.brain_to_plasma * plasma - s["brain"]),
            k.effect_delay_per_min * (at_site - s["effect"]),
            k.to_norketamine * cleared - nk_cleared,
            k.to_hnk * nk_cleared - k.hnk_clearance_l_per_min_kg * hnk_plasma,
            k.brain_entry_per_min * (k.hnk_brain_to_plasma * hnk_plasma - s["hnk_brain"]),
            k.effect_delay_per_min * (s["hnk_brain"] - s["hnk_effect"]),
            doses.cortex(t) - washed,
            doses.ampa(t) - ampa.absorption_per_min * s["ampa_depot"],
            ampa.absorption_per_min * s["ampa_depot"] - ampa.elimination_per_min * s["ampa"],
            doses.a1(t) - a1.absorption_per_min * s["a1_depot"],
            a1.absorption_per_min * s["a1_depot"] - a1.elimination_per_min * s["a1"],
            (target - s["fold"]) / e.adenosine_min,
        ]  # fmt: skip

    def occupied(receptor: str, level: float) -> float:
        p = getattr(preset.antagonists, receptor)
        x = (max(level, 0.0) / p.half_block_mg_per_kg) ** p.hill
        return float(x / (1 + x))

    y = np.array([0.0] * (len(NAMES) - 1) + [1.0])
    edges = [0.0, *(b for b in doses.breaks_min if 0 < b < end_min), end_min]
    for start, stop in pairwise(edges):
        inside = _inside(slope, start, stop)
        y = solve_ivp(inside, (start, stop), y, method="DOP853", rtol=1e-10, atol=1e-13).y[:, -1]
    found = dict(zip(NAMES, y, strict=True))

    def inhibited(fold: float) -> float:
        return e.inhibition_max * e.tonic_x0 * fold / (1 + e.tonic_x0 * fold)

    found["M"] = (1 - inhibited(found["fold"]) * (1 - occupied("a1", found["a1"]))) / (1 - inhibited(1.0))
    return found


def _inside(slope: Callable[[float, np.ndarray], list[float]], start: float, stop: float) -> Callable[..., list[float]]:
    """Return the slope with its time kept inside an interval: at its ends the rates of this side count."""
    tiny = (stop - start) * 1e-9
    return lambda t, y: slope(min(max(t, start + tiny), stop - tiny), y)


def during(rate: float, start_min: float, end_min: float) -> Rate:
    """Return a rate that is on from start to end."""
    return lambda t: rate if start_min <= t < end_min else 0.0
