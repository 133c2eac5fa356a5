"""``study analyse`` and ``study rehearse``: readings that are locked, groups compared blind, then by name.

Knows how both are asked for and told. What is read, locked, compared and worded is ``analysis.study``'s; how a study is
rehearsed is ``amperfuse.studies``'.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import said, writable
from amperfuse.commands.study_options import Dir, kept, known
from amperfuse.console import Ended, progress_bar, say, tell
from drivers.clock import SystemClock

if TYPE_CHECKING:
    from analysis.study.gather import Gathered
    from analysis.study.readings import Readings
    from analysis.study.sessions import Found
    from analysis.study.study_book import StudyLog
    from analysis.study.study_file import Study

Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, max=64, help="Cores to use.")]
TELL_LOCK = (
    "Nothing is locked. Look at every animal above, leave out with a reason what must be left out ('amperfuse study "
    "exclude'), then: amperfuse study analyse {folder} --lock --by NAME. Groups are compared from then on, under masks."
)


@kept
def analyse(
    folder: Dir,
    lock: Annotated[bool, typer.Option("--lock", help="Lock what the sessions say; needs --by.")] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who locks: a person's name.")] = "",
    sessions: Annotated[
        Path | None,
        typer.Option("--sessions", metavar="DIR", help="Where the recordings are, if not as in study.toml."),
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Read every session; once that is locked, compare groups: under masks while blind, by name when all were told."""
    from analysis.study.allocating import must_be_drawn  # noqa: PLC0415 - scipy takes long to load, for one command
    from analysis.study.locking import locked_readings  # noqa: PLC0415 - the same
    from analysis.study.sealed import slots_of  # noqa: PLC0415 - the same
    from analysis.study.sessions import sessions_of  # noqa: PLC0415 - the same
    from analysis.study.study_book import read_log  # noqa: PLC0415 - the same
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same

    study = load_study(folder)
    log = read_log(study)
    slots_of(study, must_be_drawn(log))  # a sealed folder that was changed is not passed over
    found = sessions_of(study, log, sessions)
    if lock:
        who = said(by, "--by")
        log = _locked(study, log, _read(study, log, found, jobs), who)
    if not log.locked:
        _show_readings(log, _read(study, log, found, jobs))
        tell(TELL_LOCK.format(folder=folder))
        return
    _report(study, gathered(study, log, locked_readings(study, log), found))


