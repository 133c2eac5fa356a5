"""What differs between these instruments, as switches; what the reference leaves open is one too. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RANGES_A = {
    "2400": tuple(float(f"1e{n}") for n in range(-6, 1)),
    "6430": tuple(float(f"1e{n}") for n in range(-12, 0)),
    "6517B": tuple(float(f"2e{n}") for n in range(-11, -1)),
}
VOLT_RANGES_V = {
    "2400": (0.2, 2.0, 20.0, 200.0),
    "6430": (0.2, 2.0, 20.0, 200.0),
    "6517B": (100.0, 1000.0),
}
TERMINATORS = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "lfcr": b"\n\r"}


@dataclass(frozen=True)
class SmuOptions:
    """Model, its front-panel settings, and switches."""

    model: Literal["2400", "6430", "6517B"] = "6430"
    serial_number: str = "0812345"
    firmware: str = "A01 Jan 1 2009"
    baud: int = 0
    """Speed set at the instrument; another one at the computer makes noise. 0: whatever the computer has."""
    terminator: Literal["cr", "lf", "crlf", "lfcr"] = "cr"
    """What ends an answer: set at the front panel."""
    executes_on: Literal["model", "cr", "lf", "terminator"] = "model"
    """What ends a command: CR on a 2400 or 6430, LF on a 6517B (manuals), or the very terminator [?]."""
    flow: Literal["none", "xon-xoff"] = "none"
    input_bytes: int = 2048
    """Size of the input buffer; what does not fit is lost."""
    mains_hz: float = 50.0
    """What one NPLC is a period of."""
    overhead_s: float = 0.012
    """What a reading takes beside its conversions [A]."""
    range_tells: Literal["overdriven", "nominal"] = "overdriven"
    """Whether a range is told with its 5 % of overdrive [?]."""
    clear_echo: Literal["model", "yes", "no"] = "model"
    """Whether a device clear is answered with DCL: a 6517B does (5)."""
    on_for_s: float = 0.0
    """How long it had been on before: its time begins anew at 100,000 s."""
    quantise: bool = True
    """Print whole steps of the range's resolution; the reference's own example has finer ones."""
    hum_a: float = 0.0
    """Amplitude of mains hum in the current."""
    hum_hz: float = 50.0

    @property
    def is_source_meter(self) -> bool:
        """Tell whether it is of the 2400 family."""
        return self.model != "6517B"

    @property
    def identity(self) -> str:
        """Return the answer to ``*IDN?``."""
        return f"KEITHLEY INSTRUMENTS INC.,MODEL {self.model},{self.serial_number},{self.firmware}"
