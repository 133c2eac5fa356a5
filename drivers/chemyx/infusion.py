"""Writes one infusion into a stopped Chemyx pump, asks its limits, and compares all that it holds (pumps.md c, R20).

Knows the order (limits depend on units and syringe) and that a value out of range is replaced silently. Starts
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.chemyx import codec
from drivers.chemyx.link import LIMITS_QUESTION, ChemyxLink
from drivers.errors import DeviceRefused, ReadbackMismatch


def write(link: ChemyxLink, written: codec.Written, on_limits: Callable[[codec.Limits], None]) -> None:
    """Write ``written``, comparing each echoed value. Raises DeviceRefused, ReadbackMismatch, ExchangeError."""
    link.set("units", str(written.units))
    link.set("diameter", written.diameter)
    limits = _limits(link)
    if limits is not None:
        on_limits(limits)
        _check_limits(link, written, limits)
    link.set("volume", written.volume)
    link.set("rate", written.rate)
    link.set("delay", "0")  # unit of a delay differs between sources: none is used


def _limits(link: ChemyxLink) -> codec.Limits | None:
    """Ask for the limits with the set units and syringe; None from a pump that does not know the question."""
    try:
        return link.ask(LIMITS_QUESTION, codec.parse_limits).value
    except DeviceRefused:
        return None  # the echoed values tell as well whether something was out of range


def _check_limits(link: ChemyxLink, written: codec.Written, limits: codec.Limits) -> None:
    unit = codec.UNITS[written.units]
    for what, text, low, high in (
        (f"rate in {unit}", written.rate, limits.min_rate, limits.max_rate),
        ("volume in uL", written.volume, limits.min_volume, limits.max_volume),
    ):
        if not low <= float(text) <= high:
            raise DeviceRefused(
                f"{what}: {text} is outside the {low:g} to {high:g} that the pump allows with this syringe; "
                "it would silently use another value",
                port=link.url,
                command=LIMITS_QUESTION,
            )


def check_view(link: ChemyxLink, written: codec.Written) -> codec.View:
    """Ask what the pump holds, independent of the echoes, and compare. Raises ReadbackMismatch, ExchangeError."""
    view = link.ask("view parameter", codec.parse_view).value
    wrong = [
        name
        for name, number, sent in (
            ("diameter", view.diameter, written.diameter),
            ("rate", view.rate, written.rate),
            ("volume", view.volume, written.volume),
            ("delay", view.delay, "0"),
        )
        if number is None or not number.shows(float(sent))
    ]
    if view.units != written.units:
        wrong.insert(0, "units")
    if wrong:
        raise ReadbackMismatch(
            f"the pump holds another {', '.join(wrong)} than was written", port=link.url, command="view parameter"
        )
    return view
