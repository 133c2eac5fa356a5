"""What a family of instruments offers for being found: harmless questions, and how their answers are recognised.

Knows the shape of a probe and the rules for questions that may be put to a line on which anything may listen. Knows
no family and opens no port: the talk is ``drivers.finding``, the probes stand in each family's ``probes.py``.

Rules, held by ``tests/drivers/test_finding_matrix.py`` over all installed families and simulators:

- A question changes nothing in an instrument of any family here, in any state, at any baud rate at which it listens.
- Lower-case letters only, apart from ``?X``: single capitals are commands of a WPI Micro4 (``G`` = go).
- Never an empty line: a lone CR stops older KDS pumps [M], and an empty line runs a half-sent MethodSCRIPT.
- It ends with CR LF where the family allows: then nothing of it stays in anybody's line buffer.
- Never below 9600 baud unasked: opening some USB boards at 1200 or 134 baud throws them into their bootloader.
- What cannot be asked harmlessly is ``named_only``: asked when a person has said which family is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drivers.capabilities import Identity

VERSION_QUESTION: Final = b"ver \r\n"
"""Asks New Era, Harvard and KDS pumps for their version; a refusal tells the others apart. Chosen byte by byte: with
the blank, it holds no command letter of a Micro4 and no line end for whoever listens at another baud rate."""
USUAL_BAUDS: Final = (19_200, 9600, 115_200, 38_400, 230_400, 921_600)
"""Where ``VERSION_QUESTION`` is asked. Not at 57600: heard at 9600 baud it would hold a ``C``."""


@dataclass(frozen=True)
class Finding:
    """Who answered. ``notes`` are sentences for a person: an alarm it reported, what it is busy with."""

    identity: Identity
    """Texts that are not known are empty. Control characters are escaped, as by ``connect``."""
    notes: tuple[str, ...] = ()
    address: int = 0
    """Of a pump on a shared line, as it told it."""


def version_question(address: int) -> bytes:
    """Return ``VERSION_QUESTION`` for the pump with this address on a shared line."""
    return f"{address or ''}".encode("ascii") + VERSION_QUESTION


def nothing_overheard(data: bytes) -> Finding | None:
    """Recognise nothing: for a family that never speaks unasked."""
    del data
    return None


@dataclass(frozen=True)
class Probe:
    """One harmless question of a family.

    ``read`` is given the reply to ``question`` and returns a Finding if it is of this family; then the ``details``
    are asked, which need only be harmless to this family, and ``read`` is given all replies in order, empty where none
    came: what it returns then counts, None if it was somebody else after all. Pure, and never raises.
    """

    bauds: tuple[int, ...]
    """Speeds at which it is asked: 8 data bits, no parity, one stop bit, no flow control."""
    question: bytes
    read: Callable[[tuple[bytes, ...]], Finding | None]
    details: tuple[bytes, ...] = ()
    overhear: Callable[[bytes], Finding | None] = nothing_overheard
    """Recognises an instrument by what it sends unasked, such as samples; then it is asked nothing."""
    named_only: bool = False
    """Asked only when a person has named the family: it is not harmless to some other, or not to every state."""
    pause_s: float = 0.0
    """Silence to keep after the question, so that nobody takes it for the beginning of the next."""


Probes = Callable[[int], tuple[Probe, ...]]
"""What a driver's factory has as ``probes``: returns those for an address, 0 where nobody said one."""


def no_probes(address: int) -> tuple[Probe, ...]:
    """Return nothing: this driver's instruments cannot be looked for."""
    del address
    return ()


def lines(reply: bytes) -> list[bytes]:
    """Return the lines of a reply, without flow-control characters and blanks around them; empty ones left out."""
    plain = reply.translate(None, b"\x11\x13").replace(b"\r", b"\n")
    return [line.strip() for line in plain.split(b"\n") if line.strip()]
