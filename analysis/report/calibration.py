"""The calibrations that a session's micromolars rest on, in the words of a report.

Knows how the record of a calibration becomes rows, and how to say that there is none. Computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from acquisition.books.probes import CalibrationRecord, Interval
from analysis.calibration.text import day, interval_text, kind_of_slope, ratio_text, said_number, slope_text
from analysis.channel_calibration import calibration_name
from analysis.review import PA_PER_A, Channel, Recording
from analysis.sections import Section, columns

PASSED = {True: "passed", False: "FAILED", None: "not measured"}


def records(recording: Recording) -> list[CalibrationRecord]:
    """Return the calibrations that the session was recorded with, and those after it, each once."""
    found: dict[tuple[str, str, int, bool], CalibrationRecord] = {}
    for channel in _glutamate(recording):
        both = [channel.calibration.filed] if channel.calibration.filed is not None else []
        both += [] if isinstance(channel.correction, str) else [channel.correction.pre, channel.correction.post]
        for one in both:
            key = (one.record.probe, one.record.site, one.number, one.record.simulated)
            found.setdefault(key, one.record)
    return list(found.values())


def calibration_sections(recording: Recording) -> list[Section]:
    """Return one section per glutamate site."""
    return [_of_channel(channel) for channel in _glutamate(recording)]


def _glutamate(recording: Recording) -> list[Channel]:
    return [channel for channel in recording.channels.values() if channel.role == "glutamate"]


def _of_channel(channel: Channel) -> Section:
    known, title = channel.calibration, f"Calibration of {channel.name}"
    if channel.sensitivity_a_per_um is None:
        why = f": {known.stays_in_amperes}" if known.stays_in_amperes else ""
        return Section(title, notes=(f"No calibration: stays in nA{why}.",))
    if known.filed is None:
        of_day = known.calibrated_on or "a day that nobody has said"
        return Section(
            title,
            columns("what | value"),
            (("slope", f"{channel.sensitivity_a_per_um * PA_PER_A:.4g} pA/µM, of {of_day}"),),
            ("The recording holds a bare number: no interval, no gate, no sentinel gain. Name the probe in the rig.",),
        )
    record = known.filed.record
    return Section(title, columns("what | value"), tuple(_rows(channel, record)), tuple(_notes(channel, record)))


def _rows(channel: Channel, record: CalibrationRecord) -> Iterator[tuple[str, str]]:
    filed = channel.calibration.filed
    assert filed is not None  # noqa: S101 - narrows a type; the caller has looked
    yield "probe, site", f"{record.probe}, {record.site}, {record.phase} the animal"
    yield "measured", f"{day(record)}, session {record.session}, filed as number {filed.number} by {record.by}"
    yield "slope", f"{slope_text(record.slope_a_per_um)}, {kind_of_slope(record)}"
    yield "LOD", f"{said_number(record.lod_um)} µM (3 SD of {said_number(record.noise_sd_a * PA_PER_A)} pA / slope)"
    yield "R²", f"{said_number(record.r2, 5)}; linear within 10 % up to {said_number(record.linear_to_um)} µM"
    yield "selectivity", ratio_text(record.selectivity)
    if record.ascorbate_offset_um is not None:
        offset = interval_text(record.ascorbate_offset_um)
        yield "ascorbate at rest", f"{record.ascorbate_um:g} µM look like {offset} µM of glutamate"
    yield "sentinel gain", f"{interval_text(record.gain)}, active over sentinel, from peroxide"
    yield "sentinel sees glutamate", f"{interval_text(record.crosstalk)} of the slope"
    yield "response", f"{said_number(record.response_s)} s from 10 to 90 %, the stirrer's time in it"
    gates = ", ".join(f"{one.gate} {PASSED[one.passed]} ({one.found})" for one in record.verdicts)
    yield f"gates ({record.gates})", gates or "none"
    yield "drift of the slope", _drift(channel)
    yield "fingerprint of its session", record.session_fingerprint


def _drift(channel: Channel) -> str:
    if isinstance(channel.correction, str):
        return f"not corrected: {channel.correction}"
    whole, per_day = channel.correction.change
    after = channel.correction.post
    return (
        f"{whole:+.1%} ({per_day:+.1%} a day) to {slope_text(after.record.slope_a_per_um)}, "
        f"{calibration_name(after)}; on a straight line in between [A]"
    )


def _notes(channel: Channel, record: CalibrationRecord) -> Iterator[str]:
    yield f"Micromolars are of {channel.slope_text()}."
    yield f"Self-referencing: {channel.calibration.gain_text(channel.calibration.sentinel)}."
    width = _width(record.slope_a_per_um)
    if width:
        yield f"By the slope's interval alone, every micromolar may be {width} (95 %)."


def _width(slope: Interval) -> str:
    if not slope.value or not slope.low or not slope.high or slope.low <= 0.0:
        return ""
    return f"{slope.value / slope.high - 1.0:+.1%} to {slope.value / slope.low - 1.0:+.1%} off"
