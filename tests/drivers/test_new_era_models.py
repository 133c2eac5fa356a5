"""Models, firmware ages and baud rates of the New Era family: what differs, and that the driver copes or says no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers import registry
from drivers.capabilities import DriverOptions, Motion, SyringePump
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import DeviceRefused, DriverError, LineTaken, ReadbackMismatch, ReplyTimeout, WrongInstrument
from drivers.new_era import NewEraPump
from drivers.new_era.codec import speed_limits
from drivers.shared_line import SharedLines
from drivers.transport import LineSettings, Transport, TransportOpener
from tests.drivers.test_compliance_new_era import NewEraSetUp


def connected(**options: str) -> tuple[NewEraSetUp, NewEraPump]:
    bench = NewEraSetUp(options)
    pump = bench.driver()
    pump.connect()
    return bench, pump


@pytest.mark.parametrize(
    ("options", "model", "firmware"),
    [
        ({"model": "ne-300"}, "NE-300", "3.928"),
        ({"model": "ne-500"}, "NE-500", "3.928"),
        ({"model": "ne-1000"}, "NE-1000", "3.928"),
        ({"model": "al-1000"}, "NE-1000", "3.928"),
        ({"model": "ne-1000x"}, "NE-1000X", "3.928"),
        ({"model": "ne-1000x2"}, "NE-1000X2", "3.928"),
        ({"model": "ne-1002x"}, "NE-1002X", "3.928"),
        ({"model": "ne-4000"}, "NE-4000", "3.928"),
        ({"old_firmware": "true"}, "NE-1000", "3.70"),
        ({"version": "NE1600V3.923"}, "NE-1600", "3.923"),
    ],
)
def test_every_model_says_who_it_is(options: dict[str, str], model: str, firmware: str) -> None:
    bench = NewEraSetUp(options)
    identity = bench.driver().connect()
    assert (identity.model, identity.firmware) == (model, firmware)


def test_a_peristaltic_pump_is_refused_and_nothing_is_set_on_it() -> None:
    bench = NewEraSetUp({"version": "NE9000V3.50"})
    pump = bench.driver()
    with pytest.raises(WrongInstrument, match="peristaltic"):
        pump.connect()
    with pytest.raises(DriverError, match="connect first"):
        pump.program(bench.program())
    assert set(bench.line.sent) == {b"0VER\r"}


@pytest.mark.parametrize("model", ["NE-300", "NE-500", "NE-1002X"])
def test_speed_limits_that_nobody_told_are_not_made_up(model: str) -> None:
    limits = speed_limits(model)
    assert (limits.lowest_mm_per_min, limits.highest_mm_per_min) == (None, None)


def test_where_limits_are_not_known_the_pump_itself_refuses_and_the_message_says_so() -> None:
    bench, pump = connected(model="ne-300")
    fast = replace(bench.program(), rate_ul_per_min=5000.0, target_ul=5000.0)
    assert pump.quantised(fast).rate_ul_per_min == 5000.0
    with pytest.raises(DeviceRefused, match=r"OOR.*only the pump knows its limits"):
        pump.program(fast)
    assert not any(b"RUN" in packet for packet in bench.line.sent)


def test_a_pump_with_other_limits_than_supposed_is_believed() -> None:
    _bench, pump = connected(highest_mm_per_min="1.0")
    with pytest.raises(DeviceRefused, match="OOR"):
        pump.program(NewEraSetUp({}).program())


def test_an_ne_4000_is_faster_than_an_ne_1000() -> None:
    bench, pump = connected(model="ne-4000")
    fast = replace(bench.program(), rate_ul_per_min=2000.0, target_ul=500.0)
    assert pump.program(fast) == fast
    _bench, slower = connected()
    assert slower.rate_limits_ul_per_min(4.699)[1] == pytest.approx(884.5, abs=0.1)


def test_a_small_model_without_programs_ends_with_its_target_all_the_same() -> None:
    bench, pump = connected(model="ne-300")
    pump.program(bench.program())
    pump.start()
    bench.line.pass_s(60.0)
    assert pump.status().motion is Motion.STOPPED
    assert bench.moved_ul() == pytest.approx(20.0, rel=0.01)


def test_a_leftover_second_phase_is_closed_on_every_model_that_has_one() -> None:
    for model in ("ne-500", "ne-1000", "ne-1000x2", "ne-1002x", "ne-4000"):
        bench, pump = connected(model=model, leftover_ul_per_min="100")
        pump.program(bench.program())
        pump.start()
        bench.line.pass_s(120.0)
        assert bench.moved_ul() == pytest.approx(20.0, rel=0.01), model


@pytest.mark.parametrize("known", ["true", "false"])
def test_a_volume_unit_that_somebody_has_set_is_undone_or_refused(known: str) -> None:
    bench, pump = connected(stored_volume_unit="ML", volume_unit_outlives_diameter="true", volume_unit_command=known)
    if known == "true":
        assert pump.program(bench.program()) == bench.program()
    else:
        with pytest.raises(ReadbackMismatch, match="counts volumes in ML"):
            pump.program(bench.program())


def test_the_keypad_is_unlocked_and_never_locked() -> None:
    """The pump's own key is the last way to stop it: LOC1 of a.9 is not used."""
    bench, pump = connected(loc="true")
    pump.program(bench.program())
    assert bench.line.firmware._memory.flags["LOC"] == "0"  # type: ignore[attr-defined]
    assert not any(b"LOC1" in packet for packet in bench.line.sent)


