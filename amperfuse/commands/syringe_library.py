"""``syringes``: what is in the library and who says so, whether an own file is right, and what a weighing comes to.

Knows how a row is shown and an entry is written down. The rows are ``acquisition.experiment.syringes``', the
arithmetic ``acquisition.experiment.gravimetry``'s.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from acquisition.experiment import quantities
from acquisition.experiment.gravimetry import Weighed, beyond_bound, weighed
from acquisition.experiment.problems import did_you_mean
from acquisition.experiment.quantities import Dimension, QuantityError
from acquisition.experiment.syringes import Syringe, library, scale_mm, with_entry
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people, say, tell
from drivers.clock import NS_PER_S, SystemClock

app = typer.Typer(
    no_args_is_help=True, help="The syringe library: list, show, check a file of your own, weigh a syringe."
)
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Your own entries and weighings, beside it.")]
NO_SCALE = "not published: only checked to be possible"


@app.command("list")
@for_people
def list_rows(file: File = None) -> None:
    """List every syringe: name, volume, inner diameter, volume per mm of travel, and how far to trust it."""
    rows = library(file).rows.values()
    width = max(len(row.syringe_id) for row in rows)
    for row in rows:
        doubt = "  sources disagree" if row.also else "  weighed" if row.correction else ""
        say(
            f"{row.syringe_id:<{width}}  {_volume(row.volume_ul):>8}  {row.diameter_mm:>7.6g} mm  "
            f"{row.volume_ul / scale_mm(row.volume_ul, row.diameter_mm):>8.4g} uL/mm  {row.mark:<5}"
            f"{'  plastic' if row.plastic else ''}{doubt}"
        )


@app.command()
@for_people
def show(
    syringe: Annotated[str, typer.Argument(help="Name of a row, such as hamilton-1001.")], file: File = None
) -> None:
    """Show one syringe with its sources, dates and doubts."""
    row = _row(syringe, file)
    say(f"{row.syringe_id}: {row.maker}, {_volume(row.volume_ul)}, {'plastic' if row.plastic else 'glass'}")
    for one in row.printed:
        say(f"  {one.diameter_mm:g} mm  {one.mark}  {one.source}")
    say(f"  scale {f'{row.scale_mm:g} mm' if row.scale_mm is not None else NO_SCALE}")
    say(f"  taken down {row.dated}{f' by {row.by}' if row.by else ''}")
    for remark in row.remarks():
        say(f"  - {remark}")


@app.command()
@for_people
def check(file: Annotated[Path, typer.Argument(help="A file of your own entries and weighings (TOML).")]) -> None:
    """Check a file of your own: every entry against itself, every weighing calculated again."""
    own = [row for row in library(file).rows.values() if row.by]
    for row in own:
        say(f"{row.syringe_id}: {row.diameter_mm:g} mm{f'; {row.correction.text}' if row.correction else ''}")
    tell(f"{len(own)} entries, all right" if own else "The file is right and has no entries.")


@app.command()
@for_people
def weigh(
    syringe: Annotated[str, typer.Argument(help="The row that the weighed syringe belongs to.")],
    *,
    name: Annotated[str, typer.Option("--id", metavar="NAME", help="Name for this individual syringe.")],
    commanded: Annotated[str, typer.Option(metavar='"100 uL"', help="Volume ordered for each delivery.")],
    mass: Annotated[list[str], typer.Option(metavar='"99.7 mg"', help="One delivery, weighed. Five or more.")],
    temperature: Annotated[str, typer.Option(metavar='"22.5 C"', help="Of the water.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who weighed.")],
    pump_diameter: Annotated[
        str | None, typer.Option(metavar='"4.61 mm"', help="What the pump was told. [default: that of the row]")
    ] = None,
    evaporated: Annotated[str | None, typer.Option(metavar='"0.1 mg"', help="Lost per delivery until read.")] = None,
    date: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="[default: today]")] = None,
    file: File = None,
) -> None:
    """Calculate the diameter that a syringe really has from weighed deliveries; print the entry for your file."""
    row = _row(syringe, file)
    pump_mm = row.diameter_mm if pump_diameter is None else _quantity(pump_diameter, quantities.LENGTH)
    try:
        found = weighed(
            pump_mm,
            _quantity(commanded, quantities.VOLUME),
            [_quantity(text, quantities.MASS) for text in mass],
            _quantity(temperature, quantities.TEMPERATURE),
            0.0 if evaporated is None else _quantity(evaporated, quantities.MASS, zero=True),
        )
    except ValueError as error:
        raise Ended(f"{error}.", ExitCode.REFUSED_INPUT) from error
    tell(_in_words(found, row))
    if wrong := beyond_bound(found.effective_diameter_mm, row.diameter_mm):
        raise Ended(f"No correction is made of this: {wrong}", ExitCode.REFUSED_INPUT)
    today = datetime.fromtimestamp(SystemClock().wall_ns() / NS_PER_S, UTC).astimezone().date().isoformat()
    pairs: dict[str, str | list[str]] = {
        "id": name,
        "syringe": row.syringe_id,
        "pump_diameter": f"{pump_mm:.6g} mm",
        "commanded": commanded,
        "temperature": temperature,
        "masses": mass,
        **({} if evaporated is None else {"evaporated": evaporated}),
        "effective_diameter": f"{found.effective_diameter_mm:.6g} mm",
        "date": date or today,
        "by": by,
    }
    entry = "\n".join(["[[corrections]]", *(f"{key} = {_toml(value)}" for key, value in pairs.items())])
    with_entry(file, entry)
    say(entry)


def _row(name: str, file: Path | None) -> Syringe:
    rows = library(file).rows
    if name not in rows:
        raise Ended(f'"{name}" is not in the library.{did_you_mean(name, list(rows))}', ExitCode.REFUSED_INPUT)
    return rows[name]


def _quantity(text: str, dimension: Dimension, *, zero: bool = False) -> float:
    try:
        value = quantities.parse(text, dimension)
    except QuantityError as error:
        raise Ended(f"{error}.", ExitCode.REFUSED_INPUT) from error
    if value <= 0 and not zero:
        raise Ended(f'read "{text}"; {dimension.name} must be above zero here.', ExitCode.REFUSED_INPUT)
    return value


def _in_words(found: Weighed, row: Syringe) -> str:
    lines = [
        f"{found.count} deliveries, mean {found.delivered_ul:.5g} uL, spread {found.spread:.2%}",
        f"{found.error:+.2%} against what was ordered, known to {found.uncertainty:.2%}",
        f"inner diameter {found.effective_diameter_mm:g} mm instead of {row.diameter_mm:g} mm",
    ]
    if abs(found.error) < 2 * found.uncertainty:
        lines.append(
            "The error is no larger than what the spread leaves open: more weighings, or larger ones, say more."
        )
    return "\n".join(lines)


def _volume(volume_ul: float) -> str:
    return f"{volume_ul / 1000:g} mL" if volume_ul >= 1000 else f"{volume_ul:g} uL"


def _toml(value: str | list[str]) -> str:
    """Return text, or a list of texts, as TOML writes it."""
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    plain = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value)
    return f'"{plain}"'
