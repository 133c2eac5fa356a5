"""The command ``amperfuse``: one line per command, so that this page shows what there is.

Knows the commands' names and order. Each command is a function in ``amperfuse.commands``.
"""

from __future__ import annotations

from typing import Annotated

import typer

from amperfuse import __version__
from amperfuse.commands import (
    books,
    calibrating,
    calibrations,
    campaigns,
    cohorts,
    containers,
    engine,
    experiments,
    exports,
    finding,
    follow,
    importing,
    instruments,
    practising,
    preflights,
    presets,
    rehearsals,
    reports,
    reviews,
    sessions,
    streaming,
    studies,
    syringe_library,
    taps,
    unblinding,
    unfinished,
)
from amperfuse.console import say

app = typer.Typer(
    name="amperfuse",
    help="Glutamate biosensors and syringe pumps in one experiment, on one clock, in one file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"amperfuse {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


app.command()(experiments.demo)
app.command()(experiments.run)
app.command()(rehearsals.rehearse)
app.command()(cohorts.rehearse_cohort)
app.command()(practising.practise)
app.command()(experiments.gui)
app.command()(engine.status)
app.command()(engine.stop)
app.command()(engine.acknowledge)
app.command("continue")(engine.continue_)
app.command()(preflights.preflight)
app.command()(follow.finish)
app.command()(streaming.lsl)
app.command()(finding.ports)
app.command()(finding.identify)
app.command()(finding.scan)
app.command()(instruments.sim)
app.command()(presets.presets)
app.command()(taps.tap)
app.add_typer(syringe_library.app, name="syringes")
app.command()(books.approve)
app.command()(books.doses)
app.command()(books.settle)
app.add_typer(containers.app, name="container")
app.command()(unblinding.unblind)
app.command()(calibrating.calibrate)
app.add_typer(calibrations.app, name="calibration")
app.command()(campaigns.campaign)
app.command()(unfinished.unfinished)
app.command()(unfinished.reconcile)
app.command()(sessions.verify)
app.command()(sessions.recover)
app.command()(sessions.problem_report)
app.command()(reports.report)
app.command()(reviews.review)
app.command()(exports.export)
app.command()(exports.annotate)
app.command("import")(importing.import_)
app.add_typer(studies.app, name="study")


def main() -> None:
    """Run the command line; ends the process with a documented exit code."""
    app()
