"""How a Harvard or KDS pump of the Ultra family is found without changing it (pumps.md b1.2, b1.6, b1.8).

``ver`` and ``version`` are pure questions. Its poll mode is left as it is, so a reply may end with XON, without it, or
(poll remote) without a prompt. On a screen where it obeys nothing it refuses with its own wording, which tells the
family too.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity
from drivers.harvard_ultra import codec
from drivers.harvard_ultra.framing import XON, command_bytes
from drivers.probing import Finding, Probe, version_question
from drivers.text import printable

BAUDS: Final = (115_200, 38_400, 19_200, 9600)
"""On USB it does not matter. 57600 and the faster ones of newer models are asked only by ``--baud``."""


def _parsed(raw: bytes) -> codec.Reply | None:
    plain = raw.replace(XON, b"")
    return codec.parse_reply(plain) or codec.parse_reply(plain + b"\n:")


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise the family by the shape of its reply, and believe it once ``version`` is answered as it does."""
    told = [_parsed(reply) for reply in replies]
    models = [model for reply in told if reply is not None and (model := codec.parse_model(reply)) is not None]
    versions = [pair for reply in told if reply is not None and (pair := codec.parse_version(reply)) is not None]
    looks_like_one = told[0] is not None and bool(models or told[0].error)
    if not versions:
        return Finding(Identity("harvard-ultra", "", "")) if looks_like_one and len(replies) == 1 else None
    firmware, serial_number = versions[-1]
    name = printable(models[-1]) if models else "Ultra command set"
    return Finding(Identity("harvard-ultra", name, printable(firmware), printable(serial_number)))


def probes(address: int) -> tuple[Probe, ...]:
    """Return the probe for the pump with this address."""
    model = version_question(address)
    return (Probe(BAUDS, model, read, (command_bytes("version", address), model)),)
