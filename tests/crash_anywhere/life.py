"""One life of an engine on a bench that outlives it: until it ends or dies; then what is left is looked at.

A whole session in lockstep: real drivers and bytes, the real journal and dose book. What has left the syringe is asked
of the bench, which no part of the program can see.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from unittest import mock

import numpy as np

from acquisition.books import containers, sessions
from acquisition.books.animal import KIND, AnimalBook, doses
from acquisition.books.balance import balance
from acquisition.books.chain import read_entries
from acquisition.books.containers import ContainerBook, Label
from acquisition.books.places import BOOKS_DIR_VARIABLE, book_place
from acquisition.books.run_books import RunBooks
from acquisition.campaign.run import PUMP, plan_of
from acquisition.campaign.trial import Family, Infusion, Trial
from acquisition.engine.conductor import Conductor
from acquisition.engine.session import LOCKSTEP_PACE, Session, build_session
from acquisition.events import EventKind
from acquisition.experiment.limits_file import load_limits
from acquisition.host.auto_operator import AutoOperator
from acquisition.host.lockstep import Actor, LockstepClock, LockstepHost
from acquisition.host.rehearsal import describe_world
from acquisition.messages import Finish
from acquisition.recording import recover as recovery
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import RecordingFailed, SessionHeader
from acquisition.recording.recover import recover
from acquisition.recording.session_data import read_session
from drivers import registry
from drivers.clock import NS_PER_S, Clock, VirtualClock
from tests.crash_anywhere.accident import Accident, Died, MortalOpener
from tests.crash_anywhere.disk import MortalDisk, machine

ANIMAL, CONTAINER = "m1", "D-17"
WATCHDOG_S = 2
STOP_S = 0.3
_INFUSIONS = (Infusion(0.05, 1.0), Infusion(0.03, 1.0))
"""3 s, longer than the watchdog, and 1.8 s."""
_LIMITS = load_limits(None)
_TINY_UL = 1e-6
_COUNTERS_UL = 0.001 * len(_INFUSIONS)
"""What a pump has given and does not show yet: one step of its counter per infusion."""


class Wrong(AssertionError):
    """Something is missing after a crash, or moves."""


@dataclass
class EndsAtOnce:
    """A person who only ends the session as soon as its instruments are there."""

    conductor: Conductor
    asked: bool = False

    def next_due_ns(self) -> int | None:
        return None if self.asked else self.conductor.desk.clock.now_ns() + NS_PER_S // 4

    def step(self, _now_ns: int) -> None:
        """End it."""
        if self.conductor.phase == "ready":
            self.asked = True
            self.conductor.submit(Finish(request=1, discard=True), lambda _answer: None)


@dataclass
class Laboratory:
    """The bench and the disk of one try, which several engines use one after the other."""

    folder: Path
    seed: int
    family: Family = "new-era"
    clock: LockstepClock = field(default_factory=LockstepClock)
    rng: np.random.Generator = field(init=False)
    _held: list[Callable[[], object]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        watchdog_s = WATCHDOG_S if self.family == "new-era" else 0
        trial = Trial(1, self.family, watchdog_s, maintenance=False, sensor=True, infusions=_INFUSIONS, faults=())
        plan = plan_of(trial)
        self.plan = replace(plan, pumps=tuple(replace(pump, container=CONTAINER) for pump in plan.pumps))
        self.bound_s = watchdog_s + STOP_S if watchdog_s else _INFUSIONS[0].volume_ul * 60 + STOP_S
        self.bench = registry.bench()(self.clock, describe_world(self.plan), 1, ())

    def open_bottle(self) -> None:
        """Begin the log of the container that the syringe was filled from."""
        label = Label(CONTAINER, "ketamine", "", "III", 0.1, "L7", date(2099, 3, 31), "Dr. Berg")
        containers.open_container(label, 5000.0, by="Anna", wall_ns=1)

    def true_ul(self) -> float:
        """Return what has left the syringe."""
        return float(self.bench.delivered_ul(PUMP))

    def wait(self, for_s: float) -> None:
        """Let time pass while no engine runs."""
        VirtualClock.sleep_until_ns(self.clock, self.clock.now_ns() + round(for_s * NS_PER_S))

    def live(self, accident: Accident, disk: MortalDisk, *, only_ends: bool = False) -> str:
        """Run an engine until its session is over or it dies; return how it ended."""
        opener = MortalOpener(self.bench, accident)
        try:
            with machine(disk), accident.memory():
                return self._live(opener, only_ends=only_ends)
        except Died:
            return "died"
        except Exception as error:  # ordinary errors end the process too
            if accident.kind != "memory":
                raise
            return f"ended with {type(error).__name__}"
        finally:
            accident.dead = True
            disk.close_all()
            opener.close_all()
            self._give_back_locks()

    def _give_back_locks(self) -> None:
        """The locks of a process go with it."""
        fresh = LockstepClock()
        self.clock.while_waiting, self.clock.next_turn_ns = fresh.while_waiting, fresh.next_turn_ns
        if len(self._held) < 3:  # it died while it took them
            gc.collect()
        while self._held:
            self._held.pop()()

    def _live(self, opener: MortalOpener, *, only_ends: bool) -> str:
        def record(path: Path, header: SessionHeader, clock: Clock) -> InlineRecorder:
            recorder = InlineRecorder.create(path, header, clock)
            self._held.append(recorder.core.lock.release)
            return recorder

        def open_book(session_id: str) -> RunBooks:
            animal = AnimalBook.open(ANIMAL, session_id, 25.0)
            self._held.append(animal.close)
            log = ContainerBook.open(CONTAINER, session_id)
            self._held.append(log.close)
            folder = self.folder / "data" / "out" / session_id
            sessions.opened(session_id, folder, ANIMAL, self.plan.pumps, self.clock.wall_ns())
            return RunBooks(animal, {PUMP: log})

        session: Session = build_session(
            self.plan,
            _LIMITS,
            opener=opener,
            clock=self.clock,
            out_dir=self.folder / "data" / "out",
            recorder=record,
            files={"protocol.toml": b"[protocol]\n"},
            software="crash anywhere",
            seed=1,
            pace=LOCKSTEP_PACE,
            open_book=open_book,
        )
        conductor = session.conductor
        person: Actor = EndsAtOnce(conductor) if only_ends else AutoOperator(conductor, stuck_after_s=4.0)
        actors: list[Actor] = [conductor, *session.lanes, person]
        try:
            LockstepHost(self.clock, actors, lambda: conductor.over).run(self.clock.now_ns() + 60 * NS_PER_S)
        finally:
            if not opener.accident.dead:
                session.close()
        return conductor.outcome or "did not end"

    # ---- what must hold afterwards ----------------------------------------------------------------------------------

    def check_pump_stops(self) -> None:
        """R41, R53: whatever died, the pump stops by its watchdog, or at its target."""
        self.wait(self.bound_s)
        at_bound_ul = self.true_ul()
        self.wait(60.0)
        if self.true_ul() > at_bound_ul + _TINY_UL:
            raise Wrong(
                f"the pump went on for longer than {self.bound_s} s: {at_bound_ul} uL, then {self.true_ul()} uL"
            )

    def booked_ul(self) -> float:
        """Return what the animal was given by its book, at worst."""
        entries = read_entries(*book_place(KIND, ANIMAL))
        return sum(dose.volume_ul for dose in doses(entries, self.clock.wall_ns()))

    def check_books(self) -> None:
        """R54: book and container's log are whole, and never say less than what left the syringe."""
        if (booked_ul := self.booked_ul()) + _COUNTERS_UL < self.true_ul():
            raise Wrong(f"the dose book says {booked_ul} uL, the pump gave {self.true_ul()} uL")
        log = balance(containers.entries_of(CONTAINER))
        least_ul, most_ul = log.delivered_least_nl / 1000, log.delivered_most_nl / 1000
        if not least_ul - _COUNTERS_UL <= self.true_ul() <= most_ul + _COUNTERS_UL:
            raise Wrong(f"the container's log says {least_ul} to {most_ul} uL, the pump gave {self.true_ul()} uL")

    def check_recording(self, journal: Path, sure: bytes, given_ul: float) -> None:
        """R53: what was acknowledged is there to the last byte, and the account holds what may have been given."""
        if not journal.exists():
            if sure:
                raise Wrong(f"{len(sure)} acknowledged bytes are gone with the whole of {journal}")
            return
        if not journal.read_bytes().startswith(sure):
            raise Wrong(f"{journal} does not begin with the {len(sure)} acknowledged bytes")
        try:
            recover(journal.parent, self.clock)
        except RecordingFailed as error:
            if sure:
                raise Wrong(f"not recovered: {error}") from error
            return
        data = read_session(journal.parent)
        if data.close is None or not journal.read_bytes().startswith(sure):
            raise Wrong("the recovered journal is not closed, or lacks what was acknowledged")
        report = recover(journal.parent, self.clock)
        row = data.infusions[PUMP]
        rows_ul = float(row.confirmed_ul[-1] + row.uncertain_ul[-1]) if len(row.confirmed_ul) else 0.0
        targets = [float(str(e.data["target_ul"])) for e in data.events if e.kind is EventKind.INTENT]
        worst_ul = rows_ul + sum(targets[len(targets) - len(report.maybe_delivered) :])
        if worst_ul + _COUNTERS_UL < given_ul:
            raise Wrong(f"the recording accounts for {worst_ul} uL, the pump gave {given_ul} uL")


@contextmanager
def without_nwb() -> Iterator[None]:
    """Recover journals only: the file is made from them by another process, which has crash tests of its own."""
    with mock.patch.object(recovery, "_repair_file", return_value="not made"):
        yield


@contextmanager
def private_books(folder: Path) -> Iterator[None]:
    with mock.patch.dict("os.environ", {BOOKS_DIR_VARIABLE: str(folder / "user")}):
        yield


@dataclass(frozen=True)
class Tried:
    """One accident and what came of it."""

    ended: str
    reached: bool
    """Whether the accident happened; if not, the session was over before."""
    given_ul: float
    over_ul: float = 0.0
    """How much more the dose book says."""
