"""Everything on a current that is no chemistry: white and 1/f noise, mains hum, movement, glitches of the connector.

Knows amplitudes and how they depend on the time a sample integrates over. Does not know concentrations or instruments.
Noise is drawn in blocks of a fixed length from a generator of its own, so it never depends on who asks when.

White noise is drawn as charge: the integral up to each 20 ms has an error of its own, and a sample that integrates
over T is off by the difference of two of them over T. So its RMS goes as the bandwidth (PMC4915109 [S]), and the mean
of five samples of 20 ms is exactly the sample of 100 ms.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim_devices.models.grid import OFFSETS_S, SAMPLE_NS, SAMPLES_PER_SECOND, SECOND_NS
from sim_devices.models.tissue import Movement
from sim_devices.presets.parameter import Table, choice, number

Array = NDArray[np.float64]
BLOCK_S = 64
REFERENCE_S = 0.1
"""Integration time that the white noise of a preset is meant for: the 10 Hz output."""
LONGEST = SAMPLES_PER_SECOND
"""Samples integrate over at most one second here; longer ones are taken as one second [A]."""
PINK_TIMES_S = (0.03, 0.15, 0.75, 3.75, 18.75)
"""Correlation times, a factor of 5 apart: equal variances on them sum to 1/f within about 1 dB [A]."""


class Noise(Table):
    """Of one site; science.md 4.2."""

    white_a: float = number(1.5e-12, 0.0, 1e-9, "A", "D", "white, RMS at the 10 Hz output; from the limit of detection")
    pink_a: float = number(1.5e-12, 0.0, 1e-9, "A", "A", "1/f, RMS")
    hum_a: float = number(20e-12, 0.0, 1e-8, "A", "A", "mains, peak, before any integration; 0 to 200 pA")
    mains_hz: Literal[50, 60] = choice(50, "A", "mains frequency")
    hum_wander_hz: float = number(0.05, 0.0, 0.5, "Hz", "A", "how far the mains strays from it, SD")
    motion_a: float = number(15e-12, 0.0, 1e-8, "A", "A", "median movement; 5 to 100 pA")
    motion_common: float = number(0.8, 0.0, 1.0, "1", "A", "share of a movement that all sites of a sensor see alike")
    ejection_a: float = number(10e-12, 0.0, 1e-8, "A", "S", "spike where an ejection begins and ends; size [A]")
    glitches_per_h: float = number(0.0, 0.0, 60.0, "1/h", "A", "connector: at a rail or open for 0.2 to 5 s; 0 to 1")
    rail_a: float = number(1e-6, 1e-12, 1e-3, "A", "A", "current at a rail")


@lru_cache(maxsize=1)
def _pink_filter() -> tuple[Array, Array, Array]:
    """Return weights (5, kick, sample) of unit kicks, decay (5, 50) in a second, and over it; variance one each."""
    keep = np.exp(-1.0 / (SAMPLES_PER_SECOND * np.array(PINK_TIMES_S)))[:, None, None]
    steps = np.arange(SAMPLES_PER_SECOND)
    lag = steps[:, None] - steps[None, :]
    weights = np.where(lag >= 0, keep ** np.maximum(lag, 0), 0.0) * np.sqrt(1.0 - keep**2)
    decay = np.asarray(keep[:, 0] ** (steps + 1), float)
    return np.ascontiguousarray(weights.transpose(0, 2, 1)), decay, np.asarray(decay[:, -1], float)


class SiteNoise:
    """White and 1/f noise of one site, second by second, in order."""

    def __init__(self, noise: Noise, rng: np.random.Generator) -> None:
        self._n, self._rng = noise, rng
        self._pink_state = rng.standard_normal(len(PINK_TIMES_S))
        self._charge_c = np.zeros(LONGEST)  # of the second before the block
        self._pink_a: Array = np.zeros((0, SAMPLES_PER_SECOND))
        self._charges_c: Array = np.zeros(0)
        self._whites_a: dict[int, Array] = {}
        self._next = BLOCK_S

    def second(self) -> tuple[Array, Array]:
        """Return 1/f noise, A, and the errors of charge, C, of one more second; 50 samples, the last 50 before them."""
        if self._next == BLOCK_S:
            self._draw()
        at = self._next
        self._next += 1
        start = at * SAMPLES_PER_SECOND
        return self._pink_a[at], self._charges_c[start : start + 2 * SAMPLES_PER_SECOND]

    def white_a(self, windows: int) -> Array:
        """Return ``white_a`` of the second that ``second`` returned last; computed for a whole block at once."""
        if windows not in self._whites_a:
            whites_a = white_a(self._charges_c, windows)
            self._whites_a[windows] = whites_a.reshape(BLOCK_S, SAMPLES_PER_SECOND)
        return np.asarray(self._whites_a[windows][self._next - 1])

    def _draw(self) -> None:
        weights, decay, decay_over = _pink_filter()
        kicks = self._rng.standard_normal((len(PINK_TIMES_S) + 1, BLOCK_S, SAMPLES_PER_SECOND))
        fresh = np.matmul(kicks[1:], weights)  # layer, second, sample
        states = np.empty((BLOCK_S, len(PINK_TIMES_S)))
        state = self._pink_state
        for second in range(BLOCK_S):
            states[second] = state
            state = fresh[:, second, -1] + decay_over * state
        self._pink_state = state
        layers = fresh + states.T[:, :, None] * decay[:, None, :]
        self._pink_a = layers.sum(axis=0) * (self._n.pink_a / len(PINK_TIMES_S) ** 0.5)
        charges_c = kicks[0].ravel() * (self._n.white_a * REFERENCE_S / math.sqrt(2.0))
        self._charges_c = np.concatenate((self._charge_c, charges_c))
        self._charge_c = charges_c[-LONGEST:]
        self._whites_a = {}
        self._next = 0


def white_a(charges_c: Array, windows: int) -> Array:
    """Return white noise of samples that integrate over so many 20 ms, A, shape (n,).

    ``charges_c``: as from ``SiteNoise.second``, shape (50 + n,), C; the first 50 lie before the first sample.
    """
    ends = charges_c[SAMPLES_PER_SECOND:]
    starts = charges_c[SAMPLES_PER_SECOND - windows : len(charges_c) - windows]
    return np.asarray((ends - starts) * (SAMPLES_PER_SECOND / windows))


class Hum:
    """The mains: a sine whose frequency strays slowly, the same at all sites of one sensor."""

    KEEP = math.exp(-1.0 / 300.0)

    def __init__(self, noise: Noise, rng: np.random.Generator) -> None:
        self._n, self._rng = noise, rng
        self._off_hz = noise.hum_wander_hz * float(rng.standard_normal())
        self._phase = 2.0 * math.pi * float(rng.random())
        self._kicks: list[float] = []

    def advance(self) -> None:
        """Go on to the next second."""
        if not self._kicks:
            self._kicks = self._rng.standard_normal(BLOCK_S).tolist()
        self._phase = (self._phase + 2.0 * math.pi * self._off_hz) % (2.0 * math.pi)
        kick = self._n.hum_wander_hz * math.sqrt(1.0 - self.KEEP**2) * self._kicks.pop()
        self._off_hz = self.KEEP * self._off_hz + kick

    def point_a(self, offset_ns: int) -> float:
        """Return the current at one moment after the second's start, A."""
        t_s = offset_ns / SECOND_NS
        whole = self._n.mains_hz * t_s % 1.0
        return self._n.hum_a * math.sin(self._phase + 2.0 * math.pi * (whole + self._off_hz * t_s))

    def over_a(self, windows: int) -> Array | float:
        """Return the mean over so many 20 ms before each of the second's samples, A; 0.0 where nothing is left."""
        if not self._n.hum_a:
            return 0.0
        length_s, hz = windows / SAMPLES_PER_SECOND, self._n.mains_hz + self._off_hz
        x = math.pi * hz * length_s
        left_a = self._n.hum_a * math.sin(x) / x
        if abs(left_a) < 1e-3 * self._n.white_a:
            return 0.0
        return np.asarray(left_a * np.sin(self._phase + 2.0 * math.pi * hz * (OFFSETS_S - 0.5 * length_s)))


