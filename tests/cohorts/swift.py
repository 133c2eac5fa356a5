"""The simulated tissue and sensors for many seconds at once: the models' equations over time as arrays.

Draws from the very generators of the models, in their order, so that a seed gives the same animal and the same noise;
only the arithmetic is done for all seconds together, and only for those that are asked for. Rounding may differ from
the models' in the last bits, 1e-15 of a current: that is gone when the converter has rounded to its quantum
(``tests.cohorts.test_bypass``). Knows no bytes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from sim_devices.models.electrode import Chemistry, response
from sim_devices.models.front_end import FrontEnd, Site
from sim_devices.models.grid import OFFSETS_S, SAMPLES_PER_SECOND, SECOND_NS
from sim_devices.models.noise import BLOCK_S, LONGEST, REFERENCE_S, Hum, SiteNoise, _pink_filter, windows_of
from sim_devices.mouse.animal import Animal
from sim_devices.mouse.behaviour import Burst
from sim_devices.mouse.glutamate import FADED, _released

Array = NDArray[np.float64]
Seconds = NDArray[np.int64]
RUN_IN_S = 20
"""Seconds computed before a stretch so that the film has forgotten how it began: 60 of its slowest lags."""


class Tissue:
    """What surrounds the sensors in an animal that has lived to the end; every array is (seconds, 50) or (seconds,)."""

    def __init__(self, animal: Animal, seconds: Seconds) -> None:
        if animal._spikes:
            raise ValueError("the bypass knows no potassium from a pump")
        self._animal, self.seconds = animal, seconds
        self.glutamate_um = self._glutamate_um()
        self.temperature_c = self._at("temperature_c")[seconds]

    def ramp(self, name: str) -> tuple[Array, Array]:
        """Return a slow quantity at the start and at the end of each second."""
        values = self._at(name)
        return values[np.maximum(0, self.seconds - 1)], values[self.seconds]

    def bursts(self) -> list[Burst]:
        """Return every movement there was."""
        return self._animal._condition._motion._bursts

    def _at(self, name: str) -> Array:
        return np.array(self._animal._condition._series[name]._values)

    def _glutamate_um(self) -> Array:
        model = self._animal.glutamate
        p = model.parameters
        basal_um = p.basal_um * p.basal_scale
        fixed_um, neuronal_um = basal_um * (1.0 - p.neuronal_fraction), basal_um * p.neuronal_fraction
        release, swing_um = np.array(model._multipliers._values), np.array(model._swings_um._values)
        tonic_um = fixed_um + neuronal_um * release + swing_um
        start_um, end_um = tonic_um[np.maximum(0, self.seconds - 1)], tonic_um[self.seconds]
        level = start_um[:, None] + (end_um - start_um)[:, None] * OFFSETS_S
        model._train._draw_until(int(self.seconds[-1]) + 1)
        for transient in model._train._transients:
            rows, age_s = self._ages(transient.onset_s, FADED * p.transient_decay_high_s)
            amplitude_um = transient.amplitude_um * model.multiplier_at(transient.onset_s) if age_s.size else 0.0
            level[rows] += np.where(age_s >= 0, amplitude_um * np.exp(-np.maximum(age_s, 0.0) / transient.decay_s), 0.0)
        for evoked in model._evoked:
            rows, age_s = self._ages(evoked.onset_s, FADED * p.evoked_decay_s + 1)
            shape = _released(age_s, evoked.length_s, p.evoked_decay_s) - _released(
                age_s, evoked.length_s, p.evoked_rise_s
            )
            level[rows] += evoked.amplitude_um / model._peak * shape
        return np.asarray(np.maximum(level, 0.0))

    def _ages(self, onset_s: float, until_s: float) -> tuple[slice, Array]:
        """Return the rows in which an event that began then is seen, and the time since then at their samples."""
        first, last = np.searchsorted(self.seconds, (onset_s - 1.0, onset_s + until_s), "right")
        return slice(first, last), (self.seconds[first:last, None] - onset_s) + OFFSETS_S


class Electrodes:
    """The currents of one front end whose cell came on once, at every 20 ms of the tissue's seconds."""

    def __init__(self, front_end: FrontEnd, tissue: Tissue, potential_v: float, on_ns: int) -> None:
        self._f, self._tissue = front_end, tissue
        self._on_ns, self._first = on_ns, front_end._second(on_ns)
        self._loads = tissue.seconds - self._first
        """How many seconds the sensor had been looked at before."""
        if front_end.sensor.noise.glitches_per_h:
            raise ValueError("the bypass knows no glitches")
        c = front_end.sensor.chemistry
        self._shared_a = self._shared()
        polarised = c.polarised_from_v <= potential_v <= c.polarised_to_v
        seen_um = self._film(c)
        self._seen = response(seen_um, c.apparent_km_um) * self._activity(c)[:, None] if polarised else None
        self._hum = _Hums(front_end._hum, int(self._loads[-1]) + 1)

    def current_a(self, electrode: int, over_ns: int) -> Array:
        """Return one electrode's current, integrated over ``over_ns`` before each sample, shape (seconds, 50)."""
        site = self._f.sites[electrode]
        windows = windows_of(over_ns)
        pink_a, white_a = _site_noise(site.noise, self._loads, windows)
        total_a = site.gain * self._shared_a + pink_a
        if self._seen is not None and site.sensitivity_a_per_um:
            total_a += site.sensitivity_a_per_um * self._seen
        self._add_movements(total_a, site)
        total_a += white_a
        return total_a + self._hum.over_a(self._loads, windows)

    def _shared(self) -> Array:
        b, c = self._f.sensor.background, self._f.sensor.chemistry
        seconds = self._tissue.seconds
        steps_a = b.walk_a_per_sqrt_h / 60.0 * self._f._walk_rng.standard_normal(int(self._loads[-1]) + 1)
        walk_a = np.concatenate(([0.0], np.cumsum(steps_a)))[self._loads]
        step_a = steps_a[self._loads]
        trend_a_per_s = b.drift_per_h * b.background_a / 3600.0
        flat_a = b.background_a * (1.0 + b.per_degree * (self._tissue.temperature_c - 37.0)) + walk_a
        since_s = (self._f.start_ns + seconds * SECOND_NS - self._on_ns) / SECOND_NS
        others_a = [
            c.sensitivity_a_per_um * (ascorbate_um / c.selectivity_over_ascorbate + dopamine_um * c.dopamine_share)
            for ascorbate_um, dopamine_um in zip(
                self._tissue.ramp("ascorbate_um"), self._tissue.ramp("dopamine_um"), strict=True
            )
        ]
        start_a = flat_a + trend_a_per_s * seconds + others_a[0] + self._settling_a(since_s)
        end_a = flat_a + step_a + trend_a_per_s * (seconds + 1) + others_a[1] + self._settling_a(since_s + 1.0)
        return np.asarray(start_a[:, None] + (end_a - start_a)[:, None] * OFFSETS_S)

    def _settling_a(self, since_s: Array) -> Array:
        b = self._f.sensor.background
        fast_a = b.settling_fast_a * np.exp(-since_s / b.settling_fast_s)
        return np.asarray(fast_a + b.settling_slow_a * np.exp(-since_s / b.settling_slow_s))

    def _film(self, c: Chemistry) -> Array:
        """Return what the enzyme sees: each stretch of seconds without a gap begins with its film in balance."""
        seen_um = np.empty_like(self._tissue.glutamate_um)
        seconds = self._tissue.seconds
        begins = [0, *(np.flatnonzero(np.diff(seconds) != 1) + 1), len(seconds)]
        for first, last in pairwise(begins):
            wave = self._tissue.glutamate_um[first:last].ravel()
            began_um = wave[0]
            wave = wave - began_um
            for lag_s in (c.film_lag_s, c.enzyme_lag_s):
                share = -math.expm1(-1.0 / (SAMPLES_PER_SECOND * lag_s))
                wave = lfilter([share], [1.0, share - 1.0], wave)
            seen_um[first:last] = (wave + began_um).reshape(-1, SAMPLES_PER_SECOND)
        return seen_um

    def _activity(self, c: Chemistry) -> Array:
        days = self._tissue.seconds / 86400.0
        left = np.ones(len(days))
        if self._f.ages:
            first = np.where(
                days < 1.0, c.first_day_loss * -np.expm1(-5.0 * days) / -math.expm1(-5.0), c.first_day_loss
            )
            left = np.maximum(0.0, 1.0 - first - c.later_loss_per_day * np.maximum(0.0, days - 1.0))
        return np.asarray(left * c.q10 ** ((self._tissue.temperature_c - 37.0) / 10.0))

    def _add_movements(self, total_a: Array, site: Site) -> None:
        n, seconds = self._f.sensor.noise, self._tissue.seconds
        for burst in self._tissue.bursts():
            felt_s = burst.onset_s + 1.0
            first, last = np.searchsorted(seconds, (felt_s - 1.0, felt_s + burst.duration_s), "right")
            if first == last:
                continue
            own = float(np.random.default_rng((site.key, burst.number)).standard_normal())
            height_a = n.motion_a * (n.motion_common + (1.0 - n.motion_common) * own)
            u = (seconds[first:last, None] - 1 - burst.onset_s + OFFSETS_S) / burst.duration_s
            wave = burst.strength * np.sin(2.0 * math.pi * np.clip(u, 0.0, 1.0))
            total_a[first:last] += height_a * np.where((u >= 0) & (u <= 1), wave, 0.0)


