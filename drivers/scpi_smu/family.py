"""Which source-measure units there are, what they can do, and what the rig file may say of their line.

Pure tables, with where they come from. Knows no bytes and no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

from drivers.capabilities import DriverOptions, OptionValue
from drivers.errors import NotEncodable
from drivers.transport import LineSettings

RANGE_READS_BACK_UP_TO: Final = 1.06
"""A range is told as its full scale or with the 5 % that it can be overdriven [?]: both pass."""
POTENTIAL_MAX_V: Final = 20.0
BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600)
FACTORY_BAUD: Final = 9600
Terminator = Literal["cr", "lf", "crlf", "lfcr"]
Parity = Literal["none", "even", "odd"]
Flow = Literal["none", "xon-xoff"]
TERMINATORS: Final[Mapping[Terminator, bytes]] = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "lfcr": b"\n\r"}


@dataclass(frozen=True)
class Model:
    """What one model can do."""

    name: str
    ranges_a: tuple[float, ...]
    """Full scale of the current ranges, ascending."""
    volt_ranges_v: tuple[float, ...]
    """Of the voltage source, ascending; those that are dangerous to touch are left out."""
    elements: tuple[str, ...]
    """What a reading consists of, in its order."""
    is_source_meter: bool = True
    """Of the 2400 family: has compliance, status word, time, and a choice of what "off" is. A 6517B has not."""

    @property
    def reply_bytes(self) -> int:
        """Return the length of a reading with its terminator."""
        return 14 * len(self.elements) + 1

    def range_for(self, full_scale_a: float) -> float:
        """Return the smallest range that holds ``full_scale_a``. Raises NotEncodable."""
        return self._smallest(self.ranges_a, full_scale_a, "current range", "A")

    def volt_range_for(self, potential_v: float) -> float:
        """Return the smallest voltage range that holds this potential. Raises NotEncodable."""
        return self._smallest(self.volt_ranges_v, abs(potential_v) or self.volt_ranges_v[0], "voltage range", "V")

    def volt_within_v(self, potential_v: float) -> float:
        """Return how far the potential may be told beside the wanted one: a step of the source, 50 ppm of its range."""
        return self.volt_range_for(potential_v) * 5e-5

    def _smallest(self, ranges: tuple[float, ...], wanted: float, what: str, unit: str) -> float:
        for full_scale in ranges:
            if 0 < wanted <= full_scale * (1 + 1e-9):
                return full_scale
        raise NotEncodable(f"{self.name} has no {what} that holds {wanted:g} {unit} (highest {ranges[-1]:g} {unit})")


def _decades(lowest: float, count: int) -> tuple[float, ...]:
    return tuple(float(f"{lowest * 10**n:.6g}") for n in range(count))


_FOUR: Final = ("VOLT", "CURR", "TIME", "STAT")
MODELS: Final = {
    "2400": Model("Keithley 2400", _decades(1e-6, 7), (0.2, 2.0, 20.0), _FOUR),  # ranges [MEM]
    "6430": Model("Keithley 6430", _decades(1e-12, 12), (0.2, 2.0, 20.0), _FOUR),  # 1 pA to 100 mA [2S]
    "6517B": Model("Keithley 6517B", _decades(20e-12, 10), (100.0,), ("READ",), is_source_meter=False),  # [MEM]
}
UNKNOWN: Final = Model(
    "Keithley (any model)",
    tuple(sorted({range_a for model in MODELS.values() for range_a in model.ranges_a})),
    (0.2, 2.0, 20.0),
    _FOUR,
)
"""Before ``connect``: any range of any model; the one that answers decides."""
OPTIONS: Final = {
    "mains_hz": "mains frequency, 50 (default) or 60: readings integrate over whole periods of it",
    "autozero": "true (default) or false: measure the converter's own zero with every reading, in three times the time",
    "parity": "none (default), even or odd, as set at the instrument",
    "data_bits": "8 (default) or 7, as set at the instrument",
    "terminator": "what ends a command: crlf (default, does for all but lfcr), cr, lf or lfcr",
    "flow": "none (default) or xon-xoff, as set at the instrument",
}


@dataclass(frozen=True)
class SmuOptions:
    """The driver's own settings, checked."""

    mains_hz: float = 50.0
    autozero: bool = True
    terminator: bytes = b"\r\n"
    line: LineSettings = field(default_factory=lambda: LineSettings(baud=FACTORY_BAUD))

    @property
    def byte_s(self) -> float:
        """Return how long a byte takes: start, data, parity and stop bits."""
        return (1 + self.line.data_bits + (self.line.parity != "N") + self.line.stop_bits) / self.line.baud


def parse_options(options: DriverOptions) -> SmuOptions:
    """Return the settings of the rig file. Raises NotEncodable."""
    given = options.settings
    baud = FACTORY_BAUD if options.baud is None else options.baud
    parity = _one_of(given, "parity", get_args(Parity), "none")
    bits = given.get("data_bits", 8)
    mains_hz = given.get("mains_hz", 50)
    autozero = given.get("autozero", True)
    if baud not in BAUDS:
        raise NotEncodable(f"baud is one of {', '.join(map(str, BAUDS))}, not {baud}")
    if mains_hz not in (50, 60) or isinstance(mains_hz, bool):
        raise NotEncodable(f"mains_hz is 50 or 60, not {mains_hz!r}")
    if not isinstance(autozero, bool):
        raise NotEncodable(f"autozero is true or false, not {autozero!r}")
    if bits not in (7, 8) or (bits == 7 and parity == "none"):
        raise NotEncodable("data_bits is 8, or 7 with a parity")
    line = LineSettings(
        baud=baud,
        parity=cast("Literal['N', 'E', 'O']", parity[0].upper()),
        data_bits=7 if bits == 7 else 8,
        xon_xoff=_one_of(given, "flow", get_args(Flow), "none") == "xon-xoff",
    )
    terminator = cast("Terminator", _one_of(given, "terminator", get_args(Terminator), "crlf"))
    return SmuOptions(float(mains_hz), autozero, TERMINATORS[terminator], line)


def _one_of(given: Mapping[str, OptionValue], key: str, choices: tuple[str, ...], default: str) -> str:
    value = given.get(key, default)
    if value not in choices:
        raise NotEncodable(f"{key} is one of {', '.join(choices)}, not {value!r}")
    return str(value)
