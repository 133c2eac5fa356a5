"""The clock of an instrument against the host's: drift, resets, sleep and late arrivals (S4). Synthetic, seeded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from acquisition.recording.archiver import rebuild
from acquisition.recording.manifest import NWB_NAME
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.session_data import read_session
from acquisition.recording.verify import verify
from acquisition.signal.device_clock import UNSEEN_NS, ClockLine, best, corrected_ns, device_clock
from drivers.capabilities import SampleBlock
from drivers.clock import VirtualClock
from tests.recording.synthetic import CHANNELS, STARTED_NS, header

INTERVAL_NS = 100_000_000
HALF_AN_HOUR_NS = 1_800_000_000_000
ROWS = 2
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class Samples:
    """What a host has of samples that were truly taken at ``true_ns``."""

    true_ns: Floats
    t_ns: Ints
    received_ns: Ints
    epoch: Ints

    def lines(self) -> tuple[ClockLine, ...]:
        return device_clock(self.t_ns, self.received_ns, self.epoch)

    def corrected(self) -> Ints:
        return corrected_ns(self.t_ns, self.epoch, self.lines())


def taken(true_ns: Floats, delays_ns: Floats, *, epoch: int = 0, index: Ints | None = None) -> Samples:
    """Deliver blocks of two samples as late as ``delays_ns`` says, in order, recorded as drivers do."""
    last = true_ns[ROWS - 1 :: ROWS]
    received = np.repeat(np.maximum.accumulate(np.rint(last + delays_ns[: len(last)])), ROWS).astype(np.int64)
    index = np.arange(len(true_ns)) if index is None else index
    t0_ns = int(received[0]) - int(index[ROWS - 1]) * INTERVAL_NS
    return Samples(true_ns, t0_ns + index * INTERVAL_NS, received, np.full(len(true_ns), epoch))


def joined(parts: Iterable[Samples]) -> Samples:
    parts = list(parts)
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__annotations__))


def true_times(ppm: float, count: int, start_ns: float = 1e12) -> Floats:
    return start_ns + np.arange(count) * INTERVAL_NS / (1 + ppm / 1e6)


def usb_ns(seed: int, count: int) -> Floats:
    """A latency timer that ticks by itself, and now and then a host that is busy for up to a second."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 16e6, count) + np.where(rng.random(count) < 0.02, rng.uniform(0, 1e9, count), 0.0)


def errors_beyond_the_stated(samples: Samples, unseen_ns: float | None = None) -> Floats:
    """Return by how much each corrected time is farther from the truth than was said; negative is good."""
    beyond = np.full(len(samples.t_ns), np.nan)
    off_ns = np.abs(samples.corrected() - samples.true_ns)
    for line in samples.lines():
        mine = (samples.epoch == line.epoch) & (samples.t_ns >= line.first_ns) & (samples.t_ns <= line.last_ns)
        said = np.array([line.uncertainty_ns(int(t)) for t in samples.t_ns[mine]])
        beyond[mine] = off_ns[mine] - said + (0.0 if unseen_ns is None else line.unseen_ns - unseen_ns)
    assert not np.isnan(beyond).any(), "a sample has no line"
    return beyond


def intervals_s(samples: Samples) -> Floats:
    return np.diff(samples.corrected()) / 1e9


@pytest.mark.parametrize("ppm", [-100.0, 0.0, 20.0, 100.0, 400.0])
@pytest.mark.parametrize("seed", range(4))
def test_S4_a_drift_is_found_within_what_is_said_of_it_and_onsets_are_put_right(ppm: float, seed: int) -> None:
    count = 20_000
    samples = taken(true_times(ppm, count), usb_ns(seed, count))
    (line,) = samples.lines()
    assert abs(line.ppm - ppm) < line.ppm_uncertainty < 1.0
    # with nothing granted for a constant delay, as there is none here: what is left is the fit's own uncertainty
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() < 0
    assert line.residual_ns < 1e6
    assert intervals_s(samples).min() > 0
    if ppm == 400.0:  # so that the test is not passed by changing nothing
        assert np.abs(samples.t_ns - samples.true_ns).max() > 0.5e9


def test_S4_a_delay_that_all_blocks_have_is_within_the_stated_uncertainty() -> None:
    count = 20_000
    samples = taken(true_times(100, count), usb_ns(1, count) + 12e6)
    assert errors_beyond_the_stated(samples).max() < 0
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() > 10e6
    assert samples.lines()[0].unseen_ns == UNSEEN_NS


def test_S4_a_reset_begins_a_new_line_and_no_time_runs_backwards() -> None:
    first = taken(true_times(100, 5000), usb_ns(2, 5000))
    after_ns = float(first.true_ns[-1]) + 0.1e9
    second = taken(true_times(60, 8000, after_ns), usb_ns(3, 8000), epoch=1)
    samples = joined([first, second])
    before, after = samples.lines()
    assert (before.epoch, after.epoch) == (0, 1)
    assert abs(before.ppm - 100) < before.ppm_uncertainty
    assert abs(after.ppm - 60) < after.ppm_uncertainty
    assert best(samples.lines()) == after
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() < 0
    assert intervals_s(samples).min() >= 0


def test_S4_samples_that_were_lost_in_half_an_hour_of_sleep_leave_one_line() -> None:
    index = np.concatenate([np.arange(6000), np.arange(24_000, 30_000)])
    true_ns = true_times(100, 30_000)[index]
    samples = taken(true_ns, usb_ns(4, len(index)), index=index)
    (line,) = samples.lines()
    assert abs(line.ppm - 100) < line.ppm_uncertainty < 1.0
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() < 0
    gap_s = intervals_s(samples)[5999]
    assert gap_s == pytest.approx((true_ns[6000] - true_ns[5999]) / 1e9, abs=2 * line.residual_ns / 1e9)


