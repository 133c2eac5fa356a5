"""Brings an unfinished session to an end that a person can judge: pumps stopped, doses booked, recording closed.

Knows the order (pumps of all sessions first, then books, then files) and that nothing of it resumes anything: what is
still to be given is a new decision of a person. The start of an engine does it, and ``amperfuse reconcile``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acquisition.books import animal as animals
from acquisition.books import sessions
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.containers import ContainerRefused
from acquisition.books.sessions import OpenSession
from acquisition.recording.records import RecordingFailed
from acquisition.recording.recover import RecoveryReport, recover
from acquisition.service.cut_short import CutShort, PumpAccount, read_cut_short
from acquisition.service.pump_check import Ports, PumpLook, given_ul, look_and_stop, unordered_ul
from drivers.clock import NS_PER_S


@dataclass(frozen=True)
class PumpFinding:
    """What became of one pump of an unfinished session."""

    pump: str
    look: PumpLook
    at_least_ul: float
    """Over the whole session."""
    at_most_ul: float
    why: str
    left_ul: tuple[float, float] | None
    """What the infusion that was cut short has still to give, at least and at most; None when none was."""
    dose: str

    def lines(self) -> list[str]:
        """Return it for people."""
        found = [
            f"  pump {self.pump}: {self.look.found}",
            f"    given in the session: at least {self.at_least_ul:.4g} µL, at most {self.at_most_ul:.4g} µL{self.dose}"
            + (f" ({self.why})" if self.why else ""),
        ]
        if self.left_ul is not None:
            found.append(f"    its infusion was cut short: {self.left_ul[0]:.4g} to {self.left_ul[1]:.4g} µL are left")
        return found


@dataclass(frozen=True)
class Reconciliation:
    """What was found and done about one unfinished session."""

    session: OpenSession
    pumps: tuple[PumpFinding, ...]
    remaining: tuple[str, ...]
    file: str
    book: str

    @property
    def moving(self) -> tuple[str, ...]:
        """Return the pumps that are not known to stand still."""
        return tuple(finding.pump for finding in self.pumps if not (finding.look.still or finding.look.left_running))

    def text(self) -> str:
        """Return it for people: what was found, what was given, what of the plan remains, what to do."""
        lines = [f"UNFINISHED SESSION {self.session.session}, animal {self.session.animal or 'none'}"]
        for finding in self.pumps:
            lines += finding.lines()
        lines.append(f"  dose book: {self.book}")
        lines.append(f"  recording: {self.file}")
        lines += [f"  not begun: {step}" for step in self.remaining] or ["  not begun: nothing, as far as is known"]
        for pump in self.moving:
            lines.append(
                f"  {pump} IS NOT KNOWN TO STAND STILL. Go to it, press its STOP, clamp the line to the animal."
            )
        return "\n".join(lines)


def reconcile(
    open_sessions: Sequence[OpenSession],
    ports: Ports,
    *,
    all_pumps: bool,
    close: Callable[[Path], RecoveryReport] = recover,
) -> tuple[Reconciliation, ...]:
    """Ask and stop the pumps of every session, then book what they gave and close the recordings.

    ``all_pumps``: also those that keep an animal asleep; without it such a one is asked and left as it is. Never
    raises for a pump, a book or a file that fails: each says so in its line. Raises BookUnwritable, BookBroken when
    not even the register takes what was found.
    """
    looks = [
        {pump.name: look_and_stop(pump, ports, stop=all_pumps or pump.role == "experimental") for pump in open_.pumps}
        for open_ in open_sessions
    ]
    wall_ns = ports.clock.wall_ns()
    return tuple(
        _brought_to_an_end(open_, look, close, wall_ns) for open_, look in zip(open_sessions, looks, strict=True)
    )


@dataclass(frozen=True)
class _Booking:
    """What is to be written into the animal's book."""

    outcomes: Mapping[int, tuple[float, float]]
    """Per number of an intent: given, and in doubt beyond it."""
    unordered: Mapping[str, float]
    intents: int
    """How many were open."""


