"""The checklist of ARRIVE 2.0: what this study's file, book and recordings say to each item, and what is missing.

Knows the items (Percie du Sert et al. 2020, PLoS Biol 18:e3000410; the numbers as in safety.md 3.5, items 1 to 4 and 16
[V], the rest [M]) and where their answers are. An answer that somebody wrote is repeated, not judged. Tells how many
animals a group has only when everybody's group was told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acquisition.experiment import quantities
from analysis.page import page, paragraph
from analysis.page import section as on_page
from analysis.sections import Section, columns
from analysis.study.conduct import Conduct, conducts, spread
from analysis.study.sessions import Found
from analysis.study.status import when
from analysis.study.study_book import StudyLog
from analysis.study.study_file import Study
from analysis.study.unblinding import groups_of


@dataclass(frozen=True)
class Item:
    """One item: what is captured and what is missing, in sentences."""

    number: str
    title: str
    captured: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def state(self) -> str:
        """Return "captured", "partly" or "MISSING"."""
        if not self.missing:
            return "captured"
        return "partly" if self.captured else "MISSING"


@dataclass
class _Answers:
    """Collects what there is and what is not for one item."""

    captured: list[str]
    missing: list[str]

    def text(self, what: str, text: str) -> None:
        """Take what somebody wrote; an empty one is missing."""
        if text.strip():
            self.captured.append(f"{what}: {text.strip().rstrip('.')}.")
        else:
            self.missing.append(f"{what} is not written in study.toml.")

    def fact(self, sentence: str) -> None:
        self.captured.append(sentence)

    def lack(self, sentence: str) -> None:
        self.missing.append(sentence)


def checklist(study: Study, log: StudyLog, sessions: Mapping[str, Sequence[Found]]) -> tuple[Item, ...]:
    """Return every item. Reads complete sessions whole. Raises SealBroken, StudyRefused, OSError, ValueError."""
    done = conducts(sessions)
    found = []
    for number, title, answer in _ITEMS:
        answers = _Answers([], [])
        answer(answers, _Known(study, log, sessions, done))
        found.append(Item(number, title, tuple(answers.captured), tuple(answers.missing)))
    return tuple(found)


def section(items: Sequence[Item]) -> Section:
    """Return the checklist as a section, for a terminal and a page."""
    counts = Counter(item.state for item in items)
    told = ", ".join(f"{counts[state]} {state}" for state in ("captured", "partly", "MISSING") if counts[state])
    return Section(
        f"ARRIVE 2.0: {told}",
        columns("item | asked for | state | captured | missing"),
        tuple((i.number, i.title, i.state, " ".join(i.captured), " ".join(i.missing)) for i in items),
        ("Captured is what was written or recorded; whether it is enough is for people to judge.",),
        most_lines=100,
        sentences=2,
    )


def as_html(study: Study, log: StudyLog, sessions: Mapping[str, Sequence[Found]]) -> str:
    """Return the checklist as a page of its own."""
    items = checklist(study, log, sessions)
    simulated = any(one.simulated for them in sessions.values() for one in them)
    about = f"Study {study.study_id}: {study.file.study.question}"
    title = f"ARRIVE 2.0 checklist of {study.file.study.name}"
    return page(title, [paragraph(about), on_page(section(items))], simulated=simulated)


@dataclass(frozen=True)
class _Known:
    study: Study
    log: StudyLog
    sessions: Mapping[str, Sequence[Found]]
    done: tuple[Conduct, ...]


def _groups(a: _Answers, k: _Known) -> None:
    for group in k.study.groups:
        control = " (control)" if group.name == k.study.control else ""
        a.fact(f"{group.name}{control}: {group.description or 'no description'}")
        if not group.description:
            a.lack(f"The group {group.name} has no description in study.toml.")
    a.text("Experimental unit", k.study.file.design.unit)


def _size(a: _Answers, k: _Known) -> None:
    design = k.study.file.design
    a.fact(f"{design.animals_per_group} animals in each of {len(k.study.groups)} groups are planned.")
    a.fact(f"Allocated so far: {len(k.log.allocated)}.")


def _why_size(a: _Answers, k: _Known) -> None:
    a.text("Why so many", k.study.file.design.sample_size)


def _criteria(a: _Answers, k: _Known) -> None:
    for one in k.study.file.exclusions:
        a.fact(f"{one.id}: {one.criterion}.")
    if not k.study.file.exclusions:
        a.lack("No exclusion criterion was fixed.")
    a.text("Inclusion", k.study.file.animals.inclusion)
    if k.log.drawn:
        a.fact(f"Fixed {when(k.log.drawn.wall_ns)}, hash of study.toml {k.log.drawn.study_sha256}.")
    for amended in k.log.amended:
        a.fact(f"Amended {when(amended.wall_ns)} after {amended.animals_before} animals: {amended.reason}.")


def _excluded(a: _Answers, k: _Known) -> None:
    for one in k.log.excluded.values():
        post_hoc = "" if one.criterion else "; decided afterwards"
        late = "; when its group was known" if one.unblinded else ""
        a.fact(f"{one.animal}, {when(one.wall_ns)}, by {one.by}: {one.reason}{post_hoc}{late}.")
    for back in k.log.taken_back:
        a.fact(f"{back.animal} counts again, {when(back.wall_ns)}, by {back.by}: {back.reason}.")
    if not k.log.excluded:
        a.fact("No animal was left out.")


def _exact(a: _Answers, k: _Known) -> None:
    complete = {conduct.animal for conduct in k.done}
    counted = [one for name, one in k.log.allocated.items() if name not in k.log.excluded and one.animal in complete]
    a.fact(f"Complete and not left out: {len(counted)}.")
    if k.log.open_to_all is None:
        a.lack("How many of each group is told when the study is unblinded.")
        return
    groups = groups_of(k.study, k.log)
    numbers = Counter(groups[one.code] for one in counted)
    a.fact(", ".join(f"{group.name} {numbers[group.name]}" for group in k.study.groups) + ".")


def _randomised(a: _Answers, k: _Known) -> None:
    if k.log.drawn is None:
        a.lack("Nothing is drawn yet.")
        return
    drawn, block = k.log.drawn, k.study.file.design.groups_per_block * len(k.study.groups)
    a.fact(f"{drawn.method}; blocks of {block}; drawn {when(drawn.wall_ns)} by {drawn.by}, sealed, and concealed.")
    a.fact(f"Commitment {drawn.commitment}. The seed is sealed with the sequence.")


def _confounders(a: _Answers, k: _Known) -> None:
    a.text("What is done about them", k.study.file.design.confounders)
    if k.done:
        a.fact(f"Hour of day at which sessions began: {spread((round(one.hour, 1) for one in k.done), 'UTC')}.")
        a.fact(f"Different rig files used: {len({one.rig_sha256 for one in k.done})}.")


def _blinding(a: _Answers, k: _Known) -> None:
    blinding = k.study.file.blinding
    for stage in ("allocation", "conduct", "assessment", "analysis"):
        a.fact(f"{stage}: {getattr(blinding, stage)}.")
    a.fact(f"Knows the groups: {blinding.who_knows}.")
    for sheet in k.log.sheets:
        a.fact(f"The pharmacist's sheet was taken by {sheet.by}, {when(sheet.wall_ns)}.")
    for one in k.log.unblinded:
        early = " BEFORE the analysis was locked" if one.early else ""
        why = f": {one.reason}" if one.reason else ""
        a.fact(f"The group of {one.animal or 'everybody'} was told{early} to {one.by}, {when(one.wall_ns)}{why}.")


def _outcome(a: _Answers, k: _Known) -> None:
    readout = k.study.readout
    first = readout.stretches[0]
    a.text("Primary", k.study.file.outcome.primary)
    window = f"minutes {first.after_s / 60:g} to {first.until_s / 60:g} after pump {readout.drug}"
    over = f"over the {readout.baseline_s / 60:g} min before anything was given"
    a.fact(f"Read from {readout.channel} minus {readout.sentinel} at each mark {readout.stimulus}: {window}, {over}.")
    a.text("Secondary", k.study.file.outcome.secondary)


def _statistics(a: _Answers, k: _Known) -> None:
    a.text("Planned", k.study.file.outcome.analysis)
    if k.log.locked:
        a.fact(f"Locked {when(k.log.locked[-1].wall_ns)} by {k.log.locked[-1].by}.")
    else:
        a.lack("The analysis is not locked yet.")


def _animals(a: _Answers, k: _Known) -> None:
    animals = k.study.file.animals
    a.fact(f"{animals.species}, {animals.strain}, sex {animals.sex}, {animals.age}.")
    weights = [quantities.parse(one.filled["@weight"], quantities.WEIGHT) for one in k.log.allocated.values()]
    if weights:
        a.fact(f"Weighed {spread(weights, 'g')}; each animal's weight and its day stand in its protocol.")
    a.text("Source", animals.source)


def _procedures(a: _Answers, k: _Known) -> None:
    a.text("What was done", k.study.file.welfare.procedures)
    for conduct in k.done:
        a.fact(f"{conduct.animal} ({conduct.session}): {'; '.join(conduct.given)}.")
    waiting = len(k.log.allocated) - len(k.done) if k.log.drawn else 0
    if waiting or not k.done:
        a.lack(f"Animals without a complete recording: {waiting or 'all'}.")


def _sensors(a: _Answers, k: _Known) -> None:
    for told, times in Counter(sensor for conduct in k.done for sensor in conduct.sensors).items():
        a.fact(f"{told}, sessions: {times}.")
    for channel in sorted({channel for conduct in k.done for channel in conduct.not_calibrated}):
        a.lack(f"{channel} has no calibration in some sessions.")
    a.text("Anaesthesia", k.study.file.welfare.anaesthesia)
    for told in sorted({told for conduct in k.done for told in conduct.anaesthesia}):
        a.fact(f"Anaesthesia by pump: {told}.")
    a.text("Analgesia", k.study.file.welfare.analgesia)


def _ethics(a: _Answers, k: _Known) -> None:
    a.text("Licence or IACUC number", k.study.file.study.licence)
    a.fact(f"Investigators: {', '.join(k.study.file.study.investigators)}.")


def _housing(a: _Answers, k: _Known) -> None:
    a.text("Housing", k.study.file.animals.housing)


def _refinement(a: _Answers, k: _Known) -> None:
    a.text("Refinement", k.study.file.welfare.refinement)


def _adverse(a: _Answers, k: _Known) -> None:
    a.text("Expected", k.study.file.welfare.expected_adverse_events)
    notes, alarms = (sum(getattr(one, what) for one in k.done) for what in ("notes", "alarms"))
    a.fact(f"In {len(k.done)} complete recordings, notes: {notes}, alarms of high priority: {alarms}.")


def _endpoints(a: _Answers, k: _Known) -> None:
    welfare = k.study.file.welfare
    a.text("Signs", "; ".join(welfare.humane_endpoints))
    a.text("Checked", welfare.checked)
    a.text("Action", welfare.action)


def _registered(a: _Answers, k: _Known) -> None:
    a.text("Registered", k.study.file.study.registered)


_ITEMS = (
    ("1", "Groups and experimental unit", _groups),
    ("2a", "Number of animals", _size),
    ("2b", "How that number was decided", _why_size),
    ("3a", "Criteria fixed beforehand", _criteria),
    ("3b", "Animals left out, with reasons", _excluded),
    ("3c", "Exact number analysed", _exact),
    ("4a", "Randomisation", _randomised),
    ("4b", "Confounders", _confounders),
    ("5", "Blinding", _blinding),
    ("6", "Outcome measures", _outcome),
    ("7", "Statistical methods", _statistics),
    ("8", "Experimental animals", _animals),
    ("9", "Procedures, and what was given", _procedures),
    ("9, 16a", "Sensors, anaesthesia, analgesia", _sensors),
    ("14", "Ethics", _ethics),
    ("15", "Housing", _housing),
    ("16a", "Refinement", _refinement),
    ("16b", "Adverse events", _adverse),
    ("16c", "Humane endpoints", _endpoints),
    ("19", "Registration", _registered),
)
"""Item 10, the results, is the report of 'amperfuse study analyse'."""
