"""The report of a session in sections: worded once, for the page and for paper.

Knows how to say what a recording and its findings hold. Draws nothing, computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite

import numpy as np

from analysis.channel_calibration import withdrawn
from analysis.dose import dose_factor
from analysis.effect import Effect
from analysis.measuring import minutes_text
from analysis.report.calibration import calibration_sections
from analysis.report.findings import Findings, PairFindings
from analysis.review import Recording
from analysis.sections import Section, columns
from analysis.subject_words import weight_text

EVENTS_SHOWN = 200
OTHER_MICROMOLARS = (
    '"gain 1": the raw difference in place of the calibrated gain. "Slope of before": not corrected for what the probe '
    "lost until the calibration after."
)
PA_PER_A = 1e12
NA_PER_A = 1e9


def about(recording: Recording) -> str:
    """Return one line: which animal, when, how it ended."""
    header, subject = recording.data.header, recording.data.header.plan["subject"]
    started = datetime.fromtimestamp(header.started_wall_ns / 1e9, UTC)
    closed = recording.data.close
    ended = f"{(closed.t_ns - header.started_ns) / 60e9:.1f} min, {closed.outcome}" if closed else "NOT CLOSED"
    return (
        f"{subject['subject_id']}, {subject['species']}, sex {subject['sex']}, age {subject['age'] or 'not given'}, "
        f"{weight_text(subject)}; started {started:%Y-%m-%d %H:%M} UTC; {ended}"
    )


def doubts(recording: Recording, findings: Findings) -> list[str]:
    """Return everything that a reader must know before any number below."""
    found = [recording.problem] if recording.problem else []
    found += [str(warning) for warning in recording.data.header.plan["warnings"]]
    for pair in findings.pairs:
        if pair.matched is None:
            found.append(f"no sentinel was taken off {pair.channel}: whatever else the site senses is in every number")
        elif pair.matched.matched is False:
            found.append(
                f"{pair.sentinel} does not match {pair.channel}: together they show a gain of "
                f"{pair.matched.gain_seen:.2f}, and it is subtracted with "
                f"{recording.channels[pair.channel].calibration.gain_text(pair.sentinel)}; "
                "what both sense is left in the difference"
            )
        if recording.channels[pair.channel].sensitivity_a_per_um is None:
            found.append(f"{pair.channel} has no calibration: it stays in nA, and no response of it is in µM")
    for name, channel in recording.channels.items():
        if why := withdrawn(channel.calibration):
            found.append(f"the calibration of {name} was withdrawn since, by {why}: its micromolars do not hold")
    for name, infusion in recording.infusions.items():
        if len(infusion.uncertain_ul) and infusion.uncertain_ul[-1] > 0:
            found.append(f"{name} may have given {infusion.uncertain_ul[-1]:.2f} µL more than it confirmed")
    return found


def sections(recording: Recording, findings: Findings) -> list[Section]:
    """Return the report in order; empty sections are left out by who shows them."""
    shown = [_given(recording), _effect(findings), _tonic(findings)]
    shown += [_responses(pair, findings) for pair in findings.pairs if pair.responses is not None]
    shown.append(_how(findings))
    shown += [*calibration_sections(recording), _match(recording, findings), _channels(recording), _steps(recording)]
    return [*shown, _happenings(recording), _annotations(recording), _proof(recording)]


def _given(recording: Recording) -> Section:
    rows = []
    for name, infusion in recording.infusions.items():
        factor, unit = dose_factor(recording.data, name)
        solution = infusion.drug or "no drug"
        if infusion.concentration_mg_per_ml is not None:
            solution += f" {infusion.concentration_mg_per_ml:g} mg/mL"
        volumes = (infusion.commanded_ul, infusion.confirmed_ul, infusion.uncertain_ul, infusion.at_animal_ul)
        last = [float(one[-1]) if len(one) else 0.0 for one in volumes]
        dose = f"{last[1] * factor:.3f} mg/kg" if unit != "µL" else ""
        rows.append((name, solution, *(f"{one:.2f}" for one in last), dose))
    return Section(
        "What was given",
        columns("pump | solution | # ordered, µL | # confirmed, µL | # maybe more, µL | # at the animal, µL | # dose"),
        tuple(rows),
        ("At the animal: an estimate, confirmed flow past the dead volume of the line. Dose: of what was confirmed.",),
    )


def _effect(findings: Findings) -> Section:
    rows = []
    for pair in findings.pairs:
        for (way, chosen), effect in (pair.effects or {}).items():
            rows.append((pair.channel, way, chosen, _ratio(effect), f"{effect.n_before} and {effect.n_after}"))
    note = (
        f"Mean amplitude of responses to {findings.stimulus!r} after {findings.drug} had reached the animal "
        f"(minute {findings.arrived_s / 60:.1f}), over the mean before; bootstrap over responses, 95 %. One animal: "
        "what a drug does is told by groups of animals. A result that hangs on a window or on the way of measuring is "
        "none."
    )
    others = [way for pair in findings.pairs for way, _ in pair.effects or {} if way.startswith("template fit, ")]
    if others:
        note += f" {OTHER_MICROMOLARS}"
    return Section(
        "Effect on evoked release, against the animal's own baseline",
        columns("site | measured | window | # after / before | # responses"), tuple(rows), (note,) if rows else (),
    )  # fmt: skip


def _ratio(effect: Effect) -> str:
    if not isfinite(effect.value):
        return "cannot be told"
    if not isfinite(effect.low):
        return f"{effect.value:.2f} (too few for an interval)"
    return f"{effect.value:.2f} ({effect.low:.2f} to {effect.high:.2f})"


def _tonic(findings: Findings) -> Section:
    rows = [
        (p.channel, said, f"{one.value:+.2f} ({one.low:+.2f} to {one.high:+.2f})")
        for p in findings.pairs
        for said, one in (p.tonic or {}).items()
        if isfinite(one.value)
    ]
    note = "Supporting at best: drift of the sensor is in it, and in the mouse a fifth of the level is neuronal [S]."
    heads = columns("site | micromolars | # after - before, µM")
    minutes = minutes_text(findings.measuring.effect)
    return Section(f"Tonic level, {minutes}", heads, tuple(rows), (note,) if rows else ())


def _responses(pair: PairFindings, findings: Findings) -> Section:
    found = pair.responses
    assert found is not None  # noqa: S101 - narrows a type; the caller has looked
    rows = tuple(
        (str(number + 1), f"{found.onset_s[number] / 60:.2f}", *(
            "-" if not isfinite(values[number]) else f"{values[number]:.2f}"
            for values in (found.amplitude_um, found.r2, found.picked_um, found.blank_um)
        ))
        for number in range(len(found.onset_s))
    )  # fmt: skip
    return Section(
        f"Responses of {pair.channel} to {findings.stimulus!r}",
        columns("# no | # minute | # template fit, µM | # R² | # picked, µM | # blank, µM"), rows,
        ("Blank: what picking finds before the stimulus, where nothing happened: so much of a value may be nothing.",),
    )  # fmt: skip


def _how(findings: Findings) -> Section:
    """Say with which settings; nothing where no response was measured."""
    if not any(pair.responses is not None for pair in findings.pairs):
        return Section("How it was measured")
    subtracted = ((f"sentinel of {pair.channel}", pair.sentinel or "none") for pair in findings.pairs)
    return Section("How it was measured", columns("what | as chosen"), (*subtracted, *findings.measuring.told()))


def _channels(recording: Recording) -> Section:
    rows = []
    for name, channel in recording.channels.items():
        finite = channel.current_a[np.isfinite(channel.current_a)]
        median = f"{np.median(finite) * NA_PER_A:.3f}" if len(finite) else "none"
        slope = channel.sensitivity_a_per_um
        rows.append(
            (
                name,
                channel.role,
                str(len(channel.t_s)),
                str(len(channel.breaks)),
                str(int(np.count_nonzero(channel.flags))),
                median,
                f"{slope * PA_PER_A:g} pA/µM" if slope else "not calibrated",
            )
        )
    return Section("What was recorded",
                   columns("channel | role | # samples | # gaps | # flagged | # median, nA | calibration"),
                   tuple(rows))  # fmt: skip


def _match(recording: Recording, findings: Findings) -> Section:
    words = {True: "yes", False: "NO", None: "cannot be told: nothing moved both sites"}
    rows = tuple(
        (pair.channel, pair.sentinel, words[pair.matched.matched],
         f"{recording.channels[pair.channel].calibration.gain(pair.sentinel):.3g}",
         f"{pair.matched.gain_seen:.2f} ± {pair.matched.gain_seen_se:.2f}" if isfinite(pair.matched.gain_seen) else "-",
         f"{pair.matched.residual_sd_a * PA_PER_A:.2f}")
        for pair in findings.pairs
        if pair.matched is not None
    )  # fmt: skip
    notes = tuple(
        f"{p.channel}: {recording.channels[p.channel].calibration.gain_text(p.sentinel)}." for p in findings.pairs
    )
    return Section("Is the sentinel a match, at the gain that it is subtracted with",
                   columns("site | sentinel | match | # gain used | # gain seen | # noise left, pA"), rows,
                   notes)  # fmt: skip


def _steps(recording: Recording) -> Section:
    rows = tuple(
        (str(step.number), step.kind, step.label, f"{step.start_s / 60:.2f}",
         "-" if step.end_s is None else f"{step.end_s / 60:.2f}", step.state)
        for step in recording.steps
    )  # fmt: skip
    return Section("The plan as it was run", columns("# step | kind | what | # from, min | # to, min | outcome"), rows)


def _happenings(recording: Recording) -> Section:
    told = [one for one in recording.happenings if one.kind in ("alarm", "note", "operator", "gap")]
    rows = tuple((f"{one.t_s / 60:.2f}", one.kind, one.source, one.text) for one in told[:EVENTS_SHOWN])
    more = len(told) - EVENTS_SHOWN
    notes = (f"{more} more are in the recording.",) if more > 0 else ()
    return Section("Alarms, notes and deeds", columns("# minute | what | who | said"), rows,
                   notes or (() if rows else ("No alarm, no note.",)))  # fmt: skip


def _annotations(recording: Recording) -> Section:
    rows = tuple(
        (str(one.number), f"{one.start_s / 60:.2f} to {one.end_s / 60:.2f}", one.channel or "all",
         "not measured" if one.blank else "", one.by,
         one.text + (f" (withdraws {one.withdraws})" if one.withdraws else ""))
        for one in recording.annotations
    )  # fmt: skip
    return Section("Added later", columns("# no | # minutes | channel | blank | who | said"), rows)


def _proof(recording: Recording) -> Section:
    return Section("To prove it", columns("what | value"), tuple(_proofs(recording)))


def _proofs(recording: Recording) -> Iterator[tuple[str, str]]:
    header, plan = recording.data.header, recording.data.header.plan
    yield "session", header.session_id
    yield "software", header.software
    if header.seed is not None:
        yield "seed", str(header.seed)
    yield "plan", header.plan_sha256
    for name in ("protocol", "rig", "limits"):
        yield f"{name} file", str(plan[f"{name}_sha256"])
    yield "head of the event chain", recording.data.close.chain_head if recording.data.close else "none: not closed"
    yield "journal records", str(recording.data.last_sequence + 1)