class _Hums:
    """The mains second by second, as ``Hum.advance`` lets it stray."""

    def __init__(self, hum: Hum, loads: int) -> None:
        self._n = hum._n
        kicks = hum._rng.standard_normal((-(-loads // BLOCK_S), BLOCK_S))[:, ::-1].ravel()[:loads]  # taken from the end
        kicks *= self._n.hum_wander_hz * math.sqrt(1.0 - hum.KEEP**2)
        self._off_hz = lfilter([1.0], [1.0, -hum.KEEP], kicks, zi=[hum.KEEP * hum._off_hz])[0]
        before_hz = np.concatenate(([hum._off_hz], self._off_hz[:-1]))
        self._phase = (hum._phase + 2.0 * math.pi * np.cumsum(before_hz)) % (2.0 * math.pi)

    def over_a(self, loads: Seconds, windows: int) -> Array:
        if not self._n.hum_a:
            return np.zeros((len(loads), 1))
        length_s, hz = windows / SAMPLES_PER_SECOND, self._n.mains_hz + self._off_hz[loads]
        x = math.pi * hz * length_s
        left_a = self._n.hum_a * np.sin(x) / x
        left_a[np.abs(left_a) < 1e-3 * self._n.white_a] = 0.0
        angle = self._phase[loads][:, None] + 2.0 * math.pi * hz[:, None] * (OFFSETS_S - 0.5 * length_s)
        return np.asarray(left_a[:, None] * np.sin(angle))


def _site_noise(noise: SiteNoise, loads: Seconds, windows: int) -> tuple[Array, Array]:
    """Return 1/f and white noise of a site at the seconds after so many, shape (seconds, 50), A."""
    weights, decay, decay_over = _pink_filter()
    layers = len(decay)
    blocks = int(loads[-1]) // BLOCK_S + 1
    kicks = noise._rng.standard_normal(out=_room((blocks, layers + 1, BLOCK_S, SAMPLES_PER_SECOND)))
    carried = np.einsum("blst,lt->lbs", kicks[:, 1:], weights[:, :, -1]).reshape(layers, -1)
    total = np.zeros((len(loads), SAMPLES_PER_SECOND))
    block, second = loads // BLOCK_S, loads % BLOCK_S
    pieces = [slice(at, at + BLOCK_S) for at in range(0, len(loads), BLOCK_S)]  # so small that nobody threads them
    for layer in range(layers):
        keep = float(decay_over[layer])
        began = float(noise._pink_state[layer])
        after = lfilter([1.0], [1.0, -keep], carried[layer], zi=[keep * began])[0]
        state = np.concatenate(([began], after))[loads]
        total += state[:, None] * decay[layer]
        for part in pieces:
            total[part] += kicks[block[part], layer + 1, second[part]] @ weights[layer]
    pink_a = total * (noise._n.pink_a / layers**0.5)
    charges_c = np.concatenate((np.zeros(LONGEST), kicks[:, 0].ravel()))
    at = LONGEST + loads[:, None] * SAMPLES_PER_SECOND + np.arange(SAMPLES_PER_SECOND)
    errors_c = (charges_c[at] - charges_c[at - windows]) * (noise._n.white_a * REFERENCE_S / math.sqrt(2.0))
    return pink_a, np.asarray(errors_c * (SAMPLES_PER_SECOND / windows))


@lru_cache(maxsize=4)
def _room(shape: tuple[int, ...]) -> Array:
    """Return memory for 20 MB of draws, used again by every site: fetching it anew takes as long as a fifth of them."""
    return np.empty(shape)
