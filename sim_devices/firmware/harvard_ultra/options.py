"""What differs between Ultra pumps, or is not known for sure: every doubtful behaviour is a switch here.

Marks are those of the wire-format reference: [M] manual, [R] recorded, [D] drivers, [I] inferred, [?] unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Poll = Literal["off", "on", "remote"]
ModelName = Literal[
    "legato-100", "legato-110", "legato-130", "legato-180", "legato-200", "elite-11", "elite-11-infuse", "pico-plus",
    "nanomite", "phd-ultra",
]  # fmt: skip


@dataclass(frozen=True)
class HarvardUltraOptions:
    """Model, settings as it leaves the shelf, and switches for what references leave open."""

    model: ModelName = "legato-100"
    """Text of ``ver``, mechanics, directions: see ``models``; most of it is certain for three of them only."""
    firmware: str = "3.0.6"
    serial: str = "D101754"
    address: int = 0
    prefix_at_zero: Literal["addressed", "always", "never"] = "addressed"
    """When an address 0 stands before replies: only if the command carried one [I]; always; never."""
    poll: Poll = "off"
    """As found. Default of the pump is off [M]."""
    poll_persists: bool = False
    """Poll survives a loss of power [?]."""
    echo: bool = False
    """Echoes what it receives."""
    nvram: Literal["none", "off", "rsave"] = "none"
    """The form known to this firmware: ``nvram none`` [R], ``nvram off`` [M], ``rsave off`` [M 33 DDS]."""
    status_padded: bool = False
    """Status line of 35 characters with the flags at 29 [D:yaqd], instead of single spaces [R]."""
    status_after_prompt: bool = False
    """Prompt before status line, as older firmware does [D:chembot]."""
    status_counts: Literal["fl", "al"] = "fl"
    """Unit of the numbers in ``status``: fL by their name [M]; the reference's own check value fits aL (x 1000)."""
    target_unset_dot: bool = False
    """``Target volume not set.`` [D] instead of without the dot [R]."""
    version_spacing: Literal["wide", "narrow"] = "wide"
    """Columns aligned [R], or a single space."""
    target_prompt: Literal["T*", "T:"] = "T*"
    """Prompt after the target was reached [D]; one driver also knows T:."""
    targets: Literal["both", "last", "volume"] = "both"
    """Volume and time target together; only the one set last; no time target at all [?]."""
    leftover_ramp: bool = False
    """Somebody has set up a ramp from 10 to 100 ul/min."""
    ramp_survives_rate: bool = False
    """Setting a constant rate leaves a ramp in force [I]."""
    cttime_clears_ramp: bool = True
    """Clearing the target time deletes the ramps, as one client relies on [D:python-syringe-pump]."""
    quick_start: bool = True
    """Shows its Quick Start screen; on others parameter commands are refused until ``load qs`` [M]."""
    withdraws: Literal["model", "0", "1"] = "model"
    """Can withdraw (I/W model); by default what the model can."""
    gang: int = 1
    """Syringes it is set to push [M]; 0: a model that does not know ``gang`` [?]."""
    switch_ul: float = 0.0
    """Above zero: after so much infused it meets its limit switch [M], prompt ``>*`` [D]."""
    trigger: Literal["high", "low"] = "high"
    """Level at the trigger input, flag 4 of ``status``; open it is high [R]."""
    resumes: bool = False
    """Resumes its run after a power loss, as set on its screen [M]. It then counts from zero [?]."""
    forgets: bool = False
    """Comes back with its factory settings (1 ml/min, no target), whatever was stored [?]."""
    counters_persist: bool = False
    """Counters survive a loss of power [?]."""
    settings_persist: bool = False
    """Diameter, rate and targets survive although storing was switched off [?]."""
    diameter_mm: float = 14.43
    """Stored diameter as delivered."""
    stall_check_ms: float = 500.0
    """How often the running motor's encoder is looked at [I]."""

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 99:
            raise ValueError(f"option 'address' of simulated harvard-ultra is 0..99, not {self.address}")
        if not 0.1 <= self.diameter_mm <= 50.0:
            raise ValueError(f"option 'diameter_mm' of simulated harvard-ultra is 0.1..50.0, not {self.diameter_mm}")
        if not 0 <= self.gang <= 10 or self.switch_ul < 0:
            raise ValueError("option 'gang' of simulated harvard-ultra is 0..10, 'switch_ul' not below zero")
        if self.stall_check_ms <= 0:
            raise ValueError(
                f"option 'stall_check_ms' of simulated harvard-ultra is above zero, not {self.stall_check_ms}"
            )
