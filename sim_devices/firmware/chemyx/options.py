"""What differs between Chemyx pumps, or is not known for sure: every doubtful behaviour is a switch here.

Marks are those of the wire-format reference: [M] vendor's pages, [D] drivers, [I] inferred, [?] unknown,
[S] another simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ChemyxOptions:
    """State as the pump leaves the shelf, and switches for what the references leave open."""

    echo: bool = True
    """Commands are echoed after power-on; ``echo on|off`` changes it until then [D]."""
    echo_end: Literal["cr", "crlf", "lfcr"] = "cr"
    """What follows the echo: CR [S:ChemyxPumpPlugin]; whether LF comes with it is not known [?]."""
    view_separator: Literal["crlf", "lfcr"] = "lfcr"
    """Between lines of ``view parameter``: space LF CR on a 4000-X [D:qudi], CR LF elsewhere."""
    view_unit: Literal["digit", "text"] = "digit"
    """``unit = 2`` or ``unit = uL/min`` [?]."""
    decimals: int = 6
    """Digits after the point of rates and volumes [S]."""
    start_text: Literal["running", "started", "ellipsis"] = "running"
    """``Pump start running...``, ``Pump started!`` [S], or one ellipsis character [M]."""
    status_command: Literal["pump status", "status", "both"] = "both"
    """Which of the two is known [M: pump status; D:vendor MATLAB: status]."""
    limits: bool = True
    """``read limit parameter`` is known; older firmware may lack it [?]."""
    out_of_range: Literal["clamp", "keep"] = "clamp"
    """What is kept silently instead of a value out of range: the limit, or the value from before [I]."""
    counter_clears: Literal["start", "set", "never"] = "start"
    """``dispensed volume`` begins at zero with each start, with ``set volume``, or only with power-on [I]."""
    remembers: bool = True
    """Settings survive a loss of power [?]."""
    multi_step_ul_per_min: float = 0.0
    """Above zero: the screen shows Multi-Step Mode with somebody's program at this rate; ``start`` runs that [M]."""
    channel: Literal["none", "1", "2"] = "none"
    """A pump with two channels, and which of them holds the syringe of this world. Then every command carries ``1 `` or
    ``2 `` in front [D vendor]; one without is not understood [?]. Cycle mode (``3 ``) is not simulated."""
    zero_is_endless: bool = True
    """``set volume 0`` is taken as: without end [?]; otherwise the smallest volume is kept."""
    stall_check_ms: float = 500.0
    """How often the running motor is looked at [I]."""

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= 9:
            raise ValueError(f"option 'decimals' of simulated chemyx is 0..9, not {self.decimals}")
        if self.multi_step_ul_per_min < 0:
            raise ValueError("option 'multi_step_ul_per_min' of simulated chemyx is zero or above")
        if self.stall_check_ms <= 0:
            raise ValueError(f"option 'stall_check_ms' of simulated chemyx is above zero, not {self.stall_check_ms}")
