"""The result of a study in sections: worded once, for the terminal, the page and paper.

Knows how to say what an analysis and the facts around it hold. While the study is blind no section puts a group beside
an animal. Draws nothing, computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from analysis.sections import Section, columns
from analysis.study.analyse import Analysis, Member, Varied
from analysis.study.compare import Contrast, Difference, GroupEffect, GroupMean
from analysis.study.facts import Facts
from analysis.study.readings import AnimalRead, Readings

NONE = "cannot be told"
PRIMARY_NOTE = (
    "Evoked glutamate by template fit, mean after over mean before of each animal; geometric mean over animals, t "
    "interval on the logarithms. The animal is the unit."
)
TONIC_NOTE = (
    "After minus before, in the same windows. Only a fifth of the tonic level is neuronal [S], drift of the sensor is "
    "in it, and the slope of the calibration scales it: supporting at best."
)


def about(analysis: Analysis, facts: Facts) -> str:
    """Return one line: how many animals, and whether groups are known."""
    n = sum(one.n for one in analysis.primary.groups)
    state = "BLIND: groups bear masks" if facts.blind else "groups are named"
    return f"study {facts.study_id}; {n} of {len(analysis.members)} animals compared; {state}"


def doubts(analysis: Analysis, facts: Facts) -> list[str]:
    """Return everything that a reader must know before any number below."""
    found = list(facts.warnings)
    late = [one.code for one in analysis.members if one.excluded_late]
    if late:
        found.append(
            f"excluded after the analysis was locked or a group was told: {_said(late, facts)}; they stay in the "
            "primary result, and what it would be without them stands beside it"
        )
    found += [f"{_said([code], facts)} has no number: {why}" for code, why in analysis.missing]
    few = [one.group for one in analysis.primary.groups if one.n < 2]
    if few:
        found.append(f"fewer than two animals have a number in {', '.join(few)}: nothing is compared with these")
    return found


def result_sentences(analysis: Analysis) -> list[str]:
    """Return the primary outcome, a sentence for every contrast."""
    found = []
    for one in analysis.primary.contrasts:
        crosses = one.low <= 1.0 <= one.high
        direction = "no difference shown" if crosses else "lower" if one.ratio < 1.0 else "higher"
        found.append(f"{one.group} over {one.control}: {_ratio(one)}, p {_p(one.p_holm)} after Holm: {direction}")
    return found


def sections(analysis: Analysis, facts: Facts) -> list[Section]:
    """Return the report in order; empty sections are left out by who shows them."""
    arrive = [facts.arrive] if facts.arrive else []
    return [
        Section("Question and outcome, as fixed beforehand", columns("what | as written"), facts.question),
        Section("Allocation and blinding", columns("what | how it is"), facts.allocation),
        _flow(analysis), _left_out(analysis, facts), _groups(analysis), _contrasts(analysis), _beside(analysis),
        _tonic(analysis), *_varied(analysis), _animals(analysis, facts), _calibration(analysis, facts), *arrive,
        _recordings(analysis, facts), Section("To prove it", columns("what | value"), facts.proof),
    ]  # fmt: skip


def short_sections(analysis: Analysis) -> list[Section]:
    """Return what a terminal shows."""
    return [_flow(analysis), _groups(analysis), _contrasts(analysis), _beside(analysis), _tonic(analysis)]


def readings_section(readings: Readings, animals: Mapping[str, str]) -> Section:
    """Return what every session says by itself: nothing of any group, before anything is locked."""
    rows = tuple(
        (animals.get(one.code, ""), one.code, *_own(one, readings.settings.primary), one.problem)
        for one in readings.animals
    )
    heads = columns("animal | code | # baseline, µM | # responses | # after / before (95 %) | what is wrong")
    return Section("What every session says", heads, rows, most_lines=500, sentences=1)


@dataclass(frozen=True)
class _Counted:
    allocated: int
    recorded: int
    excluded: int
    without: int
    compared: int

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(str(one) for one in (self.allocated, self.recorded, self.excluded, self.without, self.compared))


def _flow(analysis: Analysis) -> Section:
    rows = [(label, *_counted(analysis, [one for one in analysis.members if one.label == label]).cells)
            for label in analysis.labels]  # fmt: skip
    rows.append(("all", *_counted(analysis, analysis.members).cells))
    return Section(
        "Flow of animals",
        columns("group | # allocated | # recorded | # excluded | # no number | # compared"),
        tuple(rows), ("Excluded: before the analysis was locked and any group told, which is what counts.",),
    )  # fmt: skip


def _counted(analysis: Analysis, members: Sequence[Member]) -> _Counted:
    counted = [one for one in members if one.is_counted]
    compared = sum(one.log_ratio(analysis.settings.primary) is not None for one in counted)
    recorded = sum(one.read is not None for one in members)
    return _Counted(len(members), recorded, len(members) - len(counted), len(counted) - compared, compared)


def _left_out(analysis: Analysis, facts: Facts) -> Section:
    missing = dict(analysis.missing)
    rows = [
        (
            facts.animals.get(one.code, ""), one.code, _group(one, facts),
            f"excluded{' TOO LATE to count' if one.excluded_late else ''}: {one.excluded}" if one.excluded
            else missing[one.code],
        )
        for one in analysis.members if one.excluded or one.code in missing
    ]  # fmt: skip
    return Section("Animals that are not compared, or might not be", columns("animal | code | group | why"),
                   tuple(rows), () if rows else ("None: every allocated animal is compared.",))  # fmt: skip


def _groups(analysis: Analysis) -> Section:
    rows = tuple((one.group, str(one.n), _ratio(one), _p(one.p)) for one in analysis.primary.groups)
    return Section(
        f"Primary outcome, {_windows(analysis)}",
        columns("group | # animals | # over own baseline (95 %) | # p against no change"), rows,
        (PRIMARY_NOTE,),
    )  # fmt: skip


def _contrasts(analysis: Analysis) -> Section:
    mixed = {(one.group, one.control): one.found for one in analysis.mixed}
    rows, notes = [], []
    for one in analysis.primary.contrasts:
        beside = mixed.get((one.group, one.control))
        rows.append((one.group, one.control, _ratio(one), _p(one.p), _p(one.p_holm),
                     _ratio(beside) if beside else NONE))  # fmt: skip
        if beside and beside.left_out:
            notes.append(f"Mixed model, {one.group}: {beside.left_out} responses at or below zero have no logarithm.")
        if beside and beside.doubts:
            notes.append(f"Mixed model, {one.group}, says: {' '.join(beside.doubts)}")
    how = (
        f"Welch's t test on the logarithms, p also after Holm where there are several ({len(rows)} here); intervals "
        "are not widened for their number. Mixed model: all single responses, mouse as random level and change."
    )
    return Section(
        "Groups against " + (analysis.control or "each other"),
        columns("group | over | # ratio (95 %) | # p | # p, Holm | # mixed model (95 %)"), tuple(rows),
        (how, *notes) if rows else (),
    )  # fmt: skip


def _beside(analysis: Analysis) -> Section:
    rows = []
    for comparison in (analysis.primary, *analysis.beside) if analysis.beside else ():
        which = f"{comparison.who}{' (primary)' if comparison is analysis.primary else ''}"
        sizes = {one.group: one.n for one in comparison.groups}
        rows += [(which, f"{one.group} over {one.control}", f"{sizes[one.group]} and {sizes[one.control]}", _ratio(one),
                  _p(one.p_holm)) for one in comparison.contrasts]  # fmt: skip
    return Section("With and without the excluded animals",
                   columns("who | contrast | # animals | # ratio (95 %) | # p, Holm"), tuple(rows))  # fmt: skip


def _tonic(analysis: Analysis) -> Section:
    apart = {one.group: one for one in analysis.tonic_contrasts} if analysis.control else {}
    rows: list[tuple[str, ...]] = [(one.group, str(one.n), _change(one)) for one in analysis.tonic]
    if analysis.control:
        rows = [(*row, _apart(apart.get(row[0]))) for row in rows]
    over = f" | # minus {analysis.control}, µM (95 %), p Holm" if analysis.control else ""
    notes = [TONIC_NOTE]
    if not analysis.control:
        notes += [f"{one.group} minus {one.control}: {_apart(one)}." for one in analysis.tonic_contrasts]
    heads = columns(f"group | # animals | # change, µM (95 %){over}")
    return Section("Secondary outcome: tonic level", heads, tuple(rows), tuple(notes))


def _varied(analysis: Analysis) -> Iterator[Section]:
    """Yield the primary comparison by every other choice; against each other groups alone, which is what can differ."""
    by_contrast = bool(analysis.control) and any(one.contrasts for one in analysis.varied)
    named = [one.group for one in (analysis.primary.contrasts if by_contrast else analysis.primary.groups)]
    rows = []
    for one in analysis.varied:
        found = {it.group: it for it in (one.contrasts if by_contrast else one.groups)}
        mark = " (primary)" if one.is_primary and one.stretch == analysis.settings.primary else ""
        cells = tuple(_ratio(found[name]) if name in found else NONE for name in named)
        rows.append((one.stretch, f"{one.measured}{mark}", one.baseline, *cells, str(one.without_ratio)))
    over = f"over {analysis.control}" if by_contrast else "over own baseline"
    notes = [f"{name}: {_spread(analysis.varied, name)}" for name in named if by_contrast]
    notes.append("A result that hangs on one of these choices is none. The slope of the calibration cancels out.")
    heads = columns(f"stretch | measured | before | {' | '.join(f'# {name}' for name in named)} | # no ratio")
    yield Section(f"Had one chosen otherwise, {over} (95 %)", heads, tuple(rows), tuple(notes))


def _spread(varied: Sequence[Varied], group: str) -> str:
    found = [it for one in varied for it in one.contrasts if it.group == group]
    if not found:
        return NONE
    below, above = sum(it.high < 1.0 for it in found), sum(it.low > 1.0 for it in found)
    ratios = [it.ratio for it in found]
    return (
        f"{min(ratios):.2f} to {max(ratios):.2f} in {len(found)} choices; the interval is below 1 in {below}, above 1 "
        f"in {above}."
    )


def _animals(analysis: Analysis, facts: Facts) -> Section:
    rows = [
        (facts.animals.get(one.code, ""), one.code, _group(one, facts), *_own(one.read, analysis.settings.primary))
        for one in analysis.members
    ]
    return Section(
        "Every animal", columns("animal | code | group | # baseline, µM | # responses | # after / before (95 %)"),
        tuple(rows), ("The interval is that over the responses of one animal (bootstrap).",),
    )  # fmt: skip


def _own(read: AnimalRead | None, stretch: str) -> tuple[str, str, str]:
    """Return baseline, numbers of responses and ratio of one animal."""
    effect = read.effects.get(stretch) if read else None
    if read is None or effect is None:
        return "-", "-", "-"
    baseline = "-" if read.baseline_um is None else f"{read.baseline_um:.2f}"
    value = "-" if effect.value is None else f"{effect.value:.2f}"
    if effect.low is not None and effect.high is not None:
        value += f" ({effect.low:.2f} to {effect.high:.2f})"
    return baseline, f"{effect.n_before} and {effect.n_after}", value


def _calibration(analysis: Analysis, facts: Facts) -> Section:
    used: dict[str, list[str]] = {}
    for one in analysis.members:
        if one.read:
            used.setdefault(one.read.calibration, []).append(facts.animals.get(one.code) or one.code)
    rows = tuple((text, f"all {len(names)}" if len(used) == 1 else ", ".join(names)) for text, names in used.items())
    return Section("Calibration that the recordings rest on", columns("site, slope, gain | animals"), rows)


def _recordings(analysis: Analysis, facts: Facts) -> Section:
    rows = tuple(
        (facts.animals.get(one.code) or one.code, one.read.session, one.read.outcome, one.read.journal_sha256)
        for one in analysis.members if one.read
    )  # fmt: skip
    return Section("Recordings", columns("animal | session | outcome | SHA-256 of the journal"), rows)


def _windows(analysis: Analysis) -> str:
    label, after_s, until_s = analysis.settings.stretches[0]
    return f"{label}: {after_s / 60:g} to {until_s / 60:g} min after the drug arrived"


def _group(member: Member, facts: Facts) -> str:
    return "masked" if facts.blind else member.label


def _said(codes: Sequence[str], facts: Facts) -> str:
    return ", ".join(f"{facts.animals[code]} ({code})" if facts.animals.get(code) else code for code in codes)


def _ratio(found: GroupEffect | Contrast | object) -> str:
    ratio, low, high = (float(getattr(found, name)) for name in ("ratio", "low", "high"))
    if not isfinite(ratio):
        return NONE
    return f"{ratio:.2f} ({low:.2f} to {high:.2f})" if isfinite(low) else f"{ratio:.2f} (one animal)"


def _change(one: GroupMean) -> str:
    if not isfinite(one.mean):
        return NONE
    return f"{one.mean:+.2f} ({one.low:+.2f} to {one.high:+.2f})" if isfinite(one.low) else f"{one.mean:+.2f}"


def _apart(one: Difference | None) -> str:
    return "" if one is None else f"{one.apart:+.2f} ({one.low:+.2f} to {one.high:+.2f}), {_p(one.p_holm)}"


def _p(p: float) -> str:
    if not isfinite(p):
        return "-"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
