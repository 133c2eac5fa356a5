"""Writes one infusion into a stopped PHD 2000 and proves that it holds it, its target above all (pumps.md b2, R20).

Knows the order and what must be read back. Starts nothing.
"""

from __future__ import annotations

from drivers.errors import DeviceRefused, ReadbackMismatch
from drivers.harvard_22 import codec
from drivers.harvard_22.link import Harvard22Link
from drivers.harvard_22.models import NO_TARGET_UNIT, Model, parse_direction, parse_mode, parse_switch


def write(link: Harvard22Link, written: codec.Written, model: Model) -> None:
    """Write ``written``. Raises DeviceRefused (out of range), ExchangeError."""
    link.set("MOD VLM")
    link.set(f"DIA {written.diameter}")
    link.set(f"RAT {written.rate} {written.rate_unit}")
    link.set("DIR INF")
    if model.has_auto_fill:
        link.set("AF OFF")  # it would refill, and infuse again
    link.set(f"TGT {written.target_ml}")
    link.set("CLD")  # a run may go on from what was delivered before [?]


def check(link: Harvard22Link, written: codec.Written, model: Model, target_unit: str) -> None:
    """Ask what the pump holds and compare all of it. Raises ReadbackMismatch, DeviceRefused, ExchangeError."""
    check_target(link, written, target_unit)
    wrong = [
        name
        for name, is_right in (
            ("mode", link.ask("MOD", parse_mode).value == "VOLUME"),
            ("diameter", link.ask("DIA", codec.parse_diameter).value.shows(written.diameter)),
            ("rate", codec.same_rate(link.ask("RAT", codec.parse_rate).value, written)),
            ("direction", link.ask("DIR", parse_direction).value == "INFUSE"),
            ("auto-fill", not model.has_auto_fill or link.ask("AF", parse_switch).value == "OFF"),
        )
        if not is_right
    ]
    if wrong:
        raise link.error(
            ReadbackMismatch,
            f"the pump holds another {', '.join(wrong)} than was written, or prints too few digits to tell",
            "DIA RAT",
        )


def check_target(link: Harvard22Link, written: codec.Written, target_unit: str) -> None:
    """Prove number and unit of the target, said twice. Raises ReadbackMismatch, DeviceRefused, ExchangeError."""
    for _twice in range(2):
        held = link.ask("TGT", codec.parse_volume).value
        unit = held.unit or target_unit
        if not unit:
            raise link.error(DeviceRefused, NO_TARGET_UNIT, "TGT")
        if unit != "ml" or not held.number.shows(written.target_ml):
            raise link.error(
                ReadbackMismatch,
                f"the target was set to {written.target_ml} mL and the pump holds {held.number.value:g} {unit}, or "
                "prints too few digits to tell",
                "TGT",
            )
