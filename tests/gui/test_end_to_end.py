"""The real window on a real engine process with simulated instruments, over real sockets and a real journal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acquisition.client import EngineClient, EngineLost
from acquisition.messages import Finish
from acquisition.service import discovery
from acquisition.service.launch import EngineOptions, start_engine
from drivers.clock import NS_PER_S, SystemClock

if TYPE_CHECKING:
    from tests.gui.bench import Bench

DATA = Path(__file__).resolve().parents[2] / "amperfuse" / "data"
PATIENCE_S = 90.0


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The demo, with an infusion that begins at once, in real time."""
    with tempfile.TemporaryDirectory(prefix="amp") as name:
        folder = Path(name)
        runtime = folder / "rt"
        runtime.mkdir(mode=0o700)
        monkeypatch.setenv(discovery.RUNTIME_DIR_VARIABLE, str(runtime))
        protocol = folder / "protocol.toml"
        text = (DATA / "demo-protocol.toml").read_text(encoding="utf-8")
        protocol.write_text(text.replace('wait = "30 min"', 'wait = "2 s"'), encoding="utf-8")
        start_engine(EngineOptions(protocol, DATA / "demo-rig.toml", folder, autostart=True, seed=1), PATIENCE_S)
        yield
        with EngineClient.connect(timeout_s=PATIENCE_S) as client:
            client.request(Finish(request=0), PATIENCE_S)
            with pytest.raises(EngineLost):
                client.wait_for(lambda _state: False, PATIENCE_S)


@pytest.mark.slow
def test_R33_a_window_opened_on_a_running_infusion_shows_it_and_stops_it_from_the_note_box(
    bench: Bench, engine: None
) -> None:
    first = bench.open_on_engine()
    until(bench, lambda: "ket" in str(first.windowTitle()) and words(first) == ["INFUSING"])
    bench.close()  # the window goes, the infusion does not

    again = bench.open_on_engine()
    until(bench, lambda: words(again) == ["INFUSING"])
    until(bench, lambda: "Started" in again.log.text.toPlainText() and not again.feed.store.loading)
    until(bench, lambda: all(len(trace) > 10 for trace in again.feed.store.traces.values()))
    assert again.feed.problem == ""
    assert again.strip.isVisible()
    site = again.traces.rows["left", "glu-1"]
    bench.click(site.look)
    bench.click(site.look)
    bench.key(again, "L")
    until(bench, lambda: site.look.text() == "−1 × sentinel" and site.value.text() != "–")
    assert again.traces.filter.delay.text() == "shown 0.2 s late"
    bench.focus(again, again.note)
    bench.type(again.note, "stop n")

    bench.key(again.note, "F12")

    assert again.stop.headline.text() == "STOP sent"
    until(bench, lambda: again.stop.headline.text() == "■ CONFIRMED STOPPED")
    until(bench, lambda: words(again) == ["STOPPED"])
    assert not again.controls.start.isVisible()


def words(window: object) -> list[str]:
    return [pump.word.text() for pump in window.pumps.values()]  # type: ignore[attr-defined]


def until(bench: Bench, condition: Callable[[], bool]) -> None:
    clock = SystemClock()
    end_ns = clock.now_ns() + round(PATIENCE_S * NS_PER_S)
    while clock.now_ns() < end_ns:
        bench.app.processEvents()
        if condition():
            return
        clock.sleep_until_ns(clock.now_ns() + 5_000_000)
    raise AssertionError("the window did not get there; it shows: " + " | ".join(bench.texts(bench.windows[-1])))
