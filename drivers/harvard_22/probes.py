"""How an older Harvard pump is found without changing it (pumps.md b2).

``VER`` and ``DIA`` are pure questions. Version texts differ between models and look like those of the Ultra family, so
a pump that answers ``version`` is none of these, and one that tells no diameter is not believed. Whether these pumps
take lower case is not known [?]; capitals are commands of a Micro4, so the question in capitals is asked only by name.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity
from drivers.harvard_22 import codec
from drivers.harvard_22.framing import AnswerFramer, command_bytes
from drivers.probing import Finding, Probe, version_question
from drivers.text import printable

BAUDS: Final = (9600, 19_200)
_ULTRA: Final = "firmware:"


def _lines(reply: bytes) -> tuple[str, ...]:
    frames = AnswerFramer().feed(reply.replace(b"\x11", b""), 0)
    return frames[-1].lines if frames else ()


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise a version text before a prompt, and believe it where a diameter is told and no Ultra answers."""
    version = codec.parse_version(_lines(replies[0]))
    if version is None or any(line.lower().startswith(_ULTRA) for reply in replies for line in _lines(reply)):
        return None
    if len(replies) > 1 and codec.parse_diameter(_lines(replies[-1])) is None:
        return None
    return Finding(Identity("harvard-22", f"{printable(version)} (experimental)", ""))


def probes(address: int) -> tuple[Probe, ...]:
    """Return the probes for the pump with this address."""
    number = f"{address or ''}".encode("ascii")
    details = (number + b"version \r\n", number + b"dia \r\n")
    capitals = command_bytes("VER", address)
    return (
        Probe(BAUDS, version_question(address), read, details),
        Probe(BAUDS, capitals, read, (command_bytes("DIA", address),), named_only=True),
    )
