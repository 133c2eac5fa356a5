"""Reads what a MethodSCRIPT instrument prints: data packages, errors, identity (potentiostats.md 2.3, 2.5, 2.7). Pure.

Packages are decoded many at a time: an hour at 10 Hz is 36,000 of them. Knows no ports, no scripts and no time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.capabilities import SampleFlag
from drivers.methodscript.family import Range

PREFIXES: Final[dict[str, float]] = {
    "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, " ": 1.0,
    "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "i": 1.0,
}  # fmt: skip
OFFSET: Final = 0x8000000
ERROR: Final = re.compile(rb"(.*)!([0-9A-Fa-f]{4})(:.*)?", re.DOTALL)
_VARIABLE = re.compile(rb"([a-j][a-z])(?:([0-9A-F]{7})([afpnum kMGTPEi])|( {5}nan))((?:,[0-9A-Za-z]+)*)")
_IMPOSSIBLE = 10.0
"""So many times its range, and not flagged: a digit broke on the way. Lines have no checksum."""
_OVERLOAD = int(SampleFlag.OVERLOAD)
_STATUS_MASK = int(SampleFlag.TIMING | SampleFlag.OVERLOAD | SampleFlag.UNDERLOAD | SampleFlag.NEAR_LIMIT)

ERROR_TEXTS: Final = {
    0x0001: "unspecified",
    0x0002: "bad type of variable",
    0x0003: "unknown command",
    0x0004: "unknown register",
    0x0005: "read-only register",
    0x0006: "not possible in this mode (nothing is running)",
    0x0007: "bad argument",
    0x0008: "line too long",
    0x0009: "the instrument waited too long for input",
    0x000B: "out of memory",
    0x000C: "no script loaded",
    0x000E: "overflow while averaging",
    0x000F: "potential not allowed",
    0x0010: "not a number or infinite",
    0x0015: "checksum wrong",
    0x0019: "authentication needed",
    0x001A: "calibration data invalid",
    0x001B: "not supported by this instrument",
    0x001F: "not licensed",
    0x0021: "measuring mode not supported",
    0x0022: "no second working electrode on this channel",
    0x0023: "not possible in this measuring mode",
    0x0024: "too many quantities measured",
    0x0028: "division by zero",
    0x002F: "no such channel",
    0x0032: "critical overload of the cell, measurement aborted",
    0x0046: "no multiplexer",
    0x0048: "not a multi-channel instrument",
    0x0052: "the instrument lost input bytes (overrun)",
    0x0058: "timing error",
    0x005A: "this sampling interval is impossible",
    0x005B: "quantity measured twice",
    0x0080: "the counter electrode oscillates",
    0x0084: "this quantity has no ranges",
    0x008B: "the second working electrode must be off for this",
    0x0144: "bad number",
    0x4001: "unknown script command",
    0x4004: "unexpected character in the script",
    0x4005: "script too large",
    0x4008: "option of a command not known",
    0x400B: "a measuring loop inside another",
    0x400C: "not allowed at this place of the script",
    0x4018: "the script ended early",
    0x4019: "needs an instrument with several channels",
    0x401A: "not inside a loop",
    0x401B: "package commands in the wrong order",
    0x401C: "too many values in a package",
    0x4026: "variable declared twice",
}
"""Own wording of the codes worth a text; others are shown by number."""


@dataclass(frozen=True)
class Variable:
    """One value of a package. ``status`` and ``range_code`` only where the package gives them."""

    kind: str
    """Two letters: ``ba`` and ``bb`` currents of the two working electrodes, ``da`` potential, ``eb`` time."""
    value: float
    """SI units; NaN if the instrument says so."""
    status: SampleFlag | None = None
    range_code: int | None = None


def decode_package(line: bytes) -> tuple[Variable, ...] | None:
    """Return the variables of one ``P...`` line (without its newline); None if it is not a whole valid package."""
    if not line.startswith(b"P"):
        return None
    variables = []
    for part in line[1:].split(b";"):
        found = _VARIABLE.fullmatch(part)
        if found is None:
            return None
        variables.append(_variable(found))
    return tuple(variables)


def _variable(found: re.Match[bytes]) -> Variable:
    kind, digits, prefix, nan, metadata = found.groups()
    value = float("nan") if nan else (int(digits, 16) - OFFSET) * PREFIXES[prefix.decode()]
    status: SampleFlag | None = SampleFlag.NOT_A_NUMBER if nan else None
    range_code: int | None = None
    for item in metadata.split(b",")[1:] if metadata else ():
        if item[:1] == b"1" and _is_hex(item[1:]):
            status = (status or SampleFlag.OK) | SampleFlag(int(item[1:], 16) & _STATUS_MASK)
        elif item[:1] == b"2" and _is_hex(item[1:]):
            range_code = int(item[1:], 16)
    return Variable(kind.decode(), value, status, range_code)


def _is_hex(digits: bytes) -> bool:
    return bool(digits) and all(c in b"0123456789abcdefABCDEF" for c in digits)


class PackageDecoder:
    """Decodes packages with a known list of variables, fast: one compiled pattern per line, no objects per value."""

    def __init__(self, kinds: Sequence[str], ranges: Sequence[Range | None] = ()) -> None:
        """Prepare for packages of these ``kinds`` (patterns of two letters); ``ranges``: what each is measured in, None
        for what has no range. A value far beyond its range that is not flagged as overload is no value.
        """
        one = rb"%s(?:([0-9A-F]{7})([afpnum kMGTPEi])| {5}nan)((?:,[0-9A-Za-z]+)*)"
        self._ranges = (*ranges, *([None] * (len(kinds) - len(ranges))))
        self._limits = [float("inf") if one is None else _IMPOSSIBLE * one.nominal_a for one in self._ranges]
        package = b"P" + b";".join(one % kind.encode() for kind in kinds)
        self._pattern = re.compile(package)
        self._lines = re.compile(b"^" + package + b"$", re.MULTILINE)
        self._statuses: list[dict[bytes, int]] = [{} for _kind in kinds]
        self._scales = {prefix.encode(): scale for prefix, scale in PREFIXES.items()}

    def decode(self, lines: Sequence[bytes]) -> tuple[list[list[float]], list[list[int]], list[bytes]]:
        """Return (values, flags, other lines); one inner list per package, in the order of the kinds."""
        values: list[list[float]] = []
        flags: list[list[int]] = []
        others: list[bytes] = []
        match = self._pattern.fullmatch
        scales = self._scales
        statuses, limits = self._statuses, self._limits
        nan = float("nan")
        for line in lines:
            found = match(line)
            if found is None:
                others.append(line)
                continue
            groups = found.groups()
            row: list[float] = []
            row_flags: list[int] = []
            for column in range(len(statuses)):
                at = 3 * column
                digits, metadata = groups[at], groups[at + 2]
                flag = statuses[column].get(metadata)
                if flag is None:
                    flag = self._learn(column, metadata)
                if digits is None:
                    row.append(nan)
                    flag |= int(SampleFlag.NOT_A_NUMBER)
                else:
                    value = (int(digits, 16) - OFFSET) * scales[groups[at + 1]]
                    if not -limits[column] <= value <= limits[column] and not flag & _OVERLOAD:
                        break
                    row.append(value)
                row_flags.append(flag)
            else:
                values.append(row)
                flags.append(row_flags)
                continue
            others.append(line)
        return values, flags, others

    def columns(self, lines: Sequence[bytes]) -> tuple[list[list[float]], list[list[int]]] | None:
        """Return (values, flags), one inner list per kind, where every line is a package of plain numbers; else None.

        What ``decode`` returns of such lines, at half the cost: live blocks are hardly ever anything else.
        """
        found = self._lines.findall(b"\n".join(lines))
        if not found or len(found) != len(lines):
            return None
        groups = list(zip(*found, strict=True))
        values: list[list[float]] = []
        flags: list[list[int]] = []
        for column, limit in enumerate(self._limits):
            digits, prefixes, metadata = groups[3 * column : 3 * column + 3]
            if b"" in digits:  # no number
                return None
            if digits.count(digits[0]) == len(digits) and prefixes.count(prefixes[0]) == len(digits):  # the potential
                decoded = [(int(digits[0], 16) - OFFSET) * self._scales[prefixes[0]]] * len(digits)
            else:
                scales = self._scales
                decoded = [(int(d, 16) - OFFSET) * scales[p] for d, p in zip(digits, prefixes, strict=True)]
            if max(decoded) > limit or min(decoded) < -limit:
                return None
            known = self._statuses[column]
            if metadata.count(metadata[0]) == len(metadata) and metadata[0] in known:  # as nearly always
                told = [known[metadata[0]]] * len(metadata)
            else:
                told = [known[m] if m in known else self._learn(column, m) for m in metadata]
            values.append(decoded)
            flags.append(told)
        return values, flags

    def _learn(self, column: int, metadata: bytes) -> int:
        flag = 0
        expected = self._ranges[column]
        for item in metadata.split(b","):
            if item[:1] == b"1" and _is_hex(item[1:]):
                flag |= int(item[1:], 16) & _STATUS_MASK
            elif item[:1] == b"2" and _is_hex(item[1:]) and expected and int(item[1:], 16) not in expected.codes:
                flag |= int(SampleFlag.OTHER_RANGE)
        if len(self._statuses[column]) < 1024:  # a babbling line must not fill the memory
            self._statuses[column][metadata] = flag
        return flag


@dataclass(frozen=True)
class InstrumentError:
    """An error that the instrument printed."""

    code: int
    before: bytes
    """What stood before the exclamation mark: the command's first letter, or nothing for a run-time error."""
    place: str
    """Such as ``Line 1, Col 6``; empty where none was given."""

    def __str__(self) -> str:
        text = ERROR_TEXTS.get(self.code, "unknown to this program")
        return f"error {self.code:04X} of the instrument: {text}" + (f" ({self.place})" if self.place else "")


def decode_error(line: bytes) -> InstrumentError | None:
    """Return the error in a line without its newline, None if there is none."""
    found = ERROR.fullmatch(line)
    if found is None:
        return None
    place = (found[3] or b"")[1:].decode("ascii", "replace").strip()
    return InstrumentError(int(found[2], 16), found[1], place)


def capability_bits(text: bytes) -> int | None:
    """Return the 256-bit mask of a ``CC`` or ``CM`` answer (with its two letters), None if malformed."""
    digits = text[2:]
    return int(digits, 16) if len(digits) == 64 and _is_hex(digits) else None