@pytest.mark.parametrize("old", ["true", "false"])
def test_power_failure_restart_and_trigger_are_off_where_the_pump_knows_how(old: str) -> None:
    bench, pump = connected(pf="true", old_firmware=old)
    pump.program(bench.program())
    flags = bench.line.firmware._memory.flags  # type: ignore[attr-defined]
    assert flags["PF"] == "0"
    assert flags["TRG"] == ("FT" if old == "true" else "OF")


def test_a_pump_that_somebody_has_paired_is_not_found_and_its_stop_not_confirmed() -> None:
    """It hears only commands for all, which are never sent (a.5)."""
    bench = NewEraSetUp({})
    bench.line.firmware.receive(b"*ADRDUAL\r", bench.clock.now_ns())
    bench.line.firmware.receive(b"*ADRDUAL\r", bench.clock.now_ns())  # the first one was answered A?R
    bench.line.firmware.transmit(bench.clock.now_ns())
    pump = bench.driver()
    with pytest.raises(ReplyTimeout):
        pump.connect()
    with pytest.raises(ReplyTimeout, match="NOT CONFIRMED STOPPED"):
        pump.stop()
    assert not any(b"*" in packet for packet in bench.line.sent)


# --- baud rates, on lines that carry noise at a wrong one ---


class Counting:
    """Remembers at which baud rates a port was opened."""

    simulated = True

    def __init__(self, inner: TransportOpener) -> None:
        self.inner = inner
        self.bauds: list[int] = []

    def open(self, url: str, settings: LineSettings) -> Transport:
        self.bauds.append(settings.baud)
        return self.inner.open(url, settings)


def on_bench(set_to: int, **options: object) -> tuple[SyringePump, TransportOpener, VirtualClock, Counting]:
    clock = VirtualClock()
    world = {"pumps": {"a": {"url": f"sim://new-era?baud={set_to}"}}}
    opener = Counting(registry.bench()(clock, world, 1, ()))
    pump = registry.driver("new-era")(opener, f"sim://new-era?baud={set_to}", clock, DriverOptions("a", **options))  # type: ignore[arg-type]
    assert isinstance(pump, SyringePump)
    return pump, opener, clock, opener


@pytest.mark.parametrize("baud", [19200, 9600, 2400, 1200])
def test_a_pump_is_found_at_any_usual_baud_rate_and_there_at_once_the_next_time(baud: int) -> None:
    pump, _opener, clock, opened = on_bench(baud)
    assert pump.connect().model == "NE-1000"
    assert opened.bauds[-1] == baud
    pump.close()
    before_ns, tries = clock.now_ns(), len(opened.bauds)
    pump.connect()
    assert opened.bauds[tries:] == [baud]
    assert clock.now_ns() - before_ns < NS_PER_S
    assert pump.stop().motion.is_still


