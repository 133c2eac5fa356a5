"""Writes one infusion into a stopped Ultra pump and reads all of it back (pumps.md b1.10, R20).

Knows which settings make an infusion go one way at one rate and end at its target. Starts nothing.
"""

from __future__ import annotations

import math
from typing import Final

from drivers.capabilities import PumpProgram
from drivers.errors import DeviceRefused, ReadbackMismatch
from drivers.harvard_ultra import codec
from drivers.harvard_ultra.link import PumpLink, PumpRefused
from drivers.harvard_ultra.mechanics import Mechanics, agree
from drivers.text import printable

_SAME: Final = 1e-4  # b1.10
_TIME_MARGIN: Final = 1.05
_TIME_EXTRA_S: Final = 5.0
"""[P] The second bound must never end an infusion that its volume would have ended."""


def prepare(link: PumpLink) -> None:
    """End what is left of an old target or stall, and call up the screen on which settings are taken."""
    link.set("stp", optional=True)  # their prompts stay until stop [D]
    show_quick_start(link)


def make_power_up_harmless(link: PumpLink, diameter_mm: float, target_ul: float) -> None:
    """Have the pump store the slowest rate and a target of next to nothing, before storing is switched off.

    After a loss of power it falls back to what is stored [I], and one whose screen says so resumes a run with that [?].
    None of it is essential, except that storing must not stay on. Raises as ``PumpLink.set``, DeviceRefused.
    """
    storing = any(link.set(text, optional=True) for text in ("nvram on", "rsave on"))
    link.set(f"diameter {codec.diameter_text(diameter_mm)}", optional=True)
    link.set("irate min", optional=True)
    link.set(f"tvolume {codec.volume_text(target_ul)}", optional=True)
    if not spare_the_flash(link) and storing:
        raise DeviceRefused(
            "the pump stores its settings and cannot be told not to: after a power failure it may run what was "
            "programmed last",
            port=link.url,
            command="nvram",
        )


def check_one_syringe(link: PumpLink) -> None:
    """A pump set to several syringes pushes each of them. Raises ReadbackMismatch."""
    try:
        count = link.ask("gang", codec.parse_gang).value
    except PumpRefused:  # this pump has one place only
        return
    if count != 1:
        raise ReadbackMismatch(
            f"the pump is set to {count} syringes and would push each of them; set its syringe count to 1",
            port=link.url,
            command="gang",
        )


def write_force(link: PumpLink, percent: int) -> None:
    """Set the clamping force and read it back. Raises ReadbackMismatch, DeviceRefused."""
    link.set(f"force {percent}")
    held = link.ask("force", codec.parse_percent).value
    if held != percent:
        raise ReadbackMismatch(
            f"the force was set to {percent} % and reads back as {held} %", port=link.url, command="force"
        )


def write(link: PumpLink, program: PumpProgram, known: Mechanics | None) -> PumpProgram:
    """Write ``program`` into the stopped pump and return what was read back.

    With ``known`` mechanics the pump's own limits must agree. Raises ReadbackMismatch, ...
    """
    link.set(f"diameter {codec.diameter_text(program.diameter_mm)}")
    _check_limits(link, program, known)
    link.set(f"irate {codec.rate_text(program.rate_ul_per_min)}")
    link.set("civolume")
    link.set("cwvolume", optional=True)  # refused by a model that only infuses; its counter is read all the same
    link.set("citime", optional=True)
    link.set("cttime", optional=True)
    link.set("ctvolume")
    link.set(f"tvolume {codec.volume_text(program.target_ul)}")
    wanted = codec.as_held(program)
    _bound_in_time(link, wanted)
    held = read_back(link)
    _check_held(link, wanted, held)
    check_no_ramp(link)
    _check_counter_cleared(link)
    return held


def show_quick_start(link: PumpLink) -> None:
    """Call up the screen on which alone parameters are told and taken [M]. Only with the pump at rest."""
    if not link.set("load qs iw", optional=True):
        link.set("load qs i")  # a model that only infuses


