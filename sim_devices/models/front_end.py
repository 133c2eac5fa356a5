"""The analog side of one potentiostat: a cell with its working electrodes in the same tissue.

Knows when the cell is on, at which potential, which site is which, and what the sites share (interferents, background,
settling, drift, hum, cable). Does not know the potentiostat's bytes or ranges, nor why tissue changes. Currents are
computed a second at a time, in order, whether anybody looks or not while the cell is on: so the same seed gives the
same current at the same time, however the questions are cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sim_devices.models.electrode import Array, Chemistry, Film, response, sensitivity_left, settling_a
from sim_devices.models.grid import OFFSETS_S, SAMPLE_NS, SECOND_NS
from sim_devices.models.noise import SPIKE, Glitches, Hum, SiteNoise, movement_a, windows_of
from sim_devices.models.tissue import Tissue, TissueSecond
from sim_devices.presets.sensor import SensorPreset

TEN_HZ_NS = 100_000_000
"""What a sample integrates over unless its instrument says otherwise."""


@dataclass
class Site:
    """One working electrode."""

    sensitivity_a_per_um: float
    """To the glutamate that it sees; a sentinel's crosstalk included."""
    gain: float
    """Of everything but glutamate, relative to the glutamate site beside it: a sentinel's g."""
    noise: SiteNoise
    key: int
    """Tells its share of a movement from that of other sites."""


@dataclass
class _Loaded:
    """One second's ingredients that do not depend on the cell's switch."""

    second: int
    surroundings: TissueSecond
    shared_a: tuple[float, float]
    seen_um: Array
    pink_a: list[Array]


