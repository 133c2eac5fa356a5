"""How an 8401-HR is found without changing it (potentiostats.md 1.3, 1.4).

One that streams is recognised by its data packets and asked nothing. TYPE and FIRMWARE are pure questions, but their
frame is the beginning of a packet for other families, so they are put only to a line where a person has said so.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity
from drivers.pinnacle_8401.codec import Command, Packet, encode, version
from drivers.pinnacle_8401.packets import PacketCutter, controls
from drivers.probing import VERSION_QUESTION, Finding, Probe
from drivers.text import printable

BAUD: Final = 115_200
TYPE_8401HR: Final = "31"
_BUSY: Final = "it streams, and was left alone"


def _said(reply: bytes, command: Command) -> Packet | None:
    return next((packet for packet in controls(reply)[0] if packet.number == command), None)


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise the type, and read the version if it was told."""
    kind = _said(replies[0], Command.TYPE)
    if kind is None or kind.payload != TYPE_8401HR:
        return None
    told = _said(replies[1], Command.FIRMWARE) if len(replies) > 1 else None
    firmware = "" if told is None else version(told.payload) or printable(told.payload)
    return Finding(Identity("pinnacle-8401", "8401-HR", firmware))


def not_by_this(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise nothing: to the question that is put to everybody, this family has no answer."""
    del replies
    return None


def overhear(data: bytes) -> Finding | None:
    """Recognise a stream by its packets."""
    heard = PacketCutter().feed(data)[0].counter.size
    return Finding(Identity("pinnacle-8401", "8401-HR", ""), (_BUSY,)) if heard else None


def probes(address: int) -> tuple[Probe, ...]:
    """Return the probes; on a line with addresses there is none of these."""
    if address:
        return ()
    asked = Probe((BAUD,), encode(Command.TYPE), read, (encode(Command.FIRMWARE),), overhear, named_only=True)
    return asked, Probe((BAUD,), VERSION_QUESTION, not_by_this, overhear=overhear)
