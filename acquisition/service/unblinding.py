"""Opens one blinded syringe for a named person, in an emergency or at the end of a study; logged, and never refused.

Knows where a sealed text can be found without the study's folder (the running session, a session's folder, a protocol,
the dose books), and in which order things are done: the book first, then the running session, then the answer. A book
that cannot be written, or an engine that does not answer, keeps nobody from knowing what an animal has got. What was in
the syringe is returned to the caller, who tells it to one person; it is written nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acquisition.books import animal as animals
from acquisition.books import sessions
from acquisition.books.chain import BookBroken
from acquisition.books.contents import opened_once
from acquisition.books.seals import Solution
from acquisition.books.unblindings import Unblinding, note_unblinding
from acquisition.client import EngineClient
from acquisition.experiment.protocol import load_protocol
from acquisition.messages import Note
from acquisition.recording.session_data import read_header
from acquisition.service.discovery import NoEngine, find_engine

ENGINE_S = 2.0
"""How long the running session may take to note it [P]: somebody waits beside an animal."""

MAX_NOTE = 10_000
TellSession = Callable[[str], str]
"""Notes a text in the running session; returns what went wrong, empty if nothing did."""


@dataclass(frozen=True)
class Unblinded:
    """What was found, for one person's eyes, and what could not be written about it."""

    code: str
    solution: Solution = field(repr=False)
    troubles: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is in the syringe, for the person who asked; nothing else may be done with it."""
        one = self.solution
        if not one.drug:
            return f"{self.code} holds the vehicle: no drug."
        strength = "" if one.concentration_mg_per_ml is None else f", {one.concentration_mg_per_ml:g} mg/mL"
        return f"{self.code} holds {one.drug} {one.form}".rstrip() + f"{strength}."


def unblind_code(  # noqa: PLR0917 - who, what, why, when, and who is told
    code: str, sealed: str, by: str, reason: str, wall_ns: int, tell_session: TellSession | None = None
) -> Unblinded:
    """Return what is in syringe ``code``, after writing who asked and why. Raises SealUnopened, ValueError.

    ``by`` and ``reason`` must say something. ``tell_session``: by default the running engine's session is told.
    """
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        raise ValueError("a syringe is opened by a person with a name, for a reason")
    solution = opened_once(sealed, code)
    troubles = []
    try:
        note_unblinding(sealed.partition(":")[0], Unblinding(code, by, reason, wall_ns))
    except Exception as error:  # noqa: BLE001 - somebody waits beside an animal: no defect of a book may come first
        troubles.append(f"NOT WRITTEN into the book of unblindings ({error}): write it down on paper, now.")
    why = (tell_session or note_in_session)(f"UNBLINDED {code} by {by}: {reason}"[:MAX_NOTE])
    if why:
        troubles.append(f"The running session has not noted it ({why}): write a note there.")
    return Unblinded(code, solution, tuple(troubles))


def note_in_session(text: str) -> str:
    """Note a text in the running session; return what went wrong, empty if nothing did or none runs."""
    try:
        with EngineClient.connect(operator="unblind", timeout_s=ENGINE_S) as client:
            state = client.wait_for(lambda _state: True, ENGINE_S)
            opened_ns = 0 if state is None else state.now_ns
            answer = client.request(Note(request=0, text=text, opened_ns=opened_ns), ENGINE_S)
    except NoEngine:
        return ""
    except Exception as error:  # noqa: BLE001 - as above
        return str(error) or type(error).__name__
    return "" if answer.ok else answer.text


# ---- where the sealed text is ---------------------------------------------------------------------------------------


def sealed_texts(code: str, *, session_dir: Path | None = None, protocol: Path | None = None) -> tuple[str, ...]:
    """Return every sealed text that is known of a code, each once; of the place given, or of all that this user has.

    Looks without a place at the running session, and then at sessions that were cut short and into the dose books of
    all animals. Two texts: two studies have a syringe of this code, or it was sealed twice. Raises RefusedInput for a
    protocol that cannot be read, what ``read_header`` raises for a session.
    """
    if protocol is not None:
        found = [use.sealed for use in load_protocol(protocol).pumps if use.code == code]
    elif session_dir is not None:
        found = list(_of_session(session_dir, code))
    else:
        found = [*_of_running_session(code)] or [*_of_unfinished_sessions(code), *_of_dose_books(code)]
    return tuple(dict.fromkeys(found))


def _of_session(session_dir: Path, code: str) -> Iterator[str]:
    header = read_header(session_dir)
    pumps: list[Mapping[str, Any]] = header.plan.get("pumps") or []
    yield from (str(pump["sealed"]) for pump in pumps if pump.get("code") == code and pump.get("sealed"))


def _of_running_session(code: str) -> Iterator[str]:
    try:
        yield from _of_session(find_engine().session_dir, code)
    except (NoEngine, OSError, ValueError):
        return


def _of_unfinished_sessions(code: str) -> Iterator[str]:
    try:
        yield from (pump.sealed for one in sessions.unfinished() for pump in one.pumps if pump.code == code)
    except BookBroken:
        return


def _of_dose_books(code: str) -> Iterator[str]:
    for name in animals.animals():
        try:
            rows = animals.rows(name, 0)
        except BookBroken:
            continue
        yield from (row.dose.sealed for row in rows if row.dose.code == code)
