"""Filters for the eye: what is shown smoother than it was recorded, and by how much it is late for that.

Knows causal filters over evenly spaced samples: moving mean, Butterworth low-pass, moving median, and the mean over
whole mains periods. Fed piece by piece they give what they give at once, so that a screen and an analysis see the
same. A gap (a value that is not finite, or a time that jumps) starts a filter anew: nothing is carried across it and
NaN spoils no neighbour. Does not know what is recorded, which is never filtered.

SciPy is imported when the first filter is made, not before: it takes a second, and a window that opens needs its STOP
button sooner than that (``load`` does it beside).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAINS_HZ = (50.0, 60.0, 100.0, 120.0)
"""With the first harmonics: what rectified mains makes."""
MAINS_S = 0.1
"""Five periods of 50 Hz, six of 60 Hz: a mean over it nulls both (science.md 2.6 [D])."""
MAINS_LEFT = 0.02
"""More of a mains wave than this must not be left, or the filter is not called one against mains [A]."""
JUMP = 1.5
"""Two samples further apart than so many intervals have a gap between them."""
_ORDER = 2


@dataclass(frozen=True)
class FilterSpec:
    """One filter as it is asked for. ``size`` is a length in s, of ``low-pass`` the cut-off (-3 dB) in Hz."""

    kind: Literal["none", "mean", "median", "low-pass", "mains"]
    size: float = 0.0

    def samples(self, interval_s: float) -> int:
        """Return how many samples a mean or median looks at; a median an odd number."""
        count = max(round(self.size / interval_s), 1)
        return count + 1 - count % 2 if self.kind == "median" else count

    def fault(self, interval_s: float) -> str:
        """Return why it does nothing good at this distance of samples, s; empty where it works."""
        if self.kind in ("mean", "median") and self.size / interval_s < (1.5 if self.kind == "mean" else 2.0):
            return f"{self.size:g} s are too few samples here"
        if self.kind == "low-pass" and self.size >= 0.45 / interval_s:
            return f"{1 / interval_s:.3g} samples/s hold nothing above {self.size:g} Hz"
        if self.kind == "mains" and max(self.left_of(hz, interval_s) for hz in MAINS_HZ) > MAINS_LEFT:
            return f"{1 / interval_s:.3g} samples/s are too few to tell mains from current"
        return ""

    def left_of(self, hz: float, interval_s: float) -> float:
        """Return the share of a wave of so many Hz, before sampling, that a mean leaves."""
        turns = np.arange(self.samples(interval_s)) * hz * interval_s
        return float(abs(np.mean(np.exp(-2j * np.pi * turns))))

    def delay_s(self, interval_s: float) -> float:
        """Return the group delay at 0 Hz, s: by so much a slow change is shown late. Raises ValueError at a fault."""
        return _kernel(self, interval_s).delay * interval_s


NONE = FilterSpec("none")
FILTERS = {
    "none": NONE,
    "mains": FilterSpec("mains", MAINS_S),
    "glitches": FilterSpec("median", 0.5),
    "mean 1 s": FilterSpec("mean", 1.0),
    "mean 5 s": FilterSpec("mean", 5.0),
    "low-pass 1 Hz": FilterSpec("low-pass", 1.0),
    "low-pass 0.2 Hz": FilterSpec("low-pass", 0.2),
}
"""By the name that a person chooses."""


@dataclass
class DisplayFilter:
    """One filter on its way through one channel; ``interval_s`` is the distance of its samples, s."""

    spec: FilterSpec
    interval_s: float
    _last_s: float = field(default=-np.inf, init=False)
    _kernel: _Kernel = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._kernel = _kernel(self.spec, self.interval_s)

    def add(self, t_s: Floats, values: Floats) -> Floats:
        """Return the next filtered values, shape (n,), any unit, NaN where there was a gap.

        ``t_s`` rises, and is later than all before. The first value after a gap stays what it is.
        """
        filtered = np.full(len(values), np.nan)
        for start, stop, fresh in runs(t_s, values, self.interval_s, self._last_s):
            if fresh:
                self._kernel.restart()
            filtered[start:stop] = self._kernel.run(values[start:stop])
        if len(values):
            self._last_s = float(t_s[-1]) if np.isfinite(values[-1]) else -np.inf
        return filtered


def load() -> None:
    """Import what filters need, now; in a thread of a program that cannot wait for it."""
    import_module("scipy.ndimage")
    import_module("scipy.signal")


def filtered(t_s: Floats, values: Floats, spec: FilterSpec, interval_s: float) -> Floats:
    """Return a whole recording as the screen had it, shape (n,). Raises ValueError for a filter with a fault."""
    return DisplayFilter(spec, interval_s).add(t_s, values)


def runs(t_s: Floats, values: Floats, interval_s: float, last_s: float) -> Iterator[tuple[int, int, bool]]:
    """Yield (from, to, whether a gap lies before) of each stretch without a gap; ``last_s`` is the sample before."""
    good = np.isfinite(values)
    jump = np.diff(t_s, prepend=last_s) > JUMP * interval_s
    begins = good & (jump | ~np.concatenate(([True], good[:-1])))
    ends = np.flatnonzero(good & np.concatenate((begins[1:] | ~good[1:], [True]))) + 1
    starts = np.flatnonzero(begins)
    fresh = np.ones(len(ends), bool)
    if len(ends) > len(starts):  # the first stretch goes on from what came before
        starts, fresh[0] = np.concatenate(([0], starts)), False
    yield from zip(starts.tolist(), ends.tolist(), fresh.tolist(), strict=True)


class _Kernel(Protocol):
    @property
    def delay(self) -> float: ...
    def restart(self) -> None: ...
    def run(self, x: Floats) -> Floats: ...


def _kernel(spec: FilterSpec, interval_s: float) -> _Kernel:
    if not interval_s > 0.0:
        raise ValueError(f"samples {interval_s} s apart cannot be filtered")
    if spec.fault(interval_s):
        raise ValueError(spec.fault(interval_s))
    if spec.kind == "low-pass":
        from scipy.signal import butter  # noqa: PLC0415 - see above

        return _LowPass(butter(_ORDER, spec.size, fs=1.0 / interval_s, output="sos"))
    return _Median(spec.samples(interval_s)) if spec.kind == "median" else _Mean(spec.samples(interval_s))


@dataclass
class _Mean:
    """Mean of the newest ``count`` samples; at a start of as many as there are."""

    count: int
    _past: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def delay(self) -> float:
        return (self.count - 1) / 2.0

    def restart(self) -> None:
        self._past = np.empty(0)

    def run(self, x: Floats) -> Floats:
        if self.count == 1:
            return x
        joined = np.concatenate((self._past, x))
        sums = np.concatenate(([0.0], np.cumsum(joined - joined[0])))  # small numbers lose no digits
        ends = np.arange(len(self._past) + 1, len(joined) + 1)
        starts = np.maximum(ends - self.count, 0)
        self._past = joined[-(self.count - 1) :]
        return np.asarray((sums[ends] - sums[starts]) / (ends - starts) + joined[0])


@dataclass
class _Median:
    """Median of the newest ``count`` samples, an odd number; at a start of as many as there are."""

    count: int
    _past: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def delay(self) -> float:
        return (self.count - 1) / 2.0

    def restart(self) -> None:
        self._past = np.empty(0)

    def run(self, x: Floats) -> Floats:
        from scipy.ndimage import median_filter  # noqa: PLC0415 - see above

        known = len(self._past)
        joined = np.concatenate((self._past, x))
        self._past = joined[-(self.count - 1) :]
        few = [np.median(joined[: place + 1]) for place in range(known, min(self.count - 1, len(joined)))]
        half = self.count // 2
        whole = median_filter(joined, self.count)[half : len(joined) - half] if len(joined) >= self.count else []
        return np.concatenate((np.array(few), whole))


@dataclass
class _LowPass:
    """Butterworth sections; a start behaves as if the first value had always been there, so that nothing jumps."""

    sections: Floats
    _state: Floats | None = None

    @property
    def delay(self) -> float:
        """Return -dφ/dω at ω = 0: for b and a in powers of 1/z, Σkb/Σb - Σka/Σa of each section."""
        powers = np.arange(3.0)
        b, a = self.sections[:, :3], self.sections[:, 3:]
        return float(np.sum(b @ powers / b.sum(axis=1) - a @ powers / a.sum(axis=1)))

    def restart(self) -> None:
        self._state = None

    def run(self, x: Floats) -> Floats:
        from scipy.signal import sosfilt, sosfilt_zi  # noqa: PLC0415 - see above

        if self._state is None:
            self._state = sosfilt_zi(self.sections) * x[0]
        y, self._state = sosfilt(self.sections, x, zi=self._state)
        return np.asarray(y)
