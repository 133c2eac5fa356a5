"""What a New Era pump remembers: the pumping program and its set-up, most of it through a power cycle.

Everything set over the line goes to non-volatile memory, except a rate changed while running [M].
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim_devices.firmware.new_era.models import Model
from sim_devices.firmware.new_era.numbers import (
    LARGEST_MICROLITRE_DIAMETER_MM,
    RATE_UNITS_UL_PER_MIN,
    VOLUME_UNITS_UL,
    area_mm2,
)
from sim_devices.firmware.new_era.options import NewEraOptions

Flags = dict[str, str]


@dataclass
class Phase:
    """One line of the pumping program."""

    function: str = "STP"
    """RAT, STP, or another function with its argument: PAS05, JMP01."""
    rate: float = 0.0
    rate_unit: str = "UM"
    volume: float = 0.0
    """Target in the pump's volume unit; 0 is continuous."""
    direction: str = "INF"
    running_rate: float | None = None
    """Rate changed while running: not in non-volatile memory, gone after a power cycle [M]."""

    @property
    def rate_ul_per_min(self) -> float:
        """Return the rate in force."""
        number = self.rate if self.running_rate is None else self.running_rate
        return number * RATE_UNITS_UL_PER_MIN[self.rate_unit]


@dataclass
class Memory:
    """Program and set-up."""

    diameter_mm: float
    model: Model
    speeds_mm_per_min: tuple[float, float]
    unit_override: str = ""
    """Volume unit that somebody has set, where it outlives a new diameter."""
    safe_timeout_s: int = 0
    address: int = 0
    paired: bool = False
    """*ADR DUAL, RECP or ALTR: only system commands are heard."""
    volume_unit: str = "ML"
    phases: list[Phase] = field(init=False)
    flags: Flags = field(default_factory=lambda: {"LN": "0", "AL": "1", "PF": "0", "LOC": "0", "BP": "1", "DIN": "0",
                                                  "ROM": "0", "TRG": "FT", "BUZ": "0"})  # fmt: skip
    """Stored switches; their state as delivered is [?]."""

    def __post_init__(self) -> None:
        self.phases = [Phase("RAT")] + [Phase() for _ in range(self.model.phases - 1)]
        self.set_diameter(self.diameter_mm)

    @classmethod
    def as_delivered(cls, options: NewEraOptions) -> Memory:
        """Return memory as this pump comes from its shelf."""
        memory = cls(
            diameter_mm=options.diameter_mm,
            model=options.kind,
            speeds_mm_per_min=options.speeds_mm_per_min,
            unit_override=options.stored_volume_unit,
            safe_timeout_s=options.saf,
            address=options.address,
        )
        memory.flags["PF"] = "1" if options.pf else "0"
        memory.flags["LOC"] = "1" if options.loc else "0"
        if options.leftover_ul_per_min > 0:
            memory.phases[1] = Phase("RAT", rate=options.leftover_ul_per_min)
        return memory

    def set_diameter(self, diameter_mm: float) -> None:
        """Store the diameter; the volume unit follows it [M]. The stored target keeps its digits [I]."""
        self.diameter_mm = diameter_mm
        by_diameter = "UL" if diameter_mm <= LARGEST_MICROLITRE_DIAMETER_MM else "ML"
        self.volume_unit = self.unit_override or by_diameter

    def reset(self) -> Memory:
        """Return memory after *RESET: everything as delivered, but for the syringe."""
        return Memory(self.diameter_mm, self.model, self.speeds_mm_per_min)

    def rate_possible(self, rate_ul_per_min: float) -> bool:
        """Tell whether the motor can turn that slowly and that fast."""
        lowest, highest = self.speeds_mm_per_min
        return lowest <= rate_ul_per_min / self.area_mm2 <= highest

    @property
    def area_mm2(self) -> float:
        """Return the cross-section the pump believes in."""
        return area_mm2(self.diameter_mm)

    def to_unit(self, travel_mm: float) -> float:
        """Return the volume that the pump believes a travel to be, in its volume unit."""
        return travel_mm * self.area_mm2 / VOLUME_UNITS_UL[self.volume_unit]

    def target_mm(self, phase: Phase) -> float:
        """Return the travel that the phase's target asks for; 0 is continuous."""
        return phase.volume * VOLUME_UNITS_UL[self.volume_unit] / self.area_mm2
