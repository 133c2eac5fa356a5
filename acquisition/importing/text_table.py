"""Delimited text from another program, row by row: which bytes are a cell, and which cells are a number.

Knows delimiters, encodings, lines before the names, decimal commas, and how much of a file is taken. Does not know what
a column means. The file is data from outside: bounded in bytes, line length and columns, read once, from front to end.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from acquisition.experiment.fields import ShortText, Table
from acquisition.experiment.problems import Problem, RefusedInput, did_you_mean, printable

MAX_BYTES = 8 * 1024**3
MAX_LINE = 64 * 1024
"""Characters of one line."""
MAX_COLUMNS = 1000
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
_ENCODINGS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "windows-1252": "cp1252"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
ColumnName = ShortText | Annotated[int, Field(ge=1, le=MAX_COLUMNS)]
"""A column by its name, or by its number counted from 1."""


class TextLook(Table):
    """How a file of delimited text is laid out."""

    delimiter: Literal["comma", "semicolon", "tab", "blanks"] = "comma"
    decimal: Literal["point", "comma"] = "point"
    encoding: Literal["utf-8", "utf-16", "windows-1252"] = "utf-8"
    skip_lines: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Lines before the line of names, or before the first row."""
    names: bool = True
    """One line names the columns."""
    missing: list[ShortText] = Field(default_factory=lambda: ["", "NaN"])
    """What stands in a cell without a number."""

    def number(self, cell: str) -> float:
        """Return the number in a cell; NaN where the file says that there is none. Raises ValueError."""
        text = cell.strip()
        if text in self.missing:
            return math.nan
        wanted = "."
        if self.decimal == "comma":
            wanted = ","
            text = "x" if "." in text else text.replace(",", ".")
        if not _NUMBER.fullmatch(text) or not math.isfinite(found := float(text)):
            raise ValueError(f'read "{printable(cell)}", expected a number with "{wanted}" before its decimals')
        return found


class TextTable:
    """An open file. ``rows`` may be gone through once."""

    def __init__(self, path: Path, look: TextLook) -> None:
        self.file = printable(path.name, 120)
        self.look = look
        self.names: list[str] = []
        """Of the columns; empty where the file has none."""
        self.digest = hashlib.sha256()
        self._text = io.TextIOWrapper(
            io.BufferedReader(_Hashed(path, self.digest), 1 << 20), encoding=_ENCODINGS[look.encoding], newline=""
        )
        self._line = 0
        lines = self._lines()
        try:
            for _ in range(look.skip_lines):
                next(lines, "")
            self._rows = self._split(lines)
            if look.names:
                _number, self.names = next(self._rows, (0, []))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._text.close()

    def column(self, wanted: ColumnName) -> int:
        """Return the place of a column, counted from 0. Raises ValueError."""
        if isinstance(wanted, int):
            if self.names and wanted > len(self.names):
                raise ValueError(f"there are only {len(self.names)} columns in {self.file}.")
            return wanted - 1
        found = [at for at, name in enumerate(self.names) if name == wanted]
        if len(found) > 1:
            raise ValueError(f"{len(found)} columns of {self.file} have this name; give the number of one, from 1.")
        if not found:
            known = [printable(name) for name in self.names if name]
            hint = did_you_mean(wanted, known[:30]) if known else " Its columns have no names; give a number, from 1."
            raise ValueError(f"no column of {self.file} has this name.{hint}")
        return found[0]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield line number and cells of every row; empty lines are passed over. Raises RefusedInput, OSError."""
        return self._rows

    def problem(self, line: int, field: str, sentence: str) -> Problem:
        """Return a problem in this file."""
        return Problem(self.file, line, field, sentence)

    def _split(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        if self.look.delimiter == "blanks":
            split: Iterator[list[str]] = (line.split() for line in lines)
        else:
            split = csv.reader(lines, delimiter=_DELIMITERS[self.look.delimiter], strict=True)
        while True:
            try:
                cells = next(split, None)
            except csv.Error as error:
                raise RefusedInput([self.problem(self._line, "", f"the line cannot be read: {error}.")]) from None
            if cells is None:
                return
            if len(cells) > MAX_COLUMNS:
                raise RefusedInput([self.problem(self._line, "", f"more than {MAX_COLUMNS} columns.")])
            if any(cell.strip() for cell in cells):
                yield self._line, [cell.strip() for cell in cells]

    def _lines(self) -> Iterator[str]:
        while True:
            try:
                line = self._text.readline(MAX_LINE + 1)
            except UnicodeError:
                sentence = f'near here it is no {self.look.encoding} text; say in "encoding" what it is.'
                raise RefusedInput([self.problem(self._line + 1, "", sentence)]) from None
            if not line:
                return
            self._line += 1
            if len(line) > MAX_LINE:
                raise RefusedInput([self.problem(self._line, "", f"the line has more than {MAX_LINE} characters.")])
            if "\0" in line:
                sentence = 'zeros between the characters: no text, or "encoding" should be "utf-16".'
                raise RefusedInput([self.problem(self._line, "", sentence)])
            yield line


class _Hashed(io.RawIOBase):
    """A file that is hashed while it is read, so that what was hashed is what was read."""

    def __init__(self, path: Path, digest: hashlib._Hash) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._digest = digest
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)
        self._digest.update(memoryview(buffer)[:count])
        self._taken += count
        if self._taken > MAX_BYTES:
            raise OSError(f"more than {MAX_BYTES // 1024**3} GB")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def open_table(path: Path, look: TextLook) -> Iterator[TextTable]:
    """Open a regular file of bounded size. Raises RefusedInput."""
    name = printable(path.name, 120)
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise RefusedInput([Problem(name, 0, "", "this is not a regular file.")])
        if about.st_size > MAX_BYTES:
            raise RefusedInput([Problem(name, 0, "", f"the file is larger than {MAX_BYTES // 1024**3} GB.")])
        table = TextTable(path, look)
    except OSError as error:
        raise RefusedInput([Problem(name, 0, "", f"the file cannot be read: {error.strerror or error}.")]) from None
    try:
        yield table
    finally:
        table.close()
