"""What a recording says about the calibration of a channel: slope with interval, sentinel gain, the record itself.

Knows where the plan in a recording keeps them, and that older recordings have none. Does not ask a probe's book: what a
recording rests on is what it was made with (``analysis.sensitivity`` looks for what was measured later).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from pydantic import ValidationError

from acquisition.books.probes import NS_PER_S, FiledCalibration

RAW_GAIN = 1.0


@dataclass(frozen=True)
class ChannelCalibration:
    """The calibration of one channel as the recording holds it; all None where the rig gave a bare number, or none."""

    slope_low_a_per_um: float | None = None
    """Lower end of the sensitivity's 95 % interval."""
    slope_high_a_per_um: float | None = None
    sentinel_gain: float | None = None
    """What the sentinel is multiplied with before it is subtracted."""
    filed: FiledCalibration | None = None
    """The whole record."""

    @property
    def name(self) -> str:
        """Return one line that tells this calibration from all others; empty without one."""
        if self.filed is None:
            return ""
        record = self.filed.record
        day = datetime.fromtimestamp(record.measured_wall_ns / NS_PER_S, UTC)
        mark = "SIMULATED " if record.simulated else ""
        return (
            f"{mark}calibration {self.filed.number} of {record.probe}, site {record.site}, {day:%Y-%m-%d} "
            f"(session {record.session}, fingerprint {record.session_fingerprint[:12]})"
        )

    @property
    def gain(self) -> float:
        """Return the gain that the sentinel is subtracted with: the calibrated one, else 1."""
        return RAW_GAIN if self.sentinel_gain is None else self.sentinel_gain

    @property
    def gain_text(self) -> str:
        """Say which gain that is and where it is from."""
        if self.sentinel_gain is None:
            return "gain 1, raw difference: no gain is calibrated"
        return f"gain {self.sentinel_gain:.4g}, {self.name or 'of a calibration that this recording does not hold'}"


def channel_calibration(plan: Mapping[str, Any], instrument: str, channel: str) -> ChannelCalibration:
    """Return what the plan of a recording says about a channel. A record of a newer version is left out."""
    setups = (pot for pot in plan.get("potentiostats") or () if pot.get("name") == instrument)
    setup: Mapping[str, Any] = next((c for pot in setups for c in pot["channels"] if c.get("name") == channel), {})
    gain = _number(setup.get("sentinel_gain"))
    return ChannelCalibration(
        slope_low_a_per_um=_number(setup.get("slope_low_a_per_um")),
        slope_high_a_per_um=_number(setup.get("slope_high_a_per_um")),
        sentinel_gain=gain if gain is not None and gain > 0.0 else None,
        filed=_filed(setup.get("calibration")),
    )


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
