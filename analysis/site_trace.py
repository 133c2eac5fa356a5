"""The trace of one site as it is measured: sentinel off where there is one, in µM where it is calibrated.

Knows which samples are no measurement, which stretches a person blanked, and by which calibrations the same current
becomes micromolars. Does not know stimuli or windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from acquisition.books.annotations import blanks
from acquisition.signal.concentration import apparent_um
from acquisition.signal.self_reference import Match, match, self_referenced
from analysis.channel_calibration import RAW_GAIN
from analysis.evoked import NO_VALUE, difference_um
from analysis.measuring import NO_SENTINEL, Measuring
from analysis.pairs import beside_of, pairs, sentinel_of
from analysis.responses.windows import blanked
from analysis.review import Channel, Recording, SlopeChoice

Array = NDArray[np.float64]
Trace = tuple[Array, Array]
"""Time since the session's start, s, and values, shape (n,) each."""
NA_PER_A = 1e9
AS_CALIBRATED = "as calibrated"


@dataclass(frozen=True)
class Site:
    """One site and what is taken off it."""

    channel: Channel
    sentinel: Channel | None

    @property
    def unit(self) -> Literal["µM", "nA"]:
        """Return the unit of its trace: a site without a sensitivity stays in nA."""
        return "µM" if self.channel.sensitivity_a_per_um is not None else "nA"

    def match(self) -> Match | None:
        """Return how well the sentinel matches over the whole session, at the gain that is used; None without one."""
        if self.sentinel is None:
            return None
        every = max(1, round(10.0 / self.channel.interval_s))
        return match(self.channel.current_a, self.sentinel.current_a, self.gain, every=every)

    @property
    def gain(self) -> float:
        """Return what the sentinel is multiplied with: the calibrated gain, if it is of this one, else 1."""
        return RAW_GAIN if self.sentinel is None else self.channel.calibration.gain(self.sentinel.name)


def sites(recording: Recording, measuring: Measuring) -> list[Site]:
    """Return the sites that are to be measured. Raises ValueError for one that is not there."""
    if not measuring.channel:
        return [Site(active, beside) for active, beside in pairs(recording)]
    if measuring.channel not in recording.channels:
        there = ", ".join(recording.channels)
        raise ValueError(f'the recording has no channel "{measuring.channel}"; it has {there}')
    channel = recording.channels[measuring.channel]
    beside = {other.name: other for other in beside_of(recording, channel)}
    if measuring.sentinel == NO_SENTINEL:
        return [Site(channel, None)]
    if measuring.sentinel:
        if measuring.sentinel not in beside:
            raise ValueError(
                f'"{measuring.sentinel}" is not sampled together with "{channel.name}"; '
                f"there {'is' if len(beside) == 1 else 'are'}: {', '.join(beside) or 'no other channel'}"
            )
        return [Site(channel, beside[measuring.sentinel])]
    own = sentinel_of(recording, channel)
    if own is None:
        count = sum(other.role == "sentinel" for other in beside.values())
        raise ValueError(f'"{channel.name}" has {count} sentinels: name the one to subtract, or "none"')
    return [Site(channel, own)]


def site_traces(recording: Recording, site: Site) -> dict[str, Trace]:
    """Return what is measured, in the site's unit, by how it came to its numbers; the first is the one that counts.

    Overloaded samples are NaN, and so is what a person blanked. Raises ValueError when the two are not of one time.
    """
    if site.sentinel is None or site.unit == "nA":
        return {AS_CALIBRATED if site.unit == "µM" else "as measured": _without_ways(recording, site)}
    names = site.channel.name, site.sentinel.name
    return {said: difference_um(recording, *names, slope, gain) for said, (slope, gain) in _ways(site).items()}


def _without_ways(recording: Recording, site: Site) -> Trace:
    values_a = site.channel.current_a.copy()
    flags = site.channel.flags
    unmeasured = blanks(recording.annotations, site.channel.name)
    if site.sentinel is not None:
        values_a = self_referenced(values_a, site.sentinel.current_a, site.gain)
        flags = flags | site.sentinel.flags
        unmeasured = [*unmeasured, *blanks(recording.annotations, site.sentinel.name)]
    values_a[(flags & NO_VALUE) != 0] = np.nan
    values_a = blanked(site.channel.t_s, values_a, unmeasured)
    if site.unit == "nA":
        return site.channel.t_s, values_a * NA_PER_A
    return site.channel.t_s, apparent_um(values_a, site.channel.slope_a_per_um("best"))


def _ways(site: Site) -> dict[str, tuple[SlopeChoice, float]]:
    """Return the ways to micromolars, the one that counts first: (slope, gain) by how they are called."""
    ways: dict[str, tuple[SlopeChoice, float]] = {AS_CALIBRATED: ("best", site.gain)}
    if site.gain != RAW_GAIN:
        ways["gain 1"] = ("best", RAW_GAIN)
    if not isinstance(site.channel.correction, str):
        ways["slope of before"] = ("recorded", site.gain)
    return ways
