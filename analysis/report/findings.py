"""What a session's report tells beyond its recording: responses, effect and match of every pair of sites.

Knows which pairs, stimuli and drug a session offers when nobody names them. How things are measured is known to
``analysis.evoked``, ``analysis.effect`` and ``acquisition.signal``. Knows no direction in which a drug should act.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acquisition.plan import without_rounds
from acquisition.signal.self_reference import Match
from analysis.effect import Effect, arrival_s
from analysis.evoked import Responses, stimuli_s
from analysis.measuring import Measuring
from analysis.review import Recording
from analysis.site_reading import read_site
from analysis.site_trace import Site, sites

Array = NDArray[np.float64]
AS_USUAL = Measuring()
FEWEST_STIMULI = 3
"""Marks of one text from which they are taken for stimuli, where nobody says which are."""


@dataclass(frozen=True)
class PairFindings:
    """One glutamate site with its sentinel."""

    channel: str
    sentinel: str
    """Empty when none was subtracted."""
    matched: Match | None
    """At the gain that is subtracted with, over the whole session; None without a sentinel."""
    responses: Responses | None = None
    """None without a stimulus or a sensitivity."""
    average_t_s: Array | None = None
    average_um: Array | None = None
    """All responses aligned, shape (stimuli, m)."""
    effects: Mapping[tuple[str, str], Effect] | None = None
    """By (measured, windows); None without a drug that arrived. Other calibrations in the first of the windows."""
    tonic: Mapping[str, Effect] | None = None
    """µM, after minus before, in the first of the windows, by calibration; the first is the one that counts."""


@dataclass(frozen=True)
class Findings:
    """What was looked at, and what was found."""

    stimulus: str
    drug: str
    """The pump whose first infusion is time zero of the effect."""
    arrived_s: float
    pairs: tuple[PairFindings, ...]
    measuring: Measuring = AS_USUAL


def find(recording: Recording, stimulus: str = "", drug: str = "", measuring: Measuring = AS_USUAL) -> Findings:
    """Return what a session shows; ``stimulus`` and ``drug`` (a pump) are guessed where they are not named.

    Raises ValueError for a stimulus that was never marked, a pump or a channel that is not there.
    """
    stimulus = stimulus or usual_stimulus(recording)
    if stimulus and not len(stimuli_s(recording, stimulus)):
        raise ValueError(f"no mark {stimulus!r} is in the recording")
    drug = drug or usual_drug(recording)
    arrived_s = arrival_of(recording, drug)
    found = tuple(_pair(recording, site, stimulus, arrived_s, measuring) for site in sites(recording, measuring))
    return Findings(stimulus, drug, arrived_s, found, measuring)


def usual_stimulus(recording: Recording) -> str:
    """Return the text of the marks that came most often, at least three times; empty if none did."""
    return next((text for text, times in stimuli(recording) if times >= FEWEST_STIMULI), "")


def stimuli(recording: Recording) -> list[tuple[str, int]]:
    """Return the texts of all marks, without their rounds, and how often each came; the most frequent first."""
    return Counter(without_rounds(mark.text).strip() for mark in recording.marks).most_common()


def usual_drug(recording: Recording) -> str:
    """Return the first pump with a drug of which something reached the animal; empty if there is none."""
    drugs = (one for one in recording.infusions.values() if one.drug and np.isfinite(arrival_s(one)))
    return next((one.pump for one in sorted(drugs, key=arrival_s)), "")


def arrival_of(recording: Recording, drug: str) -> float:
    """Return when the first of a pump reached the animal, s; NaN without a pump, or when nothing did.

    Raises ValueError for a pump that is not there.
    """
    if drug and drug not in recording.infusions:
        raise ValueError(f"there is no pump {drug!r}; there are: {', '.join(recording.infusions) or 'none'}")
    return arrival_s(recording.infusions[drug]) if drug else float("nan")


def _pair(recording: Recording, site: Site, stimulus: str, arrived_s: float, measuring: Measuring) -> PairFindings:
    channel, sentinel, quality = site.channel.name, site.sentinel.name if site.sentinel else "", site.match()
    if site.channel.sensitivity_a_per_um is None:
        return PairFindings(channel, sentinel, quality)
    onsets_s = stimuli_s(recording, stimulus) if stimulus else np.empty(0)
    read = read_site(recording, site, onsets_s, arrived_s, measuring)
    tonic = read.tonic or None
    if not stimulus:
        return PairFindings(channel, sentinel, quality, tonic=tonic)
    effects = read.effects or None
    return PairFindings(channel, sentinel, quality, read.responses, read.relative_s, read.aligned, effects, tonic)
