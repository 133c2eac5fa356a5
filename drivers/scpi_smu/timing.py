"""How long one reading takes, and how long it may integrate: whole periods of the mains, so that hum cancels.

Pure arithmetic. Knows no bytes and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.errors import NotEncodable
from drivers.scpi_smu.family import Model, SmuOptions

ASK: Final = ":READ?"
NPLC: Final = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
"""Whole numbers of mains periods that can be integrated over, longest first; the highest is the instrument's."""
CONVERSIONS_WITH_AUTOZERO: Final = 3
"""Signal, zero and reference [MEM]; without it the signal alone."""
OVERHEAD_S: Final = 0.02
"""What one reading takes beside conversions and bytes [A]."""
BUSY_MAX: Final = 0.95
"""Share of the interval that a reading may take."""
INTERVAL_S: Final = (0.02, 60.0)


@dataclass(frozen=True)
class Timing:
    """One reading in time."""

    nplc: int
    integration_s: float
    """Over how long the current is averaged."""
    conversion_s: float
    """All conversions of one reading."""
    delay_s: float
    """From asking to the middle of the conversions: what is taken for the time of the sample."""
    cycle_s: float
    """From asking to the last byte of the answer, as far as known."""


def timing(interval_s: float, options: SmuOptions, model: Model) -> Timing:
    """Return the longest integration that fits into the interval. Raises NotEncodable if not even the shortest does."""
    lowest, highest = INTERVAL_S
    if not lowest <= interval_s <= highest:
        raise NotEncodable(f"interval {interval_s:g} s: readings can be asked for every {lowest:g} to {highest:g} s")
    ask_s = (len(ASK) + len(options.terminator)) * options.byte_s
    reply_s = (model.reply_bytes + 1) * options.byte_s
    conversions = CONVERSIONS_WITH_AUTOZERO if options.autozero else 1
    for nplc in NPLC:
        integration_s = nplc / options.mains_hz
        conversion_s = conversions * integration_s
        cycle_s = ask_s + conversion_s + OVERHEAD_S + reply_s
        if cycle_s <= BUSY_MAX * interval_s:
            return Timing(nplc, integration_s, conversion_s, ask_s + conversion_s / 2, cycle_s)
    raise NotEncodable(
        f"interval {interval_s:g} s is too short: one reading takes {cycle_s:.3g} s at {options.line.baud} baud and "
        f"{options.mains_hz:g} Hz mains; set a higher baud rate at the instrument, switch autozero off, or wait longer"
    )
