"""Finding out who is on a line: each family by its own simulator, baud rates tried, strangers and silence."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from drivers import registry
from drivers.capabilities import Identity
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import DriverError, NotEncodable, ReplyTimeout, WrongInstrument
from drivers.finding import LONGEST_S, Finder, Found
from drivers.new_era.probes import BROKEN_PACKET
from drivers.transport import LineSettings
from tests.drivers.kit import URL, FirmwareLine
from tests.drivers.test_any_bytes import NonsenseLine
from tests.drivers.test_finding_matrix import CASES, SIMULATORS, Bench, Prepare, alarmed, running, watched

FAMILIES = {name: registry.traits(registry.driver(name)).probes for name in registry.names(registry.DRIVERS)}
FOUND_AS = {
    registry.twin(name): name for name, probes in FAMILIES.items() if any(not probe.named_only for probe in probes(0))
}


BY_NAME = {"pinnacle-8401"}
"""Quiet, they answer nothing that is harmless to everybody: they are found only if a person names them."""


def find(line: FirmwareLine, **more: Any) -> Found:
    return Finder(line, line.clock, FAMILIES, **more).find(URL)


@dataclass
class AtOneSpeed:
    """A line to an instrument that listens at one speed only; at others nothing arrives whole, either way."""

    line: FirmwareLine
    baud: int
    simulated: bool = True
    opened: list[int] = field(default_factory=list)

    def open(self, url: str, settings: LineSettings) -> FirmwareLine:
        self.opened.append(settings.baud)
        right = settings.baud == self.baud
        self.line.to_device = (lambda data: data) if right else (lambda _data: b"")
        self.line.from_device = (lambda data: [(0.0, data)]) if right else (lambda data: [(0.0, b"\xf8" * len(data))])
        return self.line.open(url, settings)


@pytest.mark.parametrize("simulator", sorted(FOUND_AS))
def test_each_family_is_found_as_itself_and_as_its_driver_knows_it(simulator: str) -> None:
    """The rig's model and serial number, written from what is found, must be those that connecting compares (R19)."""
    bench = Bench(simulator)
    if simulator in BY_NAME:
        with pytest.raises(ReplyTimeout, match=r"pinnacle-8401, .* unless it is named \(--family"):
            find(bench.line)
        family = FOUND_AS[simulator]
        found = Finder(bench.line, bench.clock, {family: FAMILIES[family]}, named=True).find(URL)
    else:
        found = find(bench.line)
    told: Identity = bench.device.connect()
    assert found.family == FOUND_AS[simulator]
    assert (found.finding.identity.model, found.finding.identity.serial_number) == (told.model, told.serial_number)
    assert found.finding.identity.firmware.partition(" (")[0] == told.firmware.partition(" (")[0]


@pytest.mark.parametrize("simulator", sorted(FOUND_AS))
def test_an_instrument_at_work_is_found_and_works_on(simulator: str) -> None:
    asked, twin = Bench(simulator), Bench(simulator)
    for bench in (asked, twin):
        running(bench)
    found = find(asked.line)
    twin.line.pass_s((asked.clock.now_ns() - twin.clock.now_ns()) / NS_PER_S)
    assert found.family == FOUND_AS[simulator]
    for bench in (asked, twin):
        bench.passes(1.0)
    assert asked.state() == twin.state()


@pytest.mark.parametrize(("simulator", "options", "prepare"), CASES)
def test_whatever_it_does_an_instrument_is_never_taken_for_one_of_another_family(
    simulator: str, options: dict[str, str], prepare: Prepare
) -> None:
    bench = Bench(simulator, options)
    prepare(bench)
    family = ""
    with suppress(ReplyTimeout, WrongInstrument):
        family = find(bench.line).family
    assert family in ("", FOUND_AS.get(simulator, ""))


@pytest.mark.parametrize("simulator", ["emstat", "rodeostat", "pinnacle-8401"])
def test_who_speaks_by_itself_is_asked_nothing(simulator: str) -> None:
    bench = Bench(simulator)
    running(bench)
    bench.line.sent.clear()
    assert "left alone" in find(bench.line).finding.notes[0]
    assert bench.line.sent == []


@pytest.mark.parametrize(
    ("simulator", "baud"),
    [("new-era", 19_200), ("new-era", 9600), ("harvard-ultra", 9600), ("harvard-ultra", 115_200), ("chemyx", 38_400),
     ("chemyx", 9600), ("emstat", 230_400), ("emstat", 921_600), ("rodeostat", 115_200), ("wpi-micro4", 9600),
     ("harvard-22", 9600), ("harvard-22", 19_200)],
)  # fmt: skip
def test_baud_rates_are_tried(simulator: str, baud: int) -> None:
    line = AtOneSpeed(Bench(simulator).line, baud)
    found = Finder(line, line.line.clock, FAMILIES).find(URL)
    assert (found.family, found.baud) == (FOUND_AS[simulator], baud)


