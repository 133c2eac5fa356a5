"""Puts one run together: the session's folder, the recording, the lanes with their drivers, the conductor.

Knows which parts there are and how they are wired. Decides nothing while they run. The same assembly serves a real
rig, a simulated one in real time and a rehearsal on virtual time: only clock, opener, recorder and host differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from acquisition.engine.book_keeper import BookKeeper, DoseBook
from acquisition.engine.conductor import STEP_PERIOD_NS, Conductor
from acquisition.engine.guards import StreamGuard
from acquisition.engine.lanes import BaseLane
from acquisition.engine.ledger import PumpLedger
from acquisition.engine.outputs import OutputDesk
from acquisition.engine.parts import Desk, Inbox
from acquisition.engine.publisher_port import Publisher
from acquisition.engine.pump_desk import PumpDesk
from acquisition.engine.pump_lane import PumpLane
from acquisition.engine.sensor_desk import SensorDesk
from acquisition.engine.sensor_lane import READ_PERIOD_NS, RESTART_AFTER_NS, PotentiostatLane
from acquisition.engine.stop_slot import StopSlot
from acquisition.events import EventKind
from acquisition.experiment.devices import driver_options
from acquisition.experiment.limits import Limits
from acquisition.experiment.rig import is_simulated
from acquisition.plan import Plan, PotentiostatSetup, PumpSetup
from acquisition.recording.filesystem import FileSystem, OsFileSystem, make_folders, write_whole
from acquisition.recording.records import RecordingFailed, RecordSink, SessionHeader, StreamSpec
from drivers import registry
from drivers.capabilities import Potentiostat, SyringePump, WireRecord
from drivers.clock import NS_PER_S, Clock
from drivers.registry import DriverFactory
from drivers.shared_line import SharedLines
from drivers.transport import TransportOpener

MAX_FOLDERS = 10_000
"""Rehearsals all begin in the same virtual second."""


class ClosableSink(RecordSink, Protocol):
    """A recorder that the session may close."""

    def close(self, outcome: str = "closed") -> None:
        """Write the closing record and close the file. Raises RecordingFailed."""
        ...


RecorderFactory = Callable[[Path, SessionHeader, Clock], ClosableSink]
MakeDir = Callable[[Path, Plan, int], tuple[str, Path]]
"""Makes the folder of a session that begins at a wall time, and returns the session's id and the folder."""


@dataclass(frozen=True)
class Pace:
    """How fine the turns are: a host that is a person's window away reads often, lockstep reads large blocks."""

    conductor_period_ns: int = STEP_PERIOD_NS
    read_period_ns: int = READ_PERIOD_NS
    rest_period_ns: int = STEP_PERIOD_NS
    """While every pump stands still: between two steps of the conductor, and, where that is longer than usual, between
    two questions to a pump."""