@dataclass
class FrontEnd:
    """An ``ElectrodeFrontEnd``. ``sites`` maps electrodes by index to what is connected there; nothing gives 0 A."""

    tissue: Tissue
    sensor: SensorPreset
    sites: Mapping[int, Site]
    rng: np.random.Generator
    """Of what the sites share."""
    start_ns: int = 0
    ages: bool = True
    """Whether the sensor loses sensitivity: in tissue, not in a beaker."""
    _on: bool = field(default=False, init=False)
    _potential_v: float = field(default=0.0, init=False)
    _switched_ns: int = field(default=0, init=False)
    _walk_a: float = field(default=0.0, init=False)
    _loaded: _Loaded | None = field(default=None, init=False, repr=False)
    _chunk_start_ns: int = field(default=0, init=False)
    _totals_a: dict[int, Array] = field(default_factory=dict, init=False, repr=False)
    _hums_a: dict[int, Array | float] = field(default_factory=dict, init=False, repr=False)
    _currents_a: dict[tuple[int, int], list[float]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        chemistry = self.sensor.chemistry
        hum_rng, glitch_rng, self._walk_rng = self.rng.spawn(3)
        self._film = Film(chemistry.film_lag_s, chemistry.enzyme_lag_s)
        self._hum = Hum(self.sensor.noise, hum_rng)
        self._glitches = Glitches(self.sensor.noise, glitch_rng)

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

    def current_a(self, electrode: int, t_ns: int, over_ns: int = TEN_HZ_NS) -> float:
        """Return the current of one working electrode, A, integrated over ``over_ns`` before ``t_ns``; 0: one moment.

        0 A while the cell is off or nothing is connected. Only noise and hum are faster than the grid of 20 ms, and
        only they depend on ``over_ns``.
        """
        if not self._on:
            return 0.0
        offset_ns = t_ns - self._chunk_start_ns
        if not 0 <= offset_ns < SECOND_NS:
            self._load_until(self._second(t_ns))
            self._assemble()
            offset_ns = t_ns - self._chunk_start_ns
            if offset_ns < 0:
                raise ValueError(f"current asked for at {t_ns} ns, before {self._chunk_start_ns} ns: time runs forward")
        currents_a = self._currents_a.get((electrode, over_ns))
        if currents_a is None:
            if electrode not in self._totals_a:
                return 0.0
            currents_a = self._integrated(electrode, over_ns)
        current_a = currents_a[offset_ns // SAMPLE_NS]
        return current_a if over_ns else current_a + self._hum.point_a(offset_ns)

    def _second(self, t_ns: int) -> int:
        return max(0, t_ns - self.start_ns) // SECOND_NS

    def _rest_until(self, second: int) -> None:
        """Begin anew after a time without current: films in balance, no noise drawn for what nobody could see."""
        self._film.equilibrate(float(self.tissue.during(second).glutamate_um[0]))
        self._load(second)

    def _load_until(self, second: int) -> None:
        assert self._loaded is not None, "the cell is on, so a second is loaded"  # noqa: S101 - narrows a type
        for following in range(self._loaded.second + 1, second + 1):
            self._load(following)

    def _load(self, second: int) -> None:
        surroundings = self.tissue.during(second)
        self._hum.advance()
        self._hums_a = {}
        self._loaded = _Loaded(
            second,
            surroundings,
            self._shared_a(surroundings, second),
            self._film.seen(surroundings.glutamate_um),
            [site.noise.second()[0] for site in self.sites.values()],
        )
        self._chunk_start_ns = self.start_ns + second * SECOND_NS

    def _shared_a(self, around: TissueSecond, second: int) -> tuple[float, float]:
        """Return what all sites share at both ends of a second: background, drift and what interferes."""
        b, c = self.sensor.background, self.sensor.chemistry
        step_a = b.walk_a_per_sqrt_h / 60.0 * float(self._walk_rng.standard_normal())  # sqrt(1 s / 1 h) = 1 / 60
        trend_a_per_s = b.drift_per_h * b.background_a / 3600.0
        flat_a = b.background_a * (1.0 + b.per_degree * (around.temperature_c - 37.0)) + self._walk_a
        self._walk_a += step_a
        start_a, end_a = (
            interferents_a(c, around.ascorbate_um[at], around.dopamine_um[at], around.peroxide_um[at]) for at in (0, 1)
        )
        return flat_a + trend_a_per_s * second + start_a, flat_a + step_a + trend_a_per_s * (second + 1) + end_a

    def _assemble(self) -> None:
        """Add up the loaded second for the cell as it is switched now; what depends on integration is left out."""
        loaded = self._loaded
        if loaded is None:
            return
        b, c = self.sensor.background, self.sensor.chemistry
        since_s = (self._chunk_start_ns - self._switched_ns) / SECOND_NS
        start_a = loaded.shared_a[0] + settling_a(b, since_s)
        end_a = loaded.shared_a[1] + settling_a(b, since_s + 1.0)
        shared_a = start_a + (end_a - start_a) * OFFSETS_S
        polarised = c.polarised_from_v <= self._potential_v <= c.polarised_to_v
        seen = response(loaded.seen_um, c.apparent_km_um) * self._activity(loaded) if polarised else None
        for (electrode, site), pink_a in zip(self.sites.items(), loaded.pink_a, strict=True):
            total_a = site.gain * shared_a + pink_a
            if seen is not None and site.sensitivity_a_per_um:
                total_a += site.sensitivity_a_per_um * seen
            if loaded.surroundings.bursts or loaded.surroundings.spike:
                total_a += self._artefacts_a(loaded, site)
            self._totals_a[electrode] = total_a
        self._currents_a = {}

    def _activity(self, loaded: _Loaded) -> float:
        """Return the enzyme's activity relative to a fresh one at 37 degC."""
        c = self.sensor.chemistry
        left = sensitivity_left(c, float(loaded.second)) if self.ages else 1.0
        return float(left * c.q10 ** ((loaded.surroundings.temperature_c - 37.0) / 10.0))

    def _artefacts_a(self, loaded: _Loaded, site: Site) -> Array:
        n = self.sensor.noise
        total_a: Array = n.ejection_a * loaded.surroundings.spike * SPIKE
        for burst in loaded.surroundings.bursts:
            own = float(np.random.default_rng((site.key, burst.number)).standard_normal())
            height_a = n.motion_a * (n.motion_common + (1.0 - n.motion_common) * own)
            total_a = total_a + height_a * movement_a(burst, loaded.second - 1)
        return total_a

    def _integrated(self, electrode: int, over_ns: int) -> list[float]:
        """Return one electrode's loaded second as an instrument with this integration time sees it."""
        assert self._loaded is not None  # noqa: S101 - narrows a type
        windows = windows_of(over_ns)
        total_a = self._totals_a[electrode] + self.sites[electrode].noise.white_a(windows)
        if over_ns:
            if windows not in self._hums_a:
                self._hums_a[windows] = self._hum.over_a(windows)
            total_a += self._hums_a[windows]
        currents_a: list[float] = self._glitches.apply(total_a, self._loaded.second).tolist()
        self._currents_a[(electrode, over_ns)] = currents_a
        return currents_a


def interferents_a(c: Chemistry, ascorbate_um: float, dopamine_um: float, peroxide_um: float) -> float:
    """Return the current of everything but glutamate at a glutamate site, A."""
    others_um = ascorbate_um / c.selectivity_over_ascorbate + dopamine_um * c.dopamine_share
    return c.sensitivity_a_per_um * (others_um + peroxide_um * c.peroxide_share)
