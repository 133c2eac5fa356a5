"""``container``: the substance log of each bottle and dilution, written by named people and by the engine.

Knows how the log is told to a person. What an entry means and when it is refused is the log's business.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from acquisition.books import containers, sheet
from acquisition.books.balance import balance
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.containers import ContainerRefused, Label
from acquisition.experiment import quantities
from acquisition.experiment.protocol import load_protocol
from acquisition.experiment.quantities import Dimension, QuantityError
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import said
from amperfuse.console import Ended, for_people, say, tell
from drivers.clock import SystemClock

app = typer.Typer(
    help="The substance log of each container: what was drawn, given by pumps, wasted, put back, counted.",
    no_args_is_help=True,
)
P = ParamSpec("P")

Container = Annotated[str, typer.Argument(metavar="CONTAINER", help="What stands on its label; one name, one log.")]
Volume = Annotated[str, typer.Argument(metavar="VOLUME", help='Such as "0.4 mL" or "250 uL".')]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who did it: a person's name.")]
Witness = Annotated[str, typer.Option("--witness", metavar="NAME", help="Who saw it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands on the sheet.")]
Expires = Annotated[str, typer.Option("--expires", metavar="DATE", help="YYYY-MM-DD")]
Lot = Annotated[str, typer.Option("--lot", metavar="TEXT")]


def kept(command: Callable[P, None]) -> Callable[P, None]:
    """End a command with a sentence and a code when the log refuses, is broken, or cannot be written."""

    @functools.wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> None:
        try:
            command(*args, **options)
        except ContainerRefused as error:
            raise Ended(str(error), ExitCode.REFUSED_INPUT) from error
        except (BookBroken, BookUnwritable) as error:
            raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error

    return for_people(run)


@app.command("open")
@kept
def open_(  # noqa: PLR0917 - one option of the command each
    container: Container,
    volume: Volume,
    substance: Annotated[str, typer.Option("--substance", metavar="NAME", help="As in the limits: ketamine.")],
    strength: Annotated[str, typer.Option("--strength", metavar="STRENGTH", help='Such as "100 mg/mL".')],
    expires: Expires,
    lot: Lot,
    by: By,
    form: Annotated[str, typer.Option("--form", metavar="NAME", help="Salt or base: hydrochloride.")] = "",
    schedule: Annotated[str, typer.Option("--schedule", metavar="TEXT", help="III in the US for ketamine.")] = "",
    registrant: Annotated[str, typer.Option("--registrant", metavar="NAME", help="Who answers for it.")] = "",
) -> None:
    """Begin the log of a container."""
    mg_per_ml = _quantity(strength, quantities.CONCENTRATION, "--strength")
    label = Label(
        said(container, "CONTAINER"),
        said(substance, "--substance"),
        form.strip(),
        schedule.strip(),
        mg_per_ml,
        said(lot, "--lot"),
        _date(expires),
        registrant.strip(),
    )
    volume_ul = _quantity(volume, quantities.VOLUME, "VOLUME")
    containers.open_container(label, volume_ul, by=said(by, "--by"), wall_ns=_now())
    say(f"{container}: {volume_ul:g} µL of {substance}, {mg_per_ml:g} mg/mL, {volume_ul * mg_per_ml / 1000:g} mg.")


@app.command("open-sealed")
@kept
def open_sealed(  # noqa: PLR0917 - one option of the command each
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL", help="The protocol with the blinded syringe.")],
    volume: Volume,
    pump: Annotated[str, typer.Option("--pump", metavar="PUMP", help="The pump with the blinded syringe.")],
    expires: Expires,
    lot: Annotated[str, typer.Option("--lot", metavar="TEXT", help="One that tells nothing: of the preparation.")],
    by: By,
) -> None:
    """Begin the log of what a blinded syringe is filled from; it is called like the syringe, and tells no substance."""
    use = next((use for use in load_protocol(protocol).pumps if use.name == pump and use.code), None)
    if use is None:
        raise ContainerRefused(f"{protocol} has no pump {pump!r} with a blinded syringe. Nothing was written.")
    volume_ul = _quantity(volume, quantities.VOLUME, "VOLUME")
    day, who, batch = _date(expires), said(by, "--by"), said(lot, "--lot")
    containers.open_sealed(use.code, use.code, use.sealed, volume_ul, lot=batch, expires=day, by=who, wall_ns=_now())
    say(f"{use.code}: {volume_ul:g} µL of {use.drug}. Draw the syringe from it: amperfuse container draw {use.code}")


@app.command()
@kept
def dilute(  # noqa: PLR0917 - one option of the command each
    parent: Annotated[str, typer.Argument(metavar="FROM")],
    child: Annotated[str, typer.Argument(metavar="TO", help="The new container's name.")],
    volume: Annotated[str, typer.Option("--volume", metavar="VOLUME", help="How much of FROM.")],
    diluent: Annotated[str, typer.Option("--diluent", metavar="VOLUME", help="How much saline is added.")],
    expires: Expires,
    by: By,
    lot: Lot = "",
) -> None:
    """Make a dilution: a container of its own, in both logs."""
    label = containers.dilute(
        parent,
        said(child, "TO"),
        _quantity(volume, quantities.VOLUME, "--volume"),
        _quantity(diluent, quantities.VOLUME, "--diluent"),
        lot=lot.strip(),
        expires=_date(expires),
        by=said(by, "--by"),
        wall_ns=_now(),
    )
    say(f"{child} holds {label.strength_mg_per_ml:.6g} mg/mL {label.substance}. Write that on its label.")


@app.command()
@kept
def draw(
    container: Container,
    volume: Volume,
    animal: Annotated[str, typer.Option("--animal", metavar="ANIMAL")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="TEXT", help="Protocol number, or what for.")],
    by: By,
) -> None:
    """Write what was drawn into a syringe, priming included."""
    _add(container, "drawn", volume, by, animal=said(animal, "--animal"), purpose=said(purpose, "--purpose"))


@app.command()
@kept
def waste(  # noqa: PLR0917 - one option of the command each
    container: Container,
    volume: Volume,
    what: Annotated[str, typer.Option("--what", metavar="TEXT", help="priming, line, left over, spilled, expired ...")],
    by: By,
    witness: Witness,
    from_container: Annotated[bool, typer.Option("--from-container", help="Not from a syringe or line.")] = False,
) -> None:
    """Write what was wasted, spilled or lost: out of syringes and lines, or out of the container itself."""
    source = "container" if from_container else "syringe"
    seen = said(witness, "--witness")
    _add(container, "wasted", volume, by, source=source, what=said(what, "--what"), witness=seen)


@app.command("return")
@kept
def return_(container: Container, volume: Volume, by: By) -> None:
    """Write what was put back from a syringe into the container."""
    _add(container, "returned", volume, by)


@app.command()
@kept
def count(container: Container, volume: Volume, by: By, witness: Witness, reason: Reason = "") -> None:
    """Write what two people found in the container; a difference from the log is kept and shown."""
    volume_ul = _quantity(volume, quantities.VOLUME, "VOLUME")
    before = balance(containers.entries_of(container))
    difference_ul = volume_ul - before.in_container_nl / containers.NL_PER_UL
    if abs(difference_ul) * containers.NL_PER_UL > before.tolerance_nl and not reason.strip():
        raise ContainerRefused(f"That is {difference_ul:+g} µL from the log. Say why: --reason. Nothing was written.")
    _add(container, "counted", volume, by, witness=said(witness, "--witness"), reason=reason.strip())


@app.command()
@kept
def explain(container: Container, volume: Volume, reason: Reason, by: By, witness: Witness) -> None:
    """Give a reason for what was drawn and cannot be found."""
    why = said(reason, "--reason")
    _add(container, "explained", volume, by, reason=why, witness=said(witness, "--witness"))


@app.command()
@kept
def correct(
    container: Container,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The entry's number in 'show'.")],
    by: By,
    reason: Reason,
) -> None:
    """Void an entry that a person wrote wrongly; it stays in the log. Then write the right one."""
    containers.correct(container, number, by=said(by, "--by"), reason=said(reason, "--reason"), wall_ns=_now())
    say(f"Entry {number} of {container} no longer counts.")


@app.command("list")
@kept
def list_() -> None:
    """List all containers with what is in them."""
    names = list(containers.known_containers())
    for name in names:
        entries = containers.entries_of(name)
        label, now = containers.label_of(entries), balance(entries)
        state = "closes" if now.closes else "OPEN"
        say(
            f"{name}: {label.substance} {sheet.strength_text(label)}, {now.in_container_nl / 1000:g} µL left, "
            f"expires {label.expires.isoformat()}, {state}"
        )
    if not names:
        tell("No container has a log here. Begin one: amperfuse container open")


@app.command()
@kept
def show(container: Container) -> None:
    """Show a verified log and where everything is. Ends with 5 when the log was changed or cut."""
    entries = containers.entries_of(container)
    for number, when, what, volume, _mg, _left, animal, whose, by, witness in sheet.rows(entries):
        amount = "" if volume is None else f" {volume:g} µL"
        rest = ", ".join(str(part) for part in (animal, whose, by, witness) if part)
        say(f"{number:>4}  {when}  {what}{amount}  {rest}")
    for line in sheet.balance_lines(containers.label_of(entries), balance(entries)):
        say(f"      {line}")


@app.command("sheet")
@kept
def sheet_(
    container: Container,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new .html (to print and sign) or .csv file.")],
) -> None:
    """Write the log as a sheet to sign, or as a table."""
    entries = containers.entries_of(container)
    writers = {".html": sheet.as_html, ".csv": sheet.as_csv}
    if out.suffix not in writers:
        raise ContainerRefused("--out must end in .html or .csv.")
    with out.open("x", encoding="utf-8", newline="") as file:
        file.write(writers[out.suffix](entries))
    tell(f"{out} is written: {len(entries)} entries. It is an aid, not the record that the law asks for.")


def _add(container: str, kind: str, volume: str, by: str, **rest: str) -> None:
    volume_ul = _quantity(volume, quantities.VOLUME, "VOLUME")
    entry = containers.add(container, kind, volume_ul, by=said(by, "--by"), wall_ns=_now(), **rest)
    now = balance(containers.entries_of(container))
    say(f"{container}, entry {entry.number}: {volume_ul:g} µL {kind}; {now.in_container_nl / 1000:g} µL left in it.")


def _quantity(text: str, dimension: Dimension, field: str) -> float:
    try:
        return quantities.parse(text, dimension)
    except QuantityError as error:
        raise ContainerRefused(f"{field}: {error}") from error


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ContainerRefused(f'--expires: "{text}" is no date; write it as 2027-03-31.') from error


def _now() -> int:
    return SystemClock().wall_ns()
