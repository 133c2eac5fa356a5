"""What one line of a Micro4 must hold before an infusion may start: written, read back, compared (pumps.md d.1, R20).

Knows which settings there are and in which order they go. Starts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import DeviceRefused, ReadbackMismatch
from drivers.printed import Printed
from drivers.wpi_micro4 import codec
from drivers.wpi_micro4.link import SEMICOLON, Micro4Link

CLEAR = "C0.0"
"""Sets the volume counter to zero."""


@dataclass(frozen=True)
class Held:
    """All that a line holds, as read back."""

    syringe: codec.SyringeType
    mode: str
    units: str
    rate: Printed
    target: Printed
    direction: str
    counts: str


def ask_type(link: Micro4Link) -> codec.SyringeType:
    """Ask for the syringe type of our line."""
    return link.ask("S", codec.parse_type).value


def read(link: Micro4Link) -> Held:
    """Ask for everything. Queries only."""
    return Held(
        syringe=ask_type(link),
        mode=link.text("M").value,
        units=link.text("U").value,
        rate=link.number("R").value,
        target=link.number("V").value,
        direction=link.text("D").value,
        counts=link.text("E").value,
    )


def select_type(link: Micro4Link, wanted: str) -> codec.SyringeType:
    """Select the syringe type of the rig, if it names one, and return what the line has then."""
    syringe = ask_type(link)
    if wanted and syringe.name != wanted:
        letter = wanted if link.form == SEMICOLON else codec.LETTERED_TYPES.get(wanted, wanted)
        link.set(f"T{letter}")
        syringe = ask_type(link)
        if syringe.name != wanted:
            raise link.error(
                ReadbackMismatch, f"syringe type {wanted} was selected and the controller has {syringe.name}", "?S"
            )
    return syringe


def check_syringe(link: Micro4Link, syringe: codec.SyringeType, diameter_mm: float) -> None:
    """Refuse a syringe that the controller counts otherwise. Raises DeviceRefused."""
    if not syringe.fits(diameter_mm):
        raise link.error(DeviceRefused, unfit(syringe, diameter_mm), "?S")


def unfit(syringe: codec.SyringeType, diameter_mm: float) -> str:
    """Return the sentence that says why a syringe cannot be used with the controller's type."""
    return (
        f"the controller's syringe type {syringe.name} is {syringe.volume_ul:g} uL over {syringe.length_mm:g} mm, "
        f"{syringe.diameter_mm:.4f} mm wide, and the syringe is {diameter_mm:g} mm wide: it would deliver "
        f"{(diameter_mm / syringe.diameter_mm) ** 2:.3g} times what is asked; the Micro4 holds no free diameters, so "
        "select the type of this syringe on it (rig option syringe_type)"
    )


def write(link: Micro4Link, written: codec.Written) -> None:
    """Write one infusion into the stopped line. Raises DeviceRefused, ExchangeError."""
    for command in (
        "N",  # grouped, one G would start other lines too
        "S" if written.per_second else "M",
        f"R{written.rate}",
        f"V{written.target}",
        "I",
        "EN",  # the counter shows what was delivered
        CLEAR,  # and a run goes on from the counter, on some units [?]
    ):
        link.set(command)


def check(link: Micro4Link, written: codec.Written) -> codec.SyringeType:
    """Ask what the line holds and compare all of it. Raises ReadbackMismatch, DeviceRefused, ExchangeError."""
    held = read(link)
    check_syringe(link, held.syringe, written.diameter_mm)
    wrong = [
        name
        for name, is_right in (
            ("mode", held.mode == codec.NOT_GROUPED),
            ("rate units", held.units == written.units),
            ("rate", held.rate.shows(written.rate)),
            ("target volume", held.target.shows(written.target)),
            ("direction", held.direction == "Infuse"),
            ("counter mode", held.counts == codec.DELIVERED),
        )
        if not is_right
    ]
    if wrong:
        raise link.error(
            ReadbackMismatch,
            f"line {link.syringe_line} holds another {', '.join(wrong)} than was written: out of its range, or changed "
            "on the front panel",
            "?V ?R",
        )
    return held.syringe
