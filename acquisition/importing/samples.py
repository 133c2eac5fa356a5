"""Rows of text as blocks of samples, one per instrument of the mapping, in amperes and on a grid of times.

Knows columns, units and when a block is full. Writes nothing; what is wrong with a row is a problem with its line and
field, and nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.importing.grid import Grid, Missing, Place
from acquisition.importing.mapping import A_PER_UNIT, CONCENTRATION, ChannelTable, Mapping
from acquisition.importing.marks import MAX_PROBLEMS, ImportedMark, label_of, t_ns_of
from acquisition.importing.text_table import TextTable
from drivers.capabilities import SampleBlock, SampleFlag

BLOCK_ROWS = 1000
NOT_A_NUMBER = int(SampleFlag.NOT_A_NUMBER)
MAX_FLAGS = 255
MAX_FLAG_DIGITS = 20
"""Zeros in front count as nothing; Python makes no number of thousands of digits."""


class Chunk(NamedTuple):
    """Some rows: a block per instrument, what is missing before and in them, the marks among them."""

    blocks: tuple[SampleBlock, ...]
    gaps: tuple[Missing, ...]
    marks: tuple[ImportedMark, ...]


class _Column(NamedTuple):
    place: int
    flags: int | None
    a_per_unit: float
    name: str


def a_per_unit(channel: ChannelTable) -> float:
    """Return what one unit of a channel's column is in amperes."""
    if channel.unit == CONCENTRATION:
        if channel.sensitivity is None:
            raise AssertionError("checked by load_mapping")
        return channel.sensitivity
    return A_PER_UNIT[channel.unit]


@dataclass
class Samples:
    """The rows of one open file. ``chunks`` may be gone through once."""

    mapping: Mapping
    table: TextTable
    rows: int = field(default=0, init=False)
    grid: Grid = field(init=False)
    _columns: dict[str, list[_Column]] = field(init=False)
    _time: int | None = field(init=False, default=None)
    _mark: int | None = field(init=False, default=None)
    _problems: list[Problem] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.grid = Grid(self.mapping.interval_ns)
        file = self.mapping.file
        self._columns = {
            instrument: [
                self._column(channel, ("potentiostats", instrument, "channels", number))
                for number, channel in enumerate(table.channels)
            ]
            for instrument, table in file.potentiostats.items()
        }
        if file.time.column is not None:
            self._time = self._place(file.time.column, ("time", "column"))
        if file.marks is not None and file.marks.file is None:
            self._mark = self._place(file.marks.column, ("marks", "column"))
        if self._problems:
            raise RefusedInput(self._problems)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in order. Raises RefusedInput with up to ten bad rows, at the first one after the tenth."""
        chunk = _Open(self)
        for line, cells in self.table.rows():
            try:
                place, values, flags, mark = self._row(line, cells)
            except _BadRow:
                if len(self._problems) >= MAX_PROBLEMS:
                    break
                continue
            if self._problems:
                continue  # the file is refused: only what else is wrong counts
            if chunk.is_full(place):
                yield chunk.close()
                chunk = _Open(self)
            chunk.add(place, values, flags, mark)
            self.rows += 1
        if self._problems:
            raise RefusedInput(self._problems)
        if not self.rows:
            raise RefusedInput([self.table.problem(0, "", "there is no row of samples in this file.")])
        yield chunk.close()

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the channels of each instrument."""
        return {instrument: tuple(c.name for c in columns) for instrument, columns in self._columns.items()}

    def _row(self, line: int, cells: list[str]) -> tuple[Place, list[float], list[int], ImportedMark | None]:
        values, flags = [], []
        for columns in self._columns.values():
            for column in columns:
                values.append(self._number(line, cells, column) * column.a_per_unit)
                flags.append(self._flags(line, cells, column, values[-1]))
        try:
            t_ns = self._t_ns(cells)
            place = self.grid.place(t_ns)
        except ValueError as error:
            raise self._bad(line, "time", str(error)) from None
        label = cells[self._mark] if self._mark is not None and self._mark < len(cells) else ""
        return place, values, flags, ImportedMark(t_ns, label_of(label)) if label else None

    def _t_ns(self, cells: list[str]) -> int:
        if self._time is None:
            return self.rows * self.mapping.interval_ns
        if self._time >= len(cells):
            raise ValueError("the row ends before this column")
        return t_ns_of(self.table.look.number(cells[self._time]), self.mapping.file.time.unit)

    def _number(self, line: int, cells: list[str], column: _Column) -> float:
        if column.place >= len(cells):
            raise self._bad(line, column.name, "the row ends before this column")
        try:
            return self.table.look.number(cells[column.place])
        except ValueError as error:
            raise self._bad(line, column.name, str(error)) from None

    def _flags(self, line: int, cells: list[str], column: _Column, value: float) -> int:
        known = NOT_A_NUMBER if math.isnan(value) else 0
        if column.flags is None:
            return known
        cell = cells[column.flags] if column.flags < len(cells) else ""
        if not (cell.isascii() and cell.isdigit() and len(cell) <= MAX_FLAG_DIGITS and int(cell) <= MAX_FLAGS):
            raise self._bad(line, f"{column.name} flags", "expected a whole number from 0 to 255")
        return int(cell) | known

    def _bad(self, line: int, name: str, sentence: str) -> _BadRow:
        self._problems.append(self.table.problem(line, name, f"{sentence}."))
        return _BadRow()

    def _column(self, channel: ChannelTable, at: tuple[str | int, ...]) -> _Column:
        return _Column(
            self._place(channel.column, (*at, "column")),
            None if channel.flags is None else self._place(channel.flags, (*at, "flags")),
            a_per_unit(channel),
            channel.name,
        )

    def _place(self, column: str | int, at: tuple[str | int, ...]) -> int:
        try:
            return self.table.column(column)
        except ValueError as error:
            self._problems.append(self.mapping.source.problem(at, str(error)))
            return 0


class _BadRow(Exception):
    """A row is refused; why is among the problems."""


class _Open:
    """A chunk that is being filled. All its samples are of one measurement."""

    def __init__(self, samples: Samples) -> None:
        self._names = samples.names()
        self._grid = samples.grid
        self._places: list[Place] = []
        self._t0_ns = 0
        self._values: list[list[float]] = []
        self._flags: list[list[int]] = []
        self._marks: list[ImportedMark] = []

    def is_full(self, place: Place) -> bool:
        return bool(self._places) and (len(self._places) >= BLOCK_ROWS or place.epoch != self._places[0].epoch)

    def add(self, place: Place, values: list[float], flags: list[int], mark: ImportedMark | None) -> None:
        if not self._places:
            self._t0_ns = self._grid.t0_ns
        self._places.append(place)
        self._values.append(values)
        self._flags.append(flags)
        if mark is not None:
            self._marks.append(mark)

    def close(self) -> Chunk:
        index = np.array([place.index for place in self._places], np.int64)
        current_a, flags = np.array(self._values, np.float64), np.array(self._flags, np.uint8)
        epoch, interval_ns, first = self._places[0].epoch, self._grid.interval_ns, 0
        blocks = []
        for instrument, channels in self._names.items():
            which = slice(first, first + len(channels))
            first += len(channels)
            last_ns = self._t0_ns + int(index[-1]) * interval_ns
            blocks.append(
                SampleBlock(
                    instrument, epoch, self._t0_ns, interval_ns, channels, index, current_a[:, which], flags[:, which],
                    last_ns,
                )
            )  # fmt: skip
        gaps = tuple(place.missing for place in self._places if place.missing is not None)
        return Chunk(tuple(blocks), gaps, tuple(self._marks))
