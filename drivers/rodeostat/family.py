"""Which Rodeostats there are: current and voltage ranges, and what their firmware does to the current (3.3, 3.5).

Pure tables. Knows no JSON and no ports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from drivers.errors import NotEncodable

SIGNS: Final = {"as-printed": 1, "negated": -1}
"""What the option ``sign`` may be: how the printed current becomes the recorded one (positive = oxidation).

The two hardwares measure with opposite signs (3.5), and the firmware takes that back with a constant of its own for
each, so that what it prints is right on both. It is wrong where the firmware was built for the other hardware: that is
what #23 turned out to be [maintainer's answer there]. A resistor between the leads shows it."""
HARDWARE: Final = ("0.1", "0.2")
LOW_PASS_HZ: Final = 200.0
LOW_PASS_ORDER: Final = 2
"""What the firmware filters the current with, 5000 times a second (3.5); as two equal first-order stages [I]."""
PERIOD_MS: Final = (1, 1000)
DURATION_MS: Final = 2**32 - 1
"""The longest test: 49.7 days (3.3). Long tests are the one way without a restart in them."""
VoltRanges = tuple[tuple[str, float], ...]
VOLT_RANGES: Final[VoltRanges] = (("1V", 1.0), ("2V", 2.0), ("5V", 5.0), ("10V", 10.0))
VOLT_RANGES_AD8251: Final[VoltRanges] = (("1V", 1.0), ("2V", 2.0), ("4V", 4.0), ("8V", 8.0))
"""Of the builds with that amplifier (names as in the vendor's client 0.0.9, which differ from 3.5)."""
DAC_STEPS: Final = 4096
"""Steps of the potential over plus and minus a voltage range: 12 bits [A]."""
FULL_SCALE_MARGIN: Final = 1.5
"""A printed current this many times beyond the nominal range cannot be one [A]; the rails lie at the range [I]."""
_VARIANT = re.compile(r"(?:(10V|AD8250|AD8251)_)?(nanoAmp|microAmp|milliAmp|10MilliAmp|24MilliAmp)(?:V(\d+\.\d+))?")


@dataclass(frozen=True)
class Variant:
    """What one build can do."""

    name: str
    ranges: tuple[tuple[str, float], ...]
    """(name on the wire, full scale in amperes), ascending."""
    volt_ranges: VoltRanges = VOLT_RANGES

    def range_for(self, full_scale_a: float) -> tuple[str, float]:
        """Return the smallest range that holds ``full_scale_a``. Raises NotEncodable."""
        for name, range_a in self.ranges:
            if 0 < full_scale_a <= range_a * (1 + 1e-9):
                return name, range_a
        raise NotEncodable(
            f"{self.name} has no current range that holds {full_scale_a:g} A (highest {self.ranges[-1][1]:g} A)"
        )

    def volt_range(self, potential_v: float) -> tuple[str, float]:
        """Return (name, full scale) of the smallest voltage range that holds this potential. Raises NotEncodable."""
        for name, range_v in self.volt_ranges:
            if abs(potential_v) <= range_v:
                return name, range_v
        highest_v = self.volt_ranges[-1][1]
        raise NotEncodable(f"{potential_v:g} V is outside the {-highest_v:g} to {highest_v:g} V of {self.name}")

    def volt_step(self, potential_v: float) -> float:
        """Return how far the applied potential may lie beside the wanted one: one step of the converter."""
        return 2 * self.volt_range(potential_v)[1] / DAC_STEPS


def _named(*names: str) -> tuple[tuple[str, float], ...]:
    scale = {"nA": 1e-9, "uA": 1e-6}
    return tuple((name, float(name[:-2]) * scale[name[-2:]]) for name in names)


VARIANTS: Final = {
    "nanoAmp": Variant("Rodeostat nanoAmp", _named("60nA", "100nA", "1uA", "10uA")),
    "microAmp": Variant("Rodeostat microAmp", _named("1uA", "10uA", "100uA", "1000uA")),
    "milliAmp": Variant("Rodeostat milliAmp", _named("100uA", "1000uA", "12000uA", "24000uA")),
    "10MilliAmp": Variant("Rodeostat 10MilliAmp", _named("10uA", "100uA", "1000uA", "10000uA")),
    "24MilliAmp": Variant("Rodeostat 24MilliAmp", _named("100uA", "1000uA", "12000uA", "24000uA")),
}
UNKNOWN: Final = Variant(
    "Rodeostat (any variant)",
    tuple(sorted({entry for variant in VARIANTS.values() for entry in variant.ranges}, key=lambda entry: entry[1])),
)
"""Before ``connect``: any range of any variant; the one that answers decides."""


def parse_variant(text: str) -> tuple[Variant, str] | None:
    """Return (variant, hardware version or "") of an answer such as ``10V_microAmpV0.2``; None if it is none known."""
    found = _VARIANT.fullmatch(text)
    if found is None:
        return None
    volt_ranges = VOLT_RANGES_AD8251 if found[1] == "AD8251" else VOLT_RANGES
    return replace(VARIANTS[found[2]], volt_ranges=volt_ranges), found[3] or ""
