"""What turns a channel's current into micromolars: slope with interval, sentinel gain, and the records behind them.

Knows where the plan in a recording keeps what it was made with (older ones have less), and that a probe's book may hold
a calibration after it, which tells what the slope was at each time of the session. Does not know how a slope is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isclose, isfinite
from typing import Any

from pydantic import ValidationError

from acquisition.books.chain import BookBroken
from acquisition.books.probes import NS_PER_S, FiledCalibration, history
from analysis.calibration.drift import Correction, correction, latest_before

RAW_GAIN = 1.0


@dataclass(frozen=True)
class ChannelCalibration:
    """The calibration of one channel as the recording holds it; None where the rig gave a bare number, or nothing."""

    probe: str = ""
    site: str = ""
    calibrated_on: str = ""
    """ISO date; empty where nobody has said."""
    stays_in_amperes: str = ""
    """Why the probe's history gave no slope."""
    slope_low_a_per_um: float | None = None
    """Lower end of the sensitivity's 95 % interval."""
    slope_high_a_per_um: float | None = None
    sentinel: str = ""
    """Channel of the same instrument that the plan takes off this one; empty in older recordings."""
    sentinel_gain: float | None = None
    """What the sentinel is multiplied with before it is subtracted."""
    filed: FiledCalibration | None = None
    """The whole record."""

    @property
    def name(self) -> str:
        """Return one line that tells this calibration from all others; empty without one."""
        return "" if self.filed is None else calibration_name(self.filed)

    def gain(self, sentinel: str) -> float:
        """Return what a sentinel is multiplied with: the calibrated gain, if it is its own, else 1."""
        return self.sentinel_gain if self.sentinel_gain is not None and self._is_of(sentinel) else RAW_GAIN

    def gain_text(self, sentinel: str) -> str:
        """Say which gain that is and where it is from."""
        if self.sentinel_gain is None:
            return "gain 1, raw difference: no gain is calibrated"
        if not self._is_of(sentinel):
            return f"gain 1, raw difference: the calibrated gain is of {self.sentinel}"
        return f"gain {self.sentinel_gain:.4g}, {self.name or 'of a calibration that this recording does not hold'}"

    def _is_of(self, sentinel: str) -> bool:
        return sentinel.split(".", 1)[-1] == self.sentinel


def calibration_name(filed: FiledCalibration) -> str:
    """Return one line that tells a calibration from all others."""
    record = filed.record
    day = datetime.fromtimestamp(record.measured_wall_ns / NS_PER_S, UTC)
    mark = "SIMULATED " if record.simulated else ""
    return (
        f"{mark}calibration {filed.number} of {record.probe}, site {record.site}, {day:%Y-%m-%d} "
        f"(session {record.session}, fingerprint {record.session_fingerprint[:12]})"
    )


def channel_calibration(plan: Mapping[str, Any], instrument: str, channel: str) -> ChannelCalibration:
    """Return what the plan of a recording says about a channel. A record of a newer version is left out."""
    setups = (pot for pot in plan.get("potentiostats") or () if pot.get("name") == instrument)
    setup: Mapping[str, Any] = next((c for pot in setups for c in pot["channels"] if c.get("name") == channel), {})
    gain = _number(setup.get("sentinel_gain"))
    return ChannelCalibration(
        probe=str(setup.get("probe") or ""),
        site=str(setup.get("site") or ""),
        calibrated_on=str(setup.get("calibrated_on") or ""),
        stays_in_amperes=str(setup.get("stays_in_amperes") or ""),
        slope_low_a_per_um=_number(setup.get("slope_low_a_per_um")),
        slope_high_a_per_um=_number(setup.get("slope_high_a_per_um")),
        sentinel=str(setup.get("sentinel") or ""),
        sentinel_gain=gain if gain is not None and gain > 0.0 else None,
        filed=_filed(setup.get("calibration")),
    )


def later_correction(
    known: ChannelCalibration, slope_a_per_um: float | None, start_ns: int, end_ns: int, *, simulated: bool
) -> Correction | str:
    """Return what the probe's book on this computer says about the slope during a session, or why it says nothing.

    ``start_ns`` and ``end_ns`` are of the wall clock. The calibration before is the one that was recorded with; a
    recording from before records were kept in it must have the slope that the book has.
    """
    if not known.probe or slope_a_per_um is None:
        return "no probe's calibration gives its slope"
    kind = simulated if known.filed is None else known.filed.record.simulated
    try:
        filed = history(known.probe, simulated=kind)
    except BookBroken as error:
        return f"the history of {known.probe} cannot be trusted: {error}"
    if why := _withdrawn(known, filed):
        return f"the calibration that it was recorded with was withdrawn by {why}"
    pre = known.filed or _of_that_slope(filed, known.site, start_ns, slope_a_per_um)
    if pre is None:
        return f"the history of {known.probe} on this computer has no calibration of the slope that was recorded"
    return correction(filed, pre, start_ns, end_ns)


def withdrawn(known: ChannelCalibration) -> str:
    """Return who withdrew the recorded calibration since, and why, by the history on this computer; empty if nobody."""
    if known.filed is None:
        return ""
    try:
        return _withdrawn(known, history(known.filed.record.probe, simulated=known.filed.record.simulated))
    except BookBroken:
        return ""  # a history that cannot be trusted says nothing; ``later_correction`` tells that


def _withdrawn(known: ChannelCalibration, filed: Sequence[FiledCalibration]) -> str:
    own = known.filed
    return next((o.withdrawn for o in filed if own and o.number == own.number and o.record == own.record), "")


def _of_that_slope(
    filed: Sequence[FiledCalibration], site: str, start_ns: int, slope_a_per_um: float
) -> FiledCalibration | None:
    found = latest_before(filed, site, start_ns)
    if found is None or not isclose(found.record.slope_a_per_um.value or 0.0, slope_a_per_um, rel_tol=1e-9):
        return None
    return found


def _number(value: object) -> float | None:
    """Return a finite number; files of others hold anything."""
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _filed(text: object) -> FiledCalibration | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return FiledCalibration.model_validate_json(text)
    except ValidationError:
        return None
