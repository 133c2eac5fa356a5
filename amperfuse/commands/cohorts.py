"""``rehearse-cohort``: many simulated animals, their recordings, and what they show as tables and a figure.

Knows how a cohort is asked for and told. What is in a cohort, and how it is run and read, is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import writable
from amperfuse.console import Ended, for_people, progress_bar, say, tell

if TYPE_CHECKING:
    from amperfuse.cohorts.cohort_file import Animal, Cohort
    from amperfuse.cohorts.run import Result
    from amperfuse.cohorts.store import Store
    from analysis.cohort.summary import ArmSummary
    from analysis.study.compare import Contrast, GroupEffect

COHORT_COPY = "cohort.toml"
ARMS, EACH, RESPONSES, FIGURE = "arms.csv", "animals.csv", "responses.csv", "cohort"


@for_people
def rehearse_cohort(
    cohort_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The cohort: arms, animals per arm, seed (TOML).", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="The cohort's folder; what is recorded in it is kept.", callback=writable
        ),
    ],
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, max=64, help="Cores to use.")] = 2,
) -> None:
    """Rehearse many SIMULATED animals, read each recording, draw what they show. The same command again goes on."""
    from amperfuse.cohorts.cohort_file import load_cohort  # noqa: PLC0415 - scipy takes long to load, for one command
    from amperfuse.cohorts.store import opened  # noqa: PLC0415 - the same

    cohort = load_cohort(cohort_file)
    with opened(out) as store:
        results = _run(cohort, store, min(jobs, os.cpu_count() or 1))
        arms = write_papers(cohort, results, out)
    for line in report_lines(arms, cohort.control):
        say(line)
    say(f"  tables and figure in {out}: {ARMS}, {EACH}, {RESPONSES}, {FIGURE}.pdf, {FIGURE}.png")
    if against := [f"  - {result.animal.name}: {reason}" for result in results for reason in result.against]:
        raise Ended("\n".join(["NO GO (SIMULATED):", *against]), ExitCode.NO_GO)


def _run(cohort: Cohort, store: Store, jobs: int) -> list[Result]:
    from amperfuse.cohorts.run import run_cohort  # noqa: PLC0415 - as above

    animals = cohort.animals()
    before = sum(store.place(animal).exists() for animal in animals)
    tell(f"SIMULATED cohort of {len(animals)} animals, {before} of them recorded before")
    with progress_bar(eta=True) as bar:
        task = bar.add_task("SIMULATED cohort", total=len(animals), note="")

        def told(animal: Animal) -> None:
            bar.update(task, advance=1, note=animal.name)

        try:
            return run_cohort(cohort, store, jobs, told)
        except BrokenProcessPool:
            raise Ended(
                "A worker process ended by itself; did the computer run out of memory? What is recorded is kept: give "
                "the same command again, with a smaller --jobs.",
                ExitCode.INTERNAL_ERROR,
            ) from None
        except KeyboardInterrupt:
            tell("interrupted: what is recorded is kept, the same command goes on with the rest")
            raise


def write_papers(cohort: Cohort, results: Sequence[Result], out: Path) -> tuple[ArmSummary, ...]:
    """Write tables and figure of a cohort into its folder, over older ones; return its arms. Raises OSError."""
    from analysis.cohort.figure import save_figure  # noqa: PLC0415 - matplotlib takes long to load
    from analysis.cohort.summary import summarise  # noqa: PLC0415 - the same
    from analysis.cohort.tables import animals_csv, arms_csv, responses_csv  # noqa: PLC0415 - the same

    animals = [result.animal for result in results]
    arms = summarise(animals, cohort.control)
    texts = {
        COHORT_COPY: cohort.source.text,
        ARMS: arms_csv(arms, cohort.control),
        EACH: animals_csv(animals),
        RESPONSES: responses_csv(animals),
    }
    for name, text in texts.items():
        beside = out / f"{name}.new"
        beside.write_bytes(text.encode())
        beside.replace(out / name)
    first = cohort.readout.stretches[0]
    shown = [arm for arm in arms if arm.stretch == first.label]
    save_figure(animals, shown, first, cohort.control, out / FIGURE)
    return arms


def report_lines(arms: Sequence[ArmSummary], control: str) -> Iterator[str]:
    """Return what a cohort shows, for people: ratios to the own baseline, and to the control's."""
    for stretch in dict.fromkeys(arm.stretch for arm in arms):
        yield f"SIMULATED, {stretch}: evoked glutamate over own baseline (95 % interval), and that over {control}"
        for arm in arms:
            if arm.stretch == stretch:
                over = "" if arm.against_control is None else f"; over {control} {_told(arm.against_control)}"
                left_out = f", {arm.left_out} left out" if arm.left_out else ""
                name = f"{arm.group}, {arm.treatment}"
                yield f"  {name:<44} n = {arm.effect.n}{left_out}: {_told(arm.effect)}{over}"


def _told(found: GroupEffect | Contrast) -> str:
    if not isfinite(found.ratio):
        return "not to be told"
    return f"{found.ratio:.2f}" + (f" ({found.low:.2f} to {found.high:.2f})" if isfinite(found.low) else "")
