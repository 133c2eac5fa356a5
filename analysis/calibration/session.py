"""From a recorded session to calibrations: its protocol says what was pipetted, its marks say when.

Knows where a session keeps both. Does not know arithmetic (``fit``) or books. The protocol beside the recording must be
the one that was run, by its hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acquisition.experiment.beaker import Beaker
from acquisition.experiment.protocol import load_protocol
from analysis.calibration.dilution import Addition
from analysis.calibration.fit import Result, fit_calibration
from analysis.pairs import sentinel_of
from analysis.review import Channel, Recording, open_recording

Floats = NDArray[np.float64]
UNUSABLE = 2 | 16
"""Overload, not a number: such a sample is no level. Underload only says that the range is coarse for it."""


@dataclass(frozen=True)
class Calibrated:
    """One glutamate channel of a calibration session."""

    channel: Channel
    sentinel: Channel | None
    potential_v: float
    result: Result


@dataclass(frozen=True)
class CalibrationSession:
    """A recorded calibration, fitted."""

    recording: Recording
    beaker: Beaker
    protocol_sha256: str
    additions: tuple[tuple[float, Addition], ...]
    """Those that were marked, with their times, s since the session began."""
    measured_wall_ns: int
    """Of the first addition."""
    not_done: int
    """Additions of the protocol that were never marked."""
    channels: tuple[Calibrated, ...]


def fit_session(path: Path, windows: Mapping[int, tuple[float, float]] | None = None) -> CalibrationSession:
    """Fit every glutamate channel of a calibration session; ``windows`` (start, end) s by plateau.

    Raises ValueError with what is missing, RefusedInput for a protocol that cannot be read.
    """
    recording = open_recording(path)
    if recording.problem:
        raise ValueError(f"the recording is not whole: {recording.problem}")
    protocol = load_protocol(path / "protocol.toml")
    if protocol.source.sha256 != recording.plan["protocol_sha256"]:
        raise ValueError("the protocol.toml beside the recording is not the one that was run")
    if protocol.beaker is None:
        raise ValueError("its protocol has no [calibration]: this is a recording, but not of a calibration")
    marked = {event.data.get("step"): event.t_s for event in recording.marks if event.data.get("by") == "plan"}
    planned = [(step, Addition(a.analyte, a.volume, a.stock)) for step, a in protocol.beaker.additions]
    additions = tuple((marked[step], one) for step, one in planned if step in marked)
    if not additions:
        raise ValueError("no addition was marked: the session ended before the first one")
    if any(number not in range(len(additions) + 1) for number in windows or {}):
        raise ValueError(f"plateaus are numbered 0 (baseline) to {len(additions)}")
    found = [_fit(recording, channel, protocol.beaker, additions, windows) for channel in _glutamate(recording)]
    if not found:
        raise ValueError('no channel of this session has the role "glutamate"')
    started = recording.data.header.started_wall_ns
    return CalibrationSession(
        recording=recording,
        beaker=protocol.beaker,
        protocol_sha256=protocol.source.sha256,
        additions=additions,
        measured_wall_ns=started + round(additions[0][0] * 1e9),
        not_done=len(planned) - len(additions),
        channels=tuple(found),
    )


def currents(channel: Channel) -> Floats:
    """Return the current of a channel with every sample that is no measurement as NaN, A."""
    return np.where(channel.flags & UNUSABLE, np.nan, channel.current_a)


def _glutamate(recording: Recording) -> list[Channel]:
    return [channel for channel in recording.channels.values() if channel.role == "glutamate"]


def _fit(
    recording: Recording,
    channel: Channel,
    beaker: Beaker,
    additions: tuple[tuple[float, Addition], ...],
    windows: Mapping[int, tuple[float, float]] | None,
) -> Calibrated:
    instrument = channel.name.split(".", 1)[0]
    sentinel = sentinel_of(recording, channel)
    other = None if sentinel is None else currents(sentinel)
    try:
        result = fit_calibration(channel.t_s, currents(channel), other, beaker.beaker_ul, additions, windows=windows)
    except ValueError as error:
        raise ValueError(f"{channel.name}: {error}") from error
    spec = recording.data.streams[instrument].spec
    return Calibrated(channel, sentinel, spec.potential_v, result)
