"""Faults on purpose: reads their short texts and decides, by time or by seeded chance, what happens to which bytes.

Knows kinds, times and probabilities. Does not know what the bytes mean; power, plug and plunger are moved by the bench,
which asks here what is due.

``[INSTRUMENT:]KIND@START[+DURATION][=VALUE]`` happens at a time since the bench began; without an instrument it happens
to all that it can happen to. ``[INSTRUMENT:]KIND~PROBABILITY[=VALUE]`` is decided for every chunk the instrument sends.

=========== ============================================= ===================================== ======================
KIND        what happens                                  without DURATION                      VALUE
=========== ============================================= ===================================== ======================
drop        bytes are lost                                the next chunk                        in (default), out, both
delay       bytes come later                              the next chunk                        how much later (500ms)
duplicate   bytes come again                              the next chunk                        how many more times (1)
garble      bytes arrive as others                        the next chunk                        how many bytes (1);
                                                                                                digit: one of a number
                                                                                                on its way out
cut         the line is dead, both ways, without an error for 10 s                              (~ only) how long
unplug      the port vanishes                             for good                              power; (~) how long
power-cycle the instrument loses power                    for 1 s                               (~ only) how long
stall       the plunger is blocked                        for good                              (~ only) how long
empty       the plunger is at its end, or at a switch     for good
truncate    the end of what arrives is lost               the next chunk                        how many bytes (half)
echo        the host's own bytes come back to it          for good                              (~ only) how long
babble      bytes without end, as fast as the line takes  for 10 s                              (~ only) how long
baud        the instrument speaks at another baud rate    for good                              (~ only) how long
foreign     a second program asks what the host asked     once
            last, and the answer comes to the host too
swap        two plugs change places after DURATION        after 5 s                             the other instrument
=========== ============================================= ===================================== ======================

What goes wrong inside a pump, as far as its simulated firmware can show it (``Disturbable``):

=========== ============================================= ===================================== ======================
KIND        what happens                                  without DURATION                      VALUE
=========== ============================================= ===================================== ======================
brown-out   it restarts without its reset alarm           once                                  counter (default: at
                                                                                                zero, stands still);
                                                                                                target, rate: runs on
                                                                                                with that one changed
speed       its motor turns too fast or too slowly        for good                              percent of the rate
keypad      somebody presses a key at its front           once                                  stop (default), start
refuse      settings and RUN are refused                  for good                              (~ only) how long
runaway     STOP is answered and not obeyed               for good                              (~ only) how long
=========== ============================================= ===================================== ======================
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

CHUNK_KINDS = ("drop", "delay", "duplicate", "garble", "truncate")
PLUNGER_KINDS = ("stall", "empty")
INNER_KINDS = ("brown-out", "speed", "keypad", "refuse", "runaway")
KINDS = (
    *CHUNK_KINDS, *PLUNGER_KINDS, *INNER_KINDS,
    "cut", "unplug", "power-cycle", "echo", "babble", "baud", "foreign", "swap",
)  # fmt: skip
_DEFAULT_DURATION_NS: dict[str, int | None] = {
    "cut": 10_000_000_000,
    "unplug": None,
    "power-cycle": 1_000_000_000,
    "babble": 10_000_000_000,
    "swap": 5_000_000_000,
}
_WITHOUT_END = ("empty", "brown-out", "keypad", "foreign")
_VALUES: dict[str, tuple[str, ...]] = {
    "drop": ("in", "out", "both"),
    "unplug": ("power",),
    "brown-out": ("counter", "target", "rate"),
    "keypad": ("stop", "start"),
}
"""Kinds whose value is one of a few words."""
_UNITS_NS = {"ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|h)")
_SHAPE = re.compile(
    r"(?:(?P<instrument>[^@~=]+):)?(?P<kind>[a-z-]+)(?:@(?P<at>[^=]*)|~(?P<chance>[^=]*))(?:=(?P<value>.*))?"
)
_HELP = "write [INSTRUMENT:]KIND@START[+DURATION][=VALUE], e.g. pump:stall@120s or cut@5min+20s, or KIND~PROBABILITY"

BABBLE_PERIOD_NS = 50_000_000
"""A line that babbles is filled anew so often."""

Direction = Literal["in", "out"]


@dataclass(frozen=True)
class FaultSpec:
    """One fault as it was asked for."""

    text: str
    instrument: str
    kind: str
    start_ns: int | None
    """Since the bench began; None for a fault by chance."""
    duration_ns: int | None
    """None: once for chunks, for good for the others."""
    probability: float
    value: str


def parse_time_ns(text: str, what: str) -> int:
    """Return a time such as 90s, 5min, 1h, 20ms in ns. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{what}: {text!r} is no time; write a number with ms, s, min or h, such as 90s or 5min")
    return round(float(found[1]) * _UNITS_NS[found[2]])


