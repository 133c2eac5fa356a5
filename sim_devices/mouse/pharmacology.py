"""What ketamine does inside the mouse: from drug arriving to the factor by which release of glutamate changes.

Knows pharmacokinetics and the adenosine feedback (science.md 4.4, 4.5). Does not know pumps, electrodes, noise or
glutamate levels. Every size in here is a modelling assumption; only the direction of the effect, and that it shows
within half an hour, come from a source (science.md 1.1, 1.2). Norketamine, HNK and antagonists are not in this mouse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Entry = Literal["blood", "depot"]
ENTRY_OF_ROUTE: dict[str, Entry] = {
    "iv_bolus": "blood",
    "iv_infusion": "blood",
    "ip": "depot",
    "sc": "depot",  # [A] no mouse numbers in the reference: absorbed as from the peritoneum
    "im": "depot",  # [A] likewise
}
"""Where a route puts the drug. Routes that are missing (icv, intracerebral, bench) have no systemic effect here."""


@dataclass(frozen=True)
class KetamineKinetics:
    """Preset "mouse", science.md 4.4 [A]: built on the dog's structure (Kaka & Hayton 1980 [S]), mouse-plausible."""

    bioavailability_depot: float = 0.5  # 0..1 [A]
    absorption_per_min: float = 0.25  # [A]
    clearance_l_per_min_kg: float = 0.10  # 0.10 to 0.16 [A], allometric 0.159 lies above liver flow [D]
    central_volume_l_per_kg: float = 0.54  # [S] in the dog
    peripheral_volume_l_per_kg: float = 1.94  # [S] in the dog
    exchange_l_per_min_kg: float = 0.40  # [A]; 0.13 in the dog [D]
    brain_to_plasma: float = 2.0  # 2 to 3 [U]
    brain_entry_per_min: float = 0.5  # [A]
    effect_delay_per_min: float = 0.10  # [A]


@dataclass(frozen=True)
class AdenosineFeedback:
    """AMPA receptors, adenosine, A1 receptors, release; science.md 4.5."""

    fold_max: float = 5.0  # [A]
    ec50_mg_per_kg: float = 0.6  # [A]
    hill: float = 2.0  # [A]
    time_constant_min: float = 8.0  # [A]
    inhibition_max: float = 0.9  # [A], anchored on A1 effects of 48 to 72 % (Hargus 2009 [S])
    tonic_x0: float = 0.385  # [D] from +33 % release under full A1 block [S]

    def target_fold(self, effect_mg_per_kg: float) -> float:
        """Return the adenosine level that this drug level leads to in the end, as a multiple of the basal one."""
        relative = float((max(0.0, effect_mg_per_kg) / self.ec50_mg_per_kg) ** self.hill)
        return 1.0 + (self.fold_max - 1.0) * relative / (1.0 + relative)

    def release_multiplier(self, fold: float) -> float:
        """Return M, release as a fraction of release before the drug."""
        return (1.0 - self._inhibition(fold)) / (1.0 - self._inhibition(1.0))

    def _inhibition(self, fold: float) -> float:
        return self.inhibition_max * self.tonic_x0 * fold / (1.0 + self.tonic_x0 * fold)


def rate_matrix_per_min(k: KetamineKinetics) -> NDArray[np.float64]:
    """Return A of ``dx/dt = A x + input`` per minute.

    State: depot, central, peripheral (mg per kg body), brain, effect site (mg per kg tissue).
    """
    out = k.clearance_l_per_min_kg / k.central_volume_l_per_kg
    to_tissue = k.exchange_l_per_min_kg / k.central_volume_l_per_kg
    back = k.exchange_l_per_min_kg / k.peripheral_volume_l_per_kg
    into_brain = k.brain_entry_per_min * k.brain_to_plasma / k.central_volume_l_per_kg
    a = np.zeros((5, 5))
    a[0, 0] = -k.absorption_per_min
    a[1, :3] = (k.absorption_per_min, -out - to_tissue, back)
    a[2, 1:3] = (to_tissue, -back)
    a[3, 1], a[3, 3] = into_brain, -k.brain_entry_per_min
    a[4, 3], a[4, 4] = k.effect_delay_per_min, -k.effect_delay_per_min
    return a


def _exponential(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the exponential of a small matrix of norm below one, by its series (to the last bit after 20 terms)."""
    term = total = np.eye(len(matrix))
    for n in range(1, 21):
        term = term @ matrix / n
        total = total + term
    return total


@dataclass
class Pharmacology:
    """Ketamine in one mouse, moved in fixed steps; exact for drug that arrives evenly within each step.

    The five linear compartments are propagated by the matrix exponential of one step, so the step length costs no
    accuracy there; the adenosine level follows its target with the mean drug effect of the step (8 min against 1 s).
    """

    step_s: float = 1.0
    kinetics: KetamineKinetics = field(default_factory=KetamineKinetics)
    feedback: AdenosineFeedback = field(default_factory=AdenosineFeedback)
    fold: float = field(default=1.0, init=False)
    _state: NDArray[np.float64] = field(init=False, repr=False)
    _carry: NDArray[np.float64] = field(init=False, repr=False)
    _inflow: NDArray[np.float64] = field(init=False, repr=False)
    _fold_share: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        step_min = self.step_s / 60.0
        augmented = np.zeros((7, 7))  # two more rows hold the constant inflows, so one exponential gives both parts
        augmented[:5, :5] = rate_matrix_per_min(self.kinetics)
        augmented[0, 5] = self.kinetics.bioavailability_depot / step_min
        augmented[1, 6] = 1.0 / step_min
        step = _exponential(augmented * step_min)
        self._carry, self._inflow = step[:5, :5], step[:5, 5:]
        self._state = np.zeros(5)
        self._fold_share = float(-np.expm1(-step_min / self.feedback.time_constant_min))

    def step(self, depot_mg_per_kg: float, blood_mg_per_kg: float) -> float:
        """Move one step in which these doses arrive; return M at its end."""
        before = self.effect_mg_per_kg
        if depot_mg_per_kg or blood_mg_per_kg or before or self._state.any():
            self._state = self._carry @ self._state + self._inflow @ (depot_mg_per_kg, blood_mg_per_kg)
        target = self.feedback.target_fold(0.5 * (before + self.effect_mg_per_kg))
        self.fold += (target - self.fold) * self._fold_share
        return self.multiplier

    @property
    def multiplier(self) -> float:
        """Return M, release as a fraction of release before the drug."""
        return self.feedback.release_multiplier(self.fold)

    @property
    def plasma_mg_per_l(self) -> float:
        """Return the concentration in plasma."""
        return float(self._state[1]) / self.kinetics.central_volume_l_per_kg

    @property
    def brain_mg_per_kg(self) -> float:
        """Return the level in brain tissue."""
        return float(self._state[3])

    @property
    def effect_mg_per_kg(self) -> float:
        """Return the level at the effect site."""
        return float(self._state[4])
