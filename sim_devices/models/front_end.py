"""The analog side of one potentiostat: a cell with two working electrodes in the same tissue.

Knows when the cell is on, at which potential, which site is which, and what the two sites share (ascorbate,
background, settling, drift). Does not know the potentiostat's bytes, ranges or sampling, nor why tissue changes.
Currents are computed a second at a time, in order, whether anybody looks or not while the cell is on: so the same
seed gives the same current at the same time, however the questions are cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from sim_devices.models.electrode import Array, Electrode, ElectrodeParameters, settling_a
from sim_devices.models.grid import OFFSETS_S, SAMPLE_NS, SAMPLES_PER_SECOND, SECOND_NS


class TissueSecond(NamedTuple):
    """What surrounds the electrodes during one second."""

    glutamate_um: Array
    """At the 50 samples."""
    ascorbate_start_um: float
    ascorbate_end_um: float


class Tissue(Protocol):
    """Where the electrodes are."""

    def during(self, second: int) -> TissueSecond:
        """Return the surroundings during this second since the world's start; any order."""
        ...


@dataclass
class _Loaded:
    """One second's ingredients that do not depend on the cell's switch."""

    second: int
    shared_a: Array
    own_a: list[Array]
    glutamate_a: list[Array]


@dataclass
class FrontEnd:
    """An ``ElectrodeFrontEnd``. ``sites`` maps electrodes by index to what is connected there; nothing gives 0 A."""

    tissue: Tissue
    parameters: ElectrodeParameters
    sites: Mapping[int, Electrode]
    rng: np.random.Generator
    """Of what the sites share."""
    start_ns: int = 0
    _on: bool = field(default=False, init=False)
    _potential_v: float = field(default=0.0, init=False)
    _switched_ns: int = field(default=0, init=False)
    _walk_a: float = field(default=0.0, init=False)
    _loaded: _Loaded | None = field(default=None, init=False, repr=False)
    _chunk_start_ns: int = field(default=0, init=False)
    _currents_a: dict[int, list[float]] = field(default_factory=dict, init=False, repr=False)

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        """Switch the cell and set the potential. Coming on, or another potential, starts the settling anew [A]."""
        if on == self._on and (not on or potential_v == self._potential_v):
            return
        second = self._second(now_ns)
        if self._on:
            self._load_until(second)
        elif self._loaded is None or self._loaded.second < second:
            self._rest_until(second)
        self._on, self._potential_v, self._switched_ns = on, potential_v, now_ns
        self._assemble()

    def current_a(self, electrode: int, t_ns: int) -> float:
        """Return the current of one working electrode, A; 0 while the cell is off or nothing is connected."""
        if not self._on:
            return 0.0
        offset_ns = t_ns - self._chunk_start_ns
        if not 0 <= offset_ns < SECOND_NS:
            self._load_until(self._second(t_ns))
            self._assemble()
            offset_ns = t_ns - self._chunk_start_ns
            if offset_ns < 0:
                raise ValueError(f"current asked for at {t_ns} ns, before {self._chunk_start_ns} ns: time runs forward")
        currents_a = self._currents_a.get(electrode)
        return 0.0 if currents_a is None else currents_a[offset_ns // SAMPLE_NS]

    def _second(self, t_ns: int) -> int:
        return max(0, t_ns - self.start_ns) // SECOND_NS

    def _rest_until(self, second: int) -> None:
        """Begin anew after a time without current: films in balance, no noise drawn for what nobody could see."""
        now_um = float(self.tissue.during(second).glutamate_um[0])
        for site in self.sites.values():
            site.equilibrate(now_um)
        self._load(second)

    def _load_until(self, second: int) -> None:
        assert self._loaded is not None, "the cell is on, so a second is loaded"  # noqa: S101 - narrows a type
        for following in range(self._loaded.second + 1, second + 1):
            self._load(following)

    def _load(self, second: int) -> None:
        surroundings = self.tissue.during(second)
        p = self.parameters
        ascorbate_um = surroundings.ascorbate_start_um + OFFSETS_S * (
            surroundings.ascorbate_end_um - surroundings.ascorbate_start_um
        )
        step_a = p.drift_walk_a_per_sqrt_h / 60.0 * float(self.rng.standard_normal())  # sqrt(1 s / 1 h) = 1 / 60
        trend_a_per_s = p.drift_fraction_per_h * p.background_a / 3600.0
        shared_a = (
            p.background_a
            + self._walk_a
            + OFFSETS_S * step_a
            + trend_a_per_s * (second + OFFSETS_S)
            + ascorbate_um * (p.sensitivity_a_per_um / p.selectivity_over_ascorbate)
        )
        self._walk_a += step_a
        own_a, glutamate_a = [], []
        for site in self.sites.values():
            own_a.append(site.noise())
            if site.sees_glutamate:
                glutamate_a.append(site.glutamate_current(site.film(surroundings.glutamate_um)))
            else:
                glutamate_a.append(np.zeros(SAMPLES_PER_SECOND))
        self._loaded = _Loaded(second, shared_a, own_a, glutamate_a)
        self._chunk_start_ns = self.start_ns + second * SECOND_NS

    def _assemble(self) -> None:
        """Add up the loaded second for the cell as it is switched now."""
        if self._loaded is None:
            return
        p = self.parameters
        polarised = p.polarised_from_v <= self._potential_v <= p.polarised_to_v
        settling = settling_a(p, (self._chunk_start_ns - self._switched_ns) / SECOND_NS)
        common_a = self._loaded.shared_a + settling
        currents_a: dict[int, list[float]] = {}
        parts = zip(self.sites.items(), self._loaded.own_a, self._loaded.glutamate_a, strict=True)
        for (electrode, site), own_a, glutamate_a in parts:
            total = site.gain * common_a + own_a
            if polarised:
                total = total + glutamate_a
            currents_a[electrode] = total.tolist()
        self._currents_a = currents_a
