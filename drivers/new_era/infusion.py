"""Writes one infusion into a stopped New Era pump and reads all of it back (pumps.md a.9, R20).

Knows which settings make an infusion end at its target, not start by itself and not go on afterwards. Starts nothing.
"""

from __future__ import annotations

import math

from drivers.capabilities import Motion, PumpProgram
from drivers.errors import DeviceRefused, ReadbackMismatch
from drivers.new_era import codec
from drivers.new_era.counters import ask_counters
from drivers.new_era.link import PumpLink, PumpRefused, says_nothing
from drivers.text import printable

_SAME = 1e-6  # the pump's numbers have 4 digits: a setting that was taken reads back exactly


def bring_to_start(link: PumpLink) -> None:
    """Leave a pause, out of which RUN would resume the old infusion. Raises DeviceRefused if the pump moves."""
    motion = link.ask("", says_nothing).reply.motion
    if motion is Motion.PAUSED:
        link.command("STP")
        motion = link.ask("", says_nothing).reply.motion
    if motion is not Motion.STOPPED:
        raise DeviceRefused(f"the pump is not stopped but {motion.value}; stop it first", port=link.url)


def write(link: PumpLink, program: PumpProgram) -> PumpProgram:
    """Write ``program`` into the stopped pump and return what was read back. Raises ReadbackMismatch, ..."""
    rate, rate_unit = codec.rate_text(program.rate_ul_per_min)
    volume, volume_unit = codec.volume_text(program.target_ul, program.diameter_mm)
    link.set(f"DIA{codec.diameter_text(program.diameter_mm)}")
    has_phases = link.set("PHN2", optional=True)
    if has_phases:  # a finished phase goes on with the next one that is stored (0.1): let it stop there
        link.set("FUNSTP")
        _compare(link, "FUN", "STP")
        link.set("PHN1")
        link.set("FUNRAT")
    _set_rate(link, f"RAT{rate}{rate_unit}")
    link.set(f"VOL{volume}")
    link.set("DIRINF")
    if link.set("PF0", optional=True):  # or it would start by itself when mains returns
        _compare(link, "PF", "0", optional=True)
    if link.set("TRGOF", optional=True):  # or a pulse on its socket would start it
        _compare(link, "TRG", "OF", optional=True)
    link.set("LOC0", optional=True)  # its own key is the last way to stop it
    link.set("CLDINF")
    link.set("CLDWDR")
    if has_phases:
        _compare(link, "PHN", "1")
        _compare(link, "FUN", "RAT")
    _mend_unit(link, volume, volume_unit)
    held = read_back(link, volume_unit)
    _check_held(link, codec.as_held(program), held)
    _check_counters(link)
    return held


def _set_rate(link: PumpLink, command: str) -> None:
    try:
        link.set(command)
    except PumpRefused as error:
        if error.code == "OOR":
            error.message += ": too slow or too fast for this model and syringe; only the pump knows its limits"
        raise


def _mend_unit(link: PumpLink, volume: str, unit: codec.VolumeUnit) -> None:
    """Undo a unit that somebody has set by ``VOL UL`` or ``VOL ML`` (newer firmware), where it is in force.

    Whether the pump took it, ``read_back`` finds out.
    """
    if link.ask("VOL", codec.parse_volume).value[1] == unit:
        return
    try:
        link.set(f"VOL{unit}")
        link.set(f"VOL{volume}")
    except PumpRefused as error:
        if error.code not in ("", "OOR"):
            raise


def read_back(link: PumpLink, expected_unit: codec.VolumeUnit | None = None) -> PumpProgram:
    """Ask for what the pump holds. Raises ReadbackMismatch if it would not infuse, or counts in another unit."""
    diameter_mm = link.ask("DIA", codec.parse_diameter).value
    link.rate_ul_per_min = rate_ul_per_min = link.ask("RAT", codec.parse_rate).value
    target_ul, unit = link.ask("VOL", codec.parse_volume).value
    _compare(link, "DIR", "INF")
    if expected_unit is not None and unit != expected_unit:  # a factor of 1000
        raise ReadbackMismatch(
            f"the pump counts volumes in {unit}, not in {expected_unit}", port=link.url, command="VOL"
        )
    return PumpProgram(diameter_mm, rate_ul_per_min, target_ul)


def _compare(link: PumpLink, query: str, want: str, *, optional: bool = False) -> None:
    try:
        have = link.ask(query, lambda data: data or None).value
    except PumpRefused as error:
        if optional and error.code == "":  # takes the setting, has no question for it
            return
        raise
    if query == "PHN":
        have = have.lstrip("0")  # "1" or "01" [?]
    if have != want:
        raise ReadbackMismatch(
            f"{query} should be {want} and reads back as {printable(have)}", port=link.url, command=query
        )


def _check_held(link: PumpLink, wanted: PumpProgram, held: PumpProgram) -> None:
    for name in ("diameter_mm", "rate_ul_per_min", "target_ul"):
        want, have = getattr(wanted, name), getattr(held, name)
        if not math.isclose(want, have, rel_tol=_SAME):
            raise ReadbackMismatch(f"{name} was set to {want:g} and reads back as {have:g}", port=link.url)


def _check_counters(link: PumpLink) -> None:
    left = ask_counters(link).value
    if left.infused_ul or left.withdrawn_ul:
        raise ReadbackMismatch(
            f"the counters were cleared and still read {left.infused_ul:g} and {left.withdrawn_ul:g} uL", port=link.url
        )
