"""A recording as NWB with what can be derived from it: the finished session.nwb, copied, and a processing module added.

Knows which derived series a reader expects beside the raw ones: apparent µM, and glutamate site minus sentinel. Does
not touch ``session.nwb`` itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.epoch import TimeIntervals

from acquisition.recording.manifest import NWB_NAME, is_done
from acquisition.recording.nwb import dataset_name
from acquisition.signal.self_reference import self_referenced
from analysis.review import Channel, Recording

MODULE = "amperometry"


def export_nwb(recording: Recording, path: Path) -> list[Path]:
    """Write ``path``, which must not exist. Raises OSError, ValueError for a session that is not closed."""
    if recording.problem or not is_done(recording.path):
        raise ValueError(recording.problem or f"{NWB_NAME} is not finished; run 'amperfuse recover' on the session")
    with (recording.path / NWB_NAME).open("rb") as source, path.open("xb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    try:
        _extend(recording, path)
    except BaseException:
        path.unlink()
        raise
    return [path]


def _extend(recording: Recording, path: Path) -> None:
    with NWBHDF5IO(str(path), mode="a") as io:
        nwbfile = io.read()
        series = list(_derived(recording))
        if series:
            text = "derived from the raw current in /acquisition; says of each series how"
            module = nwbfile.create_processing_module(MODULE, text)
            for one in series:
                module.add(one)
        _add_annotations(recording, nwbfile)
        io.write(nwbfile)


def _derived(recording: Recording) -> Iterator[TimeSeries]:
    mark = recording.data.header.mark
    for channel in recording.channels.values():
        if channel.sensitivity_a_per_um and len(channel.t_s):
            yield _series(
                f"{channel.name}_apparent_um",
                channel,
                channel.glutamate_um() * 1e-6,
                "M",
                f"{mark}raw current / {channel.sensitivity_a_per_um * 1e12:g} pA/uM (slope in the rig as run); no "
                "baseline subtracted: the concentration that would explain the whole current",
            )
    for active, sentinel in pairs(recording):
        yield _series(
            f"{active.name}_minus_{sentinel.name.split('.', 1)[1]}",
            active,
            self_referenced(active.current_a, sentinel.current_a),
            "A",
            f"{mark}{active.name} - 1 * {sentinel.name}: raw difference, gain 1",
        )


def pairs(recording: Recording) -> list[tuple[Channel, Channel]]:
    """Return each glutamate site with the sentinel of its instrument, where there is exactly one."""
    found = []
    for active in recording.channels.values():
        beside = [
            other
            for other in recording.channels.values()
            if other.role == "sentinel" and other.name.split(".", 1)[0] == active.name.split(".", 1)[0]
        ]
        if active.role == "glutamate" and len(beside) == 1 and len(active.t_s):
            found.append((active, beside[0]))
    return found


def _series(name: str, channel: Channel, values: object, unit: str, text: str) -> TimeSeries:
    return TimeSeries(
        name=dataset_name(name.replace(".", "_")), data=values, unit=unit, timestamps=channel.t_s,
        description=text,
    )  # fmt: skip


def _add_annotations(recording: Recording, nwbfile: NWBFile) -> None:
    if not recording.annotations:
        return
    table = TimeIntervals(name="annotations", description="added by people after the recording; none is ever removed")
    for name, text in (
        ("number", "counts from 1"),
        ("channel", "INSTRUMENT.CHANNEL; 'all' for all"),
        ("blank", "not looked at by whoever measures"),
        ("withdraws", "number of the annotation that no longer holds; 0 for none"),
        ("by", "who"),
        ("text", "what"),
    ):
        table.add_column(name, text)
    for one in recording.annotations:
        table.add_row(
            start_time=one.start_s, stop_time=one.end_s, number=one.number, channel=one.channel or "all",
            blank=one.blank, withdraws=one.withdraws or 0, by=one.by, text=one.text,
        )  # fmt: skip
    nwbfile.add_time_intervals(table)
