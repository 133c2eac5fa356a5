"""Writes the scripts that the instrument runs (potentiostats.md 2.9). Pure: settings in, text out.

Knows the order in which an instrument wants its settings. Knows no ports and no answers.
"""

from __future__ import annotations

import math
from typing import Final

from drivers.capabilities import AmperometrySettings
from drivers.errors import NotEncodable

LINE_MAX: Final = 127
"""The smallest input buffer seen in the sources is 128 bytes; longer lines earn error 0008."""
RUN_TIME_S: Final = 43_200
"""Length of one measuring loop. It stands inside an endless-in-practice outer loop of the same script: between two
turns nothing is loaded or switched, so the cell stays on (2.9). Twelve hours is the length the reference names; far
below 37.3 h, where the instrument's own time would become too coarse to check gaps with."""
TURNS: Final = 1000
"""Turns of the outer loop: 500 days. A driver that lost count would still end some day."""
BANDWIDTH_FACTOR: Final = 6.0
"""Bandwidth per sample rate, as vendor scripts have it."""
CELL_OFF: Final = "e\ncell_off\n\n"
_PREFIXES: Final = ((0, ""), (3, "m"), (6, "u"), (9, "n"), (12, "p"))


def number(value: float) -> str:
    """Write a number as integer and prefix, exact to 9 digits: 0.65 -> ``650m``. Raises NotEncodable."""
    for exponent, prefix in _PREFIXES if math.isfinite(value) else ():
        mantissa = round(value * 10**exponent)
        if abs(mantissa) >= 2**31:
            break
        if abs(mantissa - value * 10**exponent) <= 1e-9 * abs(value * 10**exponent):
            return f"{mantissa}{prefix}"
    raise NotEncodable(f"{value!r} cannot be written as a whole number with a prefix down to pico")


def kinds(settings: AmperometrySettings) -> tuple[str, ...]:
    """Return the variables of each package in order: time, then one current per electrode as listed."""
    return ("eb", *("ba" if electrode.electrode == "we1" else "bb" for electrode in settings.electrodes))


def amperometry(settings: AmperometrySettings) -> str:
    """Return the script that applies the potential and samples until it is told to stop. Raises NotEncodable.

    One electrode: the plain form. Two: the bipotentiostat form of MethodSCRIPT 1.8, second electrode at the same
    fixed potential versus reference (mode 1). Cell off when it ends or is aborted.
    """
    ranges = {electrode.electrode: number(electrode.range_a) for electrode in settings.electrodes}
    if len(ranges) != len(settings.electrodes) or "we1" not in ranges:
        raise NotEncodable("each working electrode may be used once, and the first one always")
    potential = number(settings.potential_v)
    interval = number(settings.interval_s)
    second = "we2" in ranges
    lines = ["var c", "var t", *(["var b"] if second else [])]
    lines += ["set_pgstat_chan 0", "set_pgstat_mode 2"]
    if second:  # main mode, then bipot, then main ranges: any other order clears settings
        lines += ["set_bipot_mode 1", f"set_range bb {ranges['we2']}", f"set_bipot_potential {potential}"]
    lines += [
        f"set_max_bandwidth {number(round(max(BANDWIDTH_FACTOR / settings.interval_s, 1.0)))}",
        f"set_range_minmax da {potential} {potential}",
        f"set_range ba {ranges['we1']}",
        f"set_autoranging ba {ranges['we1']} {ranges['we1']}",  # fixed: a switch of range puts a step into the data
    ]
    lines += [f"set_e {potential}", "cell_on"]
    packed = ["t", *("c" if electrode.electrode == "we1" else "b" for electrode in settings.electrodes)]
    turn = f"meas_loop_ca p c {potential} {interval} {RUN_TIME_S}" + (" add_meas(0 bb b)" if second else "")
    lines = [
        "var p",
        "var i",
        "store_var i 0i ja",
        *lines,
        f"loop i < {TURNS}i",
        "timer_start",
        turn,
        "timer_get t",
        "pck_start",
    ]
    lines += [f"pck_add {name}" for name in packed]
    lines += ["pck_end", "endloop", "add_var i 1i", "endloop", "on_finished:", "cell_off"]
    too_long = [line for line in lines if len(line) > LINE_MAX]
    if too_long:
        raise NotEncodable(f"script line too long for the instrument: {too_long[0][:40]}...")
    return "e\n" + "".join(f"{line}\n" for line in lines) + "\n"
