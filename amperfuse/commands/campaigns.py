"""``campaign``: random experiments with random faults on simulated instruments, judged by what reached the animal.

Knows how seeds are asked for and how findings are told and kept. What a trial is, and what must hold in it, is the
campaign's own business.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from acquisition.campaign.campaign import Result, run_campaign, smallest
from acquisition.campaign.coverage import BESIDE, NOT_HERE, ROWS
from acquisition.campaign.draw import draw
from acquisition.campaign.judges import judge
from acquisition.campaign.run import run as run_trial
from acquisition.campaign.trial import MAX_JSON_BYTES, from_json
from acquisition.engine.fault_matrix import MATRIX
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people, progress_bar, say
from drivers.clock import NS_PER_S, SystemClock

SHRUNK_MAX = 20
_SEEDS = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?")


@for_people
def campaign(
    seeds: Annotated[str, typer.Option("--seeds", metavar="A..B", help="Seeds A to B, B included.")] = "1..200",
    minutes: Annotated[float | None, typer.Option("--minutes", metavar="M", min=0.01, help="Ends then.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, max=64, help="Cores to use.")] = 1,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Where failing trials are kept, made small, as JSON.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Run one kept trial again instead.")
    ] = None,
) -> None:
    """Try the program against random faults: SIMULATED experiments, each judged by what really reached the animal."""
    if replay is not None:
        _replay(replay)
        return
    numbers = _numbers(seeds)
    clock = SystemClock()
    begun_ns = clock.now_ns()
    end_ns = None if minutes is None else begun_ns + round(minutes * 60 * NS_PER_S)
    with progress_bar() as bar:
        task = bar.add_task("SIMULATED campaign", total=len(numbers), note="")
        result = run_campaign(
            numbers,
            min(jobs, os.cpu_count() or 1),
            lambda: end_ns is not None and clock.now_ns() > end_ns,
            lambda done: bar.update(task, completed=done),
        )
    for line in report(result, (clock.now_ns() - begun_ns) / NS_PER_S):
        say(line)
    if result.failures:
        if keep is not None:
            _keep(result, keep)
        raise Ended(f"{len(result.failures)} of {result.trials} trials broke a rule.", ExitCode.VERIFICATION_FAILED)
    say(f"No rule was broken in {result.trials} trials (SIMULATED).", style="bold green")


def report(result: Result, seconds: float) -> list[str]:
    """Return what a campaign found, for people."""
    lines = [
        f"SIMULATED: {result.trials} trials in {seconds:.0f} s ({result.trials / max(seconds, 1e-9):.0f} per second)"
    ]
    told = {row: f"{row} {MATRIX[row].what}" for row in ROWS} | {row: row for row in BESIDE}
    lines += [f"  {count:>6}  {text}" for row, text in told.items() if (count := result.coverage.rows[row])]
    lines += [f"  NEVER REACHED: {told[row]}" for row in result.coverage.missed]
    lines += [f"  not here: {row} {MATRIX[row].what}: {why}" for row, why in NOT_HERE.items()]
    families = ", ".join(f"{family} {count}" for family, count in sorted(result.coverage.families.items()))
    lines.append(f"  instruments: {families}")
    alarms = ", ".join(f"{alarm} {count}" for alarm, count in sorted(result.coverage.alarms.items()))
    lines.append(f"  alarms: {alarms or 'none'}")
    lines.append(
        "  outcomes: " + ", ".join(f"{name} {count}" for name, count in sorted(result.coverage.outcomes.items()))
    )
    for seed, violations in sorted(result.failures.items()):
        lines += [f"  seed {seed}: {violation.rule}: {violation.text}" for violation in violations]
    return lines


def _numbers(text: str) -> range:
    found = _SEEDS.fullmatch(text.strip())
    if found is None:
        raise Ended(f"--seeds: write A..B, for example 1..10000; read {text!r}.", ExitCode.REFUSED_INPUT)
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    if last < first:
        raise Ended(f"--seeds: {last} comes before {first}.", ExitCode.REFUSED_INPUT)
    return range(first, last + 1)


def _keep(result: Result, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, violations in sorted(result.failures.items())[:SHRUNK_MAX]:
        path = folder / f"seed-{seed}.json"
        path.write_text(smallest(draw(seed), violations[0].rule).to_json(), encoding="utf-8")
        say(f"  kept: {path}")


def _replay(path: Path) -> None:
    try:
        with path.open("rb") as file:
            trial = from_json(file.read(MAX_JSON_BYTES + 1).decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        raise Ended(f"{path}: {error}", ExitCode.REFUSED_INPUT) from error
    account = run_trial(trial)
    for event in account.witness.events:
        if event.kind.value != "wire":
            say(f"{event.t_ns / NS_PER_S:9.3f} s  {event.source}: {event.text}")
    say(
        f"SIMULATED: planned {trial.planned_ul:.6g} µL, confirmed {account.confirmed_ul:.6g} µL, "
        f"uncertain {account.uncertain_ul:.6g} µL, truly left the syringe {account.true_ul:.6g} µL"
    )
    violations = judge(trial, account)
    if violations:
        raise Ended("\n".join(f"{v.rule}: {v.text}" for v in violations), ExitCode.VERIFICATION_FAILED)
    say("No rule was broken.", style="bold green")
