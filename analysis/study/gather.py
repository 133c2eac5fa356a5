"""From a study's file, book and locked readings to what is compared and told.

Knows under which name a group is shown: its mask while everybody's group is secret, its own once it was told. The
sealed sequence is opened in here, in memory, for masks too; no mask is put beside an animal. Does not know how anything
is computed or worded further on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from analysis.sections import Section
from analysis.study.allocating import must_be_drawn
from analysis.study.analyse import Analysis, Member, analyse
from analysis.study.facts import Facts, Rows
from analysis.study.locking import by_code, changes_since
from analysis.study.masks import masks
from analysis.study.readings import Readings
from analysis.study.sealed import open_sequence
from analysis.study.sessions import Found
from analysis.study.status import status_of, when
from analysis.study.study_book import StudyLog
from analysis.study.study_file import Study
from drivers.clock import NS_PER_S

LIBRARIES = ("numpy", "scipy", "statsmodels")


@dataclass(frozen=True)
class Gathered:
    """What the report of a study is made of."""

    analysis: Analysis
    facts: Facts


def gather(
    study: Study, log: StudyLog, readings: Readings, sessions: Mapping[str, Sequence[Found]], arrive: Section | None
) -> Gathered:
    """Compare the groups of a study whose analysis is locked. Raises StudyRefused, SealBroken, OSError."""
    sequence = open_sequence(study, must_be_drawn(log))
    names = [group.name for group in study.groups]
    blind = log.open_to_all is None
    shown = masks(names, sequence.seed) if blind else {name: name for name in names}
    members = _members(log, readings, {one.code: shown[one.group] for one in sequence.slots}, sessions)
    labels = sorted(shown.values()) if blind else names
    analysis = analyse(members, labels, readings.settings, "" if blind else study.control)
    return Gathered(analysis, _facts(study, log, readings, sessions, arrive))


def one_session(sessions: Sequence[Found]) -> Found | None:
    """Return the session of an animal that is read: its only complete one; None when there is none, or several."""
    complete = [one for one in sessions if one.is_complete]
    return complete[0] if len(complete) == 1 else None


def _members(
    log: StudyLog, readings: Readings, groups: Mapping[str, str], sessions: Mapping[str, Sequence[Found]]
) -> list[Member]:
    read = by_code(readings)
    members = []
    for name, one in log.allocated.items():
        excluded = log.excluded.get(name)
        reason, late = "", False
        if excluded:
            reason = excluded.reason if excluded.criterion else f"{excluded.reason} (no criterion foresaw it)"
            late = excluded.unblinded or any(lock.wall_ns <= excluded.wall_ns for lock in log.locked[:1])
        absent = "" if one.code in read else _absent(sessions.get(name, ()))
        members.append(Member(one.code, groups[one.code], read.get(one.code), reason, late, absent))
    return members


def _absent(sessions: Sequence[Found]) -> str:
    complete = sum(one.is_complete for one in sessions)
    if complete > 1:
        return f"{complete} complete sessions: nobody said which one counts"
    if complete:
        return "recorded after the analysis was locked"
    return "no complete session" if sessions else "no session"


def _facts(
    study: Study,
    log: StudyLog,
    readings: Readings,
    sessions: Mapping[str, Sequence[Found]],
    arrive: Section | None,
) -> Facts:
    status = status_of(study, log, sessions)
    lock = log.locked[-1]
    return Facts(
        title=study.file.study.name,
        study_id=study.study_id,
        simulated=bool(readings.animals) and all(one.simulated for one in readings.animals),
        blind=log.open_to_all is None,
        question=_question(study),
        allocation=_allocation(study, log),
        warnings=(*_mixed_origin(readings), *status.alarms, *_locks(log), *_short(log),
                  *changes_since(study, readings)),
        animals={one.code: one.animal for one in log.allocated.values()},
        arrive=arrive,
        proof=_proof(study, log, readings),
        made=datetime.fromtimestamp(lock.wall_ns / NS_PER_S, UTC),
    )  # fmt: skip


def _question(study: Study) -> Rows:
    file = study.file
    groups = "; ".join(f"{one.name}: {one.description}" if one.description else one.name for one in study.groups)
    rows = (
        ("question", file.study.question),
        ("groups", groups),
        ("control", study.control),
        ("primary outcome", file.outcome.primary),
        ("secondary outcome", file.outcome.secondary),
        ("analysis", file.outcome.analysis),
        ("experimental unit", file.design.unit),
        ("number of animals", file.design.sample_size),
        ("exclusion criteria", "; ".join(one.criterion for one in file.exclusions)),
        ("registered", file.study.registered or "no"),
    )
    return tuple(row for row in rows if row[1])


def _allocation(study: Study, log: StudyLog) -> Rows:
    design, blinding, drawn = study.file.design, study.file.blinding, must_be_drawn(log)
    size = design.groups_per_block * len(study.groups)
    aware = (("allocation", blinding.allocation), ("conduct", blinding.conduct), ("assessment", blinding.assessment),
             ("analysis", blinding.analysis))  # fmt: skip
    opened = log.open_to_all
    locks = [f"{one.by}, {when(one.wall_ns)}" for one in log.locked]
    return (
        ("planned", f"{design.animals_per_group} animals in each of {len(study.groups)} groups, blocks of {size}"),
        ("allocated", f"{len(log.allocated)} of {drawn.slots}"),
        ("sequence", f"{drawn.method}; drawn by {drawn.by}, {when(drawn.wall_ns)}"),
        ("commitment to the sealed sequence", drawn.commitment),
        ("blinded, as planned", ", ".join(f"{what}: {state}" for what, state in aware)),
        ("who knows", blinding.who_knows),
        ("pharmacist's sheet", "; ".join(f"{one.by}, {when(one.wall_ns)}" for one in log.sheets) or "nobody took it"),
        ("readings locked", "; ".join(locks)),
        ("groups told", f"{opened.by}, {when(opened.wall_ns)}" if opened else "to nobody: this report is blind"),
    )


def _mixed_origin(readings: Readings) -> list[str]:
    simulated = sum(one.simulated for one in readings.animals)
    if 0 < simulated < len(readings.animals):
        return [f"{simulated} of {len(readings.animals)} recordings are SIMULATED, the others are not"]
    return []


def _locks(log: StudyLog) -> list[str]:
    if len(log.locked) < 2:
        return []
    first, last = log.locked[0], log.locked[-1]
    after = ", the last time when groups were known" if _late_lock(log) else ""
    times = f"first {when(first.wall_ns)}, last {when(last.wall_ns)}"
    return [f"The analysis was locked {len(log.locked)} times, {times}{after}."]


def _late_lock(log: StudyLog) -> bool:
    return log.open_to_all is not None and log.open_to_all.wall_ns <= log.locked[-1].wall_ns


def _short(log: StudyLog) -> list[str]:
    slots = must_be_drawn(log).slots
    if len(log.allocated) == slots:
        return []
    return [f"{len(log.allocated)} of {slots} planned animals were allocated: groups may be of unequal size."]


def _proof(study: Study, log: StudyLog, readings: Readings) -> Rows:
    lock = log.locked[-1]
    return (
        ("software", readings.software),
        ("libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
        ("locked readings, SHA-256", lock.text),
        ("study.toml, SHA-256", study.source.sha256),
        ("protocol's template, SHA-256", log.template_sha256),
        ("sealed solutions, SHA-256", must_be_drawn(log).solutions_sha256),
        ("commitment to the sealed sequence", must_be_drawn(log).commitment),
        ("study", study.study_id),
    )
