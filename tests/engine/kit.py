"""What the engine's tests share: a plan, a recording in memory, fake instruments, a laboratory in lockstep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from acquisition.engine.pump_desk import PumpDesk
from acquisition.engine.session import LOCKSTEP_PACE, Pace, Session, build_session
from acquisition.events import Event, EventKind
from acquisition.experiment.limits import Limits
from acquisition.experiment.limits_file import load_limits
from acquisition.host.auto_operator import AutoOperator
from acquisition.host.lockstep import LockstepClock, LockstepHost
from acquisition.host.preflight_stand_in import commands
from acquisition.host.rehearsal import describe_world
from acquisition.messages import Answer, ChannelSamples, EngineState, EventNotice, PreflightItem, RecorderView, Start
from acquisition.plan import (
    ChannelSetup,
    InfuseStep,
    Plan,
    PotentiostatSetup,
    PumpSetup,
    Step,
    Subject,
    WaitStep,
)
from acquisition.recording.records import InfusionRow, RecordingFailed, SessionHeader
from drivers import registry
from drivers.capabilities import (
    AmperometrySettings,
    DriverOptions,
    Identity,
    Motion,
    PumpAlarm,
    PumpProgram,
    PumpStatus,
    SampleBlock,
    SampleFlag,
)
from drivers.clock import NS_PER_S, Clock
from drivers.errors import DriverError, Interrupted, PortLost
from drivers.transport import LineSettings, Transport

LIMITS: Limits = load_limits(None)
SUBJECT = Subject("m1", "mouse", "F", "P12W", 25.0, "2026-01-01")
PUMP = PumpSetup(
    name="drug",
    driver="new-era",
    url="sim://new-era",
    address=0,
    expected_model="NE",
    expected_serial_number="",
    syringe="BD 1 mL",
    diameter_mm=4.699,
    syringe_volume_ul=1000.0,
    watchdog_s=5,
    line_dead_volume_ul=37.0,
    drug="ketamine",
    concentration_mg_per_ml=2.0,
    route="iv_infusion",
    role="experimental",
    loaded_ul=600.0,
    primed=True,
)
SENSOR = PotentiostatSetup(
    name="sensor",
    driver="methodscript",
    url="sim://emstat",
    expected_model="",
    expected_serial_number="",
    potential_v=0.7,
    interval_s=0.1,
    channels=(
        ChannelSetup("glu", "we1", "glutamate", 5e-8, 7e-12),
        ChannelSetup("sentinel", "we2", "sentinel", 5e-8, None),
    ),
)
INFUSION = InfuseStep(1, "ketamine", "drug", volume_ul=2.0, rate_ul_per_min=3.0, dose_mg_per_kg=0.16)
STEPS: tuple[Step, ...] = (INFUSION, WaitStep(2, "washout", 10.0))


def make_plan(
    steps: Sequence[Step] = STEPS,
    pumps: Sequence[PumpSetup] = (PUMP,),
    sensors: Sequence[PotentiostatSetup] = (SENSOR,),
) -> Plan:
    return Plan(
        name="test",
        description="",
        simulated=True,
        subject=SUBJECT,
        pumps=tuple(pumps),
        potentiostats=tuple(sensors),
        steps=tuple(steps),
        protocol_sha256="p",
        rig_sha256="r",
        limits_sha256=LIMITS.sha256,
    )


def seconds(value: float) -> int:
    return round(value * NS_PER_S)


@dataclass
class MemorySink:
    """A recording in memory; can be told to fail, or to freeze."""

    clock: Clock
    events: list[Event] = field(default_factory=list)
    blocks: list[SampleBlock] = field(default_factory=list)
    rows: list[InfusionRow] = field(default_factory=list)
    committed: list[tuple[int, Event]] = field(default_factory=list)
    fail_commits: str = ""
    failing: str = ""
    frozen: bool = False
    closed: str = ""
    _taken: int = 0
    _progress: int = 0

    def _take(self) -> int:
        self._taken += 1
        if not self.frozen:
            self._progress = self._taken
        return self._taken

    def samples(self, block: SampleBlock) -> int:
        self.blocks.append(block)
        return self._take()

    def event(self, event: Event) -> int:
        self.events.append(event)
        return self._take()

    def infusion(self, row: InfusionRow) -> None:
        self.rows.append(row)
        self._take()

    def commit(self, event: Event, timeout_s: float) -> None:
        if self.fail_commits:
            raise RecordingFailed(self.fail_commits)
        self.events.append(event)
        self.committed.append((self.clock.now_ns(), event))
        self._take()

    def progress(self) -> int:
        return self._progress

    def strain(self) -> tuple[str, float]:
        return self.failing, 0.0

    def view(self) -> RecorderView:
        return RecorderView(records=self._taken, disk_free_bytes=10**12, failing=self.failing)

    def close(self, outcome: str = "closed") -> None:
        self.closed = outcome


@dataclass
class MemoryPublisher:
    """Clients in memory."""

    states: list[EngineState] = field(default_factory=list)
    notices: list[EventNotice] = field(default_factory=list)
    blocks: list[ChannelSamples] = field(default_factory=list)

    def state(self, state: EngineState) -> None:
        self.states.append(state)

    def event(self, notice: EventNotice) -> None:
        self.notices.append(notice)

    def samples(self, samples: ChannelSamples) -> None:
        self.blocks.append(samples)


@dataclass
class Script:
    """Things a test does at stated times."""

    clock: Clock
    todo: list[tuple[int, Callable[[], object]]] = field(default_factory=list)

    def at(self, t_s: float, action: Callable[[], object]) -> None:
        self.todo.append((seconds(t_s), action))
        self.todo.sort(key=lambda item: item[0])

    def next_due_ns(self) -> int | None:
        return self.todo[0][0] if self.todo else None

    def step(self, now_ns: int) -> None:
        while self.todo and self.todo[0][0] <= now_ns:
            self.todo.pop(0)[1]()


class SimulatedOpener:
    """Opens nothing: the fake instruments need no line."""

    simulated = True

    def open(self, url: str, settings: LineSettings) -> Transport:
        raise AssertionError("a fake instrument has no line")


@dataclass
class FakePump:
    """A pump without bytes: an ideal plunger, a watchdog, and every fault a test wants. Logs its calls with times."""

    clock: Clock
    options: DriverOptions
    calls: list[tuple[int, str]] = field(default_factory=list)
    raises: dict[str, list[BaseException | None]] = field(default_factory=dict)
    """Per call, what the next ones raise, after they had their effect; None for no error."""
    no_effect: dict[str, int] = field(default_factory=dict)
    """How many of the next calls do not reach the pump."""
    readback_factor: float = 1.0
    speed_factor: float = 1.0
    held: PumpProgram | None = None
    counter_ul: float = 0.0
    true_ul: float = 0.0
    moving: bool = False
    rogue: bool = False
    stops_on_stop: bool = True
    takes_s: dict[str, float] = field(default_factory=dict)
    watchdog_s: int = 0
    has_watchdog: bool = True
    expires: bool = True
    """Whether its watchdog does its work."""
    _since_ns: int = 0
    _fed_ns: int = 0
    _expired: bool = False

    def _live(self) -> None:
        """Move the plunger up to now, stopping at target or watchdog as the device would."""
        now_ns = self.clock.now_ns()
        end_ns = now_ns
        self._expired |= self.expires and 0 < self.watchdog_s * NS_PER_S < now_ns - self._fed_ns
        if self.moving and self.watchdog_s:
            end_ns = min(now_ns, self._fed_ns + self.watchdog_s * NS_PER_S)
        if self.moving and self.held is not None:
            rate = self.held.rate_ul_per_min * self.speed_factor
            moved_ul = max(0, end_ns - self._since_ns) / NS_PER_S / 60 * rate
            left_ul = self.held.target_ul - self.counter_ul
            self.moving = moved_ul < left_ul and end_ns == now_ns
            self.counter_ul += min(moved_ul, left_ul)
            self.true_ul += min(moved_ul, left_ul)
        self._since_ns = now_ns

    def _call(self, name: str) -> None:
        self._live()
        self.calls.append((self.clock.now_ns(), name))
        self._fed_ns = self.clock.now_ns()
        deadline_ns = self.clock.now_ns() + seconds(self.takes_s.get(name, 0.01))
        while self.clock.now_ns() < deadline_ns:
            self.clock.sleep_until_ns(min(deadline_ns, self.clock.now_ns() + seconds(0.02)))
            if name != "stop" and self.options.abort():
                raise Interrupted("a STOP overtakes")
        self._live()

    def _fail(self, name: str) -> None:
        pending = self.raises.get(name)
        if pending:
            error = pending.pop(0)
            if error is not None:
                raise error

    def _arrives(self, name: str) -> bool:
        left = self.no_effect.get(name, 0)
        self.no_effect[name] = max(0, left - 1)
        return left == 0

    def _status(self, asked_ns: int) -> PumpStatus:
        motion = Motion.INFUSING if self.moving or self.rogue else Motion.STOPPED
        shown_ul = round(self.counter_ul, 3)
        alarm, self._expired = PumpAlarm.WATCHDOG if self._expired else None, False
        return PumpStatus(asked_ns, self.clock.now_ns(), motion, shown_ul, 0.0, 0.001, alarm)

    def connect(self) -> Identity:
        self._call("connect")
        self._fail("connect")
        return Identity("fake", "NE1000", "3.9")

    def close(self) -> None:
        self.calls.append((self.clock.now_ns(), "close"))

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        return (0.001, 1000.0)

    def quantised(self, program: PumpProgram) -> PumpProgram:
        return program

    def program(self, program: PumpProgram) -> PumpProgram:
        self._call("program")
        self._fail("program")
        self.held, self.counter_ul = program, 0.0
        return replace(program, rate_ul_per_min=program.rate_ul_per_min * self.readback_factor)

    def read_back(self) -> PumpProgram:
        self._call("read_back")
        self._fail("read_back")
        assert self.held is not None
        return replace(self.held, rate_ul_per_min=self.held.rate_ul_per_min * self.readback_factor)

    def start(self) -> PumpStatus:
        self._call("start")
        asked_ns = self.clock.now_ns()
        if self._arrives("start"):
            self.moving, self._since_ns = True, asked_ns
        self._fail("start")
        return self._status(asked_ns)

    def status(self) -> PumpStatus:
        asked_ns = self.clock.now_ns()
        self._call("status")
        self._fail("status")
        return self._status(asked_ns)

    def stop(self) -> PumpStatus:
        self._call("stop")
        asked_ns = self.clock.now_ns()
        if self.stops_on_stop and self._arrives("stop"):
            self.moving, self.rogue = False, False
        self._fail("stop")
        if self.moving:
            raise DriverError("it keeps moving")
        return self._status(asked_ns)

    def arm_watchdog(self, timeout_s: int) -> bool:
        self._call("arm_watchdog")
        self._fail("arm_watchdog")
        self.watchdog_s = timeout_s if self.has_watchdog else 0
        return self.has_watchdog

    def disarm_watchdog(self) -> None:
        self._call("disarm_watchdog")
        self.watchdog_s = 0

    def count(self, name: str) -> int:
        return sum(1 for _, called in self.calls if called == name)


@dataclass
class FakePotentiostat:
    """Ten samples a second of a small wave, for as long as its line holds."""

    clock: Clock
    instrument: str
    silent: bool = False
    lost: bool = False
    overloaded: bool = False
    dead: bool = False
    """Its electrode is off: no current at all."""
    stopped: int = 0
    _settings: AmperometrySettings | None = None
    _epoch: int = -1
    _t0_ns: int = 0
    _next: int = 0

    def connect(self) -> Identity:
        if self.lost:
            raise PortLost("unplugged")
        return Identity("fake", "EmStat", "1")

    def close(self) -> None:
        pass

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        return settings

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        self._settings, self._epoch, self._next = settings, self._epoch + 1, 0
        self._t0_ns = self.clock.now_ns()
        return settings

    def read(self, timeout_s: float) -> list[SampleBlock]:
        if self.lost:
            raise PortLost("unplugged")
        assert self._settings is not None
        interval_ns = seconds(self._settings.interval_s)
        last = (self.clock.now_ns() - self._t0_ns) // interval_ns
        if self.silent or last < self._next:
            return []
        index = np.arange(self._next, last + 1, dtype=np.int64)
        self._next = int(last) + 1
        channels = tuple(e.channel for e in self._settings.electrodes)
        current = np.sin(index / 7.0)[:, None] * np.ones(len(channels)) * (0.0 if self.dead else 1e-10)
        flag = int(SampleFlag.OVERLOAD) if self.overloaded else 0
        flags = np.full((len(index), len(channels)), flag, dtype=np.uint8)
        now_ns = self.clock.now_ns()
        return [
            SampleBlock(self.instrument, self._epoch, self._t0_ns, interval_ns, channels, index, current, flags, now_ns)
        ]

    def stop(self) -> None:
        self.stopped += 1


class Lab:
    """A session in lockstep with fake instruments, or (``faults`` given) with real bytes on the simulated bench."""

    def __init__(
        self,
        tmp_path: Path,
        plan: Plan | None = None,
        *,
        faults: Sequence[str] | None = None,
        seed: int = 1,
        operator: bool = True,
        watched: bool = True,
        publisher: MemoryPublisher | None = None,
        ports: Callable[[Any], Any] = lambda bench: bench,
        pace: Pace = LOCKSTEP_PACE,
    ) -> None:
        self.plan = plan or make_plan()
        self.clock = LockstepClock()
        self.sink = MemorySink(self.clock)
        self.bench: Any = None
        self.fakes: dict[str, FakePump] = {}
        self.sensors: dict[str, FakePotentiostat] = {}
        opener: Any = SimulatedOpener()
        drivers: Any = self._fake_driver
        if faults is not None:
            self.bench = registry.bench()(self.clock, describe_world(self.plan), seed, faults)
            opener = ports(self.bench)
            drivers = registry.driver
        self.session: Session = build_session(
            self.plan,
            LIMITS,
            opener=opener,
            clock=self.clock,
            out_dir=tmp_path,
            recorder=self._recorder,
            files={},
            software="test",
            publisher=publisher,
            seed=seed,
            pace=pace,
            drivers=drivers,
        )
        self.conductor = self.session.conductor
        if watched:
            self.conductor.attendance.stand_in()
        self.script = Script(self.clock)
        actors: list[Any] = [self.script, self.conductor, *self.session.lanes]
        if operator:
            self.person = AutoOperator(self.conductor)
            actors.append(self.person)
        self.actors = actors
        self.host = LockstepHost(self.clock, actors, lambda: self.conductor.over)
        self.answers: list[Answer] = []

    def _recorder(self, session_dir: Path, header: SessionHeader, clock: Clock) -> MemorySink:
        return self.sink

    def _fake_driver(self, name: str) -> Any:
        def build(opener: object, url: str, clock: Clock, options: DriverOptions) -> object:
            if name == "methodscript":
                self.sensors[options.instrument] = FakePotentiostat(clock, options.instrument)
                return self.sensors[options.instrument]
            self.fakes[options.instrument] = FakePump(clock, options)
            return self.fakes[options.instrument]

        return build

    @property
    def fake(self) -> FakePump:
        return self.fakes["drug"]

    @property
    def pump(self) -> PumpDesk:
        return self.conductor.pumps["drug"]

    @property
    def now_s(self) -> float:
        return self.clock.now_ns() / NS_PER_S

    def run(self, until_s: float = 600.0) -> None:
        self.host.run(seconds(until_s))

    def until(self, condition: Callable[[], bool], within_s: float = 600.0) -> None:
        """Run until the condition holds; fail if it does not in time."""
        deadline_s = self.now_s + within_s
        while not condition():
            assert not self.conductor.over
            assert self.now_s < deadline_s, f"not within {within_s} s: {self.texts()[-8:]}"
            self.host.run(self.clock.now_ns() + seconds(0.05))

    def until_infusing(self) -> None:
        self.until(lambda: self.pump.infusing and self.pump.motion is Motion.INFUSING)

    def prepare(self, within_s: float = 30.0) -> None:
        """Pass the pre-flight as a stand-in would, as far as it can be passed."""
        deadline_s = self.now_s + within_s
        while self.now_s < deadline_s and any(i.blocks for i in self.preflight()):
            for command in commands(self.preflight(), lambda: 0):
                self.conductor.submit(command, lambda _answer: None)
            self.host.run(self.clock.now_ns() + seconds(0.3))

    def prepare_at_once(self) -> None:
        """Pass it without the time that the pumps' watchdogs would take to expire."""
        for pump in self.conductor.pumps.values():
            pump.watchdog_proof = "proved"
        for command in commands(self.preflight(), lambda: 0):
            self.conductor.submit(command, lambda _answer: None)

    def preflight(self) -> tuple[PreflightItem, ...]:
        return self.conductor.preflight.items(self.clock.now_ns())

    def send(self, command: Any) -> None:
        if isinstance(command, Start):
            self.prepare()
        self.conductor.submit(command, self.answers.append)

    def texts(self, *kinds: EventKind) -> list[str]:
        return [e.text for e in self.sink.events if e.kind is not EventKind.WIRE and (not kinds or e.kind in kinds)]

    def alarm_ids(self) -> set[str]:
        """Every alarm that was ever raised."""
        raised = [e for e in self.sink.events if e.kind is EventKind.ALARM and e.data["change"] == "raised"]
        return {str(e.data["alarm"]) for e in raised}

    def true_ul(self) -> float:
        return float(self.bench.truth()["pumps"]["drug"]["true_delivered_ul"])

    def wire_out(self, needle: bytes) -> list[int]:
        """Return when bytes containing ``needle`` went to the pump."""
        times = []
        for event in self.sink.events:
            if event.kind is EventKind.WIRE:
                for line in event.text.splitlines():
                    offset, way, data = line.split(" ", 2)
                    if way == "out" and needle.decode() in data:
                        times.append(event.t_ns + seconds(float(offset)))
        return times
