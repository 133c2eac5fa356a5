"""What all ``amperfuse study`` commands share: their options, and how a refusal of a study ends a command.

Knows words and exit codes. Does not know what a study is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer

from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.seals import SealUnopened
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people

if TYPE_CHECKING:
    from analysis.study.trial import Known

P = ParamSpec("P")
Dir = Annotated[Path, typer.Argument(metavar="DIR", help="The study's folder.", show_default=False)]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it: a person's name.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the book.")]
Animal = Annotated[str, typer.Argument(metavar="ANIMAL", help="The animal's name; one name, one code.")]


def kept(command: Callable[P, None]) -> Callable[P, None]:
    """End a command with a sentence and a code when the study refuses, or its book or sealed folder is not whole."""

    @functools.wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> None:
        from analysis.study.allocating import StudyRefused  # noqa: PLC0415 - scipy takes long to load, for one command
        from analysis.study.locking import LockBroken  # noqa: PLC0415 - the same
        from analysis.study.sealed import SealBroken  # noqa: PLC0415 - the same

        try:
            command(*args, **options)
        except StudyRefused as error:
            raise Ended(str(error), ExitCode.REFUSED_INPUT) from error
        except (BookBroken, BookUnwritable, LockBroken, SealBroken, SealUnopened) as error:
            raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error

    return for_people(run)


def known() -> Known:
    """Return what the books of this computer know of animals and probes."""
    from acquisition.service.assembly import history_of  # noqa: PLC0415 - as above
    from acquisition.service.probes import slope_of  # noqa: PLC0415 - as above
    from analysis.study.trial import Known as KnownHere  # noqa: PLC0415 - as above

    return KnownHere(history_of, slope_of)
