"""What differs between New Era pumps, or is not known for sure: every doubtful behaviour is a switch here.

Marks are those of the wire-format reference: [M] manual, [D] drivers, [I] inferred, [?] unknown, [S] other simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim_devices.firmware.new_era.models import MODELS, Model

_BAUDS = (300, 1200, 2400, 9600, 19200)


@dataclass(frozen=True)
class NewEraOptions:
    """Model, state in non-volatile memory as it leaves the shelf, and switches for what references leave open."""

    address: int = 0
    model: Literal["ne-1000", "ne-300", "ne-500", "ne-1000x", "ne-1000x2", "ne-1002x", "ne-4000", "al-1000"] = "ne-1000"
    version: str = ""
    """Text of VER instead of the model's own [M]."""
    baud: int = 0
    """Baud rate set at the pump: at another one it hears and sends noise. 0: any, as a pty or TCP has none."""
    lowest_mm_per_min: float = 0.0
    highest_mm_per_min: float = 0.0
    """Plunger speeds instead of the model's; 0: the model's."""
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
    loc: bool = False
    """The keypad was locked by somebody [M]."""
    programs: Literal["model", "true", "false"] = "model"
    """PHN and FUN exist; without, they answer "?" [D:labmcp] (probably NE-300 [I])."""
    phn_digits: Literal["1", "2"] = "1"
    """Digits of a PHN reply [?]."""
    volume_unit_command: bool = True
    """VOL UL / VOL ML accepted (newer firmware [I])."""
    stored_volume_unit: Literal["", "UL", "ML"] = ""
    """Unit that somebody has set by VOL UL or VOL ML, and that a new diameter does not change [?]."""
    volume_unit_outlives_diameter: bool = False
    """VOL UL and VOL ML stay in force when the diameter changes [?]."""
    low_noise_command: bool = True
    """LN is known (newer firmware [I])."""
    old_firmware: bool = False
    """About V3.7: no X status, TRG only FT, LE, ST [M]."""
    sibling_packets_feed: bool = False
    """A valid packet for another pump of the chain restarts this one's watchdog too [?]."""
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
        if self.baud and self.baud not in _BAUDS:
            raise ValueError(f"option 'baud' of simulated new-era is one of {_BAUDS} or 0, not {self.baud}")
        lowest, highest = self.speeds_mm_per_min
        if not 0 < lowest < highest:
            raise ValueError(f"simulated new-era cannot move its plunger at {lowest} to {highest} mm/min")
        if self.stall_check_ms <= 0:
            raise ValueError(f"option 'stall_check_ms' of simulated new-era is above zero, not {self.stall_check_ms}")

    @property
    def kind(self) -> Model:
        """Return what is particular to the model."""
        return MODELS[self.model]

    @property
    def version_text(self) -> str:
        """Return the answer to VER; the number of old firmware is made up [I]."""
        return self.version or f"{self.kind.name}V{'3.70' if self.old_firmware else '3.928'}"

    @property
    def speeds_mm_per_min(self) -> tuple[float, float]:
        """Return the slowest and the fastest plunger."""
        lowest, highest = self.kind.speeds_mm_per_min
        return self.lowest_mm_per_min or lowest, self.highest_mm_per_min or highest

    @property
    def knows_programs(self) -> bool:
        """Tell whether there are phases to select."""
        return self.kind.programs if self.programs == "model" else self.programs == "true"

    @property
    def unknown_switches(self) -> tuple[str, ...]:
        """Return the 0/1 settings that this pump does not know."""
        return (*(() if self.low_noise_command else ("LN",)), *(() if self.kind.keypad else ("LOC",)))