@kept
def rehearse(
    source: Annotated[
        Path, typer.Argument(metavar="DIR", help="A study's folder, with rehearsal.toml.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="NEW", help="The rehearsed study's folder; what is in it is kept.", callback=writable
        ),
    ],
    preset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another animal, sensor or scenario than in rehearsal.toml. Repeat."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Another seed than in rehearsal.toml.")
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Do a whole study blind with SIMULATED animals, from the draw to named groups. The same command again goes on."""
    from acquisition.books.seals import new_key  # noqa: PLC0415 - scipy takes long to load, for one command
    from amperfuse.studies.rehearsal_file import load_stand_ins  # noqa: PLC0415 - the same
    from amperfuse.studies.rehearsing import BY, draw_and_allocate, opened, record_all  # noqa: PLC0415 - the same
    from analysis.study.drawing import Chance  # noqa: PLC0415 - the same
    from analysis.study.locking import locked_readings  # noqa: PLC0415 - the same
    from analysis.study.sessions import sessions_of  # noqa: PLC0415 - the same
    from analysis.study.study_book import read_log  # noqa: PLC0415 - the same
    from analysis.study.unblinding import unblind_all  # noqa: PLC0415 - the same

    cores = min(jobs, os.cpu_count() or 1)
    stand_ins = load_stand_ins(source, preset or [], seed)
    study_id = "".join(secrets.choice(ascii_lowercase + digits) for _ in range(10))
    chance = Chance(study_id, stand_ins.seed, new_key(), secrets.token_bytes(32))
    now_ns = SystemClock().wall_ns
    with opened(source, out, stand_ins) as folder:
        study = draw_and_allocate(folder, chance, stand_ins.seed, known(), now_ns)
        log = read_log(study)
        tell(
            f"SIMULATED study {study.study_id}: {len(log.allocated)} animals are allocated, nobody knows who gets what"
        )
        with progress_bar(eta=True) as bar:
            task = bar.add_task("SIMULATED sessions", total=len(log.allocated), note="")
            animals = record_all(study, stand_ins, cores, lambda one: bar.update(task, advance=1, note=one))
        found = sessions_of(study, log)
        if not log.locked:
            log = _locked(study, log, _read(study, log, found, cores), BY)
            _report(study, gathered(study, log, locked_readings(study, log), found))
        if log.open_to_all is None:
            unblind_all(study, by=BY, reason="", wall_ns=now_ns())
            say("Unblinded.")
        log = read_log(study)
        _report(study, gathered(study, log, locked_readings(study, log), found))
    if against := [f"  - {one.animal}: {reason}" for one in animals for reason in one.against]:
        raise Ended("\n".join(["NO GO (SIMULATED):", *against]), ExitCode.NO_GO)


def gathered(study: Study, log: StudyLog, readings: Readings, found: Mapping[str, Sequence[Found]]) -> Gathered:
    """Return what the report of a locked study is made of."""
    from analysis.study import arrive  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.gather import gather  # noqa: PLC0415 - the same

    return gather(study, log, readings, found, arrive.section(arrive.checklist(study, log, found)))


def _read(study: Study, log: StudyLog, found: Mapping[str, Sequence[Found]], jobs: int) -> Readings:
    from amperfuse.studies.reading import read_study  # noqa: PLC0415 - scipy takes long to load

    with progress_bar(eta=True) as bar:
        task = bar.add_task("reading", total=len(log.allocated), note="")
        return read_study(study, log, found, min(jobs, os.cpu_count() or 1),
                          lambda code: bar.update(task, advance=1, note=code))  # fmt: skip


def _locked(study: Study, log: StudyLog, readings: Readings, by: str) -> StudyLog:
    from analysis.study.allocating import StudyRefused  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.locking import lock  # noqa: PLC0415 - the same
    from analysis.study.study_book import read_log  # noqa: PLC0415 - the same

    if not readings.animals:
        raise StudyRefused("no animal has a complete session: there is nothing to lock.")
    noted = lock(study, readings, by=by, wall_ns=SystemClock().wall_ns())
    say(f"Locked by {noted.by}: the readings of {len(readings.animals)} of {len(log.allocated)} animals, {noted.text}")
    return read_log(study)


def _show_readings(log: StudyLog, readings: Readings) -> None:
    from analysis.sections import text_lines  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.words import readings_section  # noqa: PLC0415 - the same

    names = {one.code: one.animal for one in log.allocated.values()}
    for line in text_lines(readings_section(readings, names)):
        say(line)


def _report(study: Study, found: Gathered) -> None:
    from analysis.sections import text_lines  # noqa: PLC0415 - matplotlib takes long to load
    from analysis.study.locking import FOLDER  # noqa: PLC0415 - the same
    from analysis.study.report import write_study_report  # noqa: PLC0415 - the same
    from analysis.study.words import about, doubts, result_sentences, short_sections  # noqa: PLC0415 - the same

    mark = "SIMULATED, " if found.facts.simulated else ""
    say(f"{mark}{about(found.analysis, found.facts)}")
    for warning in doubts(found.analysis, found.facts):
        say(f"! {warning}")
    for section in short_sections(found.analysis):
        for line in text_lines(section):
            say(line)
    for sentence in result_sentences(found.analysis):
        say(f"{mark}{sentence}", style="bold")
    for path in write_study_report(found.analysis, found.facts, study.folder / FOLDER):
        say(f"  {path}")
