"""Does ``session.nwb`` hold exactly the rows of the journal? Compares them sample by sample, in pieces.

Knows both sides; trusts the journal. Memory stays bounded for files of any length.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from acquisition.recording.live_file import Batch, Columns, Key
from acquisition.recording.nwb import Table, tables
from acquisition.recording.reader import JournalReader

_PIECE_BYTES = 8 * 1024 * 1024


def first_difference(path: Path, journal: Path) -> str:
    """Return where a closed file first differs from its journal, for people; empty when it does not.

    Raises OSError, KeyError when the file cannot be read.
    """
    reader = JournalReader(journal)
    records = reader.tail()
    next(records, None)
    if reader.header is None:
        return f"the journal has no header: {reader.problem}"
    listed = {table.key: table for table in tables(reader.header)}
    rows = dict.fromkeys(listed, 0)
    with h5py.File(path, "r") as file:
        batch = Batch(reader.header)
        for record in records:
            batch.add(record)
            if batch.bytes >= _PIECE_BYTES:
                if difference := _compare(file, listed, rows, batch):
                    return difference
                batch = Batch(reader.header)
        return _compare(file, listed, rows, batch) or _surplus(file, listed, rows)


def _compare(file: h5py.File, listed: dict[Key, Table], rows: dict[Key, int], batch: Batch) -> str:
    for key, columns in batch.columns(rows, whole_text=True).items():
        count = len(next(iter(columns.values())))
        if difference := _compare_table(file, listed[key], rows[key], count, columns):
            return difference
        rows[key] += count
    return ""


def _compare_table(file: h5py.File, table: Table, start: int, count: int, columns: Columns) -> str:
    for name, path in table.columns.items():
        if path not in file:
            return f"{path} is missing"
        stored = file[path][start : start + count]
        if len(stored) < count:
            return f"{path} has {start + len(stored)} rows, the journal at least {start + count}"
        expected = columns[name]
        same = stored == expected
        if np.issubdtype(expected.dtype, np.floating):
            same |= np.isnan(stored) & np.isnan(expected)
        if not same.all():
            return f"{path} differs in row {start + int(np.argmin(same))}"
    return ""


def _surplus(file: h5py.File, listed: dict[Key, Table], rows: dict[Key, int]) -> str:
    for key, table in listed.items():
        for path in table.columns.values():
            length = len(file[path]) if path in file else 0
            if length != rows[key]:
                return f"{path} has {length} rows, the journal {rows[key]}"
    return ""
