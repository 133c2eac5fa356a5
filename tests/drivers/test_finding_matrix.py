"""A question put to a line on which anything may listen changes nothing in whatever does.

Every question that a scan may ask x every installed simulator x what it may be doing x every speed at which it may
listen: the instrument is compared with a twin that was asked nothing. No plunger moves otherwise, no cell is switched,
no setting differs, nothing that runs ends, nothing that stands starts. Whoever adds an instrument is in here by its
entry points alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from drivers import registry
from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings, OptionValue, PumpProgram
from drivers.clock import NS_PER_S
from drivers.errors import NotEncodable
from drivers.probing import Probe
from tests.drivers.firmware_state import state
from tests.drivers.kit import URL, ConstantCell, FirmwareLine, IdealPlunger
from tests.drivers.uart import all_heard

SIMULATORS = registry.names(registry.SIMULATORS)
DRIVERS = registry.names(registry.DRIVERS)
SLOW = (300, 1200, 2400)
LISTENS = {
    "new-era": (*SLOW, 9600, 19_200),
    "chemyx": (9600, 38_400, 115_200),
    "emstat": (230_400, 921_600),
    "wpi-micro4": (9600,),
    "rodeostat": (),  # USB alone: no speed
    "pinnacle-8401": (),
}
"""Speeds at which an instrument may be set to listen; others: all of these."""
ANY_SPEED = (*SLOW, 9600, 19_200, 38_400, 57_600, 115_200, 230_400)
IGNORED = {
    "new-era": frozenset({"_alarm"}),
    "scpi-smu": frozenset({"_errors"}),
    "emstat": frozenset({"_now_ns"}),
}
"""A pending alarm is acknowledged by any question to this family [M]; that it is told then is tested beside. An SCPI
instrument notes in its error queue what it did not understand; nothing else comes of that. A simulated EmStat keeps
when it was last told something, as the time of what it answers."""
SETTINGS: dict[str, dict[str, OptionValue]] = {"pinnacle-8401": {"preamp": "8407-2BIO"}}
"""What a driver must be told before it measures."""
PROGRAMS = (PumpProgram(4.699, 50.0, 500.0), PumpProgram(4.61, 5.0, 100.0), PumpProgram(0.46, 0.5, 5.0))


def probes_of(name: str) -> tuple[Probe, ...]:
    return registry.traits(registry.driver(name)).probes(0)


UNASKED = [(name, probe) for name in DRIVERS for probe in probes_of(name) if not probe.named_only]
QUESTIONS = sorted({(probe.question, baud) for _name, probe in UNASKED for baud in probe.bauds})


@dataclass
class Bench:
    """One simulated instrument, with its driver."""

    simulator: str
    options: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        build = registry.simulator(self.simulator)
        self.physics: Any = IdealPlunger() if build.kind == "pump" else ConstantCell()
        self.line = FirmwareLine(build("it", self.physics, self.options, np.random.default_rng(1)))
        self.clock = self.line.clock
        self.said = b""
        driver = next((name for name in DRIVERS if registry.twin(name) == self.simulator), None)
        self.traits = registry.traits(registry.driver(driver)) if driver else None
        self.device: Any = self._driver(driver) if driver else None

    def _driver(self, name: str) -> Any:
        options = DriverOptions("it", settings=SETTINGS.get(name, {}))
        return registry.driver(name)(self.line, URL, self.clock, options)

    def runs(self) -> None:
        """Let it infuse, or measure, as its own driver does."""
        self.device.connect()
        if registry.simulator(self.simulator).kind == "pump":
            self.device.program(self._program())
            self.device.start()
        else:
            self.device.start(self._settings(0.2))

    def _program(self) -> PumpProgram:
        for program in PROGRAMS:
            try:
                self.device.quantised(program)
            except NotEncodable:
                continue
            return program
        raise AssertionError("none of the programs suits this pump")

    def _settings(self, interval_s: float) -> AmperometrySettings:
        electrode = ElectrodeSettings("it", self.traits.electrodes[0] if self.traits else "we1", 50e-9)
        return self.device.checked(AmperometrySettings(0.6, interval_s, (electrode,)))  # type: ignore[no-any-return]

    def hears(self, data: bytes) -> None:
        self.line.firmware.receive(data, self.clock.now_ns())

    def passes(self, seconds: float) -> None:
        until_ns = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until_ns:
            self.clock.sleep_until_ns(min(until_ns, self.clock.now_ns() + NS_PER_S // 10))
            self.said += self.line.firmware.transmit(self.clock.now_ns())

    def state(self) -> object:
        now_ns = self.clock.now_ns()
        moved = self.physics.travelled_mm(now_ns) if isinstance(self.physics, IdealPlunger) else 0.0
        return [state(self.line.firmware, IGNORED.get(self.simulator, frozenset())), state(self.physics), moved]


Prepare = Callable[[Bench], None]


def idle(bench: Bench) -> None:
    del bench


def connected(bench: Bench) -> None:
    bench.device.connect()


def running(bench: Bench) -> None:
    bench.runs()


def stopped(bench: Bench) -> None:
    bench.runs()
    bench.passes(1.0)
    bench.device.stop()


def target_reached(bench: Bench) -> None:
    bench.runs()
    bench.passes(900.0)


def watched(bench: Bench) -> None:
    """In Safe mode, running, and nobody feeds the watchdog any more."""
    bench.device.connect()
    bench.device.arm_watchdog(30)
    bench.device.program(PROGRAMS[0])
    bench.device.start()


def watched_after_power_cut(bench: Bench) -> None:
    """In Safe mode and running by itself again, with a watchdog that the first valid packet would arm."""
    watched(bench)
    bench.line.firmware._memory.flags["PF"] = "1"  # type: ignore[attr-defined] # as somebody has set it on the keypad
    bench.line.firmware.power_off(bench.clock.now_ns())
    bench.passes(1.0)
    bench.line.firmware.power_on(bench.clock.now_ns())


def alarmed(bench: Bench) -> None:
    bench.runs()
    bench.physics.blocked = True
    bench.passes(5.0)


def sent(data: bytes) -> Prepare:
    def prepare(bench: Bench) -> None:
        bench.hears(data)
        bench.passes(1.0)

    return prepare


GENERIC = {"idle": idle, "connected": connected, "running": running, "stopped": stopped}
SPECIAL: dict[str, dict[str, Prepare]] = {
    "new-era": {
        "watched": watched, "watched after a power cut": watched_after_power_cut, "alarmed": alarmed,
        "target reached": target_reached, "half a line": sent(b"0RU"), "half a packet": sent(b"\x02\x08SAF"),
    },
    "harvard-ultra": {
        "target reached": target_reached, "stalled": alarmed, "polled remotely": sent(b"poll remote\r"),
        "half a line": sent(b"iru"),
    },
    "chemyx": {"paused": sent(b"start\rpause\r"), "stalled": alarmed, "half a line": sent(b"sto")},
    "emstat": {
        "loaded": sent(b"l\nset_e 500m\ncell_on\n\n"), "measures slowly": sent(
            b"e\nvar p\nvar c\nset_e 600m\ncell_on\nmeas_loop_ca p c 600m 20 100\npck_start\npck_add c\npck_end\n"
            b"endloop\n\n"
        ), "halted": sent(b"e\nvar p\nvar c\nset_e 600m\ncell_on\nmeas_loop_ca p c 600m 100m 100\npck_start\n"
            b"pck_add c\npck_end\nendloop\n\nh\n"),
    },
    "rodeostat": {"half a line": sent(b'{"command":"run')},
}  # fmt: skip
VARIANTS: dict[str, tuple[dict[str, str], ...]] = {
    "wpi-micro4": ({"terminator": "semicolon"}, {"terminator": "cr", "unknown": "error"}, {"echo": "off"}),
    "harvard-ultra": ({"echo": "1", "poll": "on"}, {"quick_start": "0"}, {"address": "5"}),
    "chemyx": ({"echo": "0"},),
    "new-era": ({"saf": "5"}, {"old_firmware": "1"}, {"address": "5"}),
    "harvard-22": ({"model": "33"}, {"model": "oem"}, {"line_ends": "lf", "address_digits": "none"}, {"address": "5"}),
    "emstat": ({"model": "es4"}, {"version": ""}),
}
"""Doubtful behaviours that change what is heard as what; each idle, its own driver may not know how to start it."""
CASES = [
    pytest.param(simulator, {}, prepare, id=f"{simulator}, {name}")
    for simulator in SIMULATORS
    for name, prepare in {**GENERIC, **SPECIAL.get(simulator, {})}.items()
    if prepare is idle or any(registry.twin(driver) == simulator for driver in DRIVERS)
] + [
    pytest.param(simulator, options, idle, id=f"{simulator}, {options}")
    for simulator in SIMULATORS
    for options in VARIANTS.get(simulator, ())
]


def may_be_heard(simulator: str) -> list[bytes]:
    """Return all that an instrument may hear of a scan: the questions as they are, and at its own speed."""
    pieces: dict[bytes, None] = {}
    for question, baud in QUESTIONS:
        pieces[question] = None
        for listening in LISTENS.get(simulator, ANY_SPEED):
            if listening != baud:
                pieces.update(dict.fromkeys(sorted(all_heard(question, baud, listening))))
    return list(pieces)


@pytest.mark.parametrize(("simulator", "options", "prepare"), CASES)
def test_no_question_changes_anything_in_any_instrument(
    simulator: str, options: dict[str, str], prepare: Prepare
) -> None:
    compare(Bench(simulator, options), Bench(simulator, options), prepare, may_be_heard(simulator))


@pytest.mark.parametrize(("simulator", "options", "prepare"), CASES)
def test_no_further_question_changes_anything_in_the_family_that_gets_to_hear_it(
    simulator: str, options: dict[str, str], prepare: Prepare
) -> None:
    own = [probe for name, probe in UNASKED if registry.twin(name) == simulator]
    pieces = [piece for probe in own for piece in (probe.question, *probe.details)]
    compare(Bench(simulator, options), Bench(simulator, options), prepare, pieces)


def compare(asked: Bench, twin: Bench, prepare: Prepare, pieces: list[bytes]) -> None:
    """Let one instrument hear the pieces and its twin nothing; fail at the first difference."""
    for bench in (asked, twin):
        prepare(bench)
        bench.passes(0.2)
    assert asked.state() == twin.state(), "the comparison itself must hold"
    for piece in pieces:
        asked.hears(piece)
        for bench in (asked, twin):
            bench.passes(0.7)
        assert asked.state() == twin.state(), f"{piece!r} has changed something"
    for bench in (asked, twin):
        bench.passes(40.0)  # what was begun, or ended, by a question would show by now
    assert asked.state() == twin.state()
    if registry.simulator(asked.simulator).kind == "potentiostat":
        assert is_within(twin.said, asked.said), "samples were lost"


def is_within(fewer: bytes, more: bytes) -> bool:
    """Tell whether all lines of ``fewer`` are in ``more``, in their order."""
    rest = iter(more.replace(b"\r", b"\n").split(b"\n"))
    return all(any(line == other for other in rest) for line in fewer.replace(b"\r", b"\n").split(b"\n") if line)


def test_the_comparison_notices_what_a_question_must_not_do() -> None:
    """One that moves, one that sets, one that stops: else the test above would prove nothing."""
    for simulator, prepare, bad in (
        ("new-era", running, b"stp\r"), ("new-era", connected, b"dia 5\r"), ("harvard-ultra", connected, b"irun\r"),
        ("harvard-ultra", idle, b"poll on\r"), ("chemyx", running, b"pause\r"), ("emstat", running, b"\nZ\n"),
        ("wpi-micro4", running, b"H\r"), ("wpi-micro4", idle, b"ver\rV5\r"),
        ("new-era", watched, b"\x02\x08\x30VER\x48\x09\x03"), ("emstat", idle, b"l\nset_e 5m\n\n"),
    ):  # fmt: skip
        asked, twin = Bench(simulator), Bench(simulator)
        for bench in (asked, twin):
            prepare(bench)
            bench.passes(0.2)
        asked.hears(bad)
        for bench in (asked, twin):
            bench.passes(0.7)
        assert asked.state() != twin.state(), bad


# --- the rules of drivers.probing, for whoever adds a family ---

MICRO4_LETTERS = b"VCRIWGHSMLNPDTUZB"


@pytest.mark.parametrize(("question", "baud"), QUESTIONS)
def test_no_question_holds_a_command_of_a_micro4(question: bytes, baud: int) -> None:
    """It listens at 9600 baud to single capitals, G = go; ``?`` and a letter is a question of its own."""
    for text in {question, *all_heard(question, baud, 9600)}:
        plain = text.replace(b"?V", b"").replace(b"?C", b"")
        assert not set(plain) & set(MICRO4_LETTERS), text


@pytest.mark.parametrize(("question", "baud"), QUESTIONS)
def test_no_question_is_or_holds_an_empty_line_at_any_speed(question: bytes, baud: int) -> None:
    """A lone CR stops older KDS pumps [M] and acknowledges a New Era pump's alarm; an empty line runs a script."""
    assert not question.startswith((b"\r", b"\n"))
    assert b"\r\r" not in question
    assert b"\n\n" not in question
    assert question.count(b"\n") <= 1
    for listening in ANY_SPEED:
        if listening != baud:
            for text in all_heard(question, baud, listening):
                assert b"\r" not in text, (listening, text)


@pytest.mark.parametrize(("name", "probe"), UNASKED)
def test_no_port_is_opened_unasked_at_a_speed_that_starts_a_bootloader(name: str, probe: Probe) -> None:
    assert min(probe.bauds) >= 9600, name
