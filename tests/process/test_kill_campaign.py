"""Twenty kills of engine, window and both on real ports; ``python -m tests.process.kill_campaign`` tries hundreds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.process.engine_kit import private_runtime
from tests.process.kill_campaign.trials import try_kills

KILLS = 5
SEEDS = (4, 9, 37, 46)
"""Both pumps, all victims; at the start, in either infusion; a plan left alone, a run tried before the answer."""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("seed", SEEDS)
def test_R41_R42_R53_R54_whoever_is_killed_the_pump_stops_and_nothing_is_lost_or_left_out(
    tmp_path: Path, seed: int
) -> None:
    with private_runtime():
        done = try_kills(tmp_path, seed, KILLS)
    assert done.wrong == []
    assert done.number >= KILLS
    assert sum(life.given_ul for life in done.lives) > 0
    assert sum(life.samples for life in done.lives) > 0
