"""What the models of the New Era family differ in, as far as anybody has said.

Marks are those of the wire-format reference. Where a speed limit is not known [?], the simulated pump has that of an
NE-1000; the options of the simulated pump set another one.
"""

from __future__ import annotations

from dataclasses import dataclass

NE_1000_SPEEDS_MM_PER_MIN = (0.04205 / 60.0, 51.005)
"""0.004205 cm/h to 5.1005 cm/min [D:labmcp from manual 12.5]."""


@dataclass(frozen=True)
class Model:
    """One kind of pump."""

    name: str
    """As VER prints it."""
    programs: bool = True
    """Knows PHN and FUN."""
    phases: int = 41
    keypad: bool = True
    """Without one it knows no LOC [I]."""
    speeds_mm_per_min: tuple[float, float] = NE_1000_SPEEDS_MM_PER_MIN


MODELS = {
    "ne-300": Model("NE300", programs=False),  # "just infusion": no Pumping Programs [I]; speeds [?]
    "ne-500": Model("NE500", keypad=False),  # OEM, no keypad [D]; speeds [?]
    "ne-1000": Model("NE1000"),
    "ne-1000x": Model("NE1000X"),
    "ne-1000x2": Model("NE1000X2", phases=340),
    "ne-1002x": Model("NE1002X"),  # speeds [?]
    "ne-4000": Model("NE4000", speeds_mm_per_min=(NE_1000_SPEEDS_MM_PER_MIN[0], 180.7)),  # fastest [V], slowest [?]
    "al-1000": Model("NE1000"),  # WPI Aladdin and Landgraf units answer NE... too
}
