"""Two New Era pumps on one chain: each obeys and answers as if it were alone, whatever the other one does."""

from __future__ import annotations

import pytest

from drivers.capabilities import Motion, PumpAlarm
from drivers.clock import NS_PER_S
from drivers.compliance import PumpCompliance
from drivers.errors import DeviceReset, DriverError, ForeignTraffic, PortBusy, PortLost, ReplyTimeout
from drivers.new_era import NewEraPump
from drivers.new_era.framing import safe_command
from tests.drivers.chain_kit import Chain
from tests.drivers.kit import MS, Filter


class TestPumpOneWhileItsNeighbourInfuses(PumpCompliance):
    def set_up(self) -> Chain:
        return Chain()


class TestPumpOneBesideANeighbourInSafeMode(PumpCompliance):
    def set_up(self) -> Chain:
        chain = Chain(starts_neighbour=False)
        chain.neighbour.connect()
        chain.neighbour.arm_watchdog(200)
        return chain


class TestPumpOneInSafeModeBesideABasicNeighbour(PumpCompliance):
    def set_up(self) -> Chain:
        return Chain(of_pump_1={"saf": "200"})


def both(saf: int = 0) -> tuple[Chain, NewEraPump, NewEraPump]:
    """Return a chain with both pumps infusing since now."""
    chain = Chain(starts_neighbour=False)
    pumps = chain.neighbour, chain.driver()
    for pump in pumps:
        pump.connect()
        if saf:
            pump.arm_watchdog(saf)
        pump.program(chain.program())
    for pump in pumps:
        pump.start()
    return chain, *pumps


def once(filter_: Filter) -> Filter:
    """Apply a filter to the next chunk only."""
    rest = [filter_]
    return lambda data: rest.pop()(data) if rest else [(0.0, data)]


@pytest.mark.parametrize("saf", [0, 60])
def test_both_infuse_at_the_same_time_and_are_stopped_one_by_one(saf: int) -> None:
    chain, first, second = both(saf)
    chain.line.pass_s(3.0)
    assert first.status().motion is second.status().motion is Motion.INFUSING
    assert first.stop().motion.is_still
    moved_ul = chain.true_ul(0)
    chain.line.pass_s(3.0)
    assert chain.true_ul(0) == moved_ul
    assert second.status().motion is Motion.INFUSING
    chain.line.pass_s(30.0)
    assert chain.true_ul(1) == pytest.approx(20.0, rel=0.01)
    assert (first.foreign_count, second.foreign_count) == (0, 0)


def test_every_word_to_the_chain_has_an_address_and_none_is_for_all() -> None:
    """The network burst (a.8) and system commands would be heard by pumps that were not asked about."""
    chain, first, second = both(60)
    first.stop()
    second.stop()
    for packet in chain.line.sent:
        text = packet[2:] if packet.startswith(b"\x02") else packet
        assert text[:1] in (b"0", b"1"), packet
        assert b"*" not in text
    assert {packet[:1] for packet in chain.line.sent} == {b"0", b"1", b"\x02"}


def test_two_drivers_with_the_same_address_are_refused() -> None:
    chain = Chain()
    with pytest.raises(PortBusy, match="address 0"):
        chain.pump(0).connect()


@pytest.mark.parametrize("address", [1, 2])
def test_R39_an_answer_of_the_other_pump_is_no_answer_and_one_from_nobody_is_foreign_traffic(address: int) -> None:
    chain, first, _second = both()
    wrong = once(lambda data: [(0.0, b"\x02%02d" % address + data[3:])])
    chain.line.from_device = wrong
    if address == 1:
        assert first.status().motion is Motion.INFUSING, "asked again"
        assert first.foreign_count == 0
    else:
        with pytest.raises(ForeignTraffic, match="pump 2"):
            first.status()


def test_an_alarm_that_the_other_pump_pushes_is_neither_answer_nor_foreign_and_reaches_its_own_driver() -> None:
    chain, first, second = both(60)
    chain.line.from_device = once(lambda data: [(0.0, safe_command("01A?S") + data)])
    assert first.status().motion is Motion.INFUSING
    chain.plungers[1].drive(chain.plungers[1]._speed, chain.clock.now_ns())
    chain.plungers[1].blocked = True
    chain.line.pass_s(2.0)
    assert first.status().alarm is None
    assert second.status().alarm is PumpAlarm.STALL
    assert (first.foreign_count, second.foreign_count) == (0, 0)


