"""Derived traces follow the samples in the store: live, after the fact, in small pieces, and never touch them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from acquisition.messages import ChannelSamples, Credit, ReportSound
from acquisition.recording.journal import JOURNAL_NAME, JournalEncoder, JournalWriter
from acquisition.signal.derived import Recipe, derived
from acquisition.signal.filters import FILTERS
from acquisition.signal.pyramid import MinMaxPyramid
from gui.derived_trace import DerivedTrace
from gui.history import read_journal
from gui.store import TraceStore
from tests.gui.fakes import STARTED_NS, S, channel, state
from tests.recording import synthetic

if TYPE_CHECKING:
    from tests.gui.bench import Bench

GLU, SENTINEL = ("emstat", "glu"), ("emstat", "sentinel")
TEN_HZ = 0.1
RECIPE = Recipe(gain=1.2, filter=FILTERS["mean 1 s"], baseline_s=120.0)
T_S = np.arange(2000, dtype=np.float64) * TEN_HZ
ACTIVE_A = 1e-10 + np.random.default_rng(1).normal(0.0, 2e-12, 2000)
SENTINEL_A = 9e-11 + np.random.default_rng(2).normal(0.0, 2e-12, 2000)
ACTIVE_A[700:720] = np.nan
WHOLE_A = derived(T_S, ACTIVE_A, RECIPE, TEN_HZ, SENTINEL_A)


def both(part: slice) -> ChannelSamples:
    return ChannelSamples(
        instrument="emstat",
        channels=("glu", "sentinel"),
        journal_sequence=1,
        t_ns=tuple((STARTED_NS + np.round(T_S[part] * S).astype(np.int64)).tolist()),
        current_a=(tuple(ACTIVE_A[part].tolist()), tuple(SENTINEL_A[part].tolist())),
    )


def drawn(store: TraceStore) -> dict[float, float]:
    t_s, value = store.line(GLU, 0.0, 200.0, 5000)
    return {round(t, 6): v for t, v in zip(t_s.tolist(), value.tolist(), strict=True) if np.isfinite(v)}


def wanted() -> dict[float, float]:
    return {round(t, 6): v for t, v in zip(T_S.tolist(), WHOLE_A.tolist(), strict=True) if np.isfinite(v)}


def test_the_live_trace_is_that_of_the_analysis() -> None:
    store = TraceStore(STARTED_NS)
    store.look_at(GLU, RECIPE, TEN_HZ, SENTINEL)
    for start in range(0, 2000, 31):
        store.live(both(slice(start, start + 31)))
        store.work()
    assert drawn(store) == pytest.approx(wanted(), abs=1e-18)


def test_chosen_late_it_catches_up_in_pieces_and_becomes_the_same() -> None:
    store = TraceStore(STARTED_NS)
    store.live(both(slice(0, 2000)))
    store.look_at(GLU, RECIPE, TEN_HZ, SENTINEL)
    store.work(most=500)
    assert 0 < len(drawn(store)) < 500
    assert np.isnan(store.present(GLU, 199.9).current_a)  # type: ignore[union-attr] # what is old is not the present
    for _frame in range(10):
        store.look_at(GLU, RECIPE, TEN_HZ, SENTINEL)  # as in every frame: begins nothing anew
        store.work(most=500)
    assert drawn(store) == pytest.approx(wanted(), abs=1e-18)
    present = store.present(GLU, 199.9)
    assert present is not None
    assert present.current_a == pytest.approx(WHOLE_A[-1])
    assert present.match is not None


def test_a_hole_however_long_is_one_row() -> None:
    raw = MinMaxPyramid()
    raw.append(T_S, ACTIVE_A)
    shown = DerivedTrace(Recipe(filter=FILTERS["glitches"]), TEN_HZ)
    while shown.catch_up(raw, None, 300):
        pass
    assert len(shown.pyramid) == 2000 - 20 + 1


def test_what_was_recorded_stays_as_it_is_and_comes_back() -> None:
    store = TraceStore(STARTED_NS)
    store.live(both(slice(0, 1000)))
    before = store.line(GLU, 0.0, 200.0, 5000)
    store.look_at(GLU, RECIPE, TEN_HZ, SENTINEL)
    store.work()
    assert not np.array_equal(store.line(GLU, 0.0, 200.0, 5000)[1], before[1], equal_nan=True)
    store.look_at(GLU, Recipe(), TEN_HZ)
    again = store.line(GLU, 0.0, 200.0, 5000)
    assert np.array_equal(again[0], before[0])
    assert np.array_equal(again[1], before[1], equal_nan=True)
    assert store.present(GLU, 100.0) is None


def test_samples_that_came_thinned_are_a_gap_and_not_a_wrong_line() -> None:
    store = TraceStore(STARTED_NS)
    store.look_at(GLU, Recipe(filter=FILTERS["mean 1 s"]), TEN_HZ)
    t_s = np.concatenate((np.arange(0.0, 10.0, 0.1), np.arange(10.0, 40.0, 3.0), np.arange(40.0, 50.0, 0.1)))
    values = np.where((t_s >= 10.0) & (t_s < 40.0), 9.0, 1.0)
    message = ChannelSamples(
        instrument="emstat",
        channels=("glu",),
        journal_sequence=1,
        t_ns=tuple((STARTED_NS + np.round(t_s * S).astype(np.int64)).tolist()),
        current_a=(tuple(values.tolist()),),
    )
    store.live(message)
    store.work()
    t, value = store.line(GLU, 0.0, 60.0, 5000)
    assert set(value[t < 9.95].tolist()) == {1.0}
    assert value[t >= 41.0] == pytest.approx(1.0)


def test_a_sentinel_that_has_no_samples_leaves_nothing_to_show() -> None:
    store = TraceStore(STARTED_NS)
    store.live(ChannelSamples(instrument="emstat", channels=("glu",), journal_sequence=1,
                              t_ns=(STARTED_NS, STARTED_NS + S), current_a=((1e-10, 1e-10),)))  # fmt: skip
    store.look_at(GLU, Recipe(gain=1.0), 1.0, SENTINEL)
    store.work()
    assert not np.isfinite(store.line(GLU, 0.0, 10.0, 500)[1]).any()


# -- in the window -----------------------------------------------------------------------------------------------------


def test_the_recording_is_byte_for_byte_the_same_whatever_is_chosen(bench: Bench, tmp_path: Path) -> None:
    encoder = JournalEncoder(synthetic.header())
    session = tmp_path / "session"
    session.mkdir()
    writer = JournalWriter.create(session / JOURNAL_NAME, encoder.first())
    for number in range(400):
        writer.append(encoder.samples(synthetic.block(number)))
    writer.close()
    files = {path: path.read_bytes() for path in session.rglob("*")}
    channels = tuple(
        channel(name, name, instrument="stat", interval_s=0.01, last_t_ns=synthetic.STARTED_NS + 100 * S)
        for name in synthetic.CHANNELS
    )
    window = bench.open(lambda _dir: read_journal(session))
    bench.hear(window, state(channels=channels, session_started_ns=synthetic.STARTED_NS))
    bench.key(window, "6")
    row = window.traces.rows["stat", "glutamate"]
    seen, lines = set(), set()
    for _look in range(4):
        bench.click(row.look)
        for _filter in FILTERS:
            bench.key(window, "L")
            bench.hear(window)
            seen.add((row.look.text(), window.traces.filter.button.text()))
            lines.add(np.nan_to_num(row.curve.getData()[1]).tobytes())

    assert len(seen) == 4 * len(FILTERS) - 4  # 100 samples/s are too few against mains
    assert len(lines) > 10  # what is drawn is another line each time
    assert {path: path.read_bytes() for path in session.rglob("*")} == files
    assert {type(sent) for sent in bench.link.sent} <= {Credit, ReportSound}


def test_one_click_takes_the_sentinel_off_and_the_screen_says_with_which_gain(bench: Bench) -> None:
    pair = (
        channel(interval_s=0.1, last_t_ns=STARTED_NS + 199 * S, sentinel="sentinel", sentinel_gain=1.2),
        channel("sentinel", "sentinel", interval_s=0.1, last_t_ns=STARTED_NS + 199 * S),
    )
    window = bench.open()
    bench.hear(window, state(channels=pair, now_ns=STARTED_NS + 200 * S), both(slice(0, 2000)))
    row = window.traces.rows[GLU]
    bench.click(row.look)
    bench.click(row.look)
    bench.key(window, "1")  # ten seconds: every sample is drawn
    bench.hear(window)

    expected_a = ACTIVE_A[-1] - 1.2 * SENTINEL_A[-1]
    assert row.look.text() == "−1.2 × sentinel"
    assert row.role.text().startswith("calibrated gain")
    assert float(row.value.text().replace("−", "-")) == pytest.approx(expected_a * 1e12, abs=0.01)
    assert row.curve.getData()[1][-1] == pytest.approx(expected_a * 1e12)
    assert "1.2 × sentinel is taken off" in row.head.toolTip()
    assert window.traces.rows[SENTINEL].look.text() == "measured"


def test_a_micromolar_trace_has_its_band_and_a_current_has_none(bench: Bench) -> None:
    banded = channel(
        interval_s=0.1, last_t_ns=STARTED_NS + 199 * S, slope_low_a_per_um=6.5e-12, slope_high_a_per_um=7.5e-12
    )
    window = bench.open()
    bench.hear(window, state(channels=(banded,), now_ns=STARTED_NS + 200 * S), both(slice(0, 2000)))
    ribbon = window.traces.rows[GLU].ribbon
    assert ribbon.path().isEmpty()

    bench.key(window, "U")
    bench.hear(window)
    assert len(ribbon.path().toSubpathPolygons()) == 2  # one on either side of the gap
    low, high = ribbon.boundingRect().top(), ribbon.boundingRect().bottom()
    assert low == pytest.approx(np.nanmin(ACTIVE_A) / 7.5e-12, rel=0.01)
    assert high == pytest.approx(np.nanmax(ACTIVE_A) / 6.5e-12, rel=0.01)

    bench.key(window, "U")
    bench.hear(window)
    assert ribbon.path().isEmpty()


def test_the_filter_and_the_looks_are_remembered_and_nonsense_is_not_believed(bench: Bench) -> None:
    channels = (channel(interval_s=0.1), channel("sentinel", "sentinel", interval_s=0.1))
    window = bench.open()
    bench.hear(window, state(channels=channels))
    bench.key(window, "L")
    bench.key(window, "L")
    bench.click(window.traces.rows[GLU].look)
    window.close()

    again = bench.open()
    bench.hear(again, state(channels=channels))
    assert again.traces.filter.button.text() == "Filter: mean 1 s"
    assert again.traces.filter.delay.text() == "shown 0.45 s late"
    assert again.traces.rows[GLU].look.text() == "Δ baseline"
    from gui.view_settings import remembered  # noqa: PLC0415 - only where Qt is

    settings = again._parts.settings
    for looks in ("[1, 2]", '{"emstat.glu": "sideways"}', '{"emstat.glu": [1, 2]}', "{", ""):
        settings.setValue("looks", looks)
        settings.setValue("filter", "sideways")
        assert (dict(remembered(settings).looks), remembered(settings).filter) == ({}, "none")


def test_a_window_that_opens_does_not_wait_for_the_filters_library() -> None:
    code = "import sys, gui.app; print(any(name.startswith('scipy') for name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize(("rate", "behind_s", "shown"), [(1.0, 2.0, True), (1.0, 4.0, False), (20.0, 4.0, True)])
def test_a_derived_value_that_has_fallen_behind_is_not_shown_as_present(
    bench: Bench, rate: float, behind_s: float, shown: bool
) -> None:
    newest_ns = STARTED_NS + round((199.9 + behind_s) * S)
    one = channel(interval_s=0.1, last_t_ns=newest_ns)
    window = bench.open()
    bench.hear(window, state(channels=(one,), now_ns=newest_ns, rate=rate), both(slice(0, 2000)))
    bench.click(window.traces.rows[GLU].look)
    bench.hear(window)
    assert (window.traces.rows[GLU].value.text() != "–") is shown
