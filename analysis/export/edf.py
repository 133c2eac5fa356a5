"""A recording as EDF+ for programs of the EEG world: channels on one clock, marks as annotations.

Knows what EDF can and cannot hold. It has one rate per channel and no missing samples: time is laid on an even grid,
and what is missing stands at the lowest value of its channel, with an annotation that says so. It has 16 bits: a
channel's range is cut into 65,535 steps. EDF is a copy to look at beside EEG or video: the truth is the recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import edfio
import numpy as np
from edfio import Edf, EdfAnnotation, EdfSignal, Patient
from numpy.typing import NDArray

from analysis.review import Channel, Recording

PA_PER_A = 1e12
LEVELS = 65_535
MARKED = ("mark", "note", "alarm", "gap", "step")
LONGEST_TEXT = 200
SHORTEST_RANGE_PA = 1.0


def export_edf(recording: Recording, path: Path) -> list[Path]:
    """Write ``path``, which must not exist. Raises OSError, ValueError for a recording without samples."""
    channels = [channel for channel in recording.channels.values() if len(channel.t_s)]
    if not channels:
        raise ValueError("there are no samples in this recording; EDF cannot hold that")
    length_s = max(float(channel.t_s[-1]) for channel in channels) + max(c.interval_s for c in channels)
    seconds = int(np.ceil(length_s))
    made = [_signal(channel, seconds) for channel in channels]
    started = datetime.fromtimestamp(recording.data.header.started_wall_ns / 1e9, UTC)
    subject = recording.data.header.plan["subject"]
    edf = Edf(
        [signal for signal, _gaps in made],
        patient=Patient(code=_ascii(str(subject["subject_id"])), sex=_sex(str(subject["sex"]))),
        recording=edfio.Recording(
            startdate=started.date(),
            equipment_code="_".join(recording.data.header.mark.split()) or "amperfuse",
        ),
        starttime=started.time().replace(microsecond=0),
        data_record_duration=1,
        annotations=[*_annotations(recording), *(gap for _signal, gaps in made for gap in gaps)],
    )
    with path.open("xb") as file:
        edf.write(file)
    return [path]


def _signal(channel: Channel, seconds: int) -> tuple[EdfSignal, list[EdfAnnotation]]:
    per_second = max(1, round(1.0 / channel.interval_s))
    grid: NDArray[np.float64] = np.full(seconds * per_second, np.nan)
    at = np.clip(np.round(channel.t_s * per_second).astype(np.int64), 0, len(grid) - 1)
    grid[at] = channel.current_a * PA_PER_A
    there = np.isfinite(grid)
    low, high = (float(one) for one in (np.min(grid[there]), np.max(grid[there]))) if there.any() else (0.0, 0.0)
    if high - low < SHORTEST_RANGE_PA:
        high = low + SHORTEST_RANGE_PA
    low -= 2.0 * (high - low) / LEVELS  # the lowest value is for what is missing: no sample stands on it
    missing = [
        EdfAnnotation(first / per_second, (last - first) / per_second, f"no samples: {_ascii(channel.name)}")
        for first, last in _stretches(~there)
    ]
    signal = EdfSignal(
        np.where(there, grid, low),
        float(per_second),
        label=_ascii(channel.name)[:16],
        transducer_type=_ascii(f"{channel.role} electrode"),
        physical_dimension="pA",
        physical_range=(_seven(low, up=False), _seven(high, up=True)),
    )
    return signal, missing


def _seven(value: float, *, up: bool) -> float:
    """Return the value rounded outwards so that it fits the eight characters of a range in EDF."""
    for digits in range(6, -1, -1):
        step = 10.0**-digits
        rounded = (np.ceil if up else np.floor)(value / step) * step
        if len(f"{rounded:.{digits}f}") <= 8:
            return float(f"{rounded:.{digits}f}")
    raise ValueError(f"a current of {value:g} pA does not fit the eight characters that EDF has for a range")


def _stretches(which: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Return (first, one past the last) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], which, [False])).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _annotations(recording: Recording) -> Iterator[EdfAnnotation]:
    if recording.simulated:
        yield EdfAnnotation(0.0, None, "SIMULATED: nothing in this file was measured")
    for one in recording.happenings:
        if one.kind in MARKED and one.t_s >= 0:
            yield EdfAnnotation(one.t_s, None, _line(f"{one.kind}: {one.text}"))
    for added in recording.annotations:
        yield EdfAnnotation(max(added.start_s, 0.0), added.end_s - added.start_s, _line(f"{added.by}: {added.text}"))


def _line(text: str) -> str:
    """Return text without control characters, which EDF+ uses as separators."""
    return "".join(c if c.isprintable() else " " for c in text)[:LONGEST_TEXT]


def _ascii(text: str) -> str:
    """Return text as EDF headers take it: printable ASCII, µ as u."""
    return "".join(c if c.isascii() and c.isprintable() else "_" for c in text.replace("µ", "u")) or "_"


def _sex(said: str) -> Literal["F", "M", "X"]:
    return "F" if said == "F" else "M" if said == "M" else "X"
