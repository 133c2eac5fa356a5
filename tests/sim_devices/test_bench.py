"""The simulated bench: URLs, exclusive ports, one order of time, faults, and the same bytes for the same seed."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.clock import VirtualClock
from drivers.errors import PortBusy, PortLost, PortMissing
from drivers.transport import LineSettings, Transport
from sim_devices.bench import SimBench, build

S = 1_000_000_000
WORLD: dict[str, Any] = {
    "pumps": {"ketamine": {"url": "/dev/ttyUSB0", "simulator": "new-era", "loaded_ul": 600.0}},
    "potentiostats": {"head": {"url": "sim://emstat/head", "simulator": "emstat"}},
}
FAST = LineSettings(baud=230_400)
SETUP = ["DIA4.699", "RAT50.00UM", "VOL100.0", "DIRINF", "CLDINF", "RUN"]
SCRIPT = """e
var p
var c
var b
set_pgstat_mode 2
set_bipot_mode 1
set_range bb 100n
set_bipot_potential 700m
set_range ba 100n
set_e 700m
cell_on
meas_loop_ca p c 700m 100m 36000 add_meas(0 bb b)
pck_start
pck_add c
pck_add b
pck_end
endloop

"""


def make(*faults: str, world: dict[str, Any] | None = None, seed: int = 4) -> SimBench:
    return build(VirtualClock(), WORLD if world is None else world, seed, faults)


def ask(port: Transport, text: str) -> bytes:
    port.write(text.encode() + b"\r", 1.0)
    return until(port, b"\x03")


def until(port: Transport, end: bytes, timeout_s: float = 2.0) -> bytes:
    data = b""
    while not data.endswith(end):
        piece = port.read(256, timeout_s)
        if not piece:
            return data
        data += piece
    return data


def start_pump(bench: SimBench) -> Transport:
    pump = bench.open("/dev/ttyUSB0", LineSettings(baud=19_200))
    assert ask(pump, "VER") == b"\x0200A?R\x03"
    for text in SETUP[:-1]:
        assert ask(pump, text) == b"\x0200S\x03"
    assert ask(pump, "RUN") == b"\x0200I\x03"
    return pump


def wait(bench: SimBench, seconds: float) -> None:
    bench.clock.sleep_until_ns(bench.clock.now_ns() + round(seconds * S))


def test_the_url_of_a_real_port_leads_to_its_simulated_twin() -> None:
    bench = make()
    assert bench.simulated
    with_pump = bench.open("/dev/ttyUSB0", LineSettings())
    assert with_pump.port == "/dev/ttyUSB0"
    assert ask(with_pump, "") == b"\x0200A?R\x03"


def test_ports_are_exclusive_until_closed() -> None:
    bench = make()
    first = bench.open("/dev/ttyUSB0", LineSettings())
    with pytest.raises(PortBusy, match="ketamine"):
        bench.open("/dev/ttyUSB0", LineSettings())
    first.close()
    first.close()
    bench.open("/dev/ttyUSB0", LineSettings()).close()
    with pytest.raises(PortLost):
        first.read(1, 0.1)


NOT_THERE = ["/dev/ttyUSB9", "sim://nothing", "sim://", "sim://new-era?colour=red", "sim://emstat?fault=stall@1s",
             "sim://new-era?seed=x", "sim://new-era?fault=burn@1s"]  # fmt: skip


@pytest.mark.parametrize("url", NOT_THERE)
def test_ports_that_are_not_there_say_what_is(url: str) -> None:
    with pytest.raises(PortMissing):
        make().open(url, LineSettings())


def test_a_sim_url_outside_the_world_makes_an_instrument_with_its_options() -> None:
    bench = make(world={})
    port = bench.open("sim://new-era/left?address=7&saf=0&power_up_alarm=0", LineSettings())
    assert ask(port, "7VER") == b"\x0207SNE1000V3.928\x03"
    port.close()
    other = bench.open("sim://new-era/right?power_up_alarm=0", LineSettings())
    assert ask(other, "VER") == b"\x0200SNE1000V3.928\x03"
    assert bench.truth()["pumps"].keys() == {"left", "right"}


def test_two_instruments_on_one_port_are_refused() -> None:
    world = {"pumps": {"a": {"url": "X", "simulator": "chemyx"}, "b": {"url": "X", "simulator": "chemyx"}}}
    with pytest.raises(ValueError, match="same port"):
        make(world=world)


CHAIN: dict[str, Any] = {
    "pumps": {name: {"url": "/dev/ttyUSB0", "address": address} for name, address in (("left", 0), ("right", 1))}
}


def chain(*faults: str) -> tuple[SimBench, Transport]:
    bench = make(*faults, world=CHAIN)
    port = bench.open("/dev/ttyUSB0", LineSettings(baud=19_200))
    assert ask(port, "0VER") == b"\x0200A?R\x03"
    assert ask(port, "1VER") == b"\x0201A?R\x03"
    return bench, port


def test_pumps_of_one_url_hear_everything_and_answer_to_their_addresses() -> None:
    bench, port = chain()
    for address, rate in (("0", "60.00UM"), ("1", "30.00UM")):
        for text in (f"{address}DIA4.699", f"{address}RAT{rate}", f"{address}RUN"):
            assert ask(port, text)[:3] == b"\x020" + address.encode()
    wait(bench, 60)
    assert ask(port, "2") == b"", "nobody of this address, for two seconds"
    pumps = bench.truth()["pumps"]
    assert pumps["left"]["true_delivered_ul"] == pytest.approx(62.0, rel=0.01)
    assert pumps["right"]["true_delivered_ul"] == pytest.approx(31.0, rel=0.01)


def test_answers_of_a_chain_come_one_after_the_other() -> None:
    _bench, port = chain()
    port.write(b"0\r1\r", 1.0)
    assert until(port, b"1S\x03") == b"\x0200S\x03\x0201S\x03"


def test_the_port_of_a_chain_is_one_port() -> None:
    bench, port = chain()
    with pytest.raises(PortBusy, match="left and right"):
        bench.open("/dev/ttyUSB0", LineSettings())
    port.close()
    bench.open("/dev/ttyUSB0", LineSettings()).close()


def test_a_fault_of_one_pump_of_a_chain_is_its_own() -> None:
    bench, port = chain("right:power-cycle@10s+1s", "right:cut@20s+5s", "left:drop@30s")
    wait(bench, 12)
    assert ask(port, "0") == b"\x0200S\x03"
    assert ask(port, "1") == b"\x0201A?R\x03"
    wait(bench, 9)
    assert ask(port, "1") == b""
    assert ask(port, "0") == b"\x0200S\x03"
    wait(bench, 9)
    assert ask(port, "0") == b""
    assert ask(port, "1") == b"\x0201S\x03"


@pytest.mark.parametrize("fault", ["unplug@10s+5s", "left:unplug@10s+5s", "right:unplug@10s+5s=power"])
def test_unplugging_a_chain_takes_its_port_whoever_the_fault_names(fault: str) -> None:
    bench, port = chain(fault)
    wait(bench, 11)
    with pytest.raises(PortLost):
        port.read(1, 0.1)
    with pytest.raises(PortMissing, match="unplugged"):
        bench.open("/dev/ttyUSB0", LineSettings())
    wait(bench, 6)
    again = bench.open("/dev/ttyUSB0", LineSettings(baud=19_200))
    assert ask(again, "0") == b"\x0200S\x03"
    assert ask(again, "1") == (b"\x0201A?R\x03" if "power" in fault else b"\x0201S\x03")


def test_a_url_can_ask_for_a_chain() -> None:
    bench = make(world={})
    port = bench.open("sim://new-era?chain=0,7&power_up_alarm=0", LineSettings())
    assert ask(port, "0") == b"\x0200S\x03"
    assert ask(port, "7") == b"\x0207S\x03"
    assert bench.truth()["pumps"].keys() == {"new-era-0", "new-era-7"}


@pytest.mark.parametrize(
    "url", ["sim://chemyx?chain=0,1", "sim://new-era?chain=0,0", "sim://new-era?chain=a", "sim://new-era?chain=100"]
)
def test_chains_that_cannot_be_are_refused(url: str) -> None:
    with pytest.raises(PortMissing, match=r"chain|address"):
        make(world={}).open(url, LineSettings())


def test_two_pumps_of_one_address_on_one_port_are_refused() -> None:
    with pytest.raises(ValueError, match="same address"):
        make(world={"pumps": {"a": {"url": "X"}, "b": {"url": "X"}}})


@pytest.mark.parametrize("fault", ["nobody:drop@1s", "head:stall@1s", "burn@1s"])
def test_faults_that_cannot_happen_are_refused_when_the_bench_is_built(fault: str) -> None:
    with pytest.raises(ValueError, match="fault"):
        make(fault)


def test_a_reply_takes_the_time_of_its_bytes_on_the_line() -> None:
    bench = make(world={"pumps": {"p": {"url": "X"}}})
    port = bench.open("X", LineSettings(baud=300))
    began_ns = bench.clock.now_ns()
    assert ask(port, "VER") == b"\x0200A?R\x03"
    expected_s = (4 + 7) * 10 / 300 + 0.002
    assert bench.clock.now_ns() - began_ns == pytest.approx(expected_s * S, rel=1e-3)


def test_reading_waits_in_virtual_time_exactly_as_long_as_told() -> None:
    bench = make()
    port = bench.open("/dev/ttyUSB0", LineSettings())
    assert port.read(1, 3600.0) == b""
    assert bench.clock.now_ns() == 3600 * S


def test_truth_is_what_the_pump_really_delivered() -> None:
    bench = make()
    start_pump(bench)
    wait(bench, 3600)
    truth = bench.truth()
    assert truth["pumps"]["ketamine"]["true_delivered_ul"] == pytest.approx(100.0, rel=1e-6)
    assert truth["lines"]["head"]["overflow_bytes"] == 0


def test_a_pump_ends_its_target_in_time_although_only_the_potentiostat_is_read() -> None:
    bench = make()
    start_pump(bench)
    head = bench.open("sim://emstat/head", FAST)
    head.write(SCRIPT.encode(), 1.0)
    while bench.clock.now_ns() < 300 * S:
        head.read(4096, 1.0)
    assert bench.truth()["pumps"]["ketamine"]["true_delivered_ul"] == pytest.approx(100.0, rel=1e-6)


def read_two_hours(bench: SimBench, step_s: float) -> bytes:
    head = bench.open("sim://emstat/head", FAST)
    head.write(SCRIPT.encode(), 1.0)
    data = b""
    while bench.clock.now_ns() < 600 * S:
        data += head.read(65536, step_s)
        wait(bench, step_s)
    return data


def test_the_same_seed_gives_the_same_bytes_another_seed_others() -> None:
    first, again, other = (read_two_hours(make(seed=seed), 1.0) for seed in (4, 4, 5))
    assert first == again
    assert first != other
    assert first.count(b"\nP") >= 5980


def test_how_often_one_reads_does_not_change_what_is_measured() -> None:
    often, seldom = read_two_hours(make(), 0.1), read_two_hours(make(), 20.0)
    shorter = min(len(often), len(seldom))
    assert shorter > 100_000
    assert often[:shorter] == seldom[:shorter]


def bytes_during_an_infusion(step_s: float) -> bytes:
    """Infuse ketamine for two minutes while the head is sampled, letting the bench live on in steps of this length."""
    drug = {"drug": "ketamine", "concentration_mg_per_ml": 10.0, "route": "iv_infusion", "dead_volume_ul": 5.0}
    bench = make(world={**WORLD, "pumps": {"ketamine": {**WORLD["pumps"]["ketamine"], **drug}}})
    head = bench.open("sim://emstat/head", FAST)
    head.write(SCRIPT.encode(), 1.0)
    start_pump(bench)
    data = b""
    while bench.clock.now_ns() < 500 * S:
        wait(bench, step_s)
        data += head.read(65536, 0.0)
    return data


def test_what_a_pump_does_reaches_the_mouse_at_its_time_however_seldom_the_bench_is_asked() -> None:
    often, seldom = bytes_during_an_infusion(0.5), bytes_during_an_infusion(100.0)
    shorter = min(len(often), len(seldom))
    assert shorter > 50_000
    assert often[:shorter] == seldom[:shorter]


def test_what_nobody_reads_is_lost_beyond_the_buffer_and_counted() -> None:
    bench = make()
    head = bench.open("sim://emstat/head", FAST)
    head.write(SCRIPT.encode(), 1.0)
    for _ in range(1200):  # other instruments are talked to meanwhile: the bench lives on in small steps
        wait(bench, 3)
        bench.truth()
    data = head.discard_input()
    assert len(data) == 4096  # bounded for the log
    assert bench.truth()["lines"]["head"]["overflow_bytes"] > 100_000


def test_unplugging_loses_the_port_and_replugging_needs_a_new_one() -> None:
    bench = make("ketamine:unplug@60s+30s")
    pump = start_pump(bench)
    with pytest.raises(PortLost, match="unplugged"):
        pump.read(64, 3600.0)
    assert bench.clock.now_ns() == 60 * S
    with pytest.raises(PortLost):
        pump.write(b"\r", 1.0)
    with pytest.raises(PortMissing, match="unplugged"):
        bench.open("/dev/ttyUSB0", LineSettings())
    wait(bench, 30)
    pump.close()
    again = bench.open("/dev/ttyUSB0", LineSettings())
    assert ask(again, "") == b"\x0200I\x03"  # it has run on meanwhile


def test_a_cut_line_is_silent_both_ways_and_comes_back() -> None:
    bench = make("cut@60s+20s")
    pump = start_pump(bench)
    wait(bench, 61)
    assert ask(pump, "STP") == b""
    wait(bench, 20)
    assert ask(pump, "") == b"\x0200I\x03"


def test_a_stall_stops_delivery_and_raises_the_alarm() -> None:
    bench = make("stall@30s")
    pump = start_pump(bench)
    wait(bench, 60)
    assert ask(pump, "") == b"\x0200A?S\x03"
    assert bench.truth()["pumps"]["ketamine"]["true_delivered_ul"] == pytest.approx(25.0, abs=0.1)


def test_a_power_cycle_stops_the_pump_and_leaves_the_reset_alarm() -> None:
    bench = make("ketamine:power-cycle@30s+5s")
    pump = start_pump(bench)
    wait(bench, 32)
    assert ask(pump, "") == b""
    wait(bench, 10)
    assert ask(pump, "") == b"\x0200A?R\x03"
    assert bench.truth()["pumps"]["ketamine"]["true_delivered_ul"] == pytest.approx(25.0, abs=0.1)


@pytest.mark.parametrize(
    ("fault", "reply"),
    [("drop@10s", b""), ("drop@10s=out", b""), ("drop@10s+5s=both", b""), ("duplicate@10s=2", b"\x0200I\x03" * 3)],
)
def test_scripted_faults_of_one_reply(fault: str, reply: bytes) -> None:
    bench = make(f"ketamine:{fault}")
    pump = start_pump(bench)
    wait(bench, 11)
    pump.write(b"\r", 1.0)
    wait(bench, 1)
    assert pump.read(256, 0.0) == reply
    wait(bench, 5)
    assert ask(pump, "") == b"\x0200I\x03"


def test_a_delayed_reply_comes_late_and_nothing_overtakes_it() -> None:
    bench = make("delay@10s=3s")
    pump = start_pump(bench)
    wait(bench, 11)
    pump.write(b"\r", 1.0)
    assert pump.read(256, 2.9) == b""
    pump.write(b"VER\r", 1.0)
    assert until(pump, b"928\x03") == b"\x0200I\x03\x0200INE1000V3.928\x03"


def test_a_garbled_reply_keeps_its_length() -> None:
    bench = make("garble@10s=2")
    pump = start_pump(bench)
    wait(bench, 11)
    pump.write(b"VER\r", 1.0)
    wait(bench, 1)
    reply = pump.read(256, 0.0)
    good = b"\x0200INE1000V3.928\x03"
    assert len(reply) == len(good)
    assert 1 <= sum(a != b for a, b in zip(reply, good, strict=True)) <= 2


def chances(seed: int) -> list[bytes]:
    bench = make("drop~0.2", "garble~0.1", "cut~0.01=2s", seed=seed)
    pump = bench.open("/dev/ttyUSB0", LineSettings())
    return [ask(pump, "VER") for _ in range(200)]


def test_chances_follow_the_seed() -> None:
    first = chances(4)
    assert first == chances(4)
    assert first != chances(5)
    assert 20 < first.count(b"") < 80


def test_faults_in_the_url_belong_to_that_instrument() -> None:
    bench = make(world={})
    dropping = bench.open("sim://new-era?seed=4&fault=drop@0s+1h&fault=delay~0.5", LineSettings())
    sound = bench.open("sim://new-era/second", LineSettings())
    assert ask(dropping, "VER") == b""
    assert ask(sound, "VER") == b"\x0200A?R\x03"


FOUR = {
    "potentiostats": {
        "striatum": {
            "url": "/dev/ttyACM0 sim://emstat/second /dev/ttyACM2",
            "simulator": "emstat",
            "model": "MultiEmStat4 HR",
            "channels": [
                {"electrode": "ch1", "role": "glutamate", "sensitivity_a_per_um": 0.8e-9},
                {"electrode": "ch2", "role": "sentinel"},
            ],
        }
    }
}
MULTI_PORTS = ("/dev/ttyACM0", "sim://emstat/second", "/dev/ttyACM2")
ONE_CHANNEL = SCRIPT.replace("set_bipot_mode 1\nset_range bb 100n\nset_bipot_potential 700m\n", "").replace(
    " add_meas(0 bb b)", ""
).replace("pck_add b\n", "")  # fmt: skip


def test_an_instrument_with_several_ports_is_one_channel_behind_each() -> None:
    bench = make(world=FOUR)
    ports = [bench.open(url, FAST) for url in MULTI_PORTS]
    for number, port in enumerate(ports, start=1):
        port.write(b"t\n", 1.0)
        assert until(port, b"*\n").startswith(b"tmes4hr")
        port.write(b"i\n", 1.0)
        assert until(port, b"\n") == f"iMES4HR22C0002CH{number:03d}\n".encode()
        port.write(ONE_CHANNEL.encode(), 1.0)
    wait(bench, 600)
    last = [port.discard_input() and until(port, b"\n").split(b"Pba")[1][:8] for port in ports]
    currents = [(int(text[:7], 16) - 0x8000000) * 10.0 ** {"f": -15, "p": -12, " ": 0}[chr(text[7])] for text in last]
    assert currents[0] > currents[1] > 0.3e-9, "both have the background of the same kind of electrode"
    assert currents[2] == 0.0, "nothing is connected to the third"


def test_a_fault_concerns_all_ports_of_an_instrument_or_the_one_that_it_names() -> None:
    bench = make("striatum:unplug@1s", world=FOUR)
    wait(bench, 2)
    for url in MULTI_PORTS:
        with pytest.raises(PortMissing):
            bench.open(url, FAST)
    bench = make("striatum.2:unplug@1s", world=FOUR)
    wait(bench, 2)
    bench.open(MULTI_PORTS[0], FAST)
    with pytest.raises(PortMissing):
        bench.open(MULTI_PORTS[1], FAST)
    with pytest.raises(ValueError, match="no instrument 'striatum"):
        make("striatum.4:unplug@1s", world=FOUR)


def test_a_simulator_that_has_one_port_is_not_given_several() -> None:
    with pytest.raises(ValueError, match="a simulated rodeostat has one port"):
        make(world={"potentiostats": {"stat": {"url": "/dev/a /dev/b", "simulator": "rodeostat"}}})
