"""``session.nwb`` while it grows: appends rows so that a kill at any instant leaves a readable file.

Alone knows SWMR: everything made up front, fixed-size types, one flush and fsync after all columns. Knows rows, not
where they come from; may be killed, may crash with the HDF5 library, and is then resumed by counting its own rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from acquisition.events import Event, EventKind
from acquisition.recording import frames
from acquisition.recording.hdf5_guard import refuse_foreign
from acquisition.recording.nwb import LIBVER, TEXT_BYTES, Table, as_text, create_skeleton, tables
from acquisition.recording.reader import Record
from acquisition.recording.records import InfusionRow, SessionHeader
from acquisition.recording.session_data import infusion_data, stream_data
from acquisition.recording.swmrclear import clear
from drivers.capabilities import SampleBlock
from drivers.os_support import durable_directory, durable_sync

Key = tuple[str, str]
Columns = dict[str, NDArray[Any]]


@dataclass
class Batch:
    """Records that go into the file with one flush."""

    header: SessionHeader
    bytes: int = 0
    _blocks: dict[str, list[SampleBlock]] = field(default_factory=dict, init=False)
    _rows: dict[str, list[InfusionRow]] = field(default_factory=dict, init=False)
    _events: dict[EventKind, list[tuple[int, Event]]] = field(default_factory=dict, init=False)

    def add(self, record: Record) -> None:
        """Take one record; headers and closing records have no rows."""
        body = record.body
        if isinstance(body, SampleBlock):
            self._blocks.setdefault(body.instrument, []).append(body)
            self.bytes += body.current_a.nbytes
        elif isinstance(body, InfusionRow):
            self._rows.setdefault(body.pump, []).append(body)
            self.bytes += 64
        elif isinstance(body, Event):
            self._events.setdefault(body.kind, []).append((record.sequence, body))
            self.bytes += 256

    def columns(self, first_ids: Mapping[Key, int], *, whole_text: bool = False) -> dict[Key, Columns]:
        """Return the rows of every table that has any.

        ``first_ids``: the number of the first new row per table. ``whole_text``: text as in a closed file, of any
        length, instead of cut to what the growing file holds.
        """
        zero_ns = self.header.started_ns
        result: dict[Key, Columns] = {}
        for spec in self.header.streams:
            if blocks := self._blocks.get(spec.instrument):
                data = stream_data(spec, blocks)
                columns: Columns = {
                    "timestamps": seconds(data.t_ns, zero_ns),
                    "index": data.index,
                    "epoch": data.epoch,
                    "received": seconds(data.received_ns, zero_ns),
                }
                for number, channel in enumerate(spec.channels):
                    columns[f"current:{channel}"] = data.current_a[:, number]
                    columns[f"flags:{channel}"] = data.flags[:, number]
                result["samples", spec.instrument] = columns
        for pump, rows in self._rows.items():
            values = dict(vars(infusion_data(pump, rows)))
            del values["pump"]
            result["infusion", pump] = {"timestamps": seconds(values.pop("t_ns"), zero_ns), **values}
        for kind, events in self._events.items():
            key = ("event", kind.value)
            result[key] = event_columns(events, zero_ns, first_ids.get(key, 0), whole_text=whole_text)
        return result


def seconds(t_ns: NDArray[np.int64], zero_ns: int) -> NDArray[np.float64]:
    """Return seconds since session start: the difference is exact before it becomes a float."""
    return (t_ns - np.int64(zero_ns)) / 1e9


def event_texts(event: Event) -> dict[str, str]:
    """Return the text columns of an event, whole."""
    return {
        "source": event.source,
        "annotation": event.text,
        "data": frames.canonical_json(event.data).decode() if event.data else "",
    }


def event_columns(events: list[tuple[int, Event]], zero_ns: int, first_id: int, *, whole_text: bool) -> Columns:
    """Return the rows of one events table; text as bytes, whole or cut to what the growing file holds."""
    columns: Columns = {
        "id": np.arange(first_id, first_id + len(events)),
        "timestamp": seconds(np.array([event.t_ns for _, event in events], np.int64), zero_ns),
        "wall_ns": np.array([event.wall_ns for _, event in events], np.int64),
        "journal_sequence": np.array([number for number, _ in events], np.int64),
    }
    texts = [event_texts(event) for _, event in events]
    for name, width in TEXT_BYTES.items():
        if whole_text:
            columns[name] = np.array([as_text(text[name]) for text in texts], dtype=object)
        else:
            values = [as_text(text[name], width) for text in texts]
            columns[name] = np.array(values, dtype=h5py.string_dtype("utf-8", width))
    return columns


@dataclass
class LiveFile:
    """An open, growing file. One writer; readers open it with ``swmr=True``."""

    path: Path
    header: SessionHeader
    file: h5py.File
    rows: dict[Key, int]
    """Rows that are in the file, per table."""
    _tables: dict[Key, Table] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._tables = {table.key: table for table in tables(self.header)}

    @classmethod
    def create(cls, path: Path, header: SessionHeader) -> LiveFile:
        """Make a new file, whole or not at all, and open it for appending."""
        building = path.with_suffix(".nwb.new")
        building.unlink(missing_ok=True)
        create_skeleton(building, header)
        building.replace(path)
        durable_directory(path.parent)
        return cls.resume(path, header)

    @classmethod
    def resume(cls, path: Path, header: SessionHeader) -> LiveFile:
        """Open a file whose writer ended or was killed: clear its mark, cut tables to their shortest column.

        Raises OSError, ValueError or KeyError when the file is beyond that, or leads to other files, whose tables would
        be cut: then make it anew from the journal.
        """
        clear(path)
        refuse_foreign(path)
        rows: dict[Key, int] = {}
        with h5py.File(path, "r+", libver=LIBVER) as file:
            for table in tables(header):
                columns = [file[column] for column in table.columns.values()]
                shortest = min(len(column) for column in columns)
                for column in columns:
                    if len(column) > shortest:
                        column.resize((shortest,))
                rows[table.key] = shortest
        file = h5py.File(path, "r+", libver=LIBVER)
        file.swmr_mode = True
        return cls(path, header, file, rows)

    def append(self, rows: dict[Key, Columns]) -> None:
        """Append rows to their tables, then flush all of them to the disk."""
        for key, columns in rows.items():
            start = self.rows[key]
            count = len(next(iter(columns.values())))
            for name, path in self._tables[key].columns.items():
                dataset = self.file[path]
                dataset.resize((start + count,))
                dataset[start:] = columns[name]
            self.rows[key] = start + count
        self.flush()

    def flush(self) -> None:
        """Commit: flush HDF5, then the operating system ([M] ``flush`` alone lost 18 s at a power cut)."""
        self.file.flush()
        with contextlib.suppress(AttributeError):  # a driver without a descriptor cannot be synced from here
            durable_sync(self.file.id.get_vfd_handle())

    def close(self) -> None:
        """Close to an ordinary HDF5 file."""
        self.file.close()
