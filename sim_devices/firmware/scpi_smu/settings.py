"""What can be set and asked: headers, kinds, defaults after ``*RST``, and what is refused.

Knows values and how they are told. Does not know electrodes, time, or lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim_devices.firmware.scpi_smu.options import RANGES_A, VOLT_RANGES_V, SmuOptions

Value = float | str | bool
OVERDRIVE = 1.05


class Refused(Exception):
    """The instrument notes an error: (number, message)."""

    @property
    def entry(self) -> tuple[int, str]:
        """Return what goes into the error queue."""
        number, message = self.args
        return int(number), str(message)


def out_of_range() -> Refused:
    """Return the error for a value that cannot be."""
    return Refused(-222, "Parameter data out of range")


@dataclass(frozen=True)
class Number:
    """A number within limits."""

    default: float
    lowest: float
    highest: float
    whole: bool = False

    def parse(self, text: str) -> float:
        """Return the value of a text. Raises Refused."""
        named = {"MIN": self.lowest, "MAX": self.highest, "DEF": self.default}
        try:
            value = named[text.upper()[:3]] if text.upper()[:3] in named else float(text)
        except ValueError:
            raise Refused(-104, "Data type error") from None
        if not self.lowest <= value <= self.highest:
            raise out_of_range()
        return float(int(value)) if self.whole else value

    def tell(self, value: Value) -> str:
        """Return a value as it is told."""
        return str(int(value)) if self.whole else f"{float(value):.6E}"


@dataclass(frozen=True)
class Range(Number):
    """A range: the smallest that holds what is asked."""

    choices: tuple[float, ...] = ()
    overdriven: bool = True

    def parse(self, text: str) -> float:
        value = abs(super().parse(text))
        return next(choice for choice in self.choices if value <= choice * OVERDRIVE * (1 + 1e-9))

    def tell(self, value: Value) -> str:
        return f"{float(value) * (OVERDRIVE if self.overdriven else 1.0):.6E}"


@dataclass(frozen=True)
class Switch:
    """On or off."""

    default: bool

    def parse(self, text: str) -> bool:
        """Return the value of a text. Raises Refused."""
        word = text.upper()
        if word in ("ON", "1"):
            return True
        if word in ("OFF", "0"):
            return False
        raise Refused(-224, "Illegal parameter value")

    def tell(self, value: Value) -> str:
        """Return a value as it is told."""
        return str(int(bool(value)))


@dataclass(frozen=True)
class Word:
    """One of some words."""

    default: str
    words: tuple[str, ...]

    def parse(self, text: str) -> str:
        """Return the value of a text. Raises Refused."""
        word = text.strip("\"'").upper()
        found = next((known for known in self.words if word == known.upper() or word == short(known)), None)
        if found is None:
            raise Refused(-224, "Illegal parameter value")
        return short(found)

    def tell(self, value: Value) -> str:
        """Return a value as it is told."""
        return str(value)


def short(word: str) -> str:
    """Return the short form of a word written as in manuals."""
    return "".join(letter for letter in word if not letter.islower())


Kind = Number | Switch | Word

CURRENT_RANGE = "SENSe[1]:CURRent[:DC]:RANGe[:UPPer]"
CURRENT_AUTO = "SENSe[1]:CURRent[:DC]:RANGe:AUTO"
COMPLIANCE = "SENSe[1]:CURRent[:DC]:PROTection[:LEVel]"
TRIPPED = "SENSe[1]:CURRent[:DC]:PROTection:TRIPped"
NPLC = "SENSe[1]:CURRent[:DC]:NPLCycles"
VOLT_RANGE = "SOURce[1]:VOLTage:RANGe"
VOLT = "SOURce[1]:VOLTage[:LEVel][:IMMediate][:AMPLitude]"
CONCURRENT = "SENSe[1]:FUNCtion:CONCurrent"
SOURCE = "SOURce[1]:FUNCtion[:MODE]"
OFF_MODE = "OUTPut[1]:SMODe"
AUTO_OFF = "SOURce[1]:CLEar:AUTO"
AUTOZERO = "SYSTem:AZERo[:STATe]"
ZERO_CHECK = "SYSTem:ZCHeck[:STATe]"
METER_CONNECT = "SOURce[1]:VOLTage:MCONnect"


def kinds(options: SmuOptions) -> dict[str, Kind]:
    """Return everything that can be set and asked, by its header."""
    ranges_a, volts = RANGES_A[options.model], VOLT_RANGES_V[options.model]
    told = options.range_tells == "overdriven"
    top_a, top_v = ranges_a[-1] * OVERDRIVE, volts[-1] * OVERDRIVE
    common: dict[str, Kind] = {
        CURRENT_RANGE: Range(next(r for r in ranges_a if r >= 2e-5), -top_a, top_a, choices=ranges_a, overdriven=told),
        CURRENT_AUTO: Switch(default=True),
        NPLC: Number(1.0, 0.01, 10.0),
        VOLT_RANGE: Range(volts[min(2, len(volts) - 1)], -top_v, top_v, choices=volts, overdriven=told),
        VOLT: Number(0.0, -top_v, top_v),
        "SENSe[1]:VOLTage[:DC]:RANGe:AUTO": Switch(default=True),
        "SENSe[1]:AVERage[:STATe]": Switch(default=False),
        AUTOZERO: Switch(default=True),
        "TRIGger:COUNt": Number(1, 1, 2500, whole=True),
        "ARM:COUNt": Number(1, 1, 2500, whole=True),
    }
    if options.is_source_meter:
        return {
            **common,
            COMPLIANCE: Number(105e-6, -top_a, top_a),
            CONCURRENT: Switch(default=True),
            SOURCE: Word("VOLT", ("VOLTage", "CURRent")),
            OFF_MODE: Word("NORM", ("HIMPedance", "NORMal", "ZERO", "GUARd")),
            AUTO_OFF: Switch(default=False),
            "SOURce[1]:VOLTage:MODE": Word("FIX", ("FIXed",)),  # sweeps and lists are not simulated
            "ROUTe:TERMinals": Word("FRON", ("FRONt", "REAR")),
            "SYSTem:RSENse": Switch(default=False),
            "SYSTem:LFRequency": Number(options.mains_hz, 50.0, 60.0),
            "SOURce[1]:VOLTage:RANGe:AUTO": Switch(default=True),
            "SOURce[1]:DELay": Number(0.0, 0.0, 9999.999),
            "SOURce[1]:DELay:AUTO": Switch(default=True),
            "TRIGger:DELay": Number(0.0, 0.0, 999.9999),
        }
    return {**common, ZERO_CHECK: Switch(default=True), METER_CONNECT: Switch(default=False)}


@dataclass
class Settings:
    """What is set now."""

    options: SmuOptions
    kinds: Mapping[str, Kind] = field(init=False)
    _values: dict[str, Value] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = kinds(self.options)
        self.reset()

    def reset(self) -> None:
        """Go back to what ``*RST`` leaves."""
        self._values = {header: kind.default for header, kind in self.kinds.items()}

    def number(self, header: str) -> float:
        """Return a number."""
        return float(self._values.get(header, 0.0))

    def is_on(self, header: str) -> bool:
        """Return a switch; False where this model has none."""
        return bool(self._values.get(header, False))

    def word(self, header: str) -> str:
        """Return a word; empty where this model has none."""
        return str(self._values.get(header, ""))

    def tell(self, header: str) -> str:
        """Return the answer to a question."""
        return self.kinds[header].tell(self._values[header])

    def set(self, header: str, text: str) -> None:
        """Take a value. Raises Refused."""
        if not text:
            raise Refused(-109, "Missing parameter")
        value = self.kinds[header].parse(text)
        if header == CURRENT_RANGE:
            self._check_range(float(value))
            self._values[CURRENT_AUTO] = False
        elif header == COMPLIANCE:
            if abs(float(value)) < 1e-3 * self.number(CURRENT_RANGE):
                raise out_of_range()  # not below 0.1 % of the present range: manual
        elif header == VOLT and abs(float(value)) > self.number(VOLT_RANGE) * OVERDRIVE:
            raise out_of_range()
        self._values[header] = value

    def _check_range(self, range_a: float) -> None:
        """A current range cannot be higher than that of the compliance (manual); the number of the error is [MEM]."""
        if COMPLIANCE not in self._values:
            return
        compliance_a = abs(self.number(COMPLIANCE))
        highest_a = next(r for r in RANGES_A[self.options.model] if compliance_a <= r * OVERDRIVE * (1 + 1e-9))
        if range_a > highest_a:
            raise Refused(824, "Cannot exceed compliance range")
