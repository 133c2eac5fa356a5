r"""Transcripts: the bytes of one line with direction and time, as text that a person can read and a program replays.

Alone knows the layout that ``docs/reference/transcripts.md`` describes. Knows neither who spoke nor what it meant::

    # amperfuse transcript 1
    # url: /dev/ttyUSB0
    # began: 2026-11-25T09:30:00.250000000Z
    # line: 19200 8N1
    0.000000000 > "0VER\r"
    0.021400000 < "\x0200SNE1000V3.928\x03"
    7.350000000 end

A file is never written over. Each line is one write, so that whatever ends the program leaves whole lines; a file
without ``end`` was cut short. Reading is strict: the first line that is not exactly right refuses the file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Final, Literal

from drivers.capabilities import WireRecord
from drivers.clock import NS_PER_S, Clock
from drivers.text import printable

FIRST_LINE: Final = "# amperfuse transcript 1"
MAX_BYTES: Final = 64_000_000
MAX_RECORDS: Final = 1_000_000
"""Of a file that is read; a longer talk is cut into several files."""
CHUNK_BYTES: Final = 4096
"""Bytes that one line holds at most; the writer cuts, the reader refuses."""
_MAX_LINE = 4 * CHUNK_BYTES + 64
_RECORD = re.compile(
    rb'([0-9]{1,7})\.([0-9]{9}) ([<>!]) "((?:[ !#-\[\]-~]|\\(?:["\\rnt]|x[0-9a-f]{2}))+)"|([0-9]{1,7})\.([0-9]{9}) end'
)
_ESCAPE = re.compile(rb'\\(?:x([0-9a-f]{2})|(["\\rnt]))')
_BYTE = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b'"': b'"', b"\\": b"\\"}
_SIGN = {byte[0]: "\\" + sign.decode() for sign, byte in _BYTE.items()}
_BEGAN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", re.ASCII)
_LINE = re.compile(r"([1-9][0-9]{1,7}) (8[NEO][12])", re.ASCII)
_MARKS: dict[str, Literal["out", "in", "lost"]] = {">": "out", "<": "in", "!": "lost"}
_SIGNS = {way: mark for mark, way in _MARKS.items()}


class BadTranscript(ValueError):
    """A file that is no whole transcript: which file, which line, what is wrong with it."""

    def __init__(self, name: str, line: int, sentence: str) -> None:
        super().__init__(f"{name}{f', line {line}' if line else ''}: {sentence}")


@dataclass(frozen=True)
class TranscriptHeader:
    """Where and when it was recorded."""

    url: str
    began_wall_ns: int
    """UTC, ns since 1970, of time zero of the lines below."""
    baud: int = 9600
    frame: str = "8N1"
    simulated: bool = False
    """True where no real instrument was at the other end."""
    note: str = ""


@dataclass(frozen=True)
class TranscriptRecord:
    """Bytes to the instrument (out), from it (in), or the end of the line (lost; ``data`` says why)."""

    line: int
    """In the file, from 1."""
    t_ns: int
    way: Literal["out", "in", "lost"]
    data: bytes


@dataclass(frozen=True)
class Transcript:
    """A transcript, read."""

    name: str
    header: TranscriptHeader
    records: tuple[TranscriptRecord, ...]
    ended_ns: int | None
    """None: it was cut short."""


def escaped(data: bytes) -> str:
    """Return bytes as they stand between the quotes."""
    return "".join(_SIGN.get(byte) or (chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}") for byte in data)


def unescaped(text: bytes) -> bytes:
    """Return the bytes that stand between the quotes; the inverse of ``escaped``."""
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else _BYTE[m[2]], text)


def _seconds(t_ns: int) -> str:
    return f"{t_ns // NS_PER_S}.{t_ns % NS_PER_S:09d}"


def header_text(header: TranscriptHeader) -> str:
    """Return the lines above the records."""
    began = datetime.fromtimestamp(header.began_wall_ns // NS_PER_S, UTC)
    lines = [
        FIRST_LINE,
        f"# url: {printable(header.url, 300)}",
        f"# began: {began:%Y-%m-%dT%H:%M:%S}.{header.began_wall_ns % NS_PER_S:09d}Z",
        f"# line: {header.baud} {header.frame}",
    ]
    lines += ["# SIMULATED"] if header.simulated else []
    lines += [f"# note: {printable(header.note, 300)}"] if header.note else []
    return "\n".join(lines) + "\n"


@dataclass
class TranscriptWriter:
    """One transcript being written. ``wire`` fits ``DriverOptions.on_wire``."""

    path: Path
    file: FileIO
    begin_ns: int
    _size: int = 0
    _last_ns: int = 0
    _unsynced: bool = field(default=True, init=False)
    _failed: bool = field(default=False, init=False)

    @classmethod
    def create(cls, path: Path, header: TranscriptHeader, clock: Clock) -> TranscriptWriter:
        """Create the file; its time zero is now. Raises FileExistsError (nothing is ever written over), OSError."""
        writer = cls(path, path.open("xb", buffering=0), clock.now_ns())
        writer._append(header_text(header).encode("ascii"))
        writer.sync()
        return writer

    def add(self, way: Literal["out", "in", "lost"], data: bytes, t_ns: int) -> None:
        """Append bytes that crossed the line at ``t_ns``, on the clock of ``create``. Raises OSError."""
        at = self._since(t_ns)
        for start in range(0, len(data), CHUNK_BYTES):
            piece = data[start : start + CHUNK_BYTES]
            self._append(f'{at} {_SIGNS[way]} "{escaped(piece)}"\n'.encode("ascii"))

    def wire(self, record: WireRecord) -> None:
        """Append what a driver reports of its line. Raises OSError."""
        self.add(record.direction, record.data, record.t_ns)

    def sync(self) -> None:
        """Have everything written so far survive a power cut. Raises OSError."""
        if self._unsynced:
            os.fsync(self.file.fileno())
            self._unsynced = False

    def close(self, t_ns: int) -> None:
        """Mark the end at ``t_ns`` and close. May be called twice; after a failed write only closes. Raises OSError."""
        if self.file.closed:
            return
        try:
            if not self._failed:
                self._append(f"{self._since(t_ns)} end\n".encode("ascii"))
                self.sync()
        finally:
            self.file.close()

    def _since(self, t_ns: int) -> str:
        self._last_ns = max(self._last_ns, t_ns - self.begin_ns)
        return _seconds(self._last_ns)

    def _append(self, line: bytes) -> None:
        """Write one whole line or nothing; after a failure nothing more."""
        if self._failed:
            raise OSError("the transcript has failed before")
        self._failed = True
        try:
            self._failed = self.file.write(line) != len(line)
        finally:
            if self._failed:
                with suppress(OSError):  # what can be saved are the whole lines before
                    self.file.truncate(self._size)
        if self._failed:
            raise OSError("only a part of the line was taken: is the disk full?")
        self._size += len(line)
        self._unsynced = True


def read_transcript(path: Path) -> Transcript:
    """Return a transcript, checked to its last line. Raises BadTranscript, OSError."""
    name = printable(str(path), 300)
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadTranscript(name, 0, "this is not a regular file.")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    return parse_transcript(data, name)


def parse_transcript(data: bytes, name: str) -> Transcript:
    """Return the transcript in ``data``. Raises BadTranscript at the first line that is not exactly right."""
    if len(data) > MAX_BYTES:
        raise BadTranscript(name, 0, f"the file is larger than {MAX_BYTES // 1_000_000} MB; cut it into several.")
    if data and not data.endswith(b"\n"):
        number = data.count(b"\n") + 1
        raise BadTranscript(name, number, "the file ends in the middle of this line; remove it to use what is above.")
    lines = data.split(b"\n")[:-1]
    header, first = _header(lines, name)
    records: list[TranscriptRecord] = []
    ended_ns: int | None = None
    last_ns = 0
    for number, match in _matches(lines, first, name):
        if ended_ns is not None:
            raise BadTranscript(name, number, "something stands below the end.")
        seconds, fraction = (match[1], match[2]) if match[1] else (match[5], match[6])
        t_ns = int(seconds) * NS_PER_S + int(fraction)
        if t_ns < last_ns:
            raise BadTranscript(name, number, "time goes backwards here.")
        last_ns = t_ns
        if match[4] is None:
            ended_ns = t_ns
        elif len(records) == MAX_RECORDS:
            raise BadTranscript(name, number, f"there are more than {MAX_RECORDS} lines of bytes; cut it into several.")
        else:
            records.append(TranscriptRecord(number, t_ns, _MARKS[match[3].decode()], unescaped(match[4])))
    return Transcript(name, header, tuple(records), ended_ns)


def _matches(lines: list[bytes], first: int, name: str) -> Iterator[tuple[int, re.Match[bytes]]]:
    for number, line in enumerate(lines[first:], first + 1):
        if line.startswith(b"#"):
            continue
        match = _RECORD.fullmatch(line) if len(line) <= _MAX_LINE else None
        if match is None:
            shown = printable(line, 60)
            raise BadTranscript(
                name, number, f'read {shown}; a line is TIME > "BYTES", TIME < "BYTES", TIME ! "WHY" or TIME end.'
            )
        yield number, match


def _header(lines: list[bytes], name: str) -> tuple[TranscriptHeader, int]:
    """Return the header and how many lines it takes."""
    if not lines or lines[0] != FIRST_LINE.encode():
        shown = printable(lines[0], 60) if lines else "nothing"
        raise BadTranscript(name, 1, f'read {shown}; a transcript begins with the line "{FIRST_LINE}".')
    values: dict[str, str] = {}
    count = 1
    for line in lines[1:]:
        if not line.startswith(b"#"):
            break
        count += 1
        text = line.decode("ascii", "backslashreplace")
        key, colon, value = text.removeprefix("# ").partition(": ")
        known = (key == "SIMULATED" and not colon) or (key in ("url", "began", "line", "note") and value)
        if not known or key in values or not text.startswith("# ") or not text.isprintable() or len(text) > _MAX_LINE:
            raise BadTranscript(name, count, f"read {printable(line, 60)}; this is no line of the header.")
        values[key] = value
    began, settings = _BEGAN.fullmatch(values.get("began", "")), _LINE.fullmatch(values.get("line", ""))
    if "url" not in values or began is None or settings is None:
        raise BadTranscript(name, count, "the header needs url, began (UTC, with nine decimals) and line (9600 8N1).")
    try:
        began_s = int(datetime.fromisoformat(began[1]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise BadTranscript(name, count, f"{began[1]} is no date.") from None
    return (
        TranscriptHeader(
            url=values["url"],
            began_wall_ns=began_s * NS_PER_S + int(began[2]),
            baud=int(settings[1]),
            frame=settings[2],
            simulated="SIMULATED" in values,
            note=values.get("note", ""),
        ),
        count,
    )
