"""From a recording to the effect of a drug on evoked release: responses locked to recorded stimuli, each animal against
its own baseline.

Knows which samples, marks and infusions of a session belong together. How one response is measured is known to
``analysis.responses``, how before and after are compared to ``analysis.effect``. Knows no drug, no direction and no
truth of a simulation: an effect has the sign that the recording gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

from acquisition.books.annotations import blanks
from acquisition.plan import without_rounds
from acquisition.signal.concentration import apparent_um
from acquisition.signal.self_reference import self_referenced
from analysis.effect import Effect, EffectWindows, arrival_s, evoked_effect
from analysis.responses.shape import SMOOTHING_S, Shape, measure
from analysis.responses.template import fit_amplitude, learn_template
from analysis.responses.windows import ResponseWindow, aligned, blanked
from analysis.review import Recording, SlopeChoice
from drivers.capabilities import SampleFlag

Array = NDArray[np.float64]

NO_VALUE = SampleFlag.OVERLOAD | SampleFlag.NOT_A_NUMBER
"""Samples with one of these flags are no measurement."""
WINDOW = ResponseWindow()
NO_EFFECTS: Mapping[str, Effect] = {}


@dataclass(frozen=True)
class EffectStretch:
    """A stretch after the drug, s after it first reached the animal."""

    label: str
    after_s: float
    until_s: float


@dataclass(frozen=True)
class Readout:
    """What is read from a session: which channels, which stimuli, and the stretches of the effect."""

    channel: str
    """The glutamate site, INSTRUMENT.CHANNEL; the rig gives its sensitivity."""
    sentinel: str
    """Of the same instrument, so that both are sampled together."""
    stimulus: str
    """Text of the marks at which release is evoked."""
    drug: str
    """The pump whose first infusion is time zero of the effect."""
    baseline_s: float
    """So long before the first infusion of any pump is the baseline."""
    stretches: tuple[EffectStretch, ...]


@dataclass(frozen=True)
class Responses:
    """One row per stimulus, in order; every array has shape (n,). NaN where nothing can be told."""

    onset_s: Array
    """Since the session's start."""
    amplitude_um: Array
    """By the template fit: no bias, zero on average where nothing happened."""
    r2: Array
    picked_um: Array
    """Largest value minus baseline, with the positive floor that ``blank_um`` shows."""
    blank_um: Array


@dataclass(frozen=True)
class Reading:
    """What one session says. ``problem`` is why an effect cannot be told; empty otherwise."""

    responses: Responses
    first_s: float = nan
    """When the first infusion of any pump reached the animal, s since the session's start; NaN if none did."""
    drug_s: float = nan
    """The same of the drug's pump: time zero of the effect."""
    baseline_um: float = nan
    """Mean amplitude of the baseline."""
    effects: Mapping[str, Effect] = field(default_factory=lambda: NO_EFFECTS)
    """After over baseline, by the stretch's label."""
    problem: str = ""


def read_out(recording: Recording, readout: Readout, window: ResponseWindow = WINDOW) -> Reading:
    """Return responses and effects of one session. Raises ValueError when it lacks a channel or the pump."""
    if readout.drug not in recording.infusions:
        raise ValueError(f'the recording has no pump "{readout.drug}"')
    t_s, glutamate_um = difference_um(recording, readout.channel, readout.sentinel)
    responses = measured(t_s, glutamate_um, stimuli_s(recording, readout.stimulus), window)
    arrivals_s = {pump: arrival_s(infusion) for pump, infusion in recording.infusions.items()}
    first_s = min((at_s for at_s in arrivals_s.values() if np.isfinite(at_s)), default=nan)
    return reading_of(responses, first_s, arrivals_s[readout.drug], readout)


def reading_of(responses: Responses, first_s: float, drug_s: float, readout: Readout) -> Reading:
    """Return the effects that responses show, whoever measured them; times as in ``Reading``, NaN for none."""
    if not len(responses.onset_s):
        return Reading(responses, first_s, drug_s, problem="no stimulus is in the recording")
    if not np.isfinite(drug_s):
        return Reading(responses, first_s, problem="nothing of the drug's pump reached the animal")
    before_s = (first_s - readout.baseline_s - drug_s, first_s - drug_s)
    effects = {
        one.label: evoked_effect(
            responses.onset_s,
            responses.amplitude_um,
            drug_s,
            EffectWindows(before_s, (one.after_s, one.until_s)),
        )
        for one in readout.stretches
    }
    in_baseline = (responses.onset_s >= first_s - readout.baseline_s) & (responses.onset_s < first_s)
    amplitudes_um = responses.amplitude_um[in_baseline & np.isfinite(responses.amplitude_um)]
    baseline_um = float(np.mean(amplitudes_um)) if len(amplitudes_um) else nan
    return Reading(responses, first_s, drug_s, baseline_um, effects, _problem(baseline_um, effects))


