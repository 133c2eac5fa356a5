"""What an instrument says it can do, by its capability bits and its version (potentiostats.md 2.3, 2.9). Pure.

Knows which commands our scripts need. Knows no ports and no ranges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from drivers.methodscript.family import Family

Second = Literal["none", "bipot", "poly"]
"""How a second working electrode is asked for: not at all, as since version 1.8, or as before."""

_CC_NEEDED: Final = {1: "t", 38: "e", 98: "Z"}
_CM_NEEDED: Final = {1: "var", 9: "set_e", 28: "meas_loop_ca", 32: "set_autoranging", 33: "pck_start", 34: "pck_add",
                     35: "pck_end", 36: "set_max_bandwidth", 38: "cell_on", 39: "cell_off", 40: "set_pgstat_mode",
                     42: "set_pgstat_chan", 63: "timer_start", 64: "timer_get", 65: "set_range",
                     66: "set_range_minmax"}  # fmt: skip
_CM_LOOP: Final = (3, 5, 13, 14)  # store_var, add_var, loop, endloop
_CM_BIPOT: Final = (104, 105)
_CM_POLY: Final = 49
_CM_SYNC: Final = 79
_BIPOT_SINCE: Final = (1, 8)
_VERSION = re.compile(rb"v(\d+)\.(\d+)")


@dataclass(frozen=True)
class Features:
    """What scripts for this instrument may use."""

    second: Second = "none"
    looped: bool = True
    """Has loops besides measuring loops."""
    synchronises: bool = False
    """Channels of one instrument can start together."""
    missing: tuple[str, ...] = ()
    """Commands that we cannot do without and it does not have."""


def features(family: Family, version: bytes, cc: int | None, cm: int | None) -> Features:
    """Return what the answers to ``v``, ``CC`` and ``CM`` mean; None and b"" where an older firmware has no answer."""
    missing = [name for bit, name in _CC_NEEDED.items() if cc is not None and not cc >> bit & 1]
    missing += [name for bit, name in _CM_NEEDED.items() if cm is not None and not cm >> bit & 1]
    return Features(
        second=_second(family, version, cm),
        looped=cm is None or all(cm >> bit & 1 for bit in _CM_LOOP),
        synchronises=cm is not None and bool(cm >> _CM_SYNC & 1),
        missing=tuple(missing),
    )


def _second(family: Family, version: bytes, cm: int | None) -> Second:
    found = _VERSION.match(version)
    is_old = (int(found[1]), int(found[2])) < _BIPOT_SINCE if found else not version
    if cm is None:  # it does not say what it can do: by what is usual for its kind and age [INF]
        return "none" if not family.has_second_electrode else "poly" if is_old else "bipot"
    if all(cm >> bit & 1 for bit in _CM_BIPOT) and not (is_old and found):
        return "bipot"
    return "poly" if cm >> _CM_POLY & 1 and family.has_second_electrode else "none"
