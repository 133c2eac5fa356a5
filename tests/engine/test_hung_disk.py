"""A disk that hangs holds the conductor at a book; STOP, its confirmation and the watchdog do not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acquisition.messages import Finish, Stop
from tests.engine.test_threads import Bench


@contextmanager
def hung_book(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the next look at the dose book be an fsync that does not come back; free it at the end."""
    stuck, freed = threading.Event(), threading.Event()

    def settle(*_args: object) -> None:
        stuck.set()
        assert freed.wait(60.0)

    monkeypatch.setattr(bench.conductor.desk.books, "settle", settle)
    try:
        assert stuck.wait(10.0)
        yield
    finally:
        freed.set()


def infusing(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, volume_ul=50.0)
    bench.host.start()
    bench.start_plan()
    bench.wait(lambda: bench.conductor.pumps["drug"].infusing and bench.true_ul() > 0.1)
    return bench


def end(bench: Bench) -> None:
    bench.conductor.submit(Finish(request=3), bench.answers.append)
    bench.wait(lambda: bench.conductor.over, within_s=30)
    bench.end()


def test_R33_stop_is_confirmed_by_the_pump_while_a_book_hangs_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = infusing(tmp_path)

    with hung_book(bench, monkeypatch):
        bench.conductor.submit(Stop(request=2), bench.answers.append)
        assert not bench.conductor.stop_confirmed()
        bench.wait(bench.conductor.stop_confirmed, within_s=3)
        stopped_ul = bench.true_ul()
        assert bench.answers == []  # the conductor still hangs; the door answers for it by what the slots say

    bench.wait(lambda: bench.conductor.phase == "stopped", within_s=10)
    end(bench)
    assert bench.true_ul() == stopped_ul < 50.0


def test_R42_a_book_that_hangs_earns_no_keep_alive_and_the_pumps_watchdog_ends_the_infusion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = infusing(tmp_path)

    with hung_book(bench, monkeypatch):
        seen = [bench.true_ul()]

        def stands() -> bool:
            seen.append(bench.true_ul())
            return len(seen) > 25 and seen[-1] == seen[-25]  # half a second of real time, 2.5 s of the pump's

        bench.wait(stands, within_s=20)

    bench.conductor.submit(Stop(request=2), bench.answers.append)
    bench.wait(lambda: bench.conductor.phase == "stopped", within_s=10)
    end(bench)
    assert seen[-1] < 50.0 * 0.5
