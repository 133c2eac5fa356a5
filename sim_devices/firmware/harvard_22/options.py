"""What differs between older Harvard pumps, or is not known for sure: every doubtful behaviour is a switch here.

Marks are those of the wire-format reference: [M] maker's manual, [D] drivers, [I] inferred, [?] unknown. Nothing here
claims to be exact to the byte: white space of numbers is not settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Harvard22Options:
    """State as the pump leaves the shelf, and switches for what the references leave open."""

    model: Literal["phd-2000", "22", "11", "33", "oem"] = "phd-2000"
    """Which command set: only a PHD 2000 can be asked for its target."""
    address: int = 0
    address_digits: Literal["model", "two", "one", "none"] = "model"
    """``03:`` from Pump 11, ``3:`` from PHD 2000 [D]; none at all for address 0 [I]."""
    extra_cr: bool = False
    """A CR more before the prompt, from PHD 2000 [D]."""
    line_ends: Literal["crlf", "lf"] = "crlf"
    """CR LF data CR LF prompt [D], or LF data CR LF prompt [M: 33]."""
    padded: bool = False
    """Numbers stand right-justified in a field of 8: the 15 bytes that pumpy reads [D]; another driver disagrees."""
    decimals: int = 4
    """Printed digits of diameter and volumes [?]."""
    rate_decimals: int = 3
    """Printed digits of rates [?]."""
    unit_text: Literal["mn", "min"] = "mn"
    """``ul/mn`` [M: 33] or ``ul/min`` [?]."""
    prints_unit: bool = True
    """Volumes are printed with their unit [?]."""
    tgt_unit: Literal["ml", "ul"] = "ml"
    """What the number of ``TGT`` means: mL [D], or uL on a pump that is not as it should be."""
    mlt_unit: Literal["model", "ml", "ul"] = "model"
    """What the number of ``MLT`` means: uL on Pump 11 and mL on PHD 2000 [D:pumpy]."""
    stop_prompt: Literal["model", "colon", "star"] = "model"
    """After STP: ``*`` on PHD 2000 [D], ``:`` on others."""
    end_prompt: Literal["colon", "star"] = "colon"
    """After the target was reached [?]; an OEM pump says ``*T`` [M]."""
    auto_fill: bool = True
    """A PHD 2000 knows ``AF`` [D]; where it does, it was left ON."""
    mode_text: Literal["long", "short"] = "long"
    """``VOLUME`` and ``INFUSE`` [D], or ``VLM`` and ``INF`` as they are set [?]."""
    counter_clears: bool = False
    """The delivered volume begins at zero with each RUN [?]."""
    resumes: bool = True
    """RUN goes on to the target from what was delivered [?]; otherwise each RUN is a whole target."""
    remembers: bool = False
    """Settings survive a loss of power; on a 33 only with SAV [M]."""
    stall_check_ms: float = 500.0
    """How often the running motor is looked at [I]."""
    keypad: bool = False
    """Somebody left the keypad in set mode: nothing is answered [M]."""

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 99:
            raise ValueError(f"option 'address' of simulated harvard-22 is 0..99, not {self.address}")
        for name in ("decimals", "rate_decimals"):
            if not 0 <= getattr(self, name) <= 6:
                raise ValueError(f"option {name!r} of simulated harvard-22 is 0..6")
        if self.stall_check_ms <= 0:
            raise ValueError("option 'stall_check_ms' of simulated harvard-22 is above zero")
