"""``approve``, ``doses`` and ``settle``: who stands for the limits, and what an animal was given in all sessions.

Knows how the books are told to a person. What they hold and how it counts is the books' business.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from acquisition.books import animal as animals
from acquisition.books import approvals
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.containers import ContainerRefused
from acquisition.experiment import quantities
from acquisition.experiment.limits_file import load_limits
from acquisition.experiment.quantities import QuantityError
from acquisition.experiment.rig import load_rig
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import said
from amperfuse.console import Ended, for_people, say, tell
from drivers.clock import NS_PER_S, SystemClock

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who stands for it: a person's name.")]
Animal = Annotated[str, typer.Argument(metavar="ANIMAL", help="The subject's id, as in the protocol.")]


@for_people
def approve(
    rig: Annotated[Path, typer.Option("--rig", metavar="RIG", help="The rig whose limits are approved.")], by: By
) -> None:
    """Write that a named person has read the limits of a rig and stands for them."""
    name = said(by, "--by")
    limits = load_limits(load_rig(rig).limits_path)
    for row in limits.rows:
        of = f" of {row.drug}" if row.drug else ""
        say(
            f"  {row.limit_id}: {row.quantity.replace('_', ' ')}{of} ({', '.join(row.routes)}) soft {row.soft.text}, "
            f"hard {row.hard.text}  [{row.source} {row.mark}]"
        )
    try:
        approvals.approve(limits.name, limits.sha256, name, SystemClock().wall_ns())
    except (BookBroken, BookUnwritable) as error:
        raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error
    say(f'{name} stands for the limits "{limits.name}" as they are now ({limits.sha256[:12]}).', style="bold green")
    if limits.shipped:
        tell("These are the program's own proposals. Your approved animal protocol may allow less.")


@for_people
def doses(animal: Animal) -> None:
    """Show everything that real sessions gave an animal, at worst."""
    now_wall_ns = SystemClock().wall_ns()
    try:
        rows = animals.rows(animal, now_wall_ns)
    except BookBroken as error:
        raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error
    for row in rows:
        solution = row.dose.drug or "no drug"
        if row.dose.concentration_mg_per_ml is not None:
            mass_ug = row.dose.volume_ul * row.dose.concentration_mg_per_ml
            solution += f" {row.dose.drug_form}, {mass_ug:.6g} µg".replace(" ,", ",")
        doubt = "" if row.certain else "  AT WORST: its outcome is not known for sure"
        by = f"  (settled by {row.settled_by})" if row.settled_by else ""
        what = f"{row.dose.volume_ul:.6g} µL {solution}, {row.dose.route}"
        say(f"{row.number:>4}  {_when(row.wall_ns)}  {what}{by}{doubt}")
        say(f"      session {row.session}")
    if not rows:
        tell("Nothing is known to have been given to this animal in a real session on this computer.")


@for_people
def settle(
    animal: Animal,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The infusion's number in 'doses'.")],
    given: Annotated[str, typer.Option("--given", metavar="VOLUME", help='What it gave, such as "3.2 uL".')],
    by: By,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="How that is known.")],
) -> None:
    """Write what a person found that an infusion gave. Nothing in the book is overwritten."""
    try:
        given_ul = quantities.parse(given, quantities.VOLUME)
    except QuantityError as error:
        raise Ended(f"--given: {error}", ExitCode.REFUSED_INPUT) from error
    who, why = said(by, "--by"), said(reason, "--reason")
    now_ns = SystemClock().wall_ns()
    try:
        animals.settle_by_hand(animal, number, given_ul, by=who, reason=why, wall_ns=now_ns)
    except ValueError as error:
        raise Ended(str(error), ExitCode.REFUSED_INPUT) from error
    except (BookBroken, BookUnwritable, ContainerRefused) as error:
        raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error
    say(f"Infusion {number} of {animal} counts with {given_ul:g} µL from now on.")


def _when(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
