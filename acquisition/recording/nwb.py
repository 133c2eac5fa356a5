"""The shape of ``session.nwb``: which datasets there are, and the empty file that pynwb makes of a session header.

Alone knows NWB: types, units, where things go, and that text columns must be of fixed length while the file grows
(hdmf would make them variable, and those did not survive a kill: 89 of 1703 cuts unreadable [M]). Does not know the
journal, and does not append: that is ``live_file``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hdmf.backends.hdf5.h5_utils import H5DataIO
from hdmf.common import ElementIdentifiers, VectorData
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.device import Device
from pynwb.event import EventsTable, TimestampVectorData
from pynwb.file import Subject

from acquisition.events import EventKind
from acquisition.recording.records import SessionHeader, StreamSpec

LIBVER = ("v110", "v110")
"""[M] newer ones cannot be read by HDF5 tools of 1.10; older ones cannot be read while they grow."""
SPECIES = {"mouse": "Mus musculus", "rat": "Rattus norvegicus"}
TEXT_BYTES = {"source": 40, "annotation": 240, "data": 400}
"""Fixed lengths while the file grows; longer text ends in an ellipsis until the close widens its column."""
INFUSION_SERIES = {
    "commanded_ul_per_min": "infusion rate as ordered",
    "confirmed_ul_per_min": "infusion rate as the pump confirmed it",
    "at_animal_ul_per_min": "estimate: confirmed flow that has passed the dead volume of the line",
    "commanded_ul": "volume ordered since the session began",
    "confirmed_ul": "volume the pump confirmed since the session began",
    "uncertain_ul": "volume that may have been delivered beyond the confirmed one, at worst",
    "at_animal_ul": "estimate: volume that has reached the animal since the session began",
}
_EVENT_TEXT = {
    EventKind.SESSION: "opened, closed, interrupted, recovered",
    EventKind.INTENT: "what the engine was about to make a pump do; on disk before the command went out",
    EventKind.PUMP: "what a pump confirmed",
    EventKind.STEP: "steps of the protocol: started, finished, skipped, aborted",
    EventKind.MARK: "marks of the protocol or the operator",
    EventKind.NOTE: "free text of the operator",
    EventKind.ALARM: "alarms raised, cleared, acknowledged",
    EventKind.GAP: "samples that are missing",
    EventKind.CONNECTION: "instruments identified, lost, found again",
    EventKind.SETTING: "settings as read back from the instruments",
    EventKind.OPERATOR: "commands of a person",
    EventKind.WIRE: "raw bytes of pump exchanges",
    EventKind.SYSTEM: "recorder, archiver, clock, disk",
}


@dataclass(frozen=True)
class Table:
    """Datasets that grow together, by column; rows of all columns belong to each other."""

    key: tuple[str, str]
    """("samples", instrument), ("infusion", pump) or ("event", kind)."""
    columns: Mapping[str, str]
    """Column to path in the file."""
    chunk_rows: int


def dataset_name(*parts: str) -> str:
    """Return a name that HDF5 and NWB take: neither slashes nor colons nor control characters."""
    return re.sub(r"[/:\x00-\x1f\x7f]", "_", "_".join(parts))


def tables(header: SessionHeader) -> list[Table]:
    """Return every growing table of a session. The same header always gives the same names."""
    taken: set[str] = set()
    return [
        *(_samples_table(spec, taken) for spec in header.streams),
        *(_infusion_table(pump, taken) for pump in header.pumps),
        *(_event_table(kind) for kind in EventKind),
    ]


def _free_name(taken: set[str], *parts: str) -> str:
    """Return a name nobody has: a channel may be called "index", or "glu_flags" beside a channel "glu"."""
    plain = name = dataset_name(*parts)
    number = 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name


def _series_name(table: Table, column: str) -> str:
    return table.columns[column].split("/")[-2]


def _samples_table(spec: StreamSpec, taken: set[str]) -> Table:
    def path(*parts: str) -> str:
        return f"acquisition/{_free_name(taken, spec.instrument, *parts)}/data"

    columns = {name: path(name) for name in ("index", "epoch", "received")}
    columns["timestamps"] = columns["index"].removesuffix("data") + "timestamps"
    columns |= {f"current:{channel}": path(channel) for channel in spec.channels}
    columns |= {f"flags:{channel}": path(channel, "flags") for channel in spec.channels}
    # [M] four seconds of samples per chunk keep the write amplification of one flush per second low
    return Table(("samples", spec.instrument), columns, min(65_536, max(256, round(4 / max(spec.interval_s, 1e-4)))))


def _infusion_table(pump: str, taken: set[str]) -> Table:
    columns = {name: f"stimulus/presentation/{_free_name(taken, pump, name)}/data" for name in INFUSION_SERIES}
    first = next(iter(INFUSION_SERIES))
    columns["timestamps"] = columns[first].removesuffix("data") + "timestamps"
    return Table(("infusion", pump), columns, 256)


def _event_table(kind: EventKind) -> Table:
    names = ("id", "timestamp", "wall_ns", "journal_sequence", *TEXT_BYTES)
    return Table(("event", kind.value), {name: f"events/{kind.value}/{name}" for name in names}, 64)


def create_skeleton(path: Path, header: SessionHeader) -> None:
    """Write a valid NWB file with every table empty; ``path`` must not exist."""
    nwbfile = _nwbfile(header)
    for table in tables(header):
        {"samples": _add_samples, "infusion": _add_infusion, "event": _add_events}[table.key[0]](nwbfile, header, table)
    with h5py.File(path, "x", libver=LIBVER) as file, NWBHDF5IO(file=file, mode="w") as io:
        io.write(nwbfile)
    with h5py.File(path, "r+", libver=LIBVER) as file:
        for table in tables(header):
            if table.key[0] == "event":
                for name, width in TEXT_BYTES.items():
                    replace_text(file, table.columns[name], [], width, chunk_rows=table.chunk_rows)


def replace_text(file: h5py.File, path: str, values: list[bytes], width: int | None, *, chunk_rows: int = 64) -> None:
    """Write a text column anew, keeping its attributes: ``width`` bytes per row, or of any length with None."""
    attributes = dict(file[path].attrs)
    del file[path]
    dtype = h5py.string_dtype("utf-8", width)
    column = file.create_dataset(
        path, data=np.array(values, dtype=dtype), dtype=dtype, maxshape=(None,), chunks=(chunk_rows,)
    )
    for name, value in attributes.items():
        column.attrs[name] = value


def as_text(text: str, width: int | None = None) -> bytes:
    """Return UTF-8 without NUL; what is longer than ``width`` bytes ends in an ellipsis."""
    raw = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace")
    if width is None or len(raw) <= width:
        return raw
    return raw[: width - 3].decode("utf-8", "ignore").encode() + "…".encode()


def _nwbfile(header: SessionHeader) -> NWBFile:
    plan = header.plan
    start = datetime.fromtimestamp(header.started_wall_ns / 1e9, tz=UTC)
    mark = "SIMULATED: no instrument and no animal was involved. " if header.simulated else ""
    if header.imported:
        mark += f"IMPORTED, not recorded by this program: {header.imported}. "
    name = str(plan.get("name") or "unnamed")
    nwbfile = NWBFile(
        session_description=f"{mark}Glutamate biosensor amperometry with syringe-pump infusion, protocol {name}",
        identifier=header.session_id,
        session_start_time=start,
        file_create_date=start,
        session_id=header.session_id,
        experiment_description=f"{mark}{plan.get('description') or name}",
        keywords=[*header.mark.split(), "amperometry", "biosensor", "glutamate", "infusion"],
        notes=f"{mark}plan sha256 {header.plan_sha256}; times are seconds of the host's monotonic clock since "
        "session start; raw current as measured, nothing filtered; gaps have no rows and are listed in events/gap",
        pharmacology=_pharmacology(plan) or None,
        source_script=header.software,
        source_script_file_name=header.software.split(" ", maxsplit=1)[0],
        was_generated_by=[(header.software.split(" ")[0], header.software.split(" ")[-1])],
        subject=_subject(plan.get("subject") or {}, simulated=header.simulated),
    )
    _add_devices(nwbfile, plan, simulated=header.simulated)
    nwbfile.add_scratch(
        json.dumps(asdict(header), sort_keys=True, default=str),
        name="session_header_json",
        description="header of the journal with the whole plan as it was run",
    )
    return nwbfile


def _subject(fields: Mapping[str, Any], *, simulated: bool) -> Subject:
    species = str(fields.get("species") or "mouse")
    mark = "SIMULATED animal. " if simulated else ""
    weight_g = fields.get("weight_g")
    return Subject(
        subject_id=str(fields.get("subject_id") or "unknown"),
        species=SPECIES.get(species.strip().lower(), species),
        sex=str(fields.get("sex") or "U"),
        age=str(fields["age"]) if fields.get("age") else None,
        weight=f"{float(weight_g) / 1000:.6g} kg" if weight_g else None,
        description=f"{mark}{fields.get('description') or 'no description'}",
    )


def _pharmacology(plan: Mapping[str, Any]) -> str:
    lines = []
    for pump in plan.get("pumps") or ():
        strength = pump.get("concentration_mg_per_ml")
        amount = f" {strength:g} mg/mL" if strength is not None else ""
        lines.append(f"{pump['name']}: {pump.get('drug') or 'vehicle'}{amount}, route {pump.get('route', 'unknown')}")
    return "; ".join(lines)


def _add_devices(nwbfile: NWBFile, plan: Mapping[str, Any], *, simulated: bool) -> None:
    mark = "SIMULATED " if simulated else ""
    for kind, listed in (("syringe pump", plan.get("pumps")), ("potentiostat", plan.get("potentiostats"))):
        for item in listed or ():
            shown = {key: value for key, value in item.items() if isinstance(value, str | int | float) and value != ""}
            nwbfile.add_device(
                Device(
                    name=dataset_name(str(item["name"])),
                    description=f"{mark}{kind}; as set up: {json.dumps(shown, sort_keys=True)}; "
                    "as it answered: events/connection (identity) and events/setting (settings read back)",
                    serial_number=str(item.get("expected_serial_number") or "") or None,
                )
            )


def _growing(dtype: str, table: Table) -> H5DataIO:
    return H5DataIO(np.empty(0, dtype), maxshape=(None,), chunks=(table.chunk_rows,))


def _add_samples(nwbfile: NWBFile, header: SessionHeader, table: Table) -> None:
    spec = next(spec for spec in header.streams if spec.instrument == table.key[1])
    mark = header.mark

    def series(column: str, dtype: str, *, unit: str, text: str, timestamps: Any, comments: str = "no comments") -> Any:
        made = TimeSeries(
            name=_series_name(table, column),
            data=_growing(dtype, table),
            unit=unit,
            timestamps=timestamps,
            description=mark + text,
            comments=comments,
        )
        nwbfile.add_acquisition(made)
        return made

    first = series(
        "index",
        "i8",
        unit="samples",
        text=f"sample counter of {spec.instrument}; a hole is a gap",
        timestamps=_growing("f8", table),
    )
    series("epoch", "i4", unit="starts", text="which start of the measurement", timestamps=first)
    series("received", "f8", unit="seconds", text="when the block of the sample was read", timestamps=first)
    for number, channel in enumerate(spec.channels):
        slope = spec.sensitivity_a_per_um[number]
        series(
            f"current:{channel}",
            "f8",
            unit="amperes",
            text=f"raw current of {channel} ({spec.roles[number]}) at {spec.potential_v:g} V versus reference",
            timestamps=first,
            comments=f"range {spec.range_a[number]:g} A; "
            + (f"sensitivity {slope:g} A per micromolar" if slope is not None else "no sensitivity given"),
        )
        series(
            f"flags:{channel}",
            "u1",
            unit="bit mask",
            text="quality: 1 timing, 2 overload, 4 underload, 8 near limit, 16 not a number",
            timestamps=first,
        )


def _dose(plan: Mapping[str, Any], pump: str) -> str:
    """Say what a microlitre of a pump is to this animal: mg/kg = uL * mg/mL / g of body weight."""
    setup: Mapping[str, Any] = next((item for item in plan.get("pumps") or () if item.get("name") == pump), {})
    strength, weight_g = setup.get("concentration_mg_per_ml"), (plan.get("subject") or {}).get("weight_g")
    drug = setup.get("drug") or "vehicle"
    if not strength or not weight_g:
        return f"{drug}, no concentration or no body weight given"
    return f"{drug} {strength:g} mg/mL: 1 microliter is {strength / weight_g:.6g} mg/kg for {weight_g:g} g"


def _add_infusion(nwbfile: NWBFile, header: SessionHeader, table: Table) -> None:
    mark = "SIMULATED " if header.simulated else ""
    dose = _dose(header.plan, table.key[1])
    timestamps: Any = _growing("f8", table)
    for name, text in INFUSION_SERIES.items():
        made = TimeSeries(
            name=_series_name(table, name),
            data=_growing("f8", table),
            unit="microliters/minute" if name.endswith("per_min") else "microliters",
            timestamps=timestamps,
            comments=dose,
            description=f"{mark}{table.key[1]}: {text}",
        )
        nwbfile.add_stimulus(made)
        timestamps = made


def _add_events(nwbfile: NWBFile, header: SessionHeader, table: Table) -> None:
    kind = EventKind(table.key[1])

    def column(name: str, dtype: str, text: str) -> VectorData:
        return VectorData(name=name, description=text, data=_growing(dtype, table))

    nwbfile.add_events_table(
        EventsTable(
            name=kind.value,
            description=("SIMULATED " if header.simulated else "") + _EVENT_TEXT[kind],
            id=ElementIdentifiers(name="id", data=_growing("i8", table)),
            columns=[
                TimestampVectorData(
                    name="timestamp", description="seconds since session start", data=_growing("f8", table)
                ),
                column("wall_ns", "i8", "UTC, nanoseconds since 1970"),
                column("journal_sequence", "i8", "number of the record in the journal"),
                column("source", "S1", "who says it"),
                column("annotation", "S1", "what happened, in a sentence"),
                column("data", "S1", "numbers, as JSON"),
            ],
        )
    )
