"""How a Rodeostat is found without changing it (potentiostats.md 3.2, 3.3).

It says of the pumps' question that this is no JSON, which tells the family; ``getVariant`` and the like are pure
questions. They are never put to a line where nobody has said so: their capitals are commands of a Micro4. Never
opened at 1200 or 134 baud, which would start the bootloader of its board.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity
from drivers.probing import USUAL_BAUDS, VERSION_QUESTION, Finding, Probe, lines
from drivers.rodeostat.codec import Reply, decode_reply, decode_sample, encode
from drivers.rodeostat.family import parse_variant
from drivers.text import printable

BAUD: Final = 115_200
_NO_JSON: Final = "unable to parse json"
_BUSY: Final = "a test runs on it, and it was left alone"


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise the family by its complaint, the model by its variant."""
    told = [found for reply in replies for line in lines(reply) if (found := decode_reply(line)) is not None]
    if not any(not reply.success and reply.message == _NO_JSON for reply in told):
        return None
    variant = _value(told, "getVariant", "variant")
    known = parse_variant(variant)
    model = known[0].name if known is not None else printable(variant)
    hardware = _value(told, "getHardwareVersion", "version") or (known[1] if known is not None else "")
    version = printable(_value(told, "getVersion", "version"))
    firmware = version + (f" (hardware {printable(hardware.lstrip('HVW'))})" if hardware else "")
    unknown = ("this program does not know this variant",) if variant and known is None else ()
    running = (_BUSY,) if any(decode_sample(line) is not None for line in lines(b"\n".join(replies))) else ()
    serial_number = printable(_value(told, "getDeviceId", "deviceId"))
    return Finding(Identity("rodeostat", model, firmware, serial_number), (*unknown, *running))


def _value(told: list[Reply], command: str, key: str) -> str:
    return next((str(r.values.get(key, "")) for r in told if r.success and r.command == command), "")


def overhear(data: bytes) -> Finding | None:
    """Recognise a running test by its samples."""
    heard = any(decode_sample(line) is not None for line in lines(data))
    return Finding(Identity("rodeostat", "", ""), (_BUSY,)) if heard else None


def probes(address: int) -> tuple[Probe, ...]:
    """Return the probe; on a line with addresses there is none of these."""
    bauds = (BAUD, *(baud for baud in USUAL_BAUDS if baud != BAUD))
    details = tuple(encode(name) for name in ("getVariant", "getVersion", "getHardwareVersion", "getDeviceId"))
    return () if address else (Probe(bauds, VERSION_QUESTION, read, details, overhear),)
