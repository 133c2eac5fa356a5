"""``rehearse``, and what the headless ``demo`` takes from it: a whole experiment in virtual time, and its report.

Knows the command's options and its exit code. How a rehearsal is run is ``amperfuse.rehearsing``, what it found and how
that is worded ``analysis.rehearsal``. No real port is ever opened here.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from acquisition.experiment.compile import Experiment, load_experiment
from acquisition.experiment.presets import read_presets
from acquisition.host.rehearsal import SIMULATED_FILE
from acquisition.rehearsal_messages import RehearsalProgress, RehearsalVerdict, as_line
from acquisition.service.assembly import history_of
from acquisition.service.exit_codes import ExitCode
from acquisition.service.probes import slope_of
from amperfuse.commands.options import DEFAULT_OUT, Out, Seed, stand_behind_an_engine
from amperfuse.console import Ended, for_people, progress_bar, say
from amperfuse.rehearsing import FACTS_NAME, PAGE_NAME, PLOT_NAME, SUMMARY_NAME, Rehearsal, Wanted, rehearse_with_papers
from analysis.rehearsal.files import as_lines

LEAST_PROGRESS = 0.005


@for_people
def rehearse(  # noqa: PLR0917 - a command's options
    protocol: Annotated[
        Path,
        typer.Argument(
            metavar="PROTOCOL",
            help="The protocol (TOML), or a session's folder: then its protocol, rig and limits, as they were run.",
            show_default=False,
        ),
    ],
    rig: Annotated[
        Path | None, typer.Option("--rig", metavar="RIG", help="The rig; not beside a session's folder.")
    ] = None,
    seed: Seed = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="[INSTRUMENT:]KIND@START[+DURATION], e.g. stall@120s. May be repeated."),
    ] = None,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Animal, sensor or scenario to simulate ('amperfuse presets'), or a TOML file. Repeat."
        ),
    ] = None,
    repeat: Annotated[
        int, typer.Option("--repeat", metavar="K", min=1, max=1000, help="Rehearse with K seeds: N, N+1, ...")
    ] = 1,
    out: Out = DEFAULT_OUT,
    json: Annotated[
        bool, typer.Option("--json", help="Say progress and verdict as JSON, one object a line, for programs.")
    ] = False,
) -> None:
    """Rehearse an experiment in virtual time: the same plan, engine and bytes, no real port. Says go or no go."""
    names = tuple(preset or ())
    experiment = _experiment(protocol, rig)
    wanted = Wanted(experiment, out, seed, tuple(fault or ()), read_presets(names), names, repeat)
    if json:
        _for_a_program(wanted)
        return
    rehearsal = run_rehearsal(wanted)
    report = rehearsal.report
    for number, line in enumerate(report_lines(rehearsal)):
        say(line, style="" if number else "bold green" if report.go else "bold red")
    if not report.go:
        more = f" (and {len(report.reasons) - 1} more, see above)" if len(report.reasons) > 1 else ""
        raise Ended(f"NO GO (SIMULATED): {report.reasons[0]}{more}", ExitCode.NO_GO)


def _experiment(protocol: Path, rig: Path | None) -> Experiment:
    if protocol.is_dir():
        if rig is not None:
            raise Ended("A session's folder has its own rig: leave --rig out.", ExitCode.REFUSED_INPUT)
        return load_experiment(
            protocol / "protocol.toml", protocol / "rig.toml", history=history_of, slopes=slope_of, as_run=True
        )
    if rig is None:
        raise Ended("--rig is missing: name the rig file, or give a session's folder.", ExitCode.REFUSED_INPUT)
    return load_experiment(protocol, rig, history=history_of, slopes=slope_of)


def _for_a_program(wanted: Wanted) -> None:
    """Rehearse in the background of somebody's window: it takes second place to an engine that records, and ends on
    SIGTERM as on Ctrl-C.
    """
    stand_behind_an_engine()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    told = [-1.0]

    def progress(done: float, text: str) -> None:
        if done - told[0] >= LEAST_PROGRESS or done >= 1.0:
            told[0] = done
            _write(RehearsalProgress(progress=min(1.0, done), text=text))

    try:
        rehearsal = rehearse_with_papers(wanted, progress)
    finally:
        signal.signal(signal.SIGTERM, before)
    report, folder = rehearsal.report, rehearsal.result.session_dir.absolute()
    _write(RehearsalVerdict(go=report.go, reasons=report.reasons, page=str(folder / PAGE_NAME)))
    if not report.go:
        raise typer.Exit(ExitCode.NO_GO)


def _write(message: RehearsalProgress | RehearsalVerdict) -> None:
    sys.stdout.write(as_line(message))
    sys.stdout.flush()


def run_rehearsal(wanted: Wanted) -> Rehearsal:
    """Rehearse with a progress bar and leave the papers. Raises RefusedInput."""
    with progress_bar() as bar:
        task = bar.add_task("SIMULATED rehearsal", total=1.0, note="")
        return rehearse_with_papers(wanted, lambda done, text: bar.update(task, completed=done, note=text))


def report_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """Yield the report, and where its papers lie."""
    yield from as_lines(rehearsal.report)
    yield "Files"
    yield f"  fingerprint {rehearsal.report.fingerprint} (the same again with the same seed)"
    for name in (PAGE_NAME, FACTS_NAME, "session.nwb", PLOT_NAME, SUMMARY_NAME, SIMULATED_FILE):
        yield f"  {name}: {rehearsal.result.session_dir / name}"
