"""From two files to a session that only has to be run: reads, checks, asks every instrument who it is, builds.

Knows the order in which a start can be refused, so that nothing is started, and no folder made, when it is. Opens
ports only to ask. Does not know clients or signals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

from acquisition.books import sessions
from acquisition.books.animal import AnimalBook, animals, history, last_written_ns
from acquisition.books.approvals import approval
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.containers import ContainerRefused, in_syringes_ul
from acquisition.books.places import same_name
from acquisition.books.protocols import last_started, note_start
from acquisition.books.run_books import RunBooks, open_logs
from acquisition.engine.lanes import check_identity
from acquisition.engine.preflight_facts import Background
from acquisition.engine.publisher_port import Publisher
from acquisition.engine.session import RecorderFactory, Session, build_session
from acquisition.events import EventKind
from acquisition.experiment.beaker import beaker_presets
from acquisition.experiment.compile import Experiment, check_run_allowed, load_experiment
from acquisition.experiment.devices import driver_options
from acquisition.experiment.doubts import Doubt, clock_behind, doubts_about, too_little_drawn
from acquisition.experiment.named_syringes import check_named, read_names
from acquisition.experiment.presets import read_presets
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.experiment.weighing import NO_ANIMAL
from acquisition.host.rehearsal import SIMULATED_FILE, on_twins, simulated_opener
from acquisition.plan import PastDose, Plan, PotentiostatSetup, PumpSetup
from acquisition.recording.recover import RecoveryReport, recover
from acquisition.service.launch import EngineOptions, UnfinishedSession
from acquisition.service.probes import slope_of
from acquisition.service.pump_check import Ports
from acquisition.service.reconcile import ask_a_person, reconcile
from drivers import registry
from drivers.clock import NS_PER_S, Clock, PacedClock, SystemClock
from drivers.serial_port import SerialOpener
from drivers.transport import TransportOpener

DEFAULT_SEED = 1


@dataclass(frozen=True)
class Bench:
    """Where an experiment runs: its plan, a clock, a way to open lines, and how fast time passes."""

    plan: Plan
    experiment: Experiment
    clock: Clock
    opener: TransportOpener
    rate: float
    seed: int | None
    background: Background
    """What the files and books say to the pre-flight."""
    simulated: registry.Bench | None = None


def software() -> str:
    """Return name and version of this program, for the recording."""
    return f"amperfuse {metadata.version('amperfuse')}"


def files_as_run(experiment: Experiment) -> Mapping[str, bytes]:
    """Return protocol, rig and limits file byte for byte, under the names they get beside the recording."""
    sources = {
        "protocol.toml": experiment.protocol.source,
        "rig.toml": experiment.rig.source,
        "limits.toml": experiment.limits.source,
        "syringes.toml": experiment.rig.syringes_source,
    }
    return {name: source.text.encode() for name, source in sources.items() if source is not None}


def prepare(options: EngineOptions) -> Bench:
    """Read and check everything that can be checked without an instrument. Raises RefusedInput."""
    named = read_names(options.syringes)
    experiment = load_experiment(options.protocol, options.rig, history=history_of, slopes=slope_of)
    mode: Literal["run", "rehearse"] = "rehearse" if options.practise else "run"
    plan = check_run_allowed(experiment.plan, experiment.rig, experiment.limits, mode, _today())
    if plan.simulated:
        rate = 1.0 if options.speed is None else options.speed
        seed = DEFAULT_SEED if options.seed is None else options.seed
        clock = PacedClock(rate)
        plan = on_twins(plan)
        presets = {**beaker_presets(experiment.protocol.beaker), **read_presets(options.presets)}
        try:
            opener, bench = simulated_opener(plan, clock, seed, options.faults, presets)
        except ValueError as error:
            raise RefusedInput([Problem("the simulated bench", 0, "", f"{error}.")]) from error
        return Bench(plan, experiment, clock, opener, rate, seed, Background(frozenset(named)), bench)
    given = [
        ("--speed", options.speed),
        ("--seed", options.seed),
        ("--fault", options.faults or None),
        ("--preset", options.presets or None),
    ]
    for name, value in given:
        if value is not None:
            sentence = "this is for simulated rigs only, and the rig has real ports; leave it out, or rehearse."
            raise RefusedInput([Problem(name, 0, "", sentence)])
    background = Background(
        frozenset(named), check_limits_approved(experiment), doubts_of(plan, SystemClock().wall_ns())
    )
    if plan.subject.species != NO_ANIMAL:
        check_named(experiment.rig, {pump.name for pump in plan.pumps}, named)
    system = SystemClock()
    return Bench(plan, experiment, system, SerialOpener(system), 1.0, None, background)


def history_of(animal: str) -> tuple[PastDose, ...]:
    """Return what earlier sessions gave this animal. Raises RefusedInput when its book cannot be trusted."""
    try:
        return history(animal, SystemClock().wall_ns())
    except BookBroken as error:
        raise RefusedInput([Problem("dose book", 0, animal, str(error))]) from error


def doubts_of(plan: Plan, wall_ns: int) -> tuple[Doubt, ...]:
    """Return what a person must accept by name before this plan is given to a real animal (R03, T3)."""
    if not plan.animal_pumps:
        return ()
    try:
        written_ns = (sessions.last_written_ns(), last_written_ns(plan.subject.subject_id))
        newest_ns = max((ns for ns in written_ns if ns is not None), default=None)
        return (
            *clock_behind(wall_ns, newest_ns),
            *too_little_drawn(plan.animal_pumps, _in_syringes_ul(plan.animal_pumps)),
            *doubts_about(plan, last_started(plan.name), animals()),
        )
    except BookBroken as error:
        raise RefusedInput([Problem("books", 0, plan.name, str(error))]) from error


def _in_syringes_ul(pumps: Sequence[PumpSetup]) -> dict[str, float]:
    """Return what was drawn of every container that has a log; one without is refused when the books are opened."""
    found = {}
    for container in dict.fromkeys(pump.container for pump in pumps if pump.container):
        with suppress(ContainerRefused):
            found[container] = in_syringes_ul(container)
    return found


def check_limits_approved(experiment: Experiment) -> str:
    """Return who stands for the limits of a real animal (R21); empty without one. Raises RefusedInput for nobody."""
    limits, subject = experiment.limits, experiment.plan.subject
    if subject.species == NO_ANIMAL:
        return ""
    try:
        if (found := approval(limits.sha256)) is not None:
            return str(found.data.get("by") or "somebody")
    except BookBroken as error:
        raise RefusedInput([Problem("approvals", 0, "limits", str(error))]) from error
    which = f'"{limits.name}"' + (", the program's own proposals," if limits.shipped else "")
    sentence = (
        f"nobody stands for the limits {which} yet, so nothing is given to an animal on them. Read them, then: "
        f'amperfuse approve --rig {experiment.rig.source.file} --by "NAME". A change of the file needs a new approval.'
    )
    raise RefusedInput([experiment.rig.source.problem(("limits",), sentence)])


def ask_who_is_there(bench: Bench) -> None:
    """Open every port of the rig once, ask who answers, compare with the rig, close. Changes nothing.

    Raises DriverError (PortMissing, PortBusy, WrongInstrument, ReplyTimeout, ...) at the first that does not fit.
    """
    setups: tuple[PumpSetup | PotentiostatSetup, ...] = (*bench.plan.pumps, *bench.plan.potentiostats)
    for setup in setups:
        device = registry.driver(setup.driver)(bench.opener, setup.url, bench.clock, driver_options(setup))
        try:
            check_identity(setup, device.connect())
        finally:
            device.close()


def face_unfinished_sessions(bench: Bench, close: Callable[[Path], RecoveryReport] = recover) -> None:
    """Ask and stop the pumps of sessions that were not closed, before a real run does anything else (R53).

    Raises UnfinishedSession when one of them had this animal or one of these pumps: a person has to answer first.
    """
    if bench.plan.simulated:
        return
    try:
        done = reconcile(sessions.unfinished(), Ports(bench.opener, bench.clock), all_pumps=False, close=close)
    except (BookBroken, BookUnwritable) as error:
        raise RefusedInput([Problem("register of sessions", 0, "", str(error))]) from error
    ours = {pump.url for pump in bench.plan.pumps}
    animal = same_name(bench.plan.subject.subject_id)
    in_the_way = [
        item
        for item in done
        if same_name(item.session.animal) == animal or ours & {pump.url for pump in item.session.pumps}
    ]
    if in_the_way:
        raise UnfinishedSession(ask_a_person(in_the_way))


def assemble(bench: Bench, options: EngineOptions, recorder: RecorderFactory, publisher: Publisher) -> Session:
    """Make the session's folder and recording and wire everything. Raises RecordingFailed, RefusedInput, OSError."""
    subject = bench.plan.subject
    keeps_book = not bench.plan.simulated and subject.species != NO_ANIMAL

    def begin(session_id: str) -> RunBooks | None:
        book = _open_books(bench.plan, session_id) if keeps_book else None
        if not bench.plan.simulated:
            folder = (options.out / session_id).absolute()
            try:
                sessions.opened(session_id, folder, subject.subject_id, bench.plan.pumps, bench.clock.wall_ns())
            except (BookBroken, BookUnwritable) as error:
                raise RefusedInput([Problem("register of sessions", 0, session_id, str(error))]) from error
        return book

    files = dict(files_as_run(bench.experiment))
    if bench.simulated is not None:
        files[SIMULATED_FILE] = bench.simulated.described().encode()
    session = build_session(
        bench.plan,
        bench.experiment.limits,
        opener=bench.opener,
        clock=bench.clock,
        out_dir=options.out,
        recorder=recorder,
        files=files,
        software=software(),
        publisher=publisher,
        seed=bench.seed,
        rate=bench.rate,
        open_book=begin,
        hears_marks=bench.simulated.mark if bench.simulated is not None else None,
    )
    session.conductor.preflight.background = bench.background
    if keeps_book:
        keeper = session.conductor.desk.books
        keeper.note_start = lambda wall_ns: note_start(bench.plan, wall_ns)
        if isinstance(keeper.book, RunBooks):
            keeper.note_waste = keeper.book.wasted
    if options.syringes:
        said = f"Syringes as a person named them for this session: {', '.join(options.syringes)}"
        session.conductor.desk.say(EventKind.OPERATOR, bench.clock.now_ns(), "operator", said)
    return session


def _open_books(plan: Plan, session_id: str) -> RunBooks:
    subject = plan.subject
    try:
        logs = open_logs(plan.pumps, session_id, _today())
    except (BookBroken, BookUnwritable, ContainerRefused) as error:
        raise RefusedInput([Problem("substance log", 0, "container", str(error))]) from error
    try:
        animal = AnimalBook.open(subject.subject_id, session_id, subject.weight_g, plan.history)
    except (BookBroken, BookUnwritable) as error:
        for log in logs.values():
            log.close()
        raise RefusedInput([Problem("dose book", 0, subject.subject_id, str(error))]) from error
    return RunBooks(animal, logs)


def _today() -> date:
    return datetime.fromtimestamp(SystemClock().wall_ns() / NS_PER_S, UTC).astimezone().date()