def test_300_baud_is_used_where_the_rig_says_so_and_not_tried_otherwise() -> None:
    pump, *_rest = on_bench(300)
    with pytest.raises(DriverError, match="19200 or 9600 or 2400 or 1200 baud"):
        pump.connect()
    told, _opener, _clock, opened = on_bench(300, baud=300)
    told.connect()
    assert opened.bauds == [300]
    assert told.status().motion is Motion.STOPPED
    assert told.stop().motion.is_still


def test_a_baud_rate_in_the_rig_is_the_only_one_tried() -> None:
    pump, _opener, _clock, opened = on_bench(9600, baud=19200)
    with pytest.raises(DriverError):
        pump.connect()
    assert opened.bauds == [19200]


@pytest.mark.parametrize("baud", [9600, 2400, 1200])
def test_R33_a_stop_before_connect_finds_the_baud_rate_within_its_3_s(baud: int) -> None:
    pump, _opener, clock, _opened = on_bench(baud)
    assert pump.stop().motion.is_still
    assert clock.now_ns() < 3 * NS_PER_S


@pytest.mark.parametrize("first", [0, 1])
def test_pumps_of_a_chain_find_their_common_baud_rate_together(first: int) -> None:
    clock = VirtualClock()
    url = "/dev/ttyUSB0"
    world = {"pumps": {str(n): {"url": url, "address": n} for n in (0, 1)}}
    bench = registry.bench()(clock, world, 1, ())
    for instrument in bench._at(url):  # type: ignore[attr-defined]
        instrument.firmware.line_baud = 9600
    lines = SharedLines(bench, clock)
    pumps = [registry.driver("new-era")(lines, url, clock, DriverOptions(str(n), n)) for n in (0, 1)]
    pumps[first].connect()
    before_ns = clock.now_ns()
    pumps[1 - first].connect()
    assert clock.now_ns() - before_ns < NS_PER_S, "the second one finds the line tuned"


@pytest.mark.parametrize("shared", [False, True])
def test_a_pump_whose_baud_rate_was_changed_meanwhile_is_found_again(shared: bool) -> None:
    clock = VirtualClock()
    bench = registry.bench()(clock, {"pumps": {"a": {"url": "/dev/ttyUSB0"}}}, 1, ())
    firmware = bench._at("/dev/ttyUSB0")[0].firmware  # type: ignore[attr-defined]
    opener = SharedLines(bench, clock) if shared else bench
    pump = registry.driver("new-era")(opener, "/dev/ttyUSB0", clock, DriverOptions("a"))
    for baud in (9600, 19200, 1200):
        firmware.line_baud = baud
        pump.connect()
        pump.close()


def test_a_pump_of_a_chain_that_is_off_does_not_detune_the_line_of_the_other() -> None:
    clock = VirtualClock()
    url = "/dev/ttyUSB0"
    world = {"pumps": {str(n): {"url": url, "address": n} for n in (0, 1)}}
    opener = Counting(registry.bench()(clock, world, 1, ("1:power-cycle@0s+600s",)))
    lines = SharedLines(opener, clock)
    pumps = [registry.driver("new-era")(lines, url, clock, DriverOptions(str(n), n)) for n in (0, 1)]
    pumps[0].connect()
    with pytest.raises(ReplyTimeout, match="19200 baud and this address"):
        pumps[1].connect()
    assert opener.bauds == [19200]
    pumps[0].connect()


def test_R33_a_stop_that_finds_the_line_busy_while_it_looks_for_the_baud_rate_goes_on() -> None:
    clock = VirtualClock()
    url = "/dev/ttyUSB0"
    opener = registry.bench()(clock, {"pumps": {"0": {"url": url, "address": 0}}}, 1, ("0:power-cycle@0s+600s",))
    lines = SharedLines(opener, clock)
    pump = registry.driver("new-era")(lines, url, clock, DriverOptions("0", 0))
    assert isinstance(pump, NewEraPump)

    def busy() -> bool:
        raise LineTaken("other pumps held this line", port=url)

    pump.link.next_baud = busy  # type: ignore[method-assign]
    with pytest.raises(ReplyTimeout, match="NOT CONFIRMED STOPPED within 3 s"):
        pump.stop()