def _brought_to_an_end(
    open_: OpenSession, looks: dict[str, PumpLook], close: Callable[[Path], RecoveryReport], wall_ns: int
) -> Reconciliation:
    cut = read_cut_short(open_.session_dir)
    accounts = {pump.name: cut.accounts.get(pump.name) for pump in open_.pumps}
    not_begun = _begin_in_book(open_, accounts, wall_ns)
    booked, accounts = _with_book(open_, cut, accounts)
    outcomes: dict[int, tuple[float, float]] = {}
    unordered: dict[str, float] = {}
    findings = []
    for pump in open_.pumps:
        account, look = accounts[pump.name] or PumpAccount(), looks[pump.name]
        least, most, why = (
            given_ul(look, account, pump.diameter_mm) if account.open_step is not None else (0.0, 0.0, "")
        )
        if account.open_step is not None and look.still:
            intents = [number for number, name, step in booked if (name, step) == (pump.name, account.open_step)]
            outcomes |= dict.fromkeys(intents[-1:], (least, most - least))
        left = (max(0.0, account.target_ul - most), max(0.0, account.target_ul - least))
        extra_ul = unordered_ul(look, account)
        if extra_ul[1]:
            unordered[pump.name] = extra_ul[1]
            why = f"{extra_ul[0]:.4g} to {extra_ul[1]:.4g} µL of it by nobody's order"
        total = (account.given_ul + extra_ul[0] + least, account.given_ul + account.doubt_ul + extra_ul[1] + most)
        mg = ""
        if pump.drug and pump.concentration_mg_per_ml is not None:
            ug = [ul * pump.concentration_mg_per_ml for ul in total]
            mg = f" = {ug[0]:.4g} to {ug[1]:.4g} µg {pump.drug}"
        open_left = left if account.open_step is not None else None
        findings.append(PumpFinding(pump.name, look, *total, why, open_left, mg))
    book = not_begun + _book(open_, _Booking(outcomes, unordered, len(booked)), wall_ns)
    done = Reconciliation(open_, tuple(findings), cut.remaining, _close_recording(open_, close), book)
    if done.text() != open_.found:
        sessions.found(open_.session, done.text(), wall_ns)
    return done


def _begin_in_book(open_: OpenSession, accounts: Mapping[str, PumpAccount | None], wall_ns: int) -> str:
    """Have the book take what it could not take while a pump kept the animal asleep; return what it refuses still."""
    try:
        for pump in open_.pumps:
            if account := accounts[pump.name]:
                animals.begun_after_a_crash(open_.animal, open_.session, pump, account.begun, wall_ns)
    except (BookBroken, BookUnwritable, ContainerRefused) as error:
        return f"AN INFUSION MAY BE MISSING IN IT ({error}): mend that, then reconcile again; "
    return ""


def _with_book(
    open_: OpenSession, cut: CutShort, accounts: dict[str, PumpAccount | None]
) -> tuple[list[tuple[int, str, int]], dict[str, PumpAccount | None]]:
    """Return the intents of this session that are open in the animal's book; where the recording is gone, they tell."""
    try:
        intents = animals.open_intents(open_.animal, open_.session)
    except BookBroken:
        return [], accounts
    if cut.problem:
        for intent in intents:
            accounts[intent.pump] = PumpAccount(
                open_step=intent.step, target_ul=intent.target_ul, rate_ul_per_min=intent.rate_ul_per_min
            )
    return [(intent.number, intent.pump, intent.step) for intent in intents], accounts


def _book(open_: OpenSession, booking: _Booking, wall_ns: int) -> str:
    open_after = booking.intents - len(booking.outcomes)
    rest = f"{open_after} stay open and count with their whole target" if open_after else "nothing stays open"
    try:
        for number, (given, doubt) in booking.outcomes.items():
            animals.settle_cut_short(open_.animal, number, given, doubt, wall_ns)
        for pump in open_.pumps:
            if pump.name in booking.unordered and pump.route != "bench":
                animals.unordered_after_a_crash(
                    open_.animal, open_.session, pump, booking.unordered[pump.name], wall_ns
                )
            animals.never_ran_after_a_crash(open_.animal, open_.session, pump, wall_ns)
    except (BookBroken, BookUnwritable, ContainerRefused) as error:
        return f"NOT WRITTEN ({error}): what is not in it counts with its whole target"
    return f"{len(booking.outcomes)} infusions were booked, {rest}"


def _close_recording(open_: OpenSession, close: Callable[[Path], RecoveryReport]) -> str:
    try:
        report = close(open_.session_dir)
    except (RecordingFailed, OSError) as error:
        return f"NOT RECOVERED: {error}"
    whole = "had been closed" if report.was_closed else "was interrupted and is closed now"
    return f"{open_.session_dir} {whole}, {report.samples} samples, session.nwb {report.file}"


QUESTION = (
    "Nothing is resumed by itself. Look at the animal and at the pumps, and decide what is still to be given: that is "
    "a new protocol and a new decision. Then say so, for each session:"
)


def ask_a_person(done: Sequence[Reconciliation]) -> str:
    """Return what was found, and the question."""
    lines = [*(item.text() for item in done), QUESTION]
    return "\n".join([*lines, *(how_to_answer(item.session) for item in done)])


def how_to_answer(open_: OpenSession) -> str:
    """Return the command by which a person answers."""
    return f'  amperfuse reconcile {open_.session} --by "NAME" --decision "WHAT IS TO BE DONE"'


def hours_ago(open_: OpenSession, wall_ns: int) -> float:
    """Return how long ago a session was opened."""
    return max(0.0, (wall_ns - open_.wall_ns) / NS_PER_S / 3600.0)