def movement_a(movement: Movement, second: int) -> Array:
    """Return the shape of one movement during a second: there and back, its largest value ``strength``."""
    u = (second - movement.onset_s + OFFSETS_S) / movement.duration_s
    return np.where((u >= 0) & (u <= 1), movement.strength * np.sin(2.0 * math.pi * np.clip(u, 0.0, 1.0)), 0.0)


SPIKE = np.exp(-OFFSETS_S / 0.1)
"""Artefact of an ejection over one second: gone in 0.1 to 0.5 s [S]."""


class Glitches:
    """A connector that is not always one: all sites of the sensor at a rail, or open, for a while."""

    def __init__(self, noise: Noise, rng: np.random.Generator) -> None:
        self._n, self._rng = noise, rng
        self._begin_s = self._end_s = math.inf
        self._level_a = 0.0
        if noise.glitches_per_h:
            self._next(0.0)

    def _next(self, after_s: float) -> None:
        self._begin_s = after_s + float(self._rng.exponential(3600.0 / self._n.glitches_per_h))
        self._end_s = self._begin_s + float(self._rng.uniform(0.2, 5.0))
        self._level_a = (0.0, self._n.rail_a, -self._n.rail_a)[int(self._rng.integers(3))]

    def apply(self, currents_a: Array, second: int) -> Array:
        """Return one second of currents with what the connector makes of them; seconds in order."""
        while self._end_s < second:
            self._next(self._end_s)
        if self._begin_s >= second + 1:
            return currents_a
        at_s = second + OFFSETS_S
        return np.where((at_s >= self._begin_s) & (at_s < self._end_s), self._level_a, currents_a)


@lru_cache(maxsize=64)
def windows_of(over_ns: int) -> int:
    """Return the 20 ms pieces that a sample integrates over: at least one, at most a second's [A]."""
    return min(LONGEST, max(1, round(over_ns / SAMPLE_NS)))
