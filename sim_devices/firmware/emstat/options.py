"""What differs between MethodSCRIPT instruments and firmwares, as switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EmStatOptions:
    """Model, and switches for what references leave open."""

    model: Literal["pico", "es4"] = "pico"
    serial_number: str = ""
    """Reply to ``i``; empty: the model's own."""
    version: str = "01.08.00"
    """Reply to ``v`` (MethodSCRIPT version); empty: an older firmware that answers v!0003."""
    quantise: bool = True
    """Round currents to the model's resolution [MEM]."""
    noise_metadata: bool = False
    """Add the noise figure ",40" to currents, as some firmwares do."""
    joined_ack: bool = False
    """The acknowledge of ``e`` lacks its line end: "eM0007" instead of "e", "M0007"."""
    blank_after_error: bool = False
    """An empty line follows a run-time error [I]."""
    deaf_ms: float = 50.0
    """Input is ignored this long after any reply with "!"."""
    line_limit: int = 127
    """Longest host line; longer ones answer error 0008."""
    xon_xoff_every: int = 0
    """Insert XOFF XON after every so many output lines; 0: never."""
