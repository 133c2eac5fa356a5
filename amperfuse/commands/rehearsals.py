"""``rehearse``, and what the headless ``demo`` takes from it: a whole experiment in virtual time, and its report.

Knows the command's options and its exit code. How a rehearsal is run is ``amperfuse.rehearsing``, what it found and how
that is worded ``analysis.rehearsal``. No real port is ever opened here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from acquisition.experiment.compile import load_experiment
from acquisition.experiment.presets import read_presets
from acquisition.host.rehearsal import SIMULATED_FILE
from acquisition.service.assembly import history_of
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import DEFAULT_OUT, Out, Protocol, Rig, Seed
from amperfuse.console import Ended, for_people, progress_bar, say
from amperfuse.rehearsing import FACTS_NAME, PAGE_NAME, PLOT_NAME, SUMMARY_NAME, Rehearsal, Wanted, rehearse_with_papers
from analysis.rehearsal.files import as_lines


@for_people
def rehearse(  # noqa: PLR0917 - a command's options
    protocol: Protocol,
    rig: Rig,
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
) -> None:
    """Rehearse an experiment in virtual time: the same plan, engine and bytes, no real port. Says go or no go."""
    names = tuple(preset or ())
    experiment = load_experiment(protocol, rig, history=history_of)
    rehearsal = run_rehearsal(Wanted(experiment, out, seed, tuple(fault or ()), read_presets(names), names, repeat))
    report = rehearsal.report
    for number, line in enumerate(report_lines(rehearsal)):
        say(line, style="" if number else "bold green" if report.go else "bold red")
    if not report.go:
        more = f" (and {len(report.reasons) - 1} more, see above)" if len(report.reasons) > 1 else ""
        raise Ended(f"NO GO (SIMULATED): {report.reasons[0]}{more}", ExitCode.NO_GO)


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
