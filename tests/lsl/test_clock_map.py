"""Engine time as LSL time: one offset, and what happens when it does not hold."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from acquisition.lsl.clock_map import ClockMap, Reading, earliest, read_both
from drivers.clock import NS_PER_S


def at(engine_s: float, offset_s: float) -> Reading:
    return Reading(round(engine_s * NS_PER_S), engine_s + offset_s, 0.0)


@dataclass
class Slow:
    """Two clocks 7 s apart, the second of which takes ever less time to be read."""

    now_s: float = 50.0
    costs_s: list[float] = field(default_factory=lambda: [0.5, 0.1, 0.002, 0.3, 0.4])

    def lsl(self) -> float:
        return self.now_s + 7.0

    def now_ns(self) -> int:
        self.now_s += self.costs_s[0]  # it is preempted here, after the clock was read
        return round((self.now_s - self.costs_s.pop(0)) * NS_PER_S)

    def wall_ns(self) -> int:
        raise AssertionError

    def sleep_until_ns(self, t_ns: int) -> None:
        raise AssertionError


def test_the_closest_of_several_readings_is_kept_with_how_sure_it_is() -> None:
    clocks = Slow()
    reading = read_both(clocks, clocks.lsl)
    assert reading.uncertainty_s == pytest.approx(0.001)
    assert abs(reading.offset_s - 7.0) <= reading.uncertainty_s + 1e-9


def test_a_time_is_mapped_by_the_offset_to_the_nanosecond_of_a_double() -> None:
    clocks = ClockMap(at(5, 100))
    t_ns = np.array([5_000_000_001, 9_500_000_000], np.int64)
    assert clocks.lsl_s(t_ns).tolist() == pytest.approx([105.000000001, 109.5], abs=1e-12)
    assert clocks.one_lsl_s(5_000_000_001) == clocks.lsl_s(t_ns)[0]


def test_noise_of_reading_changes_nothing() -> None:
    clocks = ClockMap(at(5, 100))
    assert not clocks.look(at(10, 100.015))
    assert clocks.one_lsl_s(20 * NS_PER_S) == 120.0


def test_after_a_sleep_samples_of_before_keep_their_offset() -> None:
    clocks = ClockMap(at(5, 100))
    clocks.look(at(10, 100))
    assert clocks.look(at(4000, -3800)), "liblsl's clock stood still for 3,900 s"
    t_ns = np.array([1, 9, 10, 3999], np.int64) * NS_PER_S
    assert clocks.lsl_s(t_ns).tolist() == [101.0, 109.0, -3790.0, 199.0]
    assert [clocks.one_lsl_s(int(t)) for t in t_ns] == [101.0, 109.0, -3790.0, 199.0]
    assert clocks.offset_s == -3800


def test_what_comes_by_message_is_late_and_never_early() -> None:
    assert earliest([at(5, 100.004), at(6, 100.001), at(7, 100.2)]).offset_s == pytest.approx(100.001)
    clocks = ClockMap(at(5, 100), late_only=True)
    assert not clocks.look(at(9, 103)), "a slow message is no other clock"
    assert clocks.look(at(10, 70)), "a simulated clock that jumped 30 s is"
