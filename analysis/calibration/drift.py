"""What a probe lost between the calibration before and the one after, and its slope at a time in between.

Knows two records of one site. The way between them is taken for a straight line [A]: enzyme is lost fastest in the
first hours (science.md 4.2 [U]), which two points cannot show. Both ends stand beside it.
"""

from __future__ import annotations

from acquisition.books.probes import NS_PER_DAY, CalibrationRecord
from analysis.calibration.regression import Estimate


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
