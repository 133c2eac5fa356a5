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
from acquisition.signal.self_reference import Match, match
from analysis.channel_calibration import RAW_GAIN
from analysis.effect import Effect, EffectWindows, arrival_s, evoked_effect, tonic_effect
from analysis.evoked import Responses, difference_um, measured, stimuli_s
from analysis.export.nwb import pairs
from analysis.responses.windows import ResponseWindow, aligned
from analysis.review import Channel, Recording, SlopeChoice

Array = NDArray[np.float64]
FEWEST_STIMULI = 3
"""Marks of one text from which they are taken for stimuli, where nobody says which are."""
CHOICES = {
    "10 to 30 min after arrival": EffectWindows(),
    "0 to 30 min": EffectWindows(after_s=(0.0, 1800.0)),
    "20 to 60 min": EffectWindows(after_s=(1200.0, 3600.0)),
    "10 to 30 min, 15 min before": EffectWindows(before_s=(-900.0, 0.0)),
}
"""Windows whose results stand beside each other: a result that hangs on one of them is none."""
WINDOW = ResponseWindow()


@dataclass(frozen=True)
class PairFindings:
    """One glutamate site with its sentinel."""

    channel: str
    sentinel: str
    matched: Match
    """At the gain that is subtracted with, over the whole session."""
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


def find(recording: Recording, stimulus: str = "", drug: str = "") -> Findings:
    """Return what a session shows; ``stimulus`` and ``drug`` (a pump) are guessed where they are not named.

    Raises ValueError for a stimulus that was never marked or a pump that is not there.
    """
    stimulus = stimulus or usual_stimulus(recording)
    if stimulus and not len(stimuli_s(recording, stimulus)):
        raise ValueError(f"no mark {stimulus!r} is in the recording")
    if drug and drug not in recording.infusions:
        raise ValueError(f"there is no pump {drug!r}; there are: {', '.join(recording.infusions) or 'none'}")
    drug = drug or _usual_drug(recording)
    arrived_s = arrival_s(recording.infusions[drug]) if drug else float("nan")
    found = tuple(_pair(recording, a.name, s.name, stimulus, arrived_s) for a, s in pairs(recording))
    return Findings(stimulus, drug, arrived_s, found)


def usual_stimulus(recording: Recording) -> str:
    """Return the text of the marks that came most often, at least three times; empty if none did."""
    counts = Counter(without_rounds(mark.text).strip() for mark in recording.marks)
    return next((text for text, times in counts.most_common(1) if times >= FEWEST_STIMULI), "")


def _usual_drug(recording: Recording) -> str:
    """Return the first pump with a drug of which something reached the animal; empty if there is none."""
    drugs = (one for one in recording.infusions.values() if one.drug and np.isfinite(arrival_s(one)))
    return next((one.pump for one in sorted(drugs, key=arrival_s)), "")


def _pair(recording: Recording, channel: str, sentinel: str, stimulus: str, arrived_s: float) -> PairFindings:
    active, beside = recording.channels[channel], recording.channels[sentinel]
    every = max(1, round(10.0 / active.interval_s))
    quality = match(active.current_a, beside.current_a, active.calibration.gain, every=every)
    if active.sensitivity_a_per_um is None:
        return PairFindings(channel, sentinel, quality)
    traces = {
        said: difference_um(recording, channel, sentinel, slope, gain) for said, (slope, gain) in _ways(active).items()
    }
    t_s, trace_um = next(iter(traces.values()))
    tonic = None
    if np.isfinite(arrived_s):
        tonic = {said: tonic_effect(t_s, one_um, arrived_s) for said, (_, one_um) in traces.items()}
    if not stimulus:
        return PairFindings(channel, sentinel, quality, tonic=tonic)
    onsets_s = stimuli_s(recording, stimulus)
    responses = measured(t_s, trace_um, onsets_s, WINDOW)
    relative_s, found_um = aligned(t_s, trace_um, list(onsets_s), WINDOW.baseline_s[0], WINDOW.until_s)
    effects = None
    if np.isfinite(arrived_s):
        ways = {"template fit": responses.amplitude_um, "picked": responses.picked_um}
        effects = {
            (way, chosen): evoked_effect(onsets_s, amplitude, arrived_s, windows)
            for chosen, windows in CHOICES.items()
            for way, amplitude in ways.items()
        }
        first, windows = next(iter(CHOICES.items()))
        for said, (_, one_um) in list(traces.items())[1:]:
            other = measured(t_s, one_um, onsets_s, WINDOW).amplitude_um
            effects[f"template fit, {said}", first] = evoked_effect(onsets_s, other, arrived_s, windows)
    return PairFindings(channel, sentinel, quality, responses, relative_s, found_um, effects, tonic)


def _ways(active: Channel) -> dict[str, tuple[SlopeChoice, float]]:
    """Return the ways to micromolars, the one that counts first: (slope, gain) by how they are called."""
    gain = active.calibration.gain
    ways: dict[str, tuple[SlopeChoice, float]] = {"as calibrated": ("best", gain)}
    if gain != RAW_GAIN:
        ways["gain 1"] = ("best", RAW_GAIN)
    if not isinstance(active.correction, str):
        ways["slope of before"] = ("recorded", gain)
    return ways
