"""Which MethodSCRIPT instruments there are: current ranges and their codes, potential limits (2.2, 2.8). Pure tables.

Knows no bytes beyond the name that an instrument gives itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.errors import NotEncodable


@dataclass(frozen=True)
class Range:
    """One current range."""

    codes: frozenset[int]
    """What a package may say when it was measured in this range."""
    nominal_a: float
    usable_a: float
    """The largest current that is safely measured in it; asking for it selects it, whichever way ranges are chosen."""


@dataclass(frozen=True)
class Family:
    """What one kind of instrument can do."""

    name: str
    ranges: tuple[Range, ...]
    """Ascending."""
    potential_v: tuple[float, float]
    """Lowest and highest potential versus reference, in measuring mode 2."""
    has_second_electrode: bool = False
    """Whether instruments of this kind usually have one; what it says of itself decides."""
    is_multi: bool = False
    """One port is one channel of an instrument with more."""
    bandwidth_max_hz: float = 100_000.0

    def range_for(self, full_scale_a: float) -> Range:
        """Return the smallest range that holds ``full_scale_a``. Raises NotEncodable."""
        for one in self.ranges:
            if full_scale_a <= one.usable_a * (1 + 1e-9) and full_scale_a > 0:
                return one
        raise NotEncodable(
            f"{self.name} has no current range that holds {full_scale_a:g} A (highest {self.ranges[-1].usable_a:g} A)"
        )

    def check_potential(self, potential_v: float) -> None:
        """Raise NotEncodable when the instrument cannot apply this potential."""
        lowest, highest = self.potential_v
        if not lowest <= potential_v <= highest:
            raise NotEncodable(f"{potential_v:g} V is outside the {lowest:g} to {highest:g} V of {self.name}")


def _ranges(table: dict[int, float], usable: float = 1.0) -> tuple[Range, ...]:
    return tuple(Range(frozenset({code}), top_a, round(top_a * usable, 15)) for code, top_a in table.items())


PICO_USABLE: Final = 0.58
"""Part of a range that a Pico measures without overload: "about 0.6", and vendor software writes 59 n for 100 nA. A
little less, so that asking for it never selects the next range."""
_PICO_RANGES = _ranges({0: 100e-9, 1: 2e-6, 2: 4e-6, 3: 8e-6, 4: 16e-6, 5: 32e-6, 6: 63e-6, 7: 125e-6, 8: 250e-6,
                        9: 500e-6, 10: 1e-3, 11: 5e-3}, PICO_USABLE)  # fmt: skip
"""Of the low-speed mode; the high-speed mode has others, which measure no smaller currents."""
_FROM_100_NA = {9: 100e-9, 12: 1e-6, 15: 10e-6, 18: 100e-6, 21: 1e-3, 24: 10e-3}
_LR_RANGES = _ranges({3: 1e-9, 6: 10e-9, **_FROM_100_NA})
_HR_RANGES = _ranges({**_FROM_100_NA, 27: 100e-3})
_NEXUS_RANGES = (
    *_ranges({16: 100e-12, 0: 1e-9, 1: 10e-9, 2: 100e-9, 3: 1e-6, 4: 10e-6, 5: 100e-6}),
    Range(frozenset({6, 8}), 1e-3, 1e-3),  # two circuits for each of these two
    Range(frozenset({7, 9}), 10e-3, 10e-3),
    *_ranges({10: 100e-3, 11: 1.0}),
)

PICO: Final = Family("EmStat Pico", _PICO_RANGES, (-1.25, 2.0), has_second_electrode=True, bandwidth_max_hz=100.0)
SENSIT: Final = Family("Sensit", _PICO_RANGES, (-1.25, 2.0), has_second_electrode=True, bandwidth_max_hz=100.0)
ES4_LR: Final = Family("EmStat4 LR", _LR_RANGES, (-3.0, 3.0))
ES4_HR: Final = Family("EmStat4 HR", _HR_RANGES, (-6.0, 6.0))
MULTI_LR: Final = Family("MultiEmStat4 LR", _LR_RANGES, (-3.0, 3.0), is_multi=True)
MULTI_HR: Final = Family("MultiEmStat4 HR", _HR_RANGES, (-6.0, 6.0), is_multi=True)
NEXUS: Final = Family("Nexus", _NEXUS_RANGES, (-10.0, 10.0))
_BY_PREFIX: Final = {
    "espico": PICO,
    "senswb": SENSIT,
    "es4_lr": ES4_LR,
    "es4_hr": ES4_HR,
    "mes4lr": MULTI_LR,
    "mes4hr": MULTI_HR,
    "nexus1": NEXUS,
}
FAMILIES: Final = tuple(_BY_PREFIX.values())


def family(name: str) -> Family | None:
    """Return the family of an instrument that calls itself ``name`` (the first six letters after ``t``)."""
    return _BY_PREFIX.get(name)


def family_called(model: str) -> Family | None:
    """Return the family that a rig file means by ``model``; None for an empty or unknown one."""
    return next((kind for kind in FAMILIES if model.startswith(kind.name)), None)
