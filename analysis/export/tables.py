"""A recording as CSV tables: one per instrument, pump and kind of list, with units in the heads and safe cells.

Knows which columns people look for. Does not know quoting or formulas (``acquisition.safe_csv``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from acquisition.safe_csv import Cell, csv_text
from acquisition.signal.concentration import apparent_um
from acquisition.signal.self_reference import self_referenced
from analysis.pairs import pairs
from analysis.review import PA_PER_A, Channel, Infusion, Recording

Rows = Iterator[Sequence[Cell]]
NA_PER_A = 1e9


def export_csv(recording: Recording, folder: Path) -> list[Path]:
    """Write the tables into ``folder``, which must not exist, and return them. Raises OSError."""
    folder.mkdir(parents=True)
    tables = {f"samples-{name}.csv": _samples(recording, name) for name in recording.data.streams}
    tables |= {f"infusion-{name}.csv": _infusion(one) for name, one in recording.infusions.items()}
    tables |= {
        "events.csv": _events(recording),
        "steps.csv": _steps(recording),
        "annotations.csv": _annotations(recording),
        "about.csv": _about(recording),
    }
    written = []
    for name, rows in tables.items():
        path = folder / re.sub(r"[^\w.-]", "_", name)
        _write(path, rows)
        written.append(path)
    return written


def _write(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    with path.open("x", encoding="utf-8-sig", newline="") as file:  # the mark tells spreadsheets that µ is µ
        batch: list[Sequence[Cell]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == 10_000:
                file.write(csv_text(batch))
                batch.clear()
        file.write(csv_text(batch))


def _samples(recording: Recording, instrument: str) -> Rows:
    stream = recording.data.streams[instrument]
    channels = [recording.channels[f"{instrument}.{name}"] for name in stream.spec.channels]
    if not channels:
        yield ["time_s", "sample_index", "measurement"]
        return
    columns: dict[str, list[float]] = {
        "time_s": channels[0].t_s.tolist(), "sample_index": stream.index.tolist(), "measurement": stream.epoch.tolist(),
        **{f"{_short(c)}_nA": (c.current_a * NA_PER_A).tolist() for c in channels},
        **{f"{_short(c)}_flags": c.flags.tolist() for c in channels},
    }  # fmt: skip
    for channel in channels:
        if channel.sensitivity_a_per_um:
            columns[f"{_short(channel)}_apparent_uM"] = channel.glutamate_um("recorded").tolist()
            if not isinstance(channel.correction, str):
                columns[f"{_short(channel)}_apparent_drift_corrected_uM"] = channel.glutamate_um("corrected").tolist()
    for active, sentinel in pairs(recording):
        if active in channels:
            left_a = self_referenced(active.current_a, sentinel.current_a, active.calibration.gain(sentinel.name))
            name = f"{_short(active)}_minus_{_short(sentinel)}"
            columns[f"{name}_nA"] = (left_a * NA_PER_A).tolist()
            if active.sensitivity_a_per_um:
                columns[f"{name}_uM"] = apparent_um(left_a, active.slope_a_per_um()).tolist()
    yield list(columns)
    yield from ([_number(value) for value in row] for row in zip(*columns.values(), strict=True))


def _short(channel: Channel) -> str:
    return channel.name.split(".", 1)[1]


def _number(value: float) -> float | None:
    """Return the value; an empty cell for what is not a number."""
    return value if value == value else None  # noqa: PLR0124 - NaN is the one value that is not itself


def _infusion(one: Infusion) -> Rows:
    names = [field.name for field in fields(Infusion) if field.name.endswith(("_ul", "_ul_per_min"))]
    yield ["time_s", *(name.replace("_ul", "_uL") for name in names)]
    yield from zip(*(getattr(one, name).tolist() for name in ("t_s", *names)), strict=True)


def _events(recording: Recording) -> Rows:
    yield ["time_s", "kind", "source", "text", "data_json"]
    for one in recording.happenings:
        yield [one.t_s, one.kind, one.source, one.text, json.dumps(dict(one.data), sort_keys=True)]


def _steps(recording: Recording) -> Rows:
    yield ["step", "kind", "label", "start_s", "end_s", "state"]
    for step in recording.steps:
        yield [step.number, step.kind, step.label, step.start_s, step.end_s, step.state]


def _annotations(recording: Recording) -> Rows:
    yield ["number", "start_s", "end_s", "channel", "blank", "withdraws", "by", "text"]
    for one in recording.annotations:
        yield [one.number, one.start_s, one.end_s, one.channel, str(one.blank), one.withdraws, one.by, one.text]


def _about(recording: Recording) -> Rows:
    header = recording.data.header
    yield ["what", "value"]
    yield ["status", recording.status]
    yield ["session", header.session_id]
    yield ["problem", recording.problem or "none: closed and undamaged"]
    yield ["software", header.software]
    yield ["started_utc_ns", header.started_wall_ns]
    yield from ((f"subject_{key}", value) for key, value in header.plan["subject"].items())
    for pump in header.plan["pumps"]:
        yield [f"pump_{pump['name']}", json.dumps(pump, sort_keys=True)]
    for channel in recording.channels.values():
        slope, known = channel.sensitivity_a_per_um, channel.calibration
        yield [f"sensitivity_{channel.name}_pA_per_uM", slope * PA_PER_A if slope else "not calibrated: stays in nA"]
        if channel.role != "glutamate" or not slope:
            continue
        for end, value in (("low", known.slope_low_a_per_um), ("high", known.slope_high_a_per_um)):
            said = "not known: a bare number in the rig" if value is None else value * PA_PER_A
            yield [f"sensitivity_{channel.name}_{end}_pA_per_uM", said]
        yield [f"sentinel_gain_{channel.name}", known.gain_text(known.sentinel)]
        yield [f"slope_{channel.name}_of_differences_in_uM", channel.slope_text()]
        if isinstance(channel.correction, str):
            yield [f"drift_correction_{channel.name}", f"none: {channel.correction}"]
        if known.filed is not None:
            yield [f"calibration_{channel.name}", known.filed.record.model_dump_json()]
