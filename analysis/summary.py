"""One page about a session: what the animal was given, what was recorded, what happened, and the hashes to prove it.

Knows how to count and to word a recording; draws nothing, decides nothing. Plain Markdown, readable as it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from acquisition.events import Event, EventKind
from acquisition.recording.session_data import InfusionData, SessionData, StreamData
from analysis.dose import dose_factor
from analysis.spelled import spelled
from analysis.steps import step_spans
from analysis.subject_words import weight_text

MAX_LISTED = 25
"""Events listed on the page; the recording has them all."""


def summary_page(data: SessionData, fingerprint: str = "") -> str:
    """Return the page as Markdown. Volumes in µL, doses in mg/kg where drug and concentration are known.

    ``fingerprint`` is the hash over samples, doses and events, if the journal is whole.
    """
    sections = [_head(data), _infusions(data), _samples(data), _steps(data), _happenings(data)]
    sections.append(_proof(data, fingerprint))
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def save_summary(data: SessionData, path: Path, fingerprint: str = "") -> None:
    """Write the page. Raises OSError."""
    path.write_text(summary_page(data, fingerprint), encoding="utf-8")


def _head(data: SessionData) -> Iterator[str]:
    plan, subject = data.header.plan, data.header.plan["subject"]
    yield f"# {_plain(str(plan['name']))}"
    if data.header.simulated:
        yield ""
        yield "**SIMULATED: no animal, no instrument. Nothing on this page was measured.**"
    if data.header.imported:
        yield ""
        yield f"**IMPORTED, not recorded by this program: {_plain(data.header.imported)}**"
    yield ""
    started = datetime.fromtimestamp(data.header.started_wall_ns / 1e9, UTC)
    yield f"- Session: {data.header.session_id}, started {started:%Y-%m-%d %H:%M:%S} UTC, {_ended(data)}"
    yield (
        f"- Subject: {_plain(str(subject['subject_id']))}, {_plain(str(subject['species']))}, sex {subject['sex']}, "
        f"age {subject['age']}, {weight_text(subject)}"
    )
    if data.header.seed is not None:
        yield f"- Seed: {data.header.seed}"
    for warning in () if data.header.imported else plan["warnings"]:
        yield f"- Warning accepted: {_plain(str(warning))}"


def _ended(data: SessionData) -> str:
    if data.close is None:
        return "NOT CLOSED: interrupted or still running; run `amperfuse recover`"
    minutes = (data.close.t_ns - data.header.started_ns) / 60e9
    return f"{minutes:.1f} min, {data.close.outcome}"


def _infusions(data: SessionData) -> Iterator[str]:
    yield "## What was given"
    yield ""
    yield "| pump | solution | commanded | confirmed | may be more by | estimated at the animal |"
    yield "|---|---|---|---|---|---|"
    for infusion in data.infusions.values():
        yield _infusion_row(infusion, data)
    yield ""
    for setup in data.header.plan["pumps"]:
        syringe = f"{_plain(str(setup['syringe']))}, told to the pump as {setup['diameter_mm']:g} mm"
        yield f"- Syringe of {_plain(str(setup['name']))}: {syringe}"
    yield ""
    yield (
        "*Commanded* is the ordered rate integrated over time, *confirmed* the pump's own counter, *may be more by* "
        "the worst case that no reply has excluded, *estimated at the animal* the confirmed flow past the line's "
        "dead volume."
    )


def _infusion_row(infusion: InfusionData, data: SessionData) -> str:
    setup = next(one for one in data.header.plan["pumps"] if one["name"] == infusion.pump)
    factor, unit = dose_factor(data, infusion.pump)

    def amount(volumes: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
        volume_ul = float(volumes[-1]) if len(volumes) else 0.0
        return f"{volume_ul:.2f} µL" + (f" = {volume_ul * factor:.3f} {unit}" if unit != "µL" else "")

    solution = _plain(str(setup["drug"])) or "no drug"
    if setup["concentration_mg_per_ml"] is not None:
        solution += f" {setup['concentration_mg_per_ml']:g} mg/mL"
    amounts = [infusion.commanded_ul, infusion.confirmed_ul, infusion.uncertain_ul, infusion.at_animal_ul]
    return f"| {_plain(infusion.pump)} | {solution} | " + " | ".join(amount(one) for one in amounts) + " |"


def _samples(data: SessionData) -> Iterator[str]:
    yield "## What was recorded"
    yield ""
    yield "| channel | role | samples | missing | gaps | flagged | median current | sensitivity |"
    yield "|---|---|---|---|---|---|---|---|"
    for stream in data.streams.values():
        for number in range(len(stream.spec.channels)):
            yield _channel_row(stream, number)


def _channel_row(stream: StreamData, number: int) -> str:
    spec = stream.spec
    same_epoch = np.diff(stream.epoch) == 0
    holes = np.diff(stream.index)[same_epoch] - 1
    missing, gaps = int(holes.sum()), int(np.count_nonzero(holes)) + int(np.count_nonzero(~same_epoch))
    values = stream.current_a[:, number]
    median = f"{np.nanmedian(values) * 1e9:.3f} nA" if np.isfinite(values).any() else "none"
    slope = spec.sensitivity_a_per_um[number]
    sensitivity = f"{slope * 1e12:g} pA/µM" if slope else "none, stays in nA"
    flagged = int(np.count_nonzero(stream.flags[:, number]))
    return (
        f"| {_plain(spec.channels[number])} | {spec.roles[number]} | {len(values)} | {missing} | {gaps} | {flagged} "
        f"| {median} | {sensitivity} |"
    )


def _steps(data: SessionData) -> Iterator[str]:
    yield "## The plan as it was run"
    yield ""
    yield "| step | what | from (min) | to (min) | outcome |"
    yield "|---|---|---|---|---|"
    for span in step_spans(data):
        start, end = _minute(span.start_ns, data), _minute(span.end_ns, data) if span.end_ns is not None else "-"
        yield f"| {span.number} | {span.kind}: {_plain(span.label)} | {start} | {end} | {span.state} |"


def _happenings(data: SessionData) -> Iterator[str]:
    counts = Counter(event.kind for event in data.events)
    yield "## What happened"
    yield ""
    yield ", ".join(f"{counts[kind]} {kind.value}" for kind in EventKind if counts[kind]) or "No events."
    told = (EventKind.ALARM, EventKind.MARK, EventKind.NOTE, EventKind.OPERATOR, EventKind.GAP)
    worth = [event for event in data.events if event.kind in told]
    yield ""
    for event in worth[:MAX_LISTED]:
        yield _happening(event, data)
    if len(worth) > MAX_LISTED:
        yield f"- ... and {len(worth) - MAX_LISTED} more in the recording"
    if not any(event.kind is EventKind.ALARM for event in data.events):
        yield "- no alarms"


def _happening(event: Event, data: SessionData) -> str:
    loud = "**ALARM** " if event.kind is EventKind.ALARM else f"{event.kind.value} "
    return f"- {_minute(event.t_ns, data)} min {loud}({_plain(event.source)}): {_plain(event.text)}"


def _proof(data: SessionData, fingerprint: str) -> Iterator[str]:
    plan = data.header.plan
    yield "## To prove it"
    yield ""
    yield f"- plan {data.header.plan_sha256}"
    for name in ("protocol", "rig", "limits"):
        yield f"- {name} file {plan[f'{name}_sha256']}"
    if fingerprint:
        yield f"- fingerprint of samples, doses and events {fingerprint}"
    yield f"- head of the event chain {data.close.chain_head if data.close else 'none: not closed'}"
    yield f"- {data.last_sequence + 1} journal records, written by {data.header.software}"
    if data.problem:
        yield f"- **the journal is not whole: {_plain(data.problem)}**"


def _minute(t_ns: int, data: SessionData) -> str:
    return f"{(t_ns - data.header.started_ns) / 60e9:.2f}"


def _plain(text: str) -> str:
    """Return text that cannot change the page around it: no control characters, no table or markup signs."""
    shown = spelled(text)
    for sign in ("\\", "|", "`", "<", "[", "*", "_"):
        shown = shown.replace(sign, "\\" + sign)
    return shown
