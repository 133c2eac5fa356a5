"""What differs between MethodSCRIPT instruments and firmwares, as switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Model = Literal["pico", "sensit", "es4", "es4lr", "es4hr", "mes4lr", "mes4hr", "nexus"]


@dataclass(frozen=True)
class EmStatOptions:
    """Model, and switches for what references leave open."""

    model: Model = "pico"
    """``es4`` is ``es4lr``."""
    channel: int = 1
    """Of a MultiEmStat4: which of its ports this is."""
    serial_number: str = ""
    """Reply to ``i``; empty: the model's own, of a MultiEmStat4 with ``CHnnn`` behind it."""
    sensit_as_pico: bool = False
    """An older Sensit calls itself ``espico`` [INF]."""
    version: str = "01.08.00"
    """Reply to ``v`` (MethodSCRIPT version); empty: an older firmware that answers v!0003. Below 1.8 a second
    electrode has the older commands (set_poly_we_mode, poly_we)."""
    capabilities: bool = True
    """Answers CC and CM; if not, C!0003."""
    poly_kind: Literal["bb", "ba"] = "bb"
    """What a package of ``poly_we`` calls the second electrode's current [INF]."""
    range_by: Literal["nominal", "usable"] = "nominal"
    """``set_range`` takes the smallest range whose nominal, or whose usable, full scale holds the value [?]."""
    quantise: bool = True
    """Round currents to the model's resolution [MEM]."""
    noise_metadata: bool = False
    """Add the noise figure ",40" to currents, as some firmwares do."""
    range_metadata: bool = True
    """Say the range with each current; without: a firmware whose meta mask leaves it out [INF]."""
    wrong_range: bool = False
    """Measures in the range above the one that was set, and says so: what the driver's check is for."""
    joined_ack: bool = False
    """The acknowledge of ``e`` lacks its line end: "eM0007" instead of "e", "M0007"."""
    carriage_returns: bool = False
    """Lines end with CR LF [INF]."""
    blank_after_error: bool = False
    """An empty line follows a run-time error [I]."""
    timer_stops_when_halted: bool = False
    """Whether the script's timer stands still between ``h`` and ``H`` [?]."""
    turn_gap_ms: float = 0.0
    """How long the instrument takes from the end of one measuring loop to the start of the next [?]."""
    crystal_ppm: float = 0.0
    """How much slower than true time its clock runs; tens of ppm are usual."""
    late_every: int = 0
    """Every so many-th point is flagged "timing not met" (1); 0: never."""
    deaf_ms: float = 50.0
    """Input is ignored this long after any reply with "!"."""
    line_limit: int = 127
    """Longest host line; longer ones answer error 0008."""
    xon_xoff_every: int = 0
    """Insert XOFF XON after every so many output lines; 0: never."""
