"""What the histories of probes say now: the calibration that a channel may use, by the wall clock of this computer.

Knows books and the clock. Does not know plans. A history that cannot be trusted gives no slope; it stops no recording.
"""

from __future__ import annotations

from datetime import UTC, datetime

from acquisition.books import probes
from acquisition.books.chain import BookBroken
from acquisition.experiment.probe_use import ProbeSlope
from drivers.clock import NS_PER_S, SystemClock

DAY_S = 86_400.0
NO_EXPIRY_D = 36_500.0
"""A simulated calibration is dated by a virtual clock; it only ever counts in simulated runs."""


def slope_of(probe: str, site: str, simulated: bool) -> ProbeSlope | str:
    """Return slope and gain of a site's newest calibration if it holds now, else why there are none."""
    try:
        filed = probes.newest(probe, site, simulated_run=simulated)
    except BookBroken as error:
        return f"its history cannot be trusted: {error}"
    record = filed.record if filed is not None else None
    fault = probes.why_invalid(record, SystemClock().wall_ns())
    if fault or filed is None or record is None or record.slope_a_per_um.value is None:
        return fault or "no calibration is filed"
    day = datetime.fromtimestamp(record.measured_wall_ns / NS_PER_S, UTC).astimezone().date()
    return ProbeSlope(
        slope_a_per_um=record.slope_a_per_um.value,
        calibrated_on=day.isoformat(),
        holds_d=NO_EXPIRY_D if record.simulated else record.valid_for_s / DAY_S,
        slope_low_a_per_um=record.slope_a_per_um.low,
        slope_high_a_per_um=record.slope_a_per_um.high,
        sentinel_gain=record.sentinel_gain,
        sentinel=record.sentinel,
        calibration=filed.model_dump_json(),
    )