def difference_um(
    recording: Recording, channel: str, sentinel: str, slope: SlopeChoice = "recorded", gain: float | None = None
) -> tuple[Array, Array]:
    """Return (time since the session's start, s; glutamate site minus gain times sentinel, µM), shape (n,) each.

    ``gain`` None: the calibrated one that the session was recorded with (``Channel.calibration``), if it is of this
    sentinel, else 1, the raw difference. Over the sensitivity that the session was recorded with, unless ``slope`` says
    otherwise: a calibration that is filed later must not change what was told. Overloaded samples are NaN, and so is
    what a person blanked on either. Raises ValueError when one is missing, they are not of one instrument, or the site
    has no sensitivity.
    """
    for name in (channel, sentinel):
        if name not in recording.channels:
            raise ValueError(f'the recording has no channel "{name}"; it has {", ".join(recording.channels)}')
    active, beside = recording.channels[channel], recording.channels[sentinel]
    if len(active.t_s) != len(beside.t_s) or not np.array_equal(active.t_s, beside.t_s):
        raise ValueError(f'channels "{channel}" and "{sentinel}" are not of one instrument: their times differ')
    if active.sensitivity_a_per_um is None:
        raise ValueError(f'channel "{channel}" has no sensitivity in this recording: there are no micromolars')
    used = active.calibration.gain(sentinel) if gain is None else gain
    left_a = self_referenced(active.current_a, beside.current_a, used)
    left_a[((active.flags | beside.flags) & NO_VALUE) != 0] = nan
    unmeasured = [stretch for name in (channel, sentinel) for stretch in blanks(recording.annotations, name)]
    return active.t_s, apparent_um(blanked(active.t_s, left_a, unmeasured), active.slope_a_per_um(slope))


def stimuli_s(recording: Recording, mark: str) -> Array:
    """Return when marks of this text were recorded, s since the session's start, shape (n,)."""
    wanted = mark.strip().casefold()
    found = [one.t_s for one in recording.marks if without_rounds(one.text).strip().casefold() == wanted]
    return np.array(found, np.float64)


def measured(
    t_s: Array, values_um: Array, onset_s: Array, window: ResponseWindow, smoothing_s: float = SMOOTHING_S
) -> Responses:
    """Return the response to every stimulus; trace arrays have shape (n,), ``onset_s`` (stimuli,).

    The template is learnt from the average of these very responses, before and after a drug alike.
    """
    nothing = np.full(len(onset_s), nan)
    if len(t_s) < 3 or not len(onset_s):
        return Responses(onset_s, nothing, nothing, nothing, nothing)
    relative_s, found_um = aligned(t_s, values_um, list(onset_s), -window.blank_reach_s - 1.0, window.until_s)
    near = relative_s >= window.baseline_s[0]
    try:
        template = learn_template(relative_s[near], found_um[:, near])
    except ValueError:  # no stimulus has samples around it
        return Responses(onset_s, nothing, nothing, nothing, nothing)
    fits = [fit_amplitude(relative_s, one_um, template, window) for one_um in found_um]
    shapes = picked(t_s, values_um, onset_s, window, smoothing_s)
    return Responses(
        onset_s=onset_s,
        amplitude_um=np.array([fit.amplitude for fit in fits]),
        r2=np.array([fit.r2 for fit in fits]),
        picked_um=np.array([shape.amplitude for shape in shapes]),
        blank_um=np.array([shape.blank for shape in shapes]),
    )


def picked(
    t_s: Array, values: Array, onset_s: Array, window: ResponseWindow, smoothing_s: float = SMOOTHING_S
) -> tuple[Shape, ...]:
    """Return everything that picking tells of each response; arrays as ``measured`` takes them, in any unit."""
    relative_s, found = aligned(t_s, values, list(onset_s), -window.blank_reach_s - 1.0, window.until_s)
    return tuple(measure(relative_s, one, window, smoothing_s) for one in found)


def _problem(baseline_um: float, effects: Mapping[str, Effect]) -> str:
    """Say why there is a window without a ratio that has a logarithm."""
    if not baseline_um > 0:
        return f"the mean response of the baseline is {baseline_um:.3g} µM: there is no ratio"
    for label, effect in effects.items():
        if not effect.n_after:
            return f'no response in "{label}" can be measured'
        if not effect.value > 0:
            return f'the mean response in "{label}" is not above zero: the ratio has no logarithm'
    return ""
