"""The real window on a real engine with a full bench: three pumps on two ports, six channels of two potentiostats."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acquisition.client import EngineClient, EngineLost
from acquisition.messages import Finish
from acquisition.service import discovery
from acquisition.service.launch import EngineOptions, start_engine
from tests.full_bench import CHANNELS, DOSES_UL, SIM_RIG, short_protocol
from tests.gui.test_end_to_end import PATIENCE_S, until, words

if TYPE_CHECKING:
    from tests.gui.bench import Bench

ASKED = '[[steps]]\nwait_for_operator = "Sensors settled? All three lines connected, clamps open?"\n'


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The simulated full bench, five times as fast as real."""
    with tempfile.TemporaryDirectory(prefix="amp") as name:
        folder = Path(name)
        runtime = folder / "rt"
        runtime.mkdir(mode=0o700)
        monkeypatch.setenv(discovery.RUNTIME_DIR_VARIABLE, str(runtime))
        protocol = folder / "protocol.toml"
        protocol.write_text(short_protocol((ASKED, "")), encoding="utf-8")
        start_engine(EngineOptions(protocol, SIM_RIG, folder, autostart=True, seed=1, speed=5.0), PATIENCE_S)
        yield
        with EngineClient.connect(timeout_s=PATIENCE_S) as client:
            client.request(Finish(request=0), PATIENCE_S)
            with pytest.raises(EngineLost):
                client.wait_for(lambda _state: False, PATIENCE_S)


@pytest.mark.slow
def test_a_full_bench_runs_through_in_the_window_with_every_pump_and_channel_in_view(
    bench: Bench, engine: None
) -> None:
    window = bench.open_on_engine()
    window.resize(1366, 768)
    until(bench, lambda: list(window.traces.rows) == [(i, c) for i, channels in CHANNELS.items() for c in channels])
    until(bench, lambda: list(window.pumps) == list(DOSES_UL))
    for pump in ("local", "ketamine", "flush"):
        until(bench, lambda pump=pump: window.pumps[pump].word.text() == "INFUSING")  # type: ignore[misc]
        assert words(window).count("INFUSING") == 1
    until(bench, lambda: all(len(trace) > 100 for trace in window.feed.store.traces.values()))
    for shown in window.traces.rows.values():
        assert bench.is_wholly_seen(shown.name)
        assert bench.is_wholly_seen(shown.value)
        assert shown.value.text() not in ("", "–")
        assert shown.flag.text() in ("", "↕ beyond the axis")
    for card in window.pumps.values():
        assert bench.is_wholly_seen(card.word)
        assert bench.is_wholly_seen(card.delivered)
    until(bench, lambda: window.mirror.state is not None and window.mirror.state.phase == "finished")
    assert window.mirror.state is not None
    assert window.mirror.state.alarms == ()
    assert {p.name: round(p.session_ul, 2) for p in window.mirror.state.pumps} == DOSES_UL


@pytest.mark.slow
def test_R33_stop_in_the_window_stops_all_three_pumps_and_sampling_goes_on(bench: Bench, engine: None) -> None:
    window = bench.open_on_engine()
    until(bench, lambda: words(window) == ["STOPPED", "STOPPED", "INFUSING"])

    bench.click(window.stop.button)

    assert window.stop.headline.text() == "STOP sent"
    until(bench, lambda: window.stop.headline.text() == "■ CONFIRMED STOPPED")
    until(bench, lambda: words(window) == ["STOPPED"] * 3)
    state = window.mirror.state
    assert state is not None
    assert all(pump.stop_confirmed for pump in state.pumps)
    before = [channel.samples for channel in state.channels]
    until(bench, lambda: all(c.samples > n for c, n in zip(window.mirror.state.channels, before, strict=True)))  # type: ignore[union-attr]
