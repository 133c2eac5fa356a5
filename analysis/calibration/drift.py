"""What a probe lost between the calibration before a session and the one after, and its slope at any time in between.

Knows two filed calibrations of one site, and which of a probe's history they are. The way between them is taken for a
straight line [A]: enzyme is lost fastest in the first hours (science.md 4.2 [U]), which two points cannot show. Both
ends stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acquisition.books.probes import NS_PER_DAY, CalibrationRecord, FiledCalibration
from analysis.calibration.regression import Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """Two calibrations with a session between them."""

    pre: FiledCalibration
    post: FiledCalibration

    def slopes_a_per_um(self, wall_ns: NDArray[np.int64]) -> Floats:
        """Return the slope at each time of the wall clock, any shape, A/µM. Raises ValueError for times outside."""
        pre, post = self.pre.record, self.post.record
        first, last = pre.measured_wall_ns, post.measured_wall_ns
        if first >= last or (wall_ns.size and not (first <= wall_ns.min() and wall_ns.max() <= last)):
            raise ValueError("these times do not lie between the two calibrations")
        before, after = _slope(pre).value, _slope(post).value
        return np.asarray(before + (wall_ns - first) / (last - first) * (after - before))

    @property
    def change(self) -> tuple[float, float]:
        """Return the change of the slope, whole and a day, as parts of the slope before."""
        return change_per_day(self.pre.record, self.post.record)


def correction(
    filed: Sequence[FiledCalibration], pre: FiledCalibration, start_ns: int, end_ns: int
) -> Correction | str:
    """Return what corrects a session that ran from one time of the wall clock to another, or why nothing does.

    The calibration after is the first of the site that was measured after the session, passed and holds; it must be
    one "after" the animal: with another "before" in between, the probe was used anew.
    """
    mine = pre.record
    later = [
        one
        for one in filed
        if not one.withdrawn
        and (one.record.probe, one.record.site, one.record.simulated) == (mine.probe, mine.site, mine.simulated)
        and one.record.measured_wall_ns >= end_ns
    ]
    if mine.measured_wall_ns > start_ns:
        return "the calibration that it was recorded with is dated after its start (simulated ones are)"
    if not later:
        return "no calibration after it is filed"
    first = min(one.record.measured_wall_ns for one in later)
    post = max((one for one in later if one.record.measured_wall_ns == first), key=lambda one: one.number)
    if post.record.phase != "after":
        return f'the next calibration (number {post.number}) is not one "after" the animal'
    if not post.record.passed:
        return f"the calibration after it (number {post.number}) failed: {'; '.join(post.record.failed)}"
    return Correction(pre, post)


def latest_before(filed: Sequence[FiledCalibration], site: str, wall_ns: int) -> FiledCalibration | None:
    """Return the newest calibration of a site before the animal that was measured by then, passed and holds."""
    found = [
        one
        for one in filed
        if one.record.site == site
        and one.record.phase == "before"
        and one.record.passed
        and not one.withdrawn
        and one.record.measured_wall_ns <= wall_ns
    ]
    return max(found, key=lambda one: (one.record.measured_wall_ns, one.number), default=None)


def change_per_day(pre: CalibrationRecord, post: CalibrationRecord) -> tuple[float, float]:
    """Return the change of the slope, whole and a day, as parts of the slope before."""
    before, after = _slope(pre), _slope(post)
    whole = after.value / before.value - 1.0
    return whole, whole / ((post.measured_wall_ns - pre.measured_wall_ns) / NS_PER_DAY)


def slope_at(pre: CalibrationRecord, post: CalibrationRecord, wall_ns: int) -> Estimate:
    """Return the slope at a time between two calibrations, A/µM; its interval goes from that of one to the other.

    Raises ValueError for records of different sites, for one simulated and one not, and for times outside.
    """
    if (pre.probe, pre.site, pre.simulated) != (post.probe, post.site, post.simulated):
        raise ValueError("these are calibrations of two different sites, or one of them is simulated")
    if not pre.measured_wall_ns <= wall_ns <= post.measured_wall_ns or pre.measured_wall_ns == post.measured_wall_ns:
        raise ValueError("this time does not lie between the two calibrations")
    part = (wall_ns - pre.measured_wall_ns) / (post.measured_wall_ns - pre.measured_wall_ns)
    a, b = _slope(pre), _slope(post)
    return Estimate(
        a.value + part * (b.value - a.value), a.low + part * (b.low - a.low), a.high + part * (b.high - a.high)
    )


def _slope(record: CalibrationRecord) -> Estimate:
    slope = record.slope_a_per_um
    return Estimate(slope.value or 0.0, slope.low or 0.0, slope.high or 0.0)
