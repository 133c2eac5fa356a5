"""Reads a MethodSCRIPT text into instructions, or says at which line and column it is wrong.

Knows the grammar of the commands this simulator runs; executes nothing. Columns count from 1 and point just behind
the offending word, lines count from the one after ``e``, as the instrument does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

_WORD = re.compile(r"[a-z_]+\([^)]*\)|\"[^\"]*\"|\S+")
_OPTION = re.compile(r"([a-z_]+)\(([^)]*)\)")
_NUMBER = re.compile(r"(-?\d+)([afpnumkMGTPEi]?)")
_HEX = re.compile(r"0x([0-9A-Fa-f]+)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_TYPE = re.compile(r"[a-j][a-z]")
_EXPONENTS = dict(zip("afpnum kMGTPE", range(-18, 19, 3), strict=True))

UNKNOWN_COMMAND, UNEXPECTED, BAD_OPTION, NESTED, NOT_HERE, SCOPE = 0x4001, 0x4004, 0x4008, 0x400B, 0x400C, 0x400D
ENDED_EARLY, NOT_IN_LOOP, PACKAGE_ORDER, DECLARED = 0x4018, 0x401A, 0x401B, 0x4026
BAD_TYPE, BAD_NUMBER, UNSUPPORTED = 0x0002, 0x0144, 0x001B


class ScriptError(Exception):
    """The script cannot be loaded."""

    def __init__(self, code: int, line: int, column: int) -> None:
        super().__init__(f"{code:04X}: Line {line}, Col {column}")
        self.code, self.line, self.column = code, line, column


@dataclass(frozen=True)
class Number:
    """A literal; ``integer`` when written with the suffix i or in hex."""

    value: Fraction
    integer: bool


Argument = str | Number
"""A variable's or type's name, or a literal."""


@dataclass
class Instruction:
    """One command of the script; loops hold their body."""

    name: str
    line: int
    args: tuple[Argument, ...] = ()
    measured: tuple[tuple[str, str], ...] = ()
    """Further (type, variable) pairs that a measurement loop fills."""
    body: list[Instruction] = field(default_factory=list)


@dataclass
class Script:
    """A loaded script: what runs, and what runs when it ends or is aborted."""

    main: list[Instruction]
    finished: list[Instruction]


# Kinds of argument: new = declared here, var = must exist, num = literal or variable, type, text, cmp = comparison
_SIGNATURES: dict[str, tuple[str, ...]] = {
    "var": ("new",),
    "store_var": ("var", "num", "type"),
    "add_var": ("var", "num"),
    "set_pgstat_chan": ("num",),
    "set_pgstat_mode": ("num",),
    "set_channel_sync": ("num",),
    "set_poly_we_mode": ("num",),
    "set_bipot_mode": ("num",),
    "set_bipot_potential": ("num",),
    "set_max_bandwidth": ("num",),
    "set_range_minmax": ("type", "num", "num"),
    "set_range": ("type", "num"),
    "set_autoranging": ("type", "num", "num"),
    "set_e": ("num",),
    "cell_on": (),
    "cell_off": (),
    "wait": ("num",),
    "timer_start": (),
    "timer_get": ("var",),
    "loop": ("num", "cmp", "num"),
    "endloop": (),
    "meas_loop_ca": ("var", "var", "num", "num", "num"),
    "pck_start": (),
    "pck_add": ("var",),
    "pck_end": (),
    "send_string": ("text",),
}
_BIPOT_ONLY = ("set_bipot_mode", "set_bipot_potential")
_POLY_ONLY = ("set_poly_we_mode",)
_MULTI_ONLY = ("set_channel_sync",)
NEEDS_MULTI = 0x4019
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass
class _Parser:
    bipot: bool
    poly: bool
    multi: bool
    variables: set[str] = field(default_factory=set)
    blocks: list[Instruction] = field(default_factory=list)
    in_package: bool = False

    def parse(self, lines: list[str]) -> Script:
        script = Script([], [])
        target = script.main
        for number, raw in enumerate(lines, start=1):
            text = raw.split("#", 1)[0]
            words = [(found[0], found.end() + 1) for found in _WORD.finditer(text)]
            if not words:
                continue
            if words[0][0] == "on_finished:":
                self._close(number, words[0][1])
                target = script.finished
                continue
            self._command(words, number, target)
        self._close(len(lines), 1)
        return script

    def _close(self, line: int, column: int) -> None:
        if self.blocks or self.in_package:
            raise ScriptError(ENDED_EARLY, line, column)

    def _command(self, words: list[tuple[str, int]], line: int, target: list[Instruction]) -> None:
        name, column = words[0]
        signature = _SIGNATURES.get(name)
        if signature is None:
            raise ScriptError(UNKNOWN_COMMAND, line, column)
        if (name in _BIPOT_ONLY and not self.bipot) or (name in _POLY_ONLY and not self.poly):
            raise ScriptError(UNSUPPORTED, line, column)
        if name in _MULTI_ONLY and not self.multi:
            raise ScriptError(NEEDS_MULTI, line, column)
        rest = iter(words[1:])
        args = tuple(self._argument(kind, rest, line, words[-1][1]) for kind in signature)
        measured = tuple(self._option(word, end, line) for word, end in rest) if name == "meas_loop_ca" else ()
        for _word, end in rest:
            raise ScriptError(UNEXPECTED, line, end)
        self._place(Instruction(name, line, args, measured), column, target)

    def _place(self, instruction: Instruction, column: int, target: list[Instruction]) -> None:
        name, line = instruction.name, instruction.line
        if name in ("pck_start", "pck_add", "pck_end"):
            if self.in_package == (name == "pck_start"):
                raise ScriptError(PACKAGE_ORDER, line, column)
            self.in_package = name != "pck_end"
        if name == "endloop":
            if not self.blocks:
                raise ScriptError(NOT_IN_LOOP, line, column)
            self.blocks.pop()
            return
        if name == "meas_loop_ca" and any(block.name == name for block in self.blocks):
            raise ScriptError(NESTED, line, column)
        (self.blocks[-1].body if self.blocks else target).append(instruction)
        if name in ("loop", "meas_loop_ca"):
            self.blocks.append(instruction)

    def _argument(self, kind: str, words: Iterator[tuple[str, int]], line: int, end_of_line: int) -> Argument:
        word, column = next(words, ("", end_of_line))
        if not word:
            raise ScriptError(UNEXPECTED, line, column)
        check: dict[str, Callable[[str, int, int], Argument]] = {
            "new": self._new,
            "var": self._variable,
            "num": self._number,
            "type": _type,
            "cmp": _comparison,
            "text": _text,
        }
        return check[kind](word, line, column)

    def _new(self, word: str, line: int, column: int) -> str:
        if not _NAME.fullmatch(word):
            raise ScriptError(UNEXPECTED, line, column)
        if word in self.variables:
            raise ScriptError(DECLARED, line, column)
        self.variables.add(word)
        return word

    def _variable(self, word: str, line: int, column: int) -> str:
        if word not in self.variables:
            raise ScriptError(SCOPE, line, column)
        return word

    def _number(self, word: str, line: int, column: int) -> Argument:
        if word in self.variables:
            return word
        if hexadecimal := _HEX.fullmatch(word):
            return Number(Fraction(int(hexadecimal[1], 16)), integer=True)
        found = _NUMBER.fullmatch(word)
        if not found:
            raise ScriptError(SCOPE if _NAME.fullmatch(word) else BAD_NUMBER, line, column)
        digits, suffix = int(found[1]), found[2]
        if suffix == "i":
            return Number(Fraction(digits), integer=True)
        return Number(Fraction(digits) * Fraction(10) ** _EXPONENTS[suffix or " "], integer=False)

    def _option(self, word: str, column: int, line: int) -> tuple[str, str]:
        """Read ``add_meas(0 bb name)`` or the older ``poly_we(1 name)``; other options are not simulated."""
        found = _OPTION.fullmatch(word)
        parts = found[2].split() if found else []
        if found and found[1] == "add_meas" and self.bipot and len(parts) == 3 and parts[0] == "0":
            return _type(parts[1], line, column), self._variable(parts[2], line, column)
        if found and found[1] == "poly_we" and self.poly and len(parts) == 2 and parts[0] == "1":
            return "bb", self._variable(parts[1], line, column)
        raise ScriptError(BAD_OPTION, line, column)


def _type(word: str, line: int, column: int) -> str:
    if not _TYPE.fullmatch(word):
        raise ScriptError(BAD_TYPE, line, column)
    return word


def _comparison(word: str, line: int, column: int) -> str:
    if word not in _COMPARISONS:
        raise ScriptError(UNEXPECTED, line, column)
    return word


def _text(word: str, line: int, column: int) -> str:
    if len(word) < 2 or word[0] != '"' or word[-1] != '"':
        raise ScriptError(UNEXPECTED, line, column)
    return word[1:-1]


def parse(lines: list[str], *, bipot: bool, poly: bool, multi: bool) -> Script:
    """Return the script in ``lines`` (without ``e`` and the empty line). Raises ScriptError.

    What the instrument has: the second electrode's commands of version 1.8, the older ones, other channels.
    """
    return _Parser(bipot, poly, multi).parse(lines)