def read_back(link: PumpLink) -> PumpProgram:
    """Ask for what the pump holds. A target of 0 means that none is set."""
    return PumpProgram(
        link.ask("diameter", codec.parse_diameter).value,
        link.ask("irate", codec.parse_rate).value,
        link.ask("tvolume", codec.parse_target).value,
    )


def same(wanted: PumpProgram, held: PumpProgram) -> bool:
    """Tell whether both are the same within what the pump's six digits can say."""
    return not _differences(wanted, held)


def _differences(wanted: PumpProgram, held: PumpProgram) -> list[str]:
    names = ("diameter_mm", "rate_ul_per_min", "target_ul")
    pairs = [(name, getattr(wanted, name), getattr(held, name)) for name in names]
    return [
        f"{name} was set to {want:g} and reads back as {have:g}"
        for name, want, have in pairs
        if not math.isclose(want, have, rel_tol=_SAME)
    ]


def _check_held(link: PumpLink, wanted: PumpProgram, held: PumpProgram) -> None:
    wrong = _differences(wanted, held)
    if wrong:
        raise ReadbackMismatch("; ".join(wrong), port=link.url)


def spare_the_flash(link: PumpLink) -> bool:
    """Switch off the storing of every setting; the three forms are of three firmwares (b1.5). False: none is known."""
    return any(link.set(text, optional=True) for text in ("nvram none", "nvram off", "rsave off"))


def _check_limits(link: PumpLink, program: PumpProgram, known: Mechanics | None) -> None:
    try:
        low, high = link.ask("irate lim", codec.parse_limits).value
    except PumpRefused:  # then the answer to irate itself decides
        return
    if known is not None and not agree(known, (low, high), program.diameter_mm):
        computed = known.rates_ul_per_min(program.diameter_mm)
        raise ReadbackMismatch(
            f"with a syringe of {program.diameter_mm:g} mm this model does {computed[0]:.6g} to {computed[1]:.6g} "
            f"uL/min by its mechanics, and says it does {low:.6g} to {high:.6g}; if it is right, write "
            'limits = "pump" under its options in the rig',
            port=link.url,
            command="irate lim",
        )
    if not low <= program.rate_ul_per_min <= high:
        raise DeviceRefused(
            f"with this syringe the pump does {low:g} to {high:g} uL/min, not {program.rate_ul_per_min:g}",
            port=link.url,
            command="irate lim",
        )


def _bound_in_time(link: PumpLink, wanted: PumpProgram) -> None:
    """Set a target time as second bound, if this pump keeps both [?]; else take it back and keep the volume alone."""
    seconds = math.ceil(60.0 * wanted.target_ul / wanted.rate_ul_per_min * _TIME_MARGIN + _TIME_EXTRA_S)
    if seconds > codec.LONGEST_S:
        return
    taken = link.set(f"ttime {seconds}", optional=True)
    if taken and _time_target_s(link) == seconds and same(wanted, read_back(link)):
        return
    link.set("cttime", optional=True)
    link.set(f"irate {codec.rate_text(wanted.rate_ul_per_min)}")
    link.set(f"tvolume {codec.volume_text(wanted.target_ul)}")
    if _time_target_s(link) != 0.0:
        raise ReadbackMismatch("a target time stays set although it was cleared", port=link.url, command="ttime")


def _time_target_s(link: PumpLink) -> float:
    try:
        return link.ask("ttime", codec.parse_time_target).value
    except PumpRefused:  # this pump has no target time
        return 0.0


def check_no_ramp(link: PumpLink) -> None:
    """A ramp that somebody left would replace the rate; no command deletes one [?]. Raises ReadbackMismatch."""
    try:
        ramp = link.ask("iramp", lambda reply: reply.text or None).value
    except PumpRefused:  # this pump has no ramps
        return
    if not ramp.startswith("Ramp not set up"):
        raise ReadbackMismatch(
            f"the pump holds a ramp ({printable(ramp)}) beside the rate; delete it on its screen",
            port=link.url,
            command="iramp",
        )


def _check_counter_cleared(link: PumpLink) -> None:
    """The target counts from the counter."""
    if link.ask("ivolume", codec.parse_volume).value != 0.0:
        raise ReadbackMismatch("the counter was cleared and is not zero", port=link.url, command="ivolume")
