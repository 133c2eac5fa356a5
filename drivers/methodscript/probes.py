"""How a MethodSCRIPT potentiostat is found without changing it (potentiostats.md 2.2 to 2.5).

An unknown command is answered by its first letter and an error; ``t``, ``i`` and ``v`` are pure questions. Unlike
``connect``, nothing here aborts a measurement: while one runs, an instrument is recognised by its packages and asked
nothing, or refuses every question until somebody ends it.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.capabilities import Identity
from drivers.methodscript.family import family
from drivers.methodscript.package import decode_package
from drivers.probing import USUAL_BAUDS, VERSION_QUESTION, Finding, Probe, lines
from drivers.text import printable

BAUDS: Final = (230_400, 921_600)
_REFUSAL: Final = re.compile(rb"v!([0-9A-Fa-f]{4})")
_NAME: Final = re.compile(rb"t([A-Za-z0-9_]{6})([0-9]*)#")
_BUSY: Final = "it measures and was left alone; its name can be asked when the measurement has ended"


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise the family by how it refuses the pumps' question, the model by the answer to ``t``."""
    told = [line for reply in replies for line in lines(reply)]
    if not any(_REFUSAL.fullmatch(line) for line in told):
        return None
    name = next((found for line in told if (found := _NAME.match(line))), None)
    if name is None:
        measures = any(decode_package(line) is not None for line in told) or b"t!0006" in told
        if len(replies) > 1 and not measures:
            return None
        return Finding(Identity("methodscript", "", ""), (_BUSY,) if measures else ())
    kind = family(name[1].decode())
    model = kind.name if kind is not None else printable(name[1])
    serial_number = next((line[1:] for line in told if line[:1] == b"i" and b"!" not in line), b"")
    version = next((line[1:] for line in told if re.match(rb"v[0-9]", line)), b"")
    firmware = name[2].decode() + (f" (MethodSCRIPT {printable(version)})" if version else "")
    notes = () if kind is not None else ("this program does not know this model",)
    return Finding(Identity("methodscript", model, firmware, printable(serial_number)), notes)


def overhear(data: bytes) -> Finding | None:
    """Recognise a measurement by its packages."""
    heard = [line for line in lines(data) if decode_package(line) is not None]
    return Finding(Identity("methodscript", "", ""), (_BUSY,)) if heard else None


def probes(address: int) -> tuple[Probe, ...]:
    """Return the probe; on a line with addresses there is none of these."""
    bauds = (*BAUDS, *(baud for baud in USUAL_BAUDS if baud not in BAUDS))
    return () if address else (Probe(bauds, VERSION_QUESTION, read, (b"t\n", b"i\n", b"v\n"), overhear),)