def test_a_line_that_takes_any_speed_is_told_of_by_the_usual_one() -> None:
    assert find(Bench("harvard-ultra").line).baud == 115_200
    assert find(Bench("emstat").line).baud == 230_400


def test_only_the_named_speed_is_opened() -> None:
    line = AtOneSpeed(Bench("new-era").line, 9600)
    assert Finder(line, line.line.clock, FAMILIES, baud=9600).find(URL).baud == 9600
    assert set(line.opened) == {9600}


def test_an_alarm_that_the_question_acknowledges_is_told() -> None:
    bench = Bench("new-era")
    alarmed(bench)
    found = find(bench.line)
    assert found.finding.identity.model == "NE-1000"
    assert any("STALL" in note for note in found.finding.notes)


def test_a_pump_in_safe_mode_is_recognised_without_feeding_its_watchdog_and_asked_more_only_by_name() -> None:
    """R41, R42: a watchdog may be fed by nobody but the engine. (The matrix shows that the question feeds none.)"""
    bench = Bench("new-era")
    watched(bench)
    bench.line.sent.clear()
    found = find(bench.line)
    assert found.family == "new-era"
    assert found.finding.identity.model == ""
    assert "--family new-era" in found.finding.notes[-1]
    assert BROKEN_PACKET in bench.line.sent
    named = Finder(bench.line, bench.clock, {"new-era": FAMILIES["new-era"]}, named=True).find(URL)
    assert named.finding.identity.model == "NE-1000"


def test_a_source_measure_unit_is_found_only_by_name() -> None:
    bench = Bench("scpi-smu")
    with pytest.raises(ReplyTimeout):
        find(bench.line)
    found = Finder(bench.line, bench.clock, {"scpi-smu": FAMILIES["scpi-smu"]}, named=True).find(URL)
    told = bench.device.connect()
    assert found.baud == 9600
    assert (found.finding.identity.model, found.finding.identity.serial_number) == (told.model, told.serial_number)


def test_a_pump_on_a_shared_line_is_asked_by_its_address() -> None:
    line = Bench("new-era", {"address": "7", "power_up_alarm": "0"}).line
    assert find(line, address=7).finding.identity.model == "NE-1000"
    unasked = find(line).finding  # by the broken packet, which names nobody
    assert unasked.address == 7
    assert "--address 7" in unasked.notes[-1]


def test_an_address_is_refused_where_no_family_has_any() -> None:
    line = Bench("emstat").line
    with pytest.raises(NotEncodable, match="address"):
        Finder(line, line.clock, {"methodscript": FAMILIES["methodscript"]}, address=3).find(URL)


@dataclass
class Silence:
    clock: VirtualClock = field(default_factory=VirtualClock)
    says: bytes = b""
    simulated: bool = True
    port: str = URL

    def open(self, url: str, settings: LineSettings) -> Silence:
        return self

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self.clock.jump_ns(round(timeout_s * NS_PER_S))
        return self.says

    def write(self, data: bytes, timeout_s: float) -> None:
        assert not self.says, "who speaks by itself is asked nothing"

    def discard_input(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


def test_silence_ends_in_its_own_error_within_the_limit() -> None:
    line = Silence()
    with pytest.raises(ReplyTimeout, match="nobody answers"):
        Finder(line, line.clock, FAMILIES).find(URL)
    assert line.clock.now_ns() < (LONGEST_S + 3) * NS_PER_S


def test_a_stranger_that_talks_is_asked_nothing() -> None:
    line = Silence(says=b"$GPGGA,123519,4807.038,N\r\n")
    with pytest.raises(WrongInstrument, match="by itself"):
        Finder(line, line.clock, FAMILIES).find(URL)
    assert line.clock.now_ns() < (LONGEST_S + 10) * NS_PER_S


@pytest.mark.parametrize("seed", range(30))
def test_nonsense_ends_in_a_named_error_in_bounded_time(seed: int) -> None:
    line = NonsenseLine(np.random.default_rng(seed))
    told = ""
    try:
        told = str(Finder(line, line.clock, FAMILIES).find(URL))
    except DriverError as error:
        told = str(error)
    assert told.isprintable()
    assert line.clock.now_ns() < 60 * NS_PER_S


def test_every_installed_simulator_with_a_driver_that_can_be_looked_for_is_tested_here() -> None:
    assert set(FOUND_AS) <= set(SIMULATORS)
    assert {"new-era", "harvard-ultra", "chemyx", "emstat", "rodeostat", "wpi-micro4"} <= set(FOUND_AS)
