"""How a Micro4 is found without changing it (pumps.md d.1).

``?V`` is a pure question in both of its forms. It has none for model, firmware or serial number. It is not silent about
capitals of other families' questions: that is why those are written in lower case.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity
from drivers.probing import Finding, Probe
from drivers.wpi_micro4 import codec
from drivers.wpi_micro4.framing import AnswerFramer

BAUD: Final = 9600
TARGET_QUESTION: Final = b"?V\r\n"


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise the controller by how it tells its target volume, with or without echo."""
    for frame in AnswerFramer().feed(replies[-1], 0):
        body = frame.removeprefix("?V").lstrip("; \r\n").removeprefix(">").strip()
        if codec.parse_number("V", body) is not None:
            return Finding(Identity("wpi-micro4", "", ""))
    return None


def probes(address: int) -> tuple[Probe, ...]:
    """Return its one probe; it has no address."""
    return () if address else (Probe((BAUD,), TARGET_QUESTION, read),)