def parse_fault(text: str) -> FaultSpec:
    """Read one fault. Raises ValueError that says what is wrong and what would be right."""
    found = _SHAPE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"fault {text!r} is not understood; {_HELP}")
    kind, value = found["kind"], found["value"] or ""
    what = f"fault {text!r}"
    if kind not in KINDS:
        raise ValueError(f"{what}: there is no {kind!r}; kinds are {', '.join(KINDS)}")
    start_ns, duration_ns, probability = None, _DEFAULT_DURATION_NS.get(kind), 0.0
    if found["at"] is not None:
        start, plus, duration = found["at"].partition("+")
        start_ns = parse_time_ns(start, what)
        if plus and kind in _WITHOUT_END:
            raise ValueError(f"{what}: {kind} has no duration; {_HELP}")
        if plus:
            duration_ns = parse_time_ns(duration, what)
    else:
        probability = _probability(found["chance"], what)
        if kind not in (*CHUNK_KINDS, "brown-out", "keypad", "speed", "swap") and value:
            duration_ns, value = parse_time_ns(value, what), ""
    _check_value(kind, value, what)
    return FaultSpec(text, found["instrument"] or "", kind, start_ns, duration_ns, probability, value)


def _probability(text: str, what: str) -> float:
    try:
        chance = float(text)
    except ValueError:
        chance = -1.0
    if not 0 < chance <= 1:
        raise ValueError(f"{what}: {text!r} is no probability; write a number above 0 and up to 1, such as 0.01")
    return chance


def _check_value(kind: str, value: str, what: str) -> None:
    if kind in ("speed", "swap") and not value:
        needs = "percent of the rate, such as 150%" if kind == "speed" else "the other instrument's name"
        raise ValueError(f"{what}: {kind} needs {needs}; {_HELP}")
    if not value or kind == "swap" or value in _VALUES.get(kind, ()):
        return
    if kind == "delay":
        parse_time_ns(value, what)
        return
    if kind == "garble" and value == "digit":
        return
    if kind in ("duplicate", "garble", "truncate") and value.isascii() and value.isdigit() and 1 <= int(value) <= 100:
        return
    if kind == "speed":
        parse_percent(value, what)
        return
    raise ValueError(f"{what}: {kind} cannot take the value {value!r}; {_HELP}")


def parse_percent(text: str, what: str) -> float:
    """Return 1.5 for ``150%``. Raises ValueError."""
    digits = text.removesuffix("%")
    if not (text.endswith("%") and digits.isascii() and digits.isdigit() and 0 <= int(digits) <= 1000):
        raise ValueError(f"{what}: {text!r} is no share; write percent from 0 to 1000, such as 150%")
    return int(digits) / 100.0


@dataclass(frozen=True)
class Change:
    """Something that begins or ends with the instrument itself."""

    kind: str
    begins: bool
    value: str = ""


