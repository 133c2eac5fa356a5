"""Writes the rig entries of instruments that were found, so that a person has only to fill in what no port can tell.

Knows which keys a rig file has and how TOML texts are escaped: what instruments call themselves is untrusted. Asks
nobody and writes no file. What only a person knows is marked FILL IN, and the rig file is refused until it is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from drivers.bound_port import changes_on_replug
from drivers.capabilities import Identity

FILL_IN: Final = "FILL IN"
_HEAD = f"""\
# Written by `amperfuse scan`. Replace every "{FILL_IN}"; until then this file is refused.

[rig]
name = "bench"
"""


@dataclass(frozen=True)
class FoundInstrument:
    """What is known of an instrument that answered."""

    driver: str
    kind: Literal["pump", "potentiostat"]
    url: str
    identity: Identity
    address: int = 0
    baud: int | None = None
    """None where the line has no speed."""
    electrodes: Sequence[str] = ("we1",)


def rig_text(found: Iterable[FoundInstrument]) -> str:
    """Return a whole rig file with these instruments."""
    return _HEAD + "".join(f"\n{entry}" for entry in rig_entries(found))


def rig_entries(found: Iterable[FoundInstrument]) -> list[str]:
    """Return the entry of each instrument, named by kind and number."""
    numbers = {"pump": 0, "potentiostat": 0}
    entries = []
    for instrument in found:
        numbers[instrument.kind] += 1
        name = f"{instrument.kind}-{numbers[instrument.kind]}"
        write = _pump if instrument.kind == "pump" else _potentiostat
        entries.append("\n".join([f"[{instrument.kind}s.{name}]", *_common(instrument), *write(name, instrument), ""]))
    return entries


def _common(found: FoundInstrument) -> list[str]:
    lines = [_line("driver", found.driver)]
    if changes_on_replug(found.url):
        lines.append("# Another instrument may have this name after replugging; this adapter has no number to bind to.")
    lines.append(_line("url", found.url))
    if found.baud is not None:
        lines.append(f"baud = {found.baud}")
    if found.address:
        lines.append(f"address = {found.address}")
    if found.identity.model:
        lines.append(_line("model", found.identity.model))
    if found.identity.serial_number:
        lines.append(_line("serial_number", found.identity.serial_number))
    return lines


def _pump(name: str, found: FoundInstrument) -> list[str]:
    del name, found
    return [
        _line("syringe", FILL_IN) + "  # a row of the syringe table, for example hamilton-1001",
        _line("line_dead_volume", FILL_IN) + "  # between syringe and animal, for example 37 uL",
        '# watchdog = "0 s"  # only for a pump that has none, see its page: it runs on when this computer dies',
    ]


def _potentiostat(name: str, found: FoundInstrument) -> list[str]:
    return [
        _line("potential", FILL_IN) + "  # working electrode versus reference, for example 600 mV",
        _line("interval", FILL_IN) + "  # for example 100 ms",
        "",
        f"[[potentiostats.{name}.channels]]",
        _line("name", f"{name}-trace"),
        _line("electrode", found.electrodes[0]) + f"  # of {', '.join(found.electrodes)}",
        _line("role", FILL_IN) + "  # glutamate, sentinel or other",
        _line("range", FILL_IN) + "  # full scale, for example 100 nA",
    ]


def _line(key: str, text: str) -> str:
    return f"{key} = {json.dumps(text, ensure_ascii=True)}"  # JSON's escapes are all TOML's too
