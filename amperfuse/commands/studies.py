"""``study``: from a question to a blinded sequence of animals, and what is written down on the way.

Knows how a study is told to a person. What is drawn, sealed, refused or counted is ``analysis.study``'s. What opens the
seal is in ``amperfuse.commands.study_secrets``.
"""

from __future__ import annotations

import secrets
from string import ascii_lowercase, digits
from typing import Annotated

import typer

from acquisition.service.exit_codes import ExitCode
from amperfuse.commands import study_analysis, study_secrets, study_status
from amperfuse.commands.options import said
from amperfuse.commands.study_options import Animal, By, Dir, Reason, kept, known
from amperfuse.console import Ended, say, tell
from drivers.clock import SystemClock

app = typer.Typer(
    help="A blinded study: draw who gets what, allocate animals, keep what happens to them, unblind at the end.",
    no_args_is_help=True,
)
SEED_BITS = 128
app.command("status")(study_status.status)
app.command("sheet")(study_secrets.sheet)
app.command("unblind")(study_secrets.unblind)
app.command("analyse")(study_analysis.analyse)
app.command("rehearse")(study_analysis.rehearse)


@app.command()
@kept
def new(
    folder: Dir,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who draws: needed once the study is written.")] = "",
) -> None:
    """Begin a study: first a study file to fill in, then, once it is there, the draw that fixes everything."""
    from analysis.study.drawing import Chance, draw_study, write_draft  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.study_file import FILE_NAME  # noqa: PLC0415 - the same

    if not (folder / FILE_NAME).exists():
        for path in write_draft(folder):
            say(str(path))
        tell(f"Fill them in and put rig and limits beside them; then: amperfuse study new {folder} --by NAME")
        return
    study_id = "".join(secrets.choice(ascii_lowercase + digits) for _ in range(10))
    chance = Chance(study_id, secrets.randbits(SEED_BITS), _new_key(), secrets.token_bytes(32))
    study, drawn = draw_study(folder, chance, by=said(by, "--by"), known=known(), wall_ns=SystemClock().wall_ns())
    groups = len(study.groups)
    say(f"Study {study.study_id} is drawn: {drawn.slots} animals in {groups} groups. Nobody has seen who gets what.")
    say(f"Commitment, for your laboratory book: {drawn.commitment}")
    tell(f"{folder / 'sealed'} keeps the secret and its key: back it up, and open it with 'study sheet' only.")


@app.command()
@kept
def allocate(  # noqa: PLR0917 - one option of the command each
    folder: Dir,
    animal: Animal,
    weight: Annotated[str, typer.Option("--weight", metavar="WEIGHT", help='Such as "25 g", as weighed.')],
    weighed: Annotated[str, typer.Option("--weighed", metavar="DATE", help="Day of weighing, YYYY-MM-DD.")],
    by: By,
    age: Annotated[str, typer.Option("--age", metavar="AGE", help='Such as "P11W", if the protocol asks.')] = "",
    sex: Annotated[str, typer.Option("--sex", metavar="M|F|U", help="If the protocol asks.")] = "",
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="If the protocol asks.")] = "",
) -> None:
    """Give an animal its code and its protocol. What is in its syringe is not told."""
    from analysis.study.allocating import allocate as give  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same

    study = load_study(folder)
    blanks = {"@weight": weight, "@weighed": weighed, "@age": age, "@sex": sex, "@description": description}
    name = said(animal, "ANIMAL")
    given = give(study, name, blanks, by=said(by, "--by"), known=known(), wall_ns=SystemClock().wall_ns())
    for path in given.mended:
        tell(f"{path} was missing and is written again, as the book has it.")
    codes = ", ".join(f"{pump}: {barrel}" for pump, barrel in study.barrels(given.allocated.code).items())
    say(f"{name}: code {given.allocated.code} ({codes})")
    say(f"protocol: {given.protocol}")
    tell(f"Next: amperfuse rehearse {given.protocol} --rig {study.rig}, then run it with --out {study.sessions}")


@app.command()
@kept
def weigh(  # noqa: PLR0917 - one option of the command each
    folder: Dir,
    animal: Animal,
    weight: Annotated[str, typer.Option("--weight", metavar="WEIGHT", help='Such as "25 g", as weighed.')],
    weighed: Annotated[str, typer.Option("--weighed", metavar="DATE", help="Day of weighing, YYYY-MM-DD.")],
    by: By,
    age: Annotated[str, typer.Option("--age", metavar="AGE", help='Such as "P12W", if it is another now.')] = "",
) -> None:
    """Write an animal's protocol with a new weight, when its session was put off. Its code stays."""
    from analysis.study.allocating import weigh_again  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same

    blanks = {"@weight": weight, "@weighed": weighed, "@age": age}
    study, now_ns = load_study(folder), SystemClock().wall_ns()
    given = weigh_again(study, animal, blanks, by=said(by, "--by"), known=known(), wall_ns=now_ns)
    say(f"{given.allocated.animal}: {weight}, code {given.allocated.code} as before")
    say(f"protocol: {given.protocol}")


@app.command()
@kept
def exclude(
    folder: Dir,
    animal: Animal,
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help='Id of a criterion, "ID: what was seen", or "other: ...".'),
    ],
    by: By,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take an exclusion back; both stay in the book.")
    ] = False,
) -> None:
    """Leave an animal out of the analysis, with a reason. Nothing of it is deleted."""
    from analysis.study import keeping  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same

    study, who, why, now_ns = load_study(folder), said(by, "--by"), said(reason, "--reason"), SystemClock().wall_ns()
    if withdraw:
        keeping.include(study, animal, why, by=who, wall_ns=now_ns)
        say(f"{animal} counts again.")
        return
    found = keeping.exclude(study, animal, why, by=who, wall_ns=now_ns)
    say(f"{found.animal} is left out: {found.reason}")
    if not found.criterion:
        tell("No criterion foresaw that: it is flagged as decided afterwards, in status and report.")
    if found.unblinded:
        tell("Its group was known by now: the primary analysis keeps it, and shows beside it what leaving out does.")


@app.command()
@kept
def amend(folder: Dir, reason: Reason, by: By) -> None:
    """Write that study.toml or the protocol's template was changed on purpose. What was drawn for cannot be."""
    from analysis.study import keeping  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same

    why = said(reason, "--reason")
    found = keeping.amend(load_study(folder), why, by=said(by, "--by"), wall_ns=SystemClock().wall_ns())
    say(f"The files as they are now hold, from animal {found.animals_before + 1} on.")


@app.command()
@kept
def power(
    folder: Dir,
    ratio: Annotated[
        float | None, typer.Option("--ratio", metavar="R", min=0.01, help="Change over the control's; 0.6 is -40 %.")
    ] = None,
) -> None:
    """Tell how many animals a group needs, by simulation of the numbers in its study file."""
    from analysis.study.planning import power_lines  # noqa: PLC0415 - scipy takes long to load
    from analysis.study.study_file import load_study  # noqa: PLC0415 - the same

    study = load_study(folder)
    if ratio is None and study.file.power is None:
        raise Ended("give --ratio, or a table [power] in study.toml: how large an effect is worth finding?",
                    ExitCode.REFUSED_INPUT)  # fmt: skip
    for line in power_lines(study, ratio):
        say(line)


def _new_key() -> bytes:
    from acquisition.books.seals import new_key  # noqa: PLC0415 - cryptography takes long to load

    return new_key()
