"""A recording as NWB with what can be derived from it: the finished session.nwb, copied, and a processing module added.

Knows which derived series a reader expects beside the raw ones: apparent µM, and glutamate site minus sentinel. Does
not touch ``session.nwb`` itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from math import nan
from pathlib import Path

from hdmf.common import DynamicTable
from pynwb import NWBHDF5IO, NWBFile, ProcessingModule, TimeSeries
from pynwb.epoch import TimeIntervals

from acquisition.recording.manifest import NWB_NAME, is_done
from acquisition.recording.nwb import dataset_name
from acquisition.signal.concentration import apparent_um
from acquisition.signal.self_reference import self_referenced
from analysis.pairs import pairs
from analysis.review import Channel, Recording

MODULE = "amperometry"
M_PER_UM = 1e-6


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
            _add_calibrations(recording, module)
        _add_annotations(recording, nwbfile)
        io.write(nwbfile)


def _derived(recording: Recording) -> Iterator[TimeSeries]:
    mark = recording.data.header.mark
    for channel in recording.channels.values():
        if channel.sensitivity_a_per_um and len(channel.t_s):
            yield _series(
                f"{channel.name}_apparent_um",
                channel,
                channel.glutamate_um("recorded") * M_PER_UM,
                "M",
                f"{mark}raw current / slope as recorded: {channel.slope_text('recorded')}; no "
                "baseline subtracted: the concentration that would explain the whole current",
            )
            if not isinstance(channel.correction, str):
                yield _series(
                    f"{channel.name}_apparent_um_drift_corrected",
                    channel,
                    channel.glutamate_um("corrected") * M_PER_UM,
                    "M",
                    f"{mark}raw current / slope at each time: {channel.slope_text('corrected')}; no "
                    "baseline subtracted",
                )
    for active, sentinel in pairs(recording):
        left_a = self_referenced(active.current_a, sentinel.current_a, active.calibration.gain(sentinel.name))
        name = f"{active.name}_minus_{sentinel.name.split('.', 1)[1]}"
        gain, told = active.calibration.gain(sentinel.name), active.calibration.gain_text(sentinel.name)
        text = f"{mark}{active.name} - {gain:.6g} * {sentinel.name}: {told}"
        yield _series(name, active, left_a, "A", text)
        if active.sensitivity_a_per_um:
            yield _series(
                f"{name}_um",
                active,
                apparent_um(left_a, active.slope_a_per_um()) * M_PER_UM,
                "M",
                f"{text}; over the slope {active.slope_text()}",
            )


def _add_calibrations(recording: Recording, module: ProcessingModule) -> None:
    """Add the calibrations that the session was recorded with, whole, as a table of one row per channel."""
    known = [one for one in recording.channels.values() if one.calibration.filed is not None]
    if not known:
        return
    table = DynamicTable(name="calibrations", description="of the probes, as they were filed before the session")
    heads = {
        "channel": "INSTRUMENT.CHANNEL",
        "calibration": "which one",
        "slope": "A per micromolar glutamate",
        "slope_low": "lower end of its 95 % interval",
        "slope_high": "upper end",
        "sentinel_gain": "what the sentinel is multiplied with before it is subtracted; NaN: not calibrated",
        "lod": "limit of detection, micromolar",
        "r2": "of the glutamate steps",
        "selectivity": "slope for glutamate over that for ascorbate; NaN: not measured or open",
        "record_json": "everything that was filed, additions, plateaus and gates too",
    }
    for head, text in heads.items():
        table.add_column(head, text)
    for one in known:
        assert one.calibration.filed is not None  # noqa: S101 - narrows a type; chosen above
        record = one.calibration.filed.record
        selectivity = record.selectivity.value if record.selectivity is not None else None
        table.add_row(
            channel=one.name, calibration=one.calibration.name, slope=_or_nan(record.slope_a_per_um.value),
            slope_low=_or_nan(record.slope_a_per_um.low), slope_high=_or_nan(record.slope_a_per_um.high),
            sentinel_gain=_or_nan(one.calibration.sentinel_gain), lod=_or_nan(record.lod_um), r2=_or_nan(record.r2),
            selectivity=_or_nan(selectivity), record_json=record.model_dump_json(),
        )  # fmt: skip
    module.add(table)


def _or_nan(value: float | None) -> float:
    return nan if value is None else value


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
