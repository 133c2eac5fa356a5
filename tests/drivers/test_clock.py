"""The machine's clocks as the engine sees them."""

from __future__ import annotations

import time  # noqa: TID251 - the module that reads it is what is tested

import pytest

from drivers.clock import NS_PER_S, SystemClock


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has a monotonic clock that sleeps")
def test_H5_a_sleep_of_the_machine_is_a_jump_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before_ns = clock.now_ns()
    really = time.clock_gettime_ns

    def slept_an_hour(which: int) -> int:
        return really(which) + (3600 * NS_PER_S if which == time.CLOCK_BOOTTIME else 0)

    monkeypatch.setattr(time, "clock_gettime_ns", slept_an_hour)

    assert clock.now_ns() - before_ns >= 3600 * NS_PER_S


def test_waiting_is_as_long_as_was_asked() -> None:
    clock = SystemClock()
    until_ns = clock.now_ns() + NS_PER_S // 50

    clock.sleep_until_ns(until_ns)

    assert 0 <= clock.now_ns() - until_ns < NS_PER_S
