"""Runs one rehearsal for a command: files in, progress on the way, a closed session with its papers and its report out.

Knows which papers are left in a session's folder and in which order. Words nothing; no real port is ever opened.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from acquisition.experiment.beaker import beaker_presets
from acquisition.experiment.compile import Experiment
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.host.rehearsal import NO_PRESETS, RehearsalResult
from acquisition.host.rehearsal import rehearse as rehearse_plan
from acquisition.recording.archiver_process import ArchiverProcess
from acquisition.recording.session_data import SessionData, read_session
from acquisition.recording.verify import session_fingerprint
from acquisition.service.assembly import files_as_run, software
from amperfuse.console import tell
from analysis.rehearsal.collect import Rehearsed, course_in, report_of
from analysis.rehearsal.course import Course
from analysis.rehearsal.difference import difference
from analysis.rehearsal.facts import RehearsalReport
from analysis.rehearsal.files import as_json
from analysis.rehearsal.spread import run_fact, spread_of, with_spread

ARCHIVE_S = 120.0
PLOT_NAME, SUMMARY_NAME = "plot.png", "summary.md"
PAGE_NAME, FACTS_NAME = "rehearsal.html", "rehearsal.json"
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be rehearsed, and how."""

    experiment: Experiment
    out: Path
    seed: int
    faults: tuple[str, ...] = ()
    presets: Mapping[str, Any] = field(default_factory=lambda: NO_PRESETS)
    preset_names: tuple[str, ...] = ()
    repeat: int = 1
    """So many seeds, from ``seed`` on."""


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal that was run: its result, and the facts that its report tells."""

    result: RehearsalResult
    report: RehearsalReport


def rehearse_with_papers(wanted: Wanted, progress: Progress) -> Rehearsal:
    """Rehearse, close the recording, draw its plot, write its pages. Raises RefusedInput.

    With faults also without them, with ``repeat`` also with the next seeds; of these only facts are kept.
    """
    more = _others(wanted)
    share = 0.9 / (1 + len(more))
    result = run_once(wanted, wanted.out, lambda done, text: progress(share * done, text))
    facts = [_facts_alone(one, share * (at + 1), share, progress) for at, one in enumerate(more)]
    progress(0.92, "closing session.nwb")
    close_archive(result.session_dir)
    progress(0.97, "drawing the plot")
    data = read_session(result.session_dir)
    fingerprint = write_papers(data, result.session_dir)
    rehearsed = everything(wanted, result, data, fingerprint)
    report = report_of(rehearsed)
    if wanted.faults:
        report = replace(report, difference=difference(report, facts.pop(0)))
    if facts:
        report = with_spread(report, spread_of([run_fact(one) for one in (report, *facts)]))
    _write_report(report, course_in(rehearsed), result.session_dir)
    progress(1.0, "done")
    return Rehearsal(result, report)


def _others(wanted: Wanted) -> list[Wanted]:
    """Return what is rehearsed beside the first one: without its faults first, then the other seeds."""
    without = [replace(wanted, faults=())] if wanted.faults else []
    return without + [replace(wanted, seed=wanted.seed + number) for number in range(1, wanted.repeat)]


def _facts_alone(wanted: Wanted, from_share: float, share: float, progress: Progress) -> RehearsalReport:
    """Rehearse for the facts alone: the recording is gone when this returns."""
    about = f"seed {wanted.seed}" if wanted.faults or wanted.repeat > 1 else "without the faults"
    with TemporaryDirectory(prefix=".rehearsal-", dir=wanted.out) as folder:
        result = run_once(
            wanted, Path(folder), lambda done, text: progress(from_share + share * done, f"{about}: {text}")
        )
        return report_of(everything(wanted, result, read_session(result.session_dir), ""))


def run_once(wanted: Wanted, out: Path, progress: Progress) -> RehearsalResult:
    """Run the plan once, recording into ``out``. Raises RefusedInput."""
    experiment = wanted.experiment
    own = beaker_presets(experiment.protocol.beaker)
    try:
        return rehearse_plan(
            experiment.plan,
            experiment.limits,
            out_dir=out,
            files=files_as_run(experiment),
            software=software(),
            seed=wanted.seed,
            faults=wanted.faults,
            presets={**own, **wanted.presets},
            progress=progress,
        )
    except ValueError as error:  # a fault that cannot be read, or a preset or an option that there is not
        raise RefusedInput([Problem("the simulated bench", 0, "", f"{error}.")]) from error


def everything(wanted: Wanted, result: RehearsalResult, data: SessionData, fingerprint: str) -> Rehearsed:
    """Return what a report is made of; the files are measured as they are now."""
    folder = result.session_dir
    return Rehearsed(
        plan=wanted.experiment.plan,
        limits=wanted.experiment.limits,
        result=result,
        data=data,
        seed=wanted.seed,
        faults=wanted.faults,
        presets=wanted.preset_names,
        fingerprint=fingerprint,
        measured_bytes=sum(path.stat().st_size for path in folder.iterdir() if path.name.startswith("session.")),
        free_bytes=shutil.disk_usage(folder).free,
    )


def _write_report(report: RehearsalReport, course: Course, folder: Path) -> None:
    from analysis.rehearsal.page import as_page  # noqa: PLC0415 - matplotlib takes long to load

    (folder / FACTS_NAME).write_text(as_json(report), encoding="utf-8")
    page = as_page(report, course, (folder / PLOT_NAME).read_bytes())
    (folder / PAGE_NAME).write_text(page, encoding="utf-8")


def write_papers(data: SessionData, folder: Path) -> str:
    """Leave the plot and the one-page summary of a session in its folder; return its fingerprint, "" if damaged."""
    from analysis.plot import save_plot  # noqa: PLC0415 - matplotlib takes long to load, and 'stop' must not wait for it
    from analysis.summary import save_summary  # noqa: PLC0415 - the same

    save_plot(data, folder / PLOT_NAME)
    fingerprint = "" if data.problem else session_fingerprint(folder)
    save_summary(data, folder / SUMMARY_NAME, fingerprint)
    return fingerprint


def close_archive(session_dir: Path) -> None:
    """Close the NWB file of a recorded session and write its manifest; say it where that does not go well."""
    archiver = ArchiverProcess(session_dir)
    archiver.start()
    try:
        if not archiver.finish(ARCHIVE_S):
            tell(f"session.nwb could not be finished; the journal is whole: run 'amperfuse recover {session_dir}'")
    finally:
        archiver.close()
