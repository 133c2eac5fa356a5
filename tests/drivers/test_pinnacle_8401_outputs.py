"""TTL outputs of the 8401-HR: driven only where the firmware takes it, and never at the cost of a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.capabilities import Cautious, DigitalOutputs, OptionValue, SampleBlock
from drivers.clock import NS_PER_S
from drivers.errors import DeviceRefused, DeviceReset, NotEncodable, PortLost, ReplyTimeout
from drivers.pinnacle_8401 import PinnaclePotentiostat
from drivers.pinnacle_8401.codec import Command, encode
from drivers.pinnacle_8401.outputs import ANSWER_NS, MISSES_MAX, SUSPECT_NS, Outputs
from drivers.pinnacle_8401.settings import parse_options
from tests.drivers.test_compliance_pinnacle_8401 import PinnacleSetUp
from tests.drivers.test_pinnacle_8401_driver import indexes, measuring, read_for, until_error

LOW, HIGH = encode(129, "0C00"), encode(129, "0404")
"""TTL3 and TTL4 low; TTL3 high: mask and levels, bit 2 is TTL3 (potentiostats.md 1.5)."""


def with_outputs(**switches: str) -> PinnacleSetUp:
    rig: dict[str, OptionValue] = {
        "preamp": "8407-2BIO", "ttl1": "echo", "ttl3_out": "infusion", "ttl4_out": "mark",
    }  # fmt: skip
    return PinnacleSetUp(switches, settings_of_rig=rig)


def sent(bench: PinnacleSetUp) -> list[bytes]:
    return [data for data in bench.line.sent if data.startswith(b"\x020081")]


def levels(bench: PinnacleSetUp) -> int:
    return int(bench.line.firmware._analog.registers.outs)  # type: ignore[attr-defined] # the truth


def proved(bench: PinnacleSetUp) -> PinnaclePotentiostat:
    instrument = measuring(bench)
    read_for(bench, instrument, 1.0)
    assert instrument.outputs_problem() == ""
    return instrument


def test_they_are_low_before_they_drive_a_line_and_tried_without_changing_a_level() -> None:
    bench = with_outputs()
    instrument = proved(bench)
    assert isinstance(instrument, DigitalOutputs)
    assert sent(bench) == [LOW, LOW], "before the stream, and once in it"
    assert bench.line.sent.index(LOW) < bench.line.sent.index(encode(127, "0C01")), "3 and 4 push-pull, 1 digital input"
    assert instrument.edges() == []


def test_a_level_is_set_at_once_and_seen_by_a_wire_to_an_input_and_no_sample_is_missing() -> None:
    bench = with_outputs(ttl3_to_ttl1="1")
    instrument = proved(bench)
    instrument.edges()
    blocks, set_ns = [], []
    for is_high in (True, False, True):
        set_ns.append(bench.clock.now_ns())
        instrument.drive("infusion", is_high=is_high)
        assert levels(bench) == (4 if is_high else 0)
        blocks += read_for(bench, instrument, 2.0)
    edges = instrument.edges()
    assert [edge.is_high for edge in edges] == [True, False, True]
    late_ms = [(edge.t_ns - at) / 1e6 for edge, at in zip(edges, set_ns, strict=True)]
    assert max(late_ms) - min(late_ms) <= 1.0
    assert np.all(np.diff(indexes(blocks)) == 1)
    instrument.stop()
    assert levels(bench) == 0, "nobody else would lower it"
    assert not bench.cell_on()


@pytest.mark.parametrize(("does", "why"), [("ignored", "does not answer"), ("refused", "refuses")])
def test_firmware_that_does_not_take_it_is_left_alone_and_measures_on(does: str, why: str) -> None:
    bench = with_outputs(outs_in_stream=does)
    instrument = measuring(bench)
    with pytest.raises(DeviceRefused, match="not tried yet"):
        instrument.drive("mark", is_high=True)
    blocks = read_for(bench, instrument, 4.0)
    assert why in (instrument.outputs_problem() or "")
    assert np.all(np.diff(indexes(blocks)) == 1)
    with pytest.raises(DeviceRefused, match="left alone in this session"):
        instrument.drive("mark", is_high=True)
    instrument.start(bench.settings())
    read_for(bench, instrument, 1.0)
    assert sent(bench) == [LOW, LOW], "not tried again"


def test_firmware_that_restarts_at_it_is_tried_once_and_never_again() -> None:
    bench = with_outputs(outs_in_stream="restarts")
    instrument = measuring(bench)
    assert isinstance(until_error(bench, instrument), DeviceReset)
    assert "broke off right after" in (instrument.outputs_problem() or "")
    instrument.connect()
    instrument.start(bench.settings())
    assert len(indexes(read_for(bench, instrument, 20.0))) >= 190
    assert sent(bench) == [LOW, LOW]


def test_a_port_that_vanishes_right_after_it_is_held_against_it_too() -> None:
    bench = with_outputs()
    instrument = proved(bench)
    instrument.drive("infusion", is_high=True)
    bench.unplug()
    assert isinstance(until_error(bench, instrument), PortLost)
    assert "broke off right after" in (instrument.outputs_problem() or "")


def test_a_line_that_takes_no_bytes_costs_no_sample_and_is_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = with_outputs()
    instrument = proved(bench)

    def full(_command: Command, _payload: str) -> None:
        raise ReplyTimeout("the line took no data in time")

    monkeypatch.setattr(instrument.link, "throw_in", full)
    before = read_for(bench, instrument, 1.0)
    instrument.drive("mark", is_high=True)
    assert "took no SET TTL OUTS" in (instrument.outputs_problem() or "")
    assert np.all(np.diff(indexes([*before, *read_for(bench, instrument, 2.0)])) == 1)


def test_samples_that_came_before_a_port_vanished_at_the_first_try_are_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = with_outputs()
    instrument = measuring(bench)

    def gone(_command: Command, _payload: str) -> None:
        instrument.link.close()
        raise PortLost("unplugged")

    monkeypatch.setattr(instrument.link, "throw_in", gone)
    blocks: list[SampleBlock] = []
    while not blocks:
        blocks += instrument.read(0.5)
    with pytest.raises(PortLost):
        instrument.read(0.5)


def test_settings_without_echo_are_no_proof() -> None:
    bench = with_outputs(silent_sets="1")
    instrument = measuring(bench)
    read_for(bench, instrument, 3.0)
    assert "does not answer" in (instrument.outputs_problem() or "")


def test_without_outputs_in_the_rig_nothing_is_sent_nor_configured() -> None:
    bench = PinnacleSetUp()
    instrument = measuring(bench)
    read_for(bench, instrument, 3.0)
    instrument.stop()
    assert (instrument.output_uses(), instrument.cautions(), sent(bench)) == (frozenset(), (), [])
    assert not any(data.startswith(b"\x02007F") for data in bench.line.sent)


def test_a_plan_that_drives_them_says_what_is_not_documented() -> None:
    instrument = with_outputs().driver()
    assert isinstance(instrument, Cautious)
    (caution,) = instrument.cautions()
    assert "ttl3, ttl4" in caution
    assert "not documented [?]" in caution


@pytest.mark.parametrize(
    "options",
    [{"ttl1": "a", "ttl1_out": "mark"}, {"ttl1_out": "stop"}, {"ttl1_out": True}, {"ttl1_out": ["mark"]}],
)
def test_bad_outputs_are_refused_when_the_driver_is_built(options: dict[str, OptionValue]) -> None:
    with pytest.raises(NotEncodable):
        parse_options(options)


# --- the judgement alone ---


def tried() -> Outputs:
    outputs = Outputs({"ttl1": "mark"})
    outputs.begin()
    outputs.sent(0)
    outputs.answered(Command.SET_OUTS)
    assert outputs.problem == ""
    return outputs


def test_single_answers_may_get_lost_and_three_in_a_row_may_not() -> None:
    outputs = tried()
    now_ns = 0
    for _ in range(MISSES_MAX - 1):
        outputs.sent(now_ns)
        now_ns += ANSWER_NS + 1
        outputs.look(now_ns)
        assert outputs.problem == ""
    outputs.sent(now_ns)
    outputs.look(now_ns + ANSWER_NS + 1)
    assert "does not answer" in (outputs.problem or "")
    assert outputs.bits == 0


@pytest.mark.parametrize(("later_ns", "ends"), [(SUSPECT_NS, True), (SUSPECT_NS + NS_PER_S, False)])
def test_only_a_measurement_that_breaks_off_right_after_it_is_held_against_it(later_ns: int, ends: bool) -> None:
    outputs = tried()
    outputs.sent(10)
    outputs.answered(Command.SET_OUTS)
    outputs.broke_off(10 + later_ns)
    outputs.begin()
    assert (outputs.problem is None, outputs.bits == 0) == (not ends, ends)


def test_an_answer_that_nobody_waits_for_proves_nothing() -> None:
    outputs = Outputs({"ttl1": "mark"})
    outputs.begin()
    for number in (Command.SET_OUTS, Command.NACK):
        outputs.answered(number)
    assert outputs.problem is None


def test_the_page_of_the_instrument_names_every_option() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/instruments/pinnacle-8401.md").read_text(encoding="utf-8")
    for name in ("ttl1_edge", "ttl1_debounce_ms", "ttl1_out", "outs_in_stream", "ttl3_to_ttl1"):
        assert f"`{name}`" in page
