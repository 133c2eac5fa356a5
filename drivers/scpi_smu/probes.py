"""How a source-measure unit is found (potentiostats.md 5): only by name.

``*IDN?`` is a pure question to it, but a star makes every New Era pump of a chain listen, and heard at another speed
its letters are commands of a Micro4, ``G`` = go among them. What it does not understand it notes in its error queue.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity
from drivers.probing import Finding, Probe, lines
from drivers.scpi_smu.codec import decode_identity
from drivers.scpi_smu.family import MODELS
from drivers.text import printable

BAUDS: Final = (9600, 19_200, 38_400, 57_600)
"""Of those that can be set; slower ones only by ``--baud``."""
IDENTITY_QUESTION: Final = b"*IDN?\r\n"
"""CR or LF ends it, whichever is set at the front panel; the other one is an empty message."""


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise a Keithley by its identity."""
    for line in lines(replies[-1]):
        found = decode_identity(line)
        if found is not None:
            model = MODELS[found[0]].name if found[0] in MODELS else printable(found[0])
            notes = () if found[0] in MODELS else ("this program does not know this model",)
            return Finding(Identity("scpi-smu", model, printable(found[2]), printable(found[1])), notes)
    return None


def probes(address: int) -> tuple[Probe, ...]:
    """Return its one probe; it has no address."""
    return () if address else (Probe(BAUDS, IDENTITY_QUESTION, read, named_only=True),)
