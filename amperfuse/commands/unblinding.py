"""``unblind``: tells one person, on their terminal, what one blinded syringe holds; logged, at once, without network.

Knows how the question is asked and the answer told. Where a sealed text is found and what is written is the service's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acquisition.books.seals import SealUnopened
from acquisition.service.exit_codes import ExitCode
from acquisition.service.unblinding import sealed_texts, unblind_code
from amperfuse.commands.options import said
from amperfuse.console import Ended, for_people, say, tell
from drivers.clock import SystemClock


@for_people
def unblind(
    code: Annotated[str, typer.Argument(metavar="CODE", help="What stands on the syringe.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", prompt="Who asks", help="A person's name.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", prompt="Why", help="It is written down.")],
    session: Annotated[Path | None, typer.Option("--session", metavar="DIR", help="A recording with it.")] = None,
    protocol: Annotated[Path | None, typer.Option("--protocol", metavar="FILE", help="A protocol with it.")] = None,
) -> None:
    """Tell what one blinded syringe holds, after writing down who asked and why. For an emergency: it cannot be undone.

    Looks into the running session, then into the dose books of this user, unless told where.
    """
    who, why, code = said(by, "--by"), said(reason, "--reason"), code.strip().upper()
    try:
        texts = sealed_texts(code, session_dir=session, protocol=protocol)
    except (OSError, ValueError) as error:
        raise Ended(f"The session cannot be read: {error}", ExitCode.REFUSED_INPUT) from error
    if not texts:
        text = f"No blinded syringe {code} is known here. Name the session (--session) or the protocol (--protocol)."
        raise Ended(text, ExitCode.REFUSED_INPUT)
    found, shut = [], []
    for text in texts:  # one of another study that does not open keeps nobody from the others
        try:
            found.append(unblind_code(code, text, who, why, SystemClock().wall_ns()))
        except SealUnopened as error:
            shut.append(f"{error}. Whoever keeps the study's key can open it.")
    if not found:
        raise Ended("\n".join(dict.fromkeys(shut)), ExitCode.REFUSED_INPUT)
    for trouble in dict.fromkeys([*shut, *(trouble for one in found for trouble in one.troubles)]):
        tell(trouble, style="bold red")
    answers = list(dict.fromkeys(one.text for one in found))
    for answer in answers:
        say(answer, style="bold")
    if len(answers) > 1 or shut:
        tell("Several syringes of different studies have this code: name the session or the protocol of yours.")
    tell("It is written down that you know. Keep it from those who are still blind.")