def test_S4_samples_that_waited_through_half_an_hour_of_sleep_keep_their_times() -> None:
    """The instrument goes on and keeps its samples; the host reads half an hour of them in one go."""
    count = 30_000
    true_ns = true_times(100, count)
    last = true_ns[ROWS - 1 :: ROWS]
    asleep = (last > true_ns[6000]) & (last < true_ns[24_000])
    samples = taken(true_ns, np.where(asleep, true_ns[24_000] - last, usb_ns(5, len(last))))
    (line,) = samples.lines()
    assert abs(line.ppm - 100) < line.ppm_uncertainty
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() < 0
    assert intervals_s(samples).max() < 0.11


@pytest.mark.parametrize("stood_still", ["the instrument's", "the host's"])
def test_S4_a_clock_that_stood_still_for_half_an_hour_within_an_epoch_gives_two_lines(stood_still: str) -> None:
    true_ns, index = true_times(100, 12_000), np.arange(12_000)
    if stood_still == "the instrument's":  # powered down with the port, it counts on afterwards as if nothing were
        true_ns[6000:] += HALF_AN_HOUR_NS
    else:  # its monotonic clock does not count sleep, the instrument does
        index[6000:] += HALF_AN_HOUR_NS // INTERVAL_NS
    samples = taken(true_ns, usb_ns(6, 12_000), index=index)
    assert [round(line.ppm) for line in samples.lines()] == [100, 100]
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() < 0
    assert intervals_s(samples).min() >= 0


def test_what_a_driver_places_earlier_than_any_arrival_stays_there_and_widens_the_uncertainty() -> None:
    count = 5000
    samples = taken(true_times(0, count), usb_ns(7, count) + 80e6)
    samples.t_ns -= samples.t_ns[0] - np.int64(samples.true_ns[0])  # a filter of 80 ms that the driver knows of
    (line,) = samples.lines()
    assert line.offset_ns == 0.0
    assert line.unseen_ns == pytest.approx(80e6, rel=0.01)
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() < 0


def test_a_crystal_that_wanders_has_the_wander_in_its_uncertainty() -> None:
    count = 36_000
    true_ns = true_times(50, count)
    true_ns += 4e6 * np.sin(np.arange(count) / count * 2 * np.pi)
    samples = taken(true_ns, usb_ns(8, count))
    assert samples.lines()[0].residual_ns > 2e6
    assert errors_beyond_the_stated(samples, unseen_ns=0.0).max() < 0


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_what_is_too_short_has_no_line_and_keeps_its_times(count: int) -> None:
    samples = taken(true_times(100, count), usb_ns(9, count)) if count > 1 else Samples(
        np.zeros(count), np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    )  # fmt: skip
    assert samples.lines() == ()
    assert np.array_equal(samples.corrected(), samples.t_ns)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 300))
def test_no_numbers_of_a_damaged_recording_raise_or_turn_time_back(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    limit = int(10 ** rng.uniform(1, 18.9))
    t_ns, received_ns = rng.integers(-limit, limit, count), rng.integers(-limit, limit, count)
    if seed % 2:
        t_ns, received_ns = np.sort(t_ns), np.sort(received_ns)
    epoch = np.sort(rng.integers(0, 2, count))
    lines = device_clock(t_ns, received_ns, epoch)
    assert (np.diff(corrected_ns(t_ns, epoch, lines)) >= 0).all()


def test_S4_verify_and_the_file_say_the_drift_and_no_raw_number_changes(tmp_path: Path) -> None:
    samples = taken(true_times(102, 4000, STARTED_NS + 1e9), usb_ns(10, 4000))
    recorder = InlineRecorder.create(tmp_path, header(), VirtualClock())
    for first in range(0, 4000, ROWS):
        t_ns, zeros = samples.t_ns[first : first + ROWS], np.zeros((ROWS, len(CHANNELS)))
        recorder.samples(
            SampleBlock(
                "stat", 0, int(samples.t_ns[0]), INTERVAL_NS, CHANNELS, (t_ns - samples.t_ns[0]) // INTERVAL_NS,
                zeros, zeros.astype(np.uint8), int(samples.received_ns[first]),
            )
        )  # fmt: skip
    recorder.close()
    rebuild(tmp_path)

    report = verify(tmp_path)
    assert report.ok
    assert "stat: device clock +102." in report.text()
    assert report.text().endswith(", model 1")
    stream = read_session(tmp_path).streams["stat"]
    (line,) = device_clock(stream.t_ns, stream.received_ns, stream.epoch)
    with h5py.File(tmp_path / NWB_NAME, "r") as file:
        derived = json.loads(file["scratch/device_clock_json"][()])
        seconds = file["acquisition/stat_index/timestamps"][:]
        assert np.allclose(seconds, (stream.t_ns - STARTED_NS) / 1e9, atol=1e-9, rtol=0)
    assert derived["model"] == 1
    (stored,) = derived["streams"]["stat"]
    assert (stored["ppm"], stored["slope"]) == (line.ppm, line.slope)
    by_hand = seconds + stored["offset_s"] + stored["slope"] * (seconds - stored["first_s"])
    corrected = corrected_ns(stream.t_ns, stream.epoch, (line,))
    assert np.allclose(by_hand, (corrected - STARTED_NS) / 1e9, atol=2e-9, rtol=0)
