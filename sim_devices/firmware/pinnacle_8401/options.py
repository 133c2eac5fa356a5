"""What the reference leaves open about the 8401-HR, and what a test wants of it, as switches. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PinnacleOptions:
    """Switches of one simulated instrument."""

    firmware: str = "1.0.10"
    transimpedance: float = 15.57e6
    """V/A of the preamplifier; the vendor's tables also have 14.94e6, unused [2S disagree]."""
    anodic_negative: bool = False
    """Whether oxidation reads below mid-scale; not documented [?]."""
    wiring: Literal["any", "biased", "grounded"] = "any"
    """How the preamplifier is made: "biased" has the bias of channel A on all sensors, to be subtracted (DC MODE 0);
    "grounded" has none to subtract (DC MODE 1); "any" measures right in both, for what the reference does not say."""
    ext0: int = 0x800
    """What identifies the preamplifier, 12 bits."""
    silent_sets: bool = False
    """Whether SET commands go without the echo: the vendor's documents disagree."""
    late_stream_echo: bool = False
    """Whether the echo of STREAM 1 comes behind the first data."""
    nack_broken: bool = False
    """Whether a wrong checksum is answered with NACK; else with nothing [?]."""
    bias_after_reset: Literal["zero", "kept"] = "zero"
    """What becomes of the bias when the instrument restarts [?]."""
    rates: Literal["2000-20000", "100-2000"] = "2000-20000"
    """Which sample rates it takes: the vendor's tables disagree [2S disagree]."""
    noise_lsb: float = 1.0
    """RMS noise of the converter, steps [A]."""
    mains_na: float = 0.0
    """Amplitude of mains hum on connected inputs, nA."""
    mains_hz: float = 50.0
    clock_ppm: float = 0.0
    """How much faster than the host's its clock runs."""
    burst_ms: int = 16
    """How often the USB chip sends what has gathered (latency timer) [INF]."""
    ttl1_every_s: float = 0.0
    """Period of a pulse on TTL1; 0: all inputs stay high, as in the vendor's captured packet."""
    ttl1_high_ms: float = 100.0
    """How long TTL1 is high in each period; it is low for the rest."""
    ttl3_to_ttl1: bool = False
    """A wire from output TTL3 to input TTL1."""
    outs_in_stream: Literal["taken", "ignored", "refused", "restarts"] = "taken"
    """What SET TTL OUTS does while data come: not documented [?]."""
    lost_packets: float = 0.0
    """Share of data packets that never come."""
    broken_packets: float = 0.0
    """Share of data packets with one wrong byte."""
