"""``rehearse`` and the headless ``demo``: a whole experiment in virtual time, with its recording, plot and page.

Knows what makes a rehearsal a go or a no-go, and which papers are left in the session's folder. No real port is
ever opened here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from acquisition.experiment.compile import Experiment, load_experiment
from acquisition.experiment.presets import read_presets
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.host.rehearsal import NO_PRESETS, SIMULATED_FILE, RehearsalResult
from acquisition.host.rehearsal import rehearse as rehearse_plan
from acquisition.recording.archiver_process import ArchiverProcess
from acquisition.recording.session_data import read_session
from acquisition.recording.verify import session_fingerprint
from acquisition.service.assembly import files_as_run, history_of, software
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import DEFAULT_OUT, Out, Protocol, Rig, Seed
from amperfuse.console import Ended, for_people, progress_bar, say, tell

ARCHIVE_S = 120.0
VOLUME_TOLERANCE = 0.01
"""How far the pump's counter may be from the simulated truth before a rehearsal is a no-go: 1 %."""
PLOT_NAME, SUMMARY_NAME = "plot.png", "summary.md"


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
    out: Out = DEFAULT_OUT,
) -> None:
    """Rehearse an experiment in virtual time: the same plan, engine and bytes, no real port. Says go or no go."""
    presets = read_presets(preset or ())
    result = run_rehearsal(load_experiment(protocol, rig, history=history_of), out, seed, tuple(fault or ()), presets)
    reasons = no_go_reasons(result)
    for line in report_lines(result):
        say(line)
    if reasons:
        raise Ended("\n".join(["NO GO (SIMULATED):", *(f"  - {reason}" for reason in reasons)]), ExitCode.NO_GO)
    say("GO (SIMULATED): the plan ran through, nothing stood against it.", style="bold green")


def run_rehearsal(
    experiment: Experiment,
    out: Path,
    seed: int,
    faults: tuple[str, ...],
    presets: Mapping[str, Any] = NO_PRESETS,
) -> RehearsalResult:
    """Rehearse with a progress bar, close the recording, draw its plot, write its page. Raises RefusedInput."""
    with progress_bar() as bar:
        task = bar.add_task("SIMULATED rehearsal", total=1.0, note="")

        def progress(done: float, text: str) -> None:
            bar.update(task, completed=0.9 * done, note=text)

        try:
            result = rehearse_plan(
                experiment.plan,
                experiment.limits,
                out_dir=out,
                files=files_as_run(experiment),
                software=software(),
                seed=seed,
                faults=faults,
                presets=presets,
                progress=progress,
            )
        except ValueError as error:  # a fault that cannot be read, or a preset or an option that there is not
            raise RefusedInput([Problem("the simulated bench", 0, "", f"{error}.")]) from error
        bar.update(task, completed=0.92, note="closing session.nwb")
        _close_archive(result.session_dir)
        bar.update(task, completed=0.97, note="drawing the plot")
        write_papers(result.session_dir)
        bar.update(task, completed=1.0, note="done")
    return result


def write_papers(session_dir: Path) -> None:
    """Leave the plot and the one-page summary of a session in its folder."""
    from analysis.plot import save_plot  # noqa: PLC0415 - matplotlib takes long to load, and 'stop' must not wait for it
    from analysis.summary import save_summary  # noqa: PLC0415 - the same

    data = read_session(session_dir)
    save_plot(data, session_dir / PLOT_NAME)
    save_summary(data, session_dir / SUMMARY_NAME, "" if data.problem else session_fingerprint(session_dir))


def _close_archive(session_dir: Path) -> None:
    archiver = ArchiverProcess(session_dir)
    archiver.start()
    try:
        if not archiver.finish(ARCHIVE_S):
            tell(f"session.nwb could not be finished; the journal is whole: run 'amperfuse recover {session_dir}'")
    finally:
        archiver.close()


def no_go_reasons(result: RehearsalResult) -> list[str]:
    """Return everything that stands against running this plan for real; empty for a go."""
    reasons = [] if result.outcome == "finished" else [f"the plan did not run through: {result.outcome}"]
    reasons += [
        f"{alarm.priority} alarm: {alarm.what}. {alarm.do_what}"
        for alarm in result.alarms
        if alarm.priority in ("high", "medium")
    ]
    for pump, confirmed_ul in result.confirmed_ul.items():
        truth = _truth_of(result, pump)
        true_ul = confirmed_ul if truth is None else float(truth["true_delivered_ul"])
        if abs(true_ul - confirmed_ul) > VOLUME_TOLERANCE * max(true_ul, confirmed_ul) + 0.01:
            reasons.append(f"{pump} counted {confirmed_ul:.2f} µL but {true_ul:.2f} µL left the syringe")
        if result.uncertain_ul[pump] > 0:
            reasons.append(f"{pump} may have given {result.uncertain_ul[pump]:.2f} µL more than is confirmed")
    return reasons


def report_lines(result: RehearsalResult) -> list[str]:
    """Return what came of a rehearsal, with the truth that only a simulation knows."""
    lines = [f"SIMULATED: {result.duration_s / 60:.1f} min of experiment, {result.outcome}"]
    for pump, confirmed_ul in result.confirmed_ul.items():
        truth = _truth_of(result, pump)
        if truth is None:
            lines.append(f"  {pump}: REPLAY, {confirmed_ul:.2f} µL in the recording; nothing was infused")
            continue
        dose = f" = {truth['mg_per_kg']:.3f} mg/kg" if truth.get("mg_per_kg") is not None else ""
        lines.append(
            f"  {pump}: {confirmed_ul:.2f} µL confirmed by the pump; truly left the syringe "
            f"{truth['true_delivered_ul']:.2f} µL, reached the animal {truth['true_at_animal_ul']:.2f} µL{dose}"
        )
    lines += [f"  {alarm.priority} alarm: {alarm.what}" for alarm in result.alarms]
    lines.append(f"  fingerprint {session_fingerprint(result.session_dir)} (the same again with the same seed)")
    lines += [
        f"  {name}: {result.session_dir / name}" for name in ("session.nwb", PLOT_NAME, SUMMARY_NAME, SIMULATED_FILE)
    ]
    return lines


def _truth_of(result: RehearsalResult, pump: str) -> Mapping[str, Any] | None:
    """Return what a simulated pump really did; None for a recording, which does nothing."""
    truth: Mapping[str, Any] | None = result.truth["pumps"].get(pump)
    return truth
