"""Writes the scripts that the instrument runs (potentiostats.md 2.9). Pure: settings in, text out.

Knows the order in which an instrument wants its settings. Knows no ports and no answers.
"""

from __future__ import annotations

import math
from typing import Final

from drivers.capabilities import AmperometrySettings
from drivers.errors import NotEncodable
from drivers.methodscript.family import Family
from drivers.methodscript.features import Features

LINE_MAX: Final = 127
"""The smallest input buffer seen in the sources is 128 bytes; longer lines earn error 0008."""
RUN_TIME_S: Final = 43_200
"""Length of one measuring loop. It stands inside an endless-in-practice outer loop of the same script: between two
turns nothing is loaded or switched, so the cell stays on (2.9). Twelve hours is the length the reference names; far
below 37.3 h, where the instrument's own time would become too coarse to check gaps with."""
TURNS: Final = 1000
"""Turns of the outer loop: 500 days. A driver that lost count would still end some day."""
UNROLLED_TURNS: Final = 14
"""Measuring loops written one behind the other for an instrument without loops: a week."""
BANDWIDTH_FACTOR: Final = 6.0
"""Bandwidth per sample rate, as vendor scripts have it."""
LOOP_COMMANDS: Final = ("store_var", "loop", "add_var")
"""What the outer loop needs."""
CELL_OFF: Final = "e\ncell_off\n\n"
_PREFIXES: Final = ((0, ""), (3, "m"), (6, "u"), (9, "n"), (12, "p"))
_PLAIN: Final = Features()


def number(value: float) -> str:
    """Write a number as integer and prefix, exact to 9 digits: 0.65 -> ``650m``. Raises NotEncodable."""
    for exponent, prefix in _PREFIXES if math.isfinite(value) else ():
        mantissa = round(value * 10**exponent)
        if abs(mantissa) >= 2**31:
            break
        if abs(mantissa - value * 10**exponent) <= 1e-9 * abs(value * 10**exponent):
            return f"{mantissa}{prefix}"
    raise NotEncodable(f"{value!r} cannot be written as a whole number with a prefix down to pico")


def turn_samples(interval_s: float) -> int:
    """Return how many samples one measuring loop gives.

    A whole number of them, and of milliseconds, in at most RUN_TIME_S: what an instrument does with a rest that is no
    whole interval is not known. Raises NotEncodable for an interval that is no whole number of microseconds.
    """
    interval_us = round(interval_s * 1e6) if math.isfinite(interval_s) else 0
    if interval_us <= 0 or abs(interval_us - interval_s * 1e6) > 1e-3:
        raise NotEncodable(f"interval {interval_s!r} s is not a whole number of microseconds")
    step = 1000 // math.gcd(interval_us, 1000)
    return max(RUN_TIME_S * 1_000_000 // interval_us // step, 1) * step


def kinds(settings: AmperometrySettings, features: Features = _PLAIN) -> tuple[str, ...]:
    """Return the variables of each package in order, as patterns: time, applied potential, a current per electrode."""
    second = "b[ab]" if features.second == "poly" else "bb"  # before 1.8 it may be called like the first [INF]
    return ("eb", "da", *("ba" if electrode.electrode == "we1" else second for electrode in settings.electrodes))


def amperometry(
    settings: AmperometrySettings, family: Family, features: Features = _PLAIN, *, synchronised: bool = False
) -> str:
    """Return the script that applies the potential and samples until it is told to stop. Raises NotEncodable.

    One electrode: the plain form. Two: the bipotentiostat form of MethodSCRIPT 1.8 (mode 1) or the one before, second
    electrode at the same fixed potential versus reference. ``synchronised``: begins when channel 1 of the same
    instrument does. Cell off when it ends or is aborted.
    """
    electrodes = [electrode.electrode for electrode in settings.electrodes]
    if len(set(electrodes)) != len(electrodes) or "we1" not in electrodes or set(electrodes) - {"we1", "we2"}:
        raise NotEncodable("each working electrode may be used once, and the first one always")
    second = features.second if "we2" in electrodes else "none"
    lines = ["var p", "var c", "var t", *(["var b"] if "we2" in electrodes else [])]
    if features.looped:
        lines += ["var i", "store_var i 0i ja"]
    if synchronised:
        lines.append("set_channel_sync 1")
    lines += _set_up(settings, family, second)
    lines += _turns(settings, second, looped=features.looped)
    lines += ["on_finished:", "cell_off"]
    too_long = [line for line in lines if len(line) > LINE_MAX]
    if too_long:
        raise NotEncodable(f"script line too long for the instrument: {too_long[0][:40]}...")
    return "e\n" + "".join(f"{line}\n" for line in lines) + "\n"


def _set_up(settings: AmperometrySettings, family: Family, second: str) -> list[str]:
    ranges = {one.electrode: number(family.range_for(one.range_a).usable_a) for one in settings.electrodes}
    potential = number(settings.potential_v)
    lines = []
    if second == "poly":
        we2 = ranges["we2"]
        lines += ["set_pgstat_chan 1", "set_pgstat_mode 5", "set_poly_we_mode 0", f"set_e {potential}"]
        lines += [f"set_range ba {we2}", f"set_autoranging ba {we2} {we2}"]
    lines += ["set_pgstat_chan 0", "set_pgstat_mode 2"]
    if second == "bipot":  # main mode, then bipot, then main ranges: any other order clears settings
        lines += ["set_bipot_mode 1", f"set_range bb {ranges['we2']}", f"set_bipot_potential {potential}"]
    bandwidth_hz = min(max(round(BANDWIDTH_FACTOR / settings.interval_s), 1), family.bandwidth_max_hz)
    return [
        *lines,
        f"set_max_bandwidth {number(bandwidth_hz)}",
        f"set_range_minmax da {potential} {potential}",
        f"set_range ba {ranges['we1']}",
        f"set_autoranging ba {ranges['we1']} {ranges['we1']}",  # fixed: a switch of range puts a step into the data
        f"set_e {potential}",
        "cell_on",
    ]


def _turns(settings: AmperometrySettings, second: str, *, looped: bool) -> list[str]:
    potential, interval = number(settings.potential_v), number(settings.interval_s)
    run_time = number(round(turn_samples(settings.interval_s) * settings.interval_s, 3))
    option = {"none": "", "bipot": " add_meas(0 bb b)", "poly": " poly_we(1 b)"}[second]
    packed = ["t", "p", *("c" if electrode.electrode == "we1" else "b" for electrode in settings.electrodes)]
    turn = ["timer_start", f"meas_loop_ca p c {potential} {interval} {run_time}{option}", "timer_get t", "pck_start"]
    turn += [*(f"pck_add {name}" for name in packed), "pck_end", "endloop"]
    if not looped:
        return turn * UNROLLED_TURNS
    return [f"loop i < {TURNS}i", *turn, "add_var i 1i", "endloop"]
