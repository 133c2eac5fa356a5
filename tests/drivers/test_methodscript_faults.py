"""Every MethodSCRIPT model on a line that loses, delays, doubles and breaks what it carries: all end in a named state.

Never a hang, a crash, a doubled action, a cell that is said to be off and is not, or a current that was not measured.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from drivers.capabilities import Identity, SampleBlock, SampleFlag
from drivers.clock import NS_PER_S
from drivers.errors import DriverError, GarbledReply, PortLost, ReplyTimeout, WrongInstrument
from drivers.methodscript import MethodScriptPotentiostat, one_port
from tests.drivers.kit import URL, Filter, ScriptedLine, step
from tests.drivers.test_compliance_methodscript import ONE, EmStatSetUp

MODELS = ["pico", "sensit", "es4lr", "es4hr", "mes4lr", "mes4hr", "nexus"]


def measuring(model: str) -> tuple[EmStatSetUp, MethodScriptPotentiostat]:
    bench = EmStatSetUp({"model": model}, ONE)
    bench.cell.currents_a = (5e-9, 0.0)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    return bench, instrument


def read_for(bench: EmStatSetUp, instrument: MethodScriptPotentiostat, seconds: float) -> list[SampleBlock]:
    end_ns = bench.clock.now_ns() + round(seconds * NS_PER_S)
    blocks: list[SampleBlock] = []
    while bench.clock.now_ns() < end_ns:
        blocks += instrument.read(0.1)
    return blocks


def whole(data: bytes) -> list[tuple[float, bytes]]:
    return [(0.0, data)]


def check_true(blocks: list[SampleBlock]) -> None:
    """Every sample given has the current that flowed, at its time, in order."""
    for block in blocks:
        sound = block.flags[:, 0] & SampleFlag.NOT_A_NUMBER == 0
        assert block.current_a[sound, 0] == pytest.approx(5e-9, rel=0.01)
        assert -0.5 < (block.received_ns - int(block.t_ns()[-1])) / NS_PER_S < 4.0
    index = np.concatenate([block.index for block in blocks])
    assert np.all(np.diff(index) > 0)


def seeded(act: Callable[[np.random.Generator, bytes], list[tuple[float, bytes]]]) -> Filter:
    rng = np.random.default_rng(5)
    return lambda data: act(rng, data) if rng.random() < 0.2 else whole(data)


def broken(rng: np.random.Generator, data: bytes) -> list[tuple[float, bytes]]:
    at = int(rng.integers(len(data)))
    return whole(data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :])


FAULTS: dict[str, Filter] = {
    "partial": seeded(lambda rng, data: whole(data[: rng.integers(len(data))])),
    "beheaded": seeded(lambda rng, data: whole(data[rng.integers(len(data)) :])),
    "late": seeded(lambda rng, data: [(float(rng.uniform(0.1, 3.0)), data)]),
    "duplicated": lambda data: [*whole(data), *whole(data)],
    "garbled": seeded(broken),
    "lost": seeded(lambda _rng, _data: []),
    "dripping": lambda data: [(0.0005 * n, bytes([byte])) for n, byte in enumerate(data)],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("model", MODELS)
def test_L1_to_L9_what_comes_out_of_a_bad_line_is_true_and_it_stops_safely(model: str, fault: str) -> None:
    bench, instrument = measuring(model)
    bench.line.from_device = FAULTS[fault]
    blocks = read_for(bench, instrument, 12.0)
    check_true(blocks)
    assert sum(block.index.size for block in blocks) > (40 if fault == "late" else 60)
    assert bench.cell.switched == [True], "a bad line does not interrupt polarisation"
    assert len([data for data in bench.line.sent if b"cell_on" in data]) == 1, "started once"
    bench.line.from_device = whole
    instrument.stop()
    assert not bench.cell_on()


@pytest.mark.parametrize("model", MODELS)
def test_L9_babble_is_raised_in_bounded_time(model: str) -> None:
    bench, instrument = measuring(model)
    bench.line.from_device = lambda _data: [(0.0, b"\xff\xfe\n" * 100)]
    before_ns = bench.clock.now_ns()
    with pytest.raises(GarbledReply):
        read_for(bench, instrument, 5.0)
    assert bench.clock.now_ns() - before_ns < 3 * NS_PER_S
    bench.line.from_device = whole
    instrument.stop()
    assert not bench.cell_on()


@pytest.mark.parametrize("model", MODELS)
def test_replugged_under_another_name_it_is_the_same_instrument(model: str) -> None:
    bench, instrument = measuring(model)
    before = instrument.who
    read_for(bench, instrument, 1.0)
    bench.unplug()
    with pytest.raises(PortLost):
        read_for(bench, instrument, 2.0)
    bench.plug()
    again = one_port(bench.line, "test://another-name", bench.clock, bench.line.options())
    assert isinstance(again.connect(), Identity)
    assert again.who == before
    assert not bench.cell_on(), "what ran was ended: nobody could be identified otherwise"
    again.start(bench.settings())
    assert read_for(bench, again, 1.0)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("listens", [230_400, 921_600])
def test_at_the_wrong_baud_rate_it_is_found_at_the_other(model: str, listens: int) -> None:
    bench = EmStatSetUp({"model": model}, ONE)
    opened: list[int] = []
    open_line = bench.line.open

    def opens(url: str, settings: object) -> object:
        opened.append(settings.baud)  # type: ignore[attr-defined]
        bench.line.to_device = lambda data: data if opened[-1] == listens else bytes(len(data))
        bench.line.from_device = lambda data: whole(data if opened[-1] == listens else b"\xf0" * len(data))
        return open_line(url, settings)  # type: ignore[arg-type]

    bench.line.open = opens  # type: ignore[method-assign,assignment]
    instrument = bench.driver()
    instrument.connect()
    assert opened[-1] == listens
    instrument.start(bench.settings())
    instrument.stop()
    assert not bench.cell_on()
    bench.line.to_device = lambda _data: b""
    bench.line.open = open_line  # type: ignore[method-assign]
    with pytest.raises(ReplyTimeout):
        instrument.connect()


@pytest.mark.parametrize(
    "answer", [b"?\r\n", b"\x0200S\x03", b'{"success":false}\r\n', b"t!0003\n", b"tabcdef1#x\nR*\n"]
)
def test_another_instrument_is_not_taken_for_one_of_these(answer: bytes) -> None:
    line = ScriptedLine([])
    line.steps = [step(text, answer) for _try in LINES_TRIED for text in (b"t\n", b"\nZ\n", b"\nZ\n")]
    if answer.startswith(b"tabc"):
        line.steps = [step(b"t\n", answer)]
    with pytest.raises((WrongInstrument, ReplyTimeout)):
        one_port(line, URL, line.clock, EmStatSetUp({}, ONE).line.options()).connect()
    assert b"cell" not in line.written
    assert b"e\n" not in line.written


LINES_TRIED = range(2)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(2))
def test_a_stop_on_a_bad_line_is_confirmed_only_if_the_cell_is_off(model: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bench, instrument = measuring(model)

    def disturb(data: bytes) -> list[tuple[float, bytes]]:
        chance = rng.random()
        if chance < 0.15:
            return []
        if chance < 0.3:
            return [(float(rng.uniform(0.0, 0.5)), data)]
        return whole(data[: rng.integers(len(data) + 1)] if chance < 0.4 else data)

    bench.line.from_device = disturb
    for _round in range(3):
        try:
            instrument.stop()
        except DriverError:
            continue
        assert not bench.cell_on(), "confirmed off, and it was not"
    bench.line.from_device = whole
    instrument.stop()
    assert not bench.cell_on()