@dataclass
class InstrumentFaults:
    """The faults of one instrument. All times are the bench's clock."""

    specs: list[FaultSpec]
    begin_ns: int
    rng: np.random.Generator
    _changes: list[tuple[int, int, Change]] = field(default_factory=list)
    _once: set[int] = field(default_factory=set)
    """Scripted chunk faults that have happened."""
    _order: int = 0
    _of_chunks: dict[Direction, list[tuple[int, FaultSpec]]] = field(default_factory=dict)
    """What may befall the bytes of each direction, with its number."""

    def __post_init__(self) -> None:
        self.keep(self.specs)

    def keep(self, specs: list[FaultSpec]) -> None:
        """Have these faults and no others; before the first of them."""
        self.specs, self._changes = specs, []
        ways: tuple[Direction, ...] = ("in", "out")
        self._of_chunks = {way: [(n, s) for n, s in enumerate(specs) if self._concerns(s, way)] for way in ways}
        for spec in specs:
            if spec.start_ns is not None and spec.kind not in CHUNK_KINDS:
                self._schedule(spec, self.begin_ns + spec.start_ns)

    def add(self, spec: FaultSpec, now_ns: int) -> None:
        """Have one more fault, whose START counts from now."""
        later = replace(spec, start_ns=now_ns - self.begin_ns + (spec.start_ns or 0))
        self.specs = [*self.specs, later]
        if later.kind not in CHUNK_KINDS:
            self._schedule(later, now_ns + (spec.start_ns or 0))

    def _schedule(self, spec: FaultSpec, start_ns: int) -> None:
        if spec.kind == "babble" and spec.duration_ns is not None:
            for offset_ns in range(0, spec.duration_ns, BABBLE_PERIOD_NS):
                self._push(start_ns + offset_ns, Change(spec.kind, begins=True))
            return
        self._push(start_ns, Change(spec.kind, begins=True, value=spec.value))
        if spec.duration_ns is not None:
            self._push(start_ns + spec.duration_ns, Change(spec.kind, begins=False, value=spec.value))

    def _push(self, t_ns: int, change: Change) -> None:
        self._order += 1
        heapq.heappush(self._changes, (t_ns, self._order, change))

    def next_change_ns(self) -> int | None:
        """Return when something next begins or ends."""
        return self._changes[0][0] if self._changes else None

    def pop_due(self, now_ns: int) -> Iterable[Change]:
        """Yield what begins or ends up to now, in order."""
        while self._changes and self._changes[0][0] <= now_ns:
            yield heapq.heappop(self._changes)[2]

    def mangle(self, chunk: bytes, direction: Direction, now_ns: int) -> list[tuple[bytes, int]]:
        """Return what becomes of a chunk: pieces with an extra delay each, ns."""
        if not self._of_chunks[direction]:
            return [(chunk, 0)]
        copies, delay_ns = 1, 0
        for index, spec in self._of_chunks[direction]:
            if not self._hits(index, spec, now_ns):
                continue
            if spec.kind == "drop":
                return []
            if spec.kind == "delay":
                delay_ns += parse_time_ns(spec.value or "500ms", spec.text)
            elif spec.kind == "duplicate":
                copies += int(spec.value or 1)
            elif spec.kind == "truncate":
                chunk = chunk[: max(len(chunk) - int(spec.value), 0) if spec.value else len(chunk) // 2]
            elif spec.kind == "garble":
                chunk = self._misheard(chunk) if spec.value == "digit" else self._garbled(chunk, int(spec.value or 1))
            else:
                self._schedule(spec, now_ns)
        return [(chunk, delay_ns)] * copies if chunk else []

    def _concerns(self, spec: FaultSpec, direction: Direction) -> bool:
        if spec.kind == "drop":
            return (spec.value or "in") in (direction, "both")
        if spec.kind == "garble" and spec.value == "digit":
            return direction == "out"
        return direction == "in" and (spec.kind in CHUNK_KINDS or spec.start_ns is None)

    def _hits(self, index: int, spec: FaultSpec, now_ns: int) -> bool:
        if spec.start_ns is None:
            return bool(self.rng.random() < spec.probability)
        start_ns = self.begin_ns + spec.start_ns
        if now_ns < start_ns:
            return False
        if spec.duration_ns is not None:
            return now_ns < start_ns + spec.duration_ns
        if index in self._once:
            return False
        self._once.add(index)
        return True

    def _misheard(self, chunk: bytes) -> bytes:
        """Return the chunk with one digit of it as another: what only a read-back or a checksum can find (L5)."""
        digits = [position for position, byte in enumerate(chunk) if 0x30 <= byte <= 0x39]
        if not digits:
            return chunk
        mangled = bytearray(chunk)
        position = digits[int(self.rng.integers(len(digits)))]
        mangled[position] = 0x30 + (mangled[position] - 0x30 + int(self.rng.integers(1, 10))) % 10
        return bytes(mangled)

    def _garbled(self, chunk: bytes, count: int) -> bytes:
        mangled = bytearray(chunk)
        for position in self.rng.integers(0, len(mangled), count):
            mangled[position] ^= int(self.rng.integers(1, 256))
        return bytes(mangled)
