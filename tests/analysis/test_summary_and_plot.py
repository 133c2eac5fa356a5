"""What a recording says on paper is what is in it, and paper cannot be fooled by what people typed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from acquisition.recording.session_data import SessionData, read_session
from analysis.plot import save_plot, session_figure
from analysis.summary import summary_page
from analysis.traces import envelope, medians, with_breaks
from tests.analysis.session_kit import GAP, write_session


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> SessionData:
    directory = tmp_path_factory.mktemp("session")
    write_session(directory)
    return read_session(directory)


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


def test_the_page_tells_dose_commanded_confirmed_and_estimated(session: SessionData) -> None:
    row = next(line for line in summary_page(session).splitlines() if line.startswith("| drug"))
    assert "ketamine 2 mg/mL" in row
    assert row.count("20.00 µL = 1.600 mg/kg") == 2
    assert "15.00 µL = 1.200 mg/kg" in row


def test_the_page_counts_samples_and_gaps(session: SessionData) -> None:
    row = next(line for line in summary_page(session).splitlines() if line.startswith("| glu "))
    missing = GAP[1] - GAP[0]
    assert f"| {24000 - missing} | {missing} | 1 |" in row


def test_the_page_names_every_hash_and_every_alarm(session: SessionData) -> None:
    page = summary_page(session, "f" * 64)
    assert "fingerprint of samples, doses and events " + "f" * 64 in page
    assert "fingerprint" not in summary_page(session)
    assert session.header.plan_sha256 in page
    for letter in "abc":
        assert letter * 64 in page
    assert session.close is not None
    assert session.close.chain_head in page
    assert "**ALARM** (conductor): samples are missing" in page
    assert "Warning accepted: soft limit passed" in page


def test_text_of_people_and_devices_cannot_change_the_page(session: SessionData) -> None:
    page = summary_page(session)
    assert "\x1b" not in page
    assert r"animal \| moved\\x1b" in page


def test_a_simulated_session_says_so_and_a_real_one_does_not(session: SessionData, tmp_path: Path) -> None:
    write_session(tmp_path, simulated=False)
    real = read_session(tmp_path)
    assert "SIMULATED" in summary_page(session)
    assert texts(session_figure(session)).count("SIMULATED") == 2
    assert "SIMULATED" not in summary_page(real)
    assert "SIMULATED" not in texts(session_figure(real))


def test_a_session_that_was_not_closed_says_what_to_do(tmp_path: Path) -> None:
    write_session(tmp_path, close=False)
    assert "amperfuse recover" in summary_page(read_session(tmp_path))


def test_the_plot_is_a_png_with_every_channel_and_pump(session: SessionData, tmp_path: Path) -> None:
    path = tmp_path / "plot.png"
    save_plot(session, path)
    words = texts(session_figure(session))
    assert path.read_bytes().startswith(b"\x89PNG")
    for word in ("glu\n(apparent µM)", "null\n(nA)", "drug\n(µL/min)", "cumulative\n(mg/kg)", "ketamine", "baseline"):
        assert word in words


def test_a_plan_name_with_formula_signs_is_drawn_as_text(tmp_path: Path) -> None:
    write_session(tmp_path, name=r"costs $5 and \frac{")
    save_plot(read_session(tmp_path), tmp_path / "plot.png")


def test_no_line_is_drawn_across_a_gap(session: SessionData) -> None:
    stream = session.streams["stat"]
    t_min, values = with_breaks(stream.t_ns / 6e10, stream.current_a[:, 0], stream.index, stream.epoch)
    assert np.isnan(values).sum() == 1
    assert t_min[np.isnan(values)][0] == pytest.approx((GAP[0] + GAP[1]) / 2 / 600, abs=1e-3)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20_000).map(np.array))
def test_the_envelope_holds_every_extreme(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    low, high, t_min = envelope(np.arange(len(values), dtype=np.float64), values)
    assert high.max() == values.max()
    assert low.min() == values.min()
    assert len(low) < 12_000
    assert (np.diff(t_min) > 0).all()


def test_a_stretch_with_a_gap_has_no_median() -> None:
    values = np.array([1.0, 1.0, math.nan, 3.0, 3.0, 3.0])
    _, middle = medians(np.arange(6, dtype=np.float64), values, 3.0)
    assert math.isnan(middle[0])
    assert middle[1] == 3.0
