"""The window and the analysis show the same of the same recording; the page on live signals says what is so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import amperfuse
from acquisition.signal.blocks import Stretch
from acquisition.signal.derived import Recipe, derived
from acquisition.signal.filters import FILTERS
from gui.history import read_journal
from gui.store import TraceStore
from tests.analysis.session_kit import write_session

PAGE = (Path(__file__).parents[2] / "docs/explanation/live-signals.md").read_text("utf-8")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two channels at 10 Hz for 40 minutes, with a gap of 30 s."""
    path = tmp_path_factory.mktemp("live") / "20260101-090000"
    write_session(path)
    return path


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "mains"])
def test_the_window_shows_what_the_analysis_computes_from_the_same_recording(session: Path, name: str) -> None:
    recipe = Recipe(gain=1.1, filter=FILTERS[name], baseline_s=600.0)
    recording = amperfuse.open_recording(session)
    glu, null = recording.channels["stat.glu"], recording.channels["stat.null"]
    afterwards_a = derived(glu.t_s, glu.current_a, recipe, glu.interval_s, null.current_a)

    store = TraceStore(0)
    store.look_at(("stat", "glu"), recipe, 0.1, ("stat", "null"))
    for item in read_journal(session):
        if isinstance(item, Stretch):
            store.history(item)
            store.work(most=777)
    for _frame in range(100):
        store.work()
    t_s, live_a = store.line(("stat", "glu"), 0.0, 2400.0, 100_000)

    known = np.isfinite(afterwards_a)
    assert known.sum() > 20_000
    assert np.allclose(t_s[np.isfinite(live_a)], glu.t_s[known])
    assert np.allclose(live_a[np.isfinite(live_a)], afterwards_a[known], rtol=1e-9, atol=1e-18)


def test_the_example_on_the_page_runs(session: Path) -> None:
    code = PAGE.split("```python\n", 1)[1].split("```", 1)[0]
    names: dict[str, object] = {}
    exec(code.replace("sessions/20260101-090000", str(session)), names)  # noqa: S102 - our own page
    assert np.isfinite(np.asarray(names["shown_a"])).sum() > 20_000


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "none"])
def test_the_delays_on_the_page_are_those_of_the_filters(name: str) -> None:
    spec = FILTERS[name]
    late = ["–" if spec.fault(s) else f"{spec.delay_s(s):.4f}".rstrip("0") for s in (0.1, 0.001)]
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
    assert [cell.strip() for cell in line.split("|")[3:5]] == late