@pytest.mark.parametrize("delay_s", [0.5, 0.7, 1.5])
def test_L7_a_late_answer_of_one_pump_does_not_disturb_the_other(delay_s: float) -> None:
    chain, first, second = both()
    chain.line.from_device = once(lambda data: [(delay_s, data)])
    with pytest.raises(ReplyTimeout):
        first.link.once("DIS", bool)
    for _poll in range(20):
        assert second.status().motion is Motion.INFUSING
        chain.line.pass_s(0.1)
    assert first.status().motion is Motion.INFUSING
    assert (first.foreign_count, second.foreign_count) == (0, 0)


def test_R38_power_cycle_of_one_pump_is_a_reset_of_that_pump_only() -> None:
    chain, first, second = both()
    chain.power_cycle()
    assert first.status().motion is Motion.INFUSING
    with pytest.raises(DeviceReset):
        second.status()
    assert first.status().alarm is None
    assert second.status().motion is Motion.STOPPED


def test_R33_a_mute_pump_does_not_keep_the_other_from_its_stop() -> None:
    chain, first, second = both()
    chain.firmwares[1].power_off(chain.clock.now_ns())
    with pytest.raises(ReplyTimeout):
        second.status()
    asked_ns = chain.clock.now_ns()
    assert first.stop().motion.is_still
    assert chain.clock.now_ns() - asked_ns < 500 * MS
    with pytest.raises(DriverError, match="NOT CONFIRMED STOPPED"):
        second.stop()


def test_R37_a_cut_cable_is_lost_for_both_and_each_comes_back_by_connect_or_stop() -> None:
    chain, first, second = both()
    chain.unplug()
    for pump in (first, second):
        with pytest.raises(PortLost):
            pump.status()
    chain.plug()
    assert first.stop().motion.is_still
    with pytest.raises(PortLost):
        second.status()
    second.connect()
    assert second.status().motion is Motion.INFUSING


def test_L9_a_babbling_chain_costs_bounded_time() -> None:
    chain, first, second = both()
    chain.line.from_device = lambda _data: [(0.001 * n, b"\xaa" * 1000) for n in range(500)]
    for pump in (first, second):
        asked_ns = chain.clock.now_ns()
        with pytest.raises(DriverError):
            pump.status()
        assert chain.clock.now_ns() - asked_ns < 3 * NS_PER_S
    chain.line.from_device = lambda data: [(0.0, data)]
    chain.line.pass_s(1.0)
    assert first.stop().motion.is_still
    assert second.stop().motion.is_still


def test_R42_asking_one_pump_does_not_feed_the_watchdog_of_the_other() -> None:
    chain, first, second = both(3)
    for _poll in range(6):
        chain.line.pass_s(1.0)
        assert first.status().motion is Motion.INFUSING
    status = second.status()
    assert (status.motion, status.alarm) == (Motion.STOPPED, PumpAlarm.WATCHDOG)
    assert chain.true_ul(1) <= 50.0 / 60 * 3.5


def test_R41_where_packets_for_a_sibling_feed_a_watchdog_a_silent_computer_still_stops_both() -> None:
    """Whether they do is not known [?]: then polling one pump keeps the other one going, but only while we live."""
    chain = Chain({"sibling_packets_feed": "true"}, starts_neighbour=False)
    pumps = chain.neighbour, chain.driver()
    for pump in pumps:
        pump.connect()
        pump.arm_watchdog(3)
        pump.program(chain.program())
        pump.start()
    for _poll in range(6):
        chain.line.pass_s(1.0)
        pumps[0].status()
    assert chain.true_ul(1) > 4.5
    moved_ul = chain.true_ul(0), chain.true_ul(1)
    chain.line.pass_s(30.0)
    for address, before_ul in enumerate(moved_ul):
        assert chain.true_ul(address) - before_ul <= 50.0 / 60 * 3.6
