"""One session of a study, measured in every way that the result must not hang on.

Knows which choices stand beside each other: how a response is measured, whether the trace is smoothed, with which gain
a sentinel is taken off, if at all, how long the baseline is. How each is computed is known to ``analysis.evoked`` and
``analysis.effect``. Knows no group and no drug. One slope for all of a session cancels out of a ratio; one that is
corrected for drift does not, and stands beside where there is a calibration after the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.manifest import file_hash
from analysis.channel_calibration import RAW_GAIN
from analysis.effect import Effect, EffectWindows, sensitivity, tonic_effect
from analysis.evoked import WINDOW, Reading, difference_um, measured, read_out
from analysis.responses.windows import sample_interval_s, smoothed
from analysis.review import Recording
from analysis.study.readings import AnimalRead, Change, Choice, Settings, kept

Array = NDArray[np.float64]
SMOOTHED_S = 2.0
"""Width of the mean that stands beside the trace as it is: longer than noise, shorter than a response [A]."""
FIT, PICKED = "template fit", "picked maximum"
NO_SENTINEL, SMOOTH = "template fit, no sentinel", f"template fit, {SMOOTHED_S:g} s mean"
RAW, CORRECTED = "template fit, gain 1", "template fit, slope corrected for drift"
WHOLE, HALF = "whole baseline", "later half of the baseline"
PRIMARY = (FIT, WHOLE)
"""How the primary outcome is measured, in its stretch."""


def read_animal(recording: Recording, code: str, session: str, settings: Settings) -> AnimalRead:
    """Return what one session says. ``session``: its folder as it is told. Raises ValueError as ``read_out``."""
    reading = read_out(recording, settings.readout)
    found = reading.responses
    return unread_animal(recording, code, session, recording.problem or reading.problem).model_copy(
        update={
            "calibration": _calibration(recording, settings),
            "onset_s": tuple(float(f"{one:.6g}") for one in found.onset_s),
            "amplitude_um": _kept(found.amplitude_um),
            "r2": _kept(found.r2),
            "picked_um": _kept(found.picked_um),
            "blank_um": _kept(found.blank_um),
            "first_s": kept(reading.first_s),
            "drug_s": kept(reading.drug_s),
            "baseline_um": kept(reading.baseline_um),
            "effects": {label: _change(effect) for label, effect in reading.effects.items()},
            "tonic": _tonic(recording, settings, reading),
            "choices": tuple(_choices(recording, settings, reading)),
        }
    )


def unread_animal(recording: Recording, code: str, session: str, problem: str) -> AnimalRead:
    """Return an animal with a session from which nothing could be measured, and why."""
    closed = recording.data.close
    return AnimalRead(
        code=code,
        session=session,
        journal_sha256=file_hash(recording.path / JOURNAL_NAME),
        annotations=len(recording.annotations),
        simulated=recording.simulated,
        outcome=closed.outcome if closed else "not closed",
        calibration="",
        onset_s=(),
        amplitude_um=(),
        r2=(),
        picked_um=(),
        blank_um=(),
        first_s=None,
        drug_s=None,
        baseline_um=None,
        effects={},
        tonic=None,
        choices=(),
        problem=problem,
    )


def windows(settings: Settings, first_s: float, drug_s: float, label: str, *, half: bool = False) -> EffectWindows:
    """Return before and after, s from the drug's arrival, of one stretch."""
    after_s, until_s = next((a, u) for name, a, u in settings.stretches if name == label)
    lead_s = settings.baseline_s / 2 if half else settings.baseline_s
    return EffectWindows((first_s - lead_s - drug_s, first_s - drug_s), (after_s, until_s))


def _choices(recording: Recording, settings: Settings, reading: Reading) -> Iterator[Choice]:
    if not reading.effects:
        return
    found = reading.responses
    t_s, trace_um = difference_um(recording, settings.channel, settings.sentinel)
    ways = {FIT: found.amplitude_um, PICKED: found.picked_um}
    for way, other_um in _other_traces(recording, settings, t_s, trace_um):
        ways[way] = measured(t_s, other_um, found.onset_s, WINDOW).amplitude_um
    for label, *_ in settings.stretches:
        chosen = {
            baseline: windows(settings, reading.first_s, reading.drug_s, label, half=baseline == HALF)
            for baseline in (WHOLE, HALF)
        }
        for (way, baseline), effect in sensitivity(found.onset_s, ways, reading.drug_s, chosen).items():
            yield Choice(stretch=label, measured=way, baseline=baseline, log_ratio=kept(effect.log_ratio))


def _other_traces(recording: Recording, settings: Settings, t_s: Array, trace_um: Array) -> Iterator[tuple[str, Array]]:
    """Yield (how it is called, µM) of every other way to a trace that this recording has."""
    channel = recording.channels[settings.channel]
    yield SMOOTH, smoothed(trace_um, round(SMOOTHED_S / sample_interval_s(t_s)))
    yield NO_SENTINEL, np.where(np.isfinite(trace_um), channel.glutamate_um("recorded"), nan)
    if channel.calibration.gain(settings.sentinel) != RAW_GAIN:
        yield RAW, difference_um(recording, settings.channel, settings.sentinel, gain=RAW_GAIN)[1]
    if not isinstance(channel.correction, str):
        yield CORRECTED, difference_um(recording, settings.channel, settings.sentinel, "corrected")[1]


def _tonic(recording: Recording, settings: Settings, reading: Reading) -> Change | None:
    if not reading.effects:
        return None
    t_s, trace_um = difference_um(recording, settings.channel, settings.sentinel)
    chosen = windows(settings, reading.first_s, reading.drug_s, settings.primary)
    return _change(tonic_effect(t_s, trace_um, reading.drug_s, chosen))


def _calibration(recording: Recording, settings: Settings) -> str:
    channel = recording.channels[settings.channel]
    gain = channel.calibration.gain_text(settings.sentinel)
    return f"{settings.channel}: {channel.slope_text('recorded')}; {gain}"


def _change(effect: Effect) -> Change:
    return Change(
        value=kept(effect.value), low=kept(effect.low), high=kept(effect.high), n_before=effect.n_before,
        n_after=effect.n_after,
    )  # fmt: skip


def _kept(values: Array) -> tuple[float | None, ...]:
    return tuple(kept(float(one)) for one in values)


def session_hash(session: Path) -> str:
    """Return the hash of a session's journal as it is now; empty when there is none."""
    journal = session / JOURNAL_NAME
    return file_hash(journal) if journal.is_file() else ""
