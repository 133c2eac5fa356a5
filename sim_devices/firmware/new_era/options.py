"""What differs between New Era pumps, or is not known for sure: every doubtful behaviour is a switch here.

Marks are those of the wire-format reference: [M] manual, [D] drivers, [I] inferred, [?] unknown, [S] other simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NewEraOptions:
    """Model, state in non-volatile memory as it leaves the shelf, and switches for what references leave open."""

    address: int = 0
    version: str = "NE1000V3.928"
    """Text of VER [M]; Landgraf and WPI units answer NE... too."""
    saf: int = 0
    """Safe-mode time-out stored in the pump, s; 0 is Basic mode."""
    power_up_alarm: bool = True
    """A?R is pending after power-on [M]; off: somebody has cleared it on the keypad."""
    pf: bool = False
    """Power-failure mode stored in the pump [M]: the program starts again by itself. Restart at phase 1 is [?]."""
    diameter_mm: float = 26.59
    """Stored diameter as delivered [?]: a 60 mL syringe."""
    leftover_ul_per_min: float = 0.0
    """Above zero: phase 2 holds a forgotten, unlimited infusion at this rate, as other users leave it."""
    programs: bool = True
    """PHN and FUN exist; without, they answer "?" [D:labmcp] (probably NE-300 [I])."""
    phn_digits: Literal["1", "2"] = "1"
    """Digits of a PHN reply [?]."""
    volume_unit_command: bool = True
    """VOL UL / VOL ML accepted (newer firmware [I])."""
    old_firmware: bool = False
    """About V3.7: no X status, TRG only FT, LE, ST [M]."""
    overlong: Literal["?", "?OOR"] = "?"
    """Reply to a malformed or over-long number: "?" on a real NE-4000 [D]; "?OOR" [S:labmcp]."""
    stop_when_stopped: Literal["?NA", "S"] = "?NA"
    """Data in the reply to STP when stopped already: ?NA [D]; S stands for a plain status [S:labmcp]."""
    reply_framing: Literal["after", "before"] = "after"
    """Reply framed by the mode after [I] or before the command was handled (matters for SAF only)."""
    saf_arms_timer: bool = False
    """The SAF command itself starts the watchdog [?]; otherwise the first valid packet after it does [V]."""
    ign_window_ms: float = 0.0
    """A command within this time after a phase began by itself is answered ?IGN and ignored; 0: never."""
    stall_check_ms: float = 500.0
    """How often the running motor's encoder is looked at [I]."""

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 99:
            raise ValueError(f"option 'address' of simulated new-era is 0..99, not {self.address}")
        if not 0 <= self.saf <= 255:
            raise ValueError(f"option 'saf' of simulated new-era is 0..255 seconds, not {self.saf}")
        if not 0.1 <= self.diameter_mm <= 50.0:
            raise ValueError(f"option 'diameter_mm' of simulated new-era is 0.1..50.0, not {self.diameter_mm}")
        if self.stall_check_ms <= 0:
            raise ValueError(f"option 'stall_check_ms' of simulated new-era is above zero, not {self.stall_check_ms}")