LOCKSTEP_PACE = Pace(conductor_period_ns=NS_PER_S // 4, read_period_ns=NS_PER_S)
REHEARSAL_PACE = Pace(conductor_period_ns=NS_PER_S // 2, read_period_ns=NS_PER_S, rest_period_ns=NS_PER_S)
"""For hours that are to pass in seconds: at rest one look a second, the slowest that pumps.md a.9 recommends."""


@dataclass(frozen=True)
class Session:
    """One run, assembled. A host steps conductor and lanes; ``close`` once the conductor is over."""

    conductor: Conductor
    lanes: tuple[BaseLane, ...]
    recorder: ClosableSink
    header: SessionHeader
    session_dir: Path

    def close(self) -> None:
        """Close the recording with the outcome. Raises RecordingFailed."""
        self.recorder.close(self.conductor.outcome or "interrupted")


def make_session_dir(out_dir: Path, plan: Plan, wall_ns: int, fs: FileSystem | None = None) -> tuple[str, Path]:
    """Make a new folder for a session and return its id and path. Never one that exists.

    The name is made by the program: time, plan and "simulated" where it is; what a person typed is only data.
    """
    started = datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).strftime("%Y%m%dT%H%M%SZ")
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", plan.name).strip("-")[:40] or "session"
    base = f"{started}-{slug}" + ("-SIMULATED" if plan.simulated else "")
    fs = fs or OsFileSystem()
    try:
        make_folders(fs, out_dir)
        for number in range(1, MAX_FOLDERS):
            name = base if number == 1 else f"{base}-{number}"
            try:
                fs.create_folder(out_dir / name)
            except FileExistsError:
                continue
            return name, out_dir / name
    except OSError as error:
        raise RecordingFailed(
            f"no session folder can be made in {out_dir}: {error.strerror}. Nothing was started; choose another folder"
            " with --out."
        ) from error
    raise RecordingFailed(f"{out_dir} holds {MAX_FOLDERS} sessions that began in the same second")


def keep_files(session_dir: Path, files: Mapping[str, bytes], fs: FileSystem | None = None) -> None:
    """Write protocol, rig and limits file beside the recording, as they were run. Never over a file that exists."""
    for name, content in files.items():
        write_whole(fs or OsFileSystem(), session_dir / name, content)


def build_session(
    plan: Plan,
    limits: Limits,
    *,
    opener: TransportOpener,
    clock: Clock,
    out_dir: Path,
    recorder: RecorderFactory,
    files: Mapping[str, bytes],
    software: str,
    publisher: Publisher | None = None,
    seed: int | None = None,
    rate: float = 1.0,
    pace: Pace = Pace(),
    open_book: Callable[[str], DoseBook | None] = lambda _session_id: None,
    hears_marks: Callable[[str], None] | None = None,
    drivers: Callable[[str], DriverFactory] = registry.driver,
    make_dir: MakeDir = make_session_dir,
    fs: FileSystem | None = None,
) -> Session:
    """Assemble one run; opens no port yet. ``rate`` is engine seconds per real second.

    ``hears_marks``: a simulated bench, on which people may do something at a mark.

    Raises ValueError when simulated and real things are mixed (R24), TypeError when a driver is of the wrong kind,
    RecordingFailed when the journal cannot be
    created, OSError when the folder cannot.
    """
    if plan.simulated != opener.simulated:
        raise ValueError("a plan for simulated instruments runs on simulated ports only, and a real one on real ones")
    if not plan.simulated and any(map(is_simulated, [s.url for s in plan.pumps] + [s.url for s in plan.potentiostats])):
        raise ValueError("a simulated or replayed instrument never takes part in a real run")
    started_ns = clock.now_ns()
    session_id, session_dir = make_dir(out_dir, plan, clock.wall_ns())
    keep_files(session_dir, files, fs)
    header = session_header(plan, session_id, clock, software, seed)
    sink = recorder(session_dir, header, clock)
    desk = Desk(plan, limits, clock, sink, publisher, BookKeeper(open_book(session_id)), slack=max(1.0, rate))
    desk.hears_marks = hears_marks
    inbox = Inbox()
    wiring = _Wiring(desk, SharedLines(opener, clock), inbox, drivers, pace)
    pumps = [wiring.pump(setup) for setup in plan.pumps]
    sensors = [wiring.sensor(setup) for setup in plan.potentiostats]
    if lanes_with_outputs := [sensor.lane for sensor in sensors if sensor.lane.outputs is not None]:
        desk.drives_outputs = OutputDesk([lane.request for lane in lanes_with_outputs]).hear
    conductor = Conductor(
        desk,
        pumps,
        sensors,
        inbox,
        simulated=opener.simulated,
        session_id=session_id,
        session_dir=str(session_dir),
        started_ns=started_ns,
        rate=rate,
        period_ns=pace.conductor_period_ns,
        rest_period_ns=pace.rest_period_ns,
    )
    mark = "SIMULATED session opened" if opener.simulated else "Session opened"
    desk.say(EventKind.SESSION, started_ns, "conductor", mark, {"software": software, "plan_sha256": plan.sha256})
    for warning in plan.warnings:
        desk.say(EventKind.SESSION, started_ns, "conductor", f"Warning accepted with the plan: {warning}")
    lanes = (*(pump.lane for pump in pumps), *(sensor.lane for sensor in sensors))
    return Session(conductor, lanes, sink, header, session_dir)


def session_header(plan: Plan, session_id: str, clock: Clock, software: str, seed: int | None) -> SessionHeader:
    """Return the first record of the session."""
    return SessionHeader(
        session_id=session_id,
        simulated=plan.simulated,
        started_ns=clock.now_ns(),
        started_wall_ns=clock.wall_ns(),
        software=software,
        plan_sha256=plan.sha256,
        plan=asdict(plan),
        streams=tuple(_stream(setup) for setup in plan.potentiostats),
        pumps=tuple(pump.name for pump in plan.pumps),
        seed=seed,
    )


def _stream(setup: PotentiostatSetup) -> StreamSpec:
    channels = setup.channels
    return StreamSpec(
        instrument=setup.name,
        channels=tuple(c.name for c in channels),
        roles=tuple(c.role for c in channels),
        sensitivity_a_per_um=tuple(c.sensitivity_a_per_um for c in channels),
        interval_s=setup.interval_s,
        potential_v=setup.potential_v,
        range_a=tuple(c.range_a for c in channels),
    )


@dataclass(frozen=True)
class _Wiring:
    """Joins an instrument's driver, lane and desk."""

    desk: Desk
    opener: TransportOpener
    inbox: Inbox
    drivers: Callable[[str], DriverFactory]
    pace: Pace

    def pump(self, setup: PumpSetup) -> PumpDesk:
        """Return the desk of a pump."""
        slot = StopSlot()
        wire: list[WireRecord] = []
        strays: list[bytes] = []
        options = driver_options(setup, abort=slot.abort, on_wire=wire.append, on_foreign=strays.append)
        pump = self.drivers(setup.driver)(self.opener, setup.url, self.desk.clock, options)
        if not isinstance(pump, SyringePump):
            raise TypeError(f"{setup.name}: driver {setup.driver!r} does not drive a syringe pump")
        rest_ns = self.pace.rest_period_ns
        if setup.watchdog_s > 0:  # it is armed while the pump stands still, too
            rest_ns = min(rest_ns, setup.watchdog_s * NS_PER_S // 2)
        lane = PumpLane(
            setup, pump, slot, self.desk.clock, self.inbox.post, wire=wire, strays=strays, rest_period_ns=rest_ns
        )
        ledger = PumpLedger(setup, self.desk.plan.subject.weight_g, slack=self.desk.slack)
        return PumpDesk(setup, lane, ledger, self.desk)

    def sensor(self, setup: PotentiostatSetup) -> SensorDesk:
        """Return the desk of a potentiostat."""
        options = driver_options(setup)
        device = self.drivers(setup.driver)(self.opener, setup.url, self.desk.clock, options)
        if not isinstance(device, Potentiostat):
            raise TypeError(f"{setup.name}: driver {setup.driver!r} does not drive a potentiostat")
        ten_samples_ns = max(READ_PERIOD_NS, round(10 * setup.interval_s * NS_PER_S))
        period_ns = min(self.pace.read_period_ns, ten_samples_ns)  # a fast stream must not fill the line's buffer
        restart_ns = round(max(RESTART_AFTER_NS * self.desk.slack, 20 * setup.interval_s * NS_PER_S))
        lane = PotentiostatLane(
            setup, device, self.desk.clock, self.inbox.post, read_period_ns=period_ns, restart_after_ns=restart_ns
        )
        return SensorDesk(setup, lane, StreamGuard(setup, self.desk.slack), self.desk)
