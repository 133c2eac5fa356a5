"""What a channel has whose rig names a probe: slope and sentinel gain of its valid calibration, or none and why.

Knows how a probe's calibration gets into a plan. Does not know books: it is told (``acquisition.service.assembly``).
Without a valid one a channel stays in amperes, and the plan says so before the start and in the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from acquisition.experiment.setups import Findings
from acquisition.plan import ChannelSetup, PotentiostatSetup


@dataclass(frozen=True)
class ProbeSlope:
    """What a probe's valid calibration says about one site."""

    slope_a_per_um: float
    calibrated_on: str
    """Local day, ISO."""
    holds_d: float
    slope_low_a_per_um: float | None = None
    """Ends of the slope's 95 % interval."""
    slope_high_a_per_um: float | None = None
    sentinel_gain: float | None = None
    """Active over sentinel; None where the calibration had no sentinel or no peroxide, or leaves its sign open."""
    sentinel: str = ""
    """Name that the sentinel of that gain had; empty where the record does not say."""
    calibration: str = ""
    """The calibration as it is filed, JSON."""


SlopeOf = Callable[[str, str, bool], ProbeSlope | str]
"""Tells the slope of a site (probe, site, simulated run), or why there is none that holds."""


def no_books(_probe: str, _site: str, _simulated: bool) -> ProbeSlope | str:
    """Know nothing of any probe."""
    return "the histories of probes were not asked"


def with_probes(
    setups: tuple[PotentiostatSetup, ...], slope_of: SlopeOf, found: Findings, *, simulated: bool
) -> tuple[PotentiostatSetup, ...]:
    """Return the potentiostats with the slopes of the probes that their channels name; what is missing is warned of."""
    return tuple(
        replace(setup, channels=tuple(_channel(setup, one, slope_of, found, simulated) for one in setup.channels))
        for setup in setups
    )


def _channel(
    setup: PotentiostatSetup,
    channel: ChannelSetup,
    slope_of: SlopeOf,
    found: Findings,
    simulated: bool,
) -> ChannelSetup:
    if not channel.probe or channel.role == "sentinel":  # a sentinel has no slope for glutamate
        return channel
    slope = slope_of(channel.probe, channel.site, simulated)
    if isinstance(slope, str):
        found.warn(f"channel {setup.name}.{channel.name} stays in nA: probe {channel.probe}, {slope}")
        return replace(channel, stays_in_amperes=f"probe {channel.probe}: {slope}")
    return replace(
        channel,
        sensitivity_a_per_um=slope.slope_a_per_um,
        calibrated_on=slope.calibrated_on,
        calibration_max_age_d=min(channel.calibration_max_age_d, slope.holds_d),
        slope_low_a_per_um=slope.slope_low_a_per_um,
        slope_high_a_per_um=slope.slope_high_a_per_um,
        sentinel_gain=_gain(setup, channel, slope, found),
        calibration=slope.calibration,
    )


def _gain(setup: PotentiostatSetup, channel: ChannelSetup, slope: ProbeSlope, found: Findings) -> float | None:
    """Return the gain, if it is that of the sentinel which will be subtracted."""
    if slope.sentinel_gain is None:
        return None
    beside = next((other for other in setup.channels if other.name == channel.sentinel), None)
    if beside is None:
        return None
    if slope.sentinel in ("", beside.name, beside.site):
        return slope.sentinel_gain
    found.warn(
        f"channel {setup.name}.{channel.name}: the gain of probe {channel.probe} was measured against the sentinel "
        f'"{slope.sentinel}", not "{beside.name}"; the raw difference is used. If it is the same site, write '
        f'probe = "{channel.probe}" and site = "{slope.sentinel}" at channel {beside.name}'
    )
    return None
