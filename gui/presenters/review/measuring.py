"""What can be chosen before measuring, and what was chosen, as text in boxes. Checks nothing, computes nothing.

The analysis reads and judges what was typed (``analysis.measuring``), so that a box and a command's option mean the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NO_SENTINEL = "none"
"""As ``analysis.measuring`` has it; a test holds them together."""
NOTHING_TAKEN_OFF = "nothing"
NO_DRUG = "none: responses only"
DIRECTIONS = (("up", "upward"), ("down", "downward"), ("either", "either way"))


@dataclass(frozen=True)
class Offer:
    """What a recording has."""

    stimuli: tuple[tuple[str, int], ...]
    """Texts of marks, and how often each came."""
    channels: tuple[str, ...]
    """INSTRUMENT.CHANNEL, glutamate sites first."""
    beside: Mapping[str, tuple[str, ...]]
    """What can be taken off each, sentinels first."""
    pumps: tuple[str, ...]
    stimulus: str
    drug: str
    channel: str
    sentinels: Mapping[str, str]
    """The one of each site, where there is exactly one."""


@dataclass(frozen=True)
class Chosen:
    """The settings as they stand in the boxes. Pairs are from and to; s, of before and after min."""

    stimulus: str
    drug: str
    channel: str
    sentinel: str
    baseline: tuple[str, str] = ("-10", "0")
    search: tuple[str, str] = ("0", "15")
    until: str = "60"
    direction: str = "up"
    smoothing: str = "1"
    before: tuple[str, str] = ("-30", "0")
    after: tuple[str, str] = ("10", "30")


def usual(offer: Offer) -> Chosen:
    """Return what a report without options would take, for its first site."""
    sentinel = offer.sentinels.get(offer.channel, NO_SENTINEL)
    channel = offer.channel or (offer.channels[0] if offer.channels else "")
    return Chosen(offer.stimulus, offer.drug, channel, sentinel)


def stimulus_texts(offer: Offer) -> list[str]:
    """Return the marks as they are offered."""
    return [f"{text}  (× {times})" for text, times in offer.stimuli]
