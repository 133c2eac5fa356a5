"""SIGKILL of real processes: a small number here, the full numbers with ``python -m tests.recording.kill_campaign``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.recording.kill_campaign import kill_archiver_often, kill_engine_once


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("with_archiver", [True, False], ids=["with archiver", "journal only"])
@pytest.mark.parametrize("seed", range(2))
def test_R53_a_killed_engine_loses_nothing_it_acknowledged(tmp_path: Path, seed: int, with_archiver: bool) -> None:
    assert kill_engine_once(tmp_path, np.random.default_rng(seed), with_archiver=with_archiver) > 0


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_R53_a_killed_archiver_is_restarted_and_its_file_is_complete(tmp_path: Path) -> None:
    kill_archiver_often(tmp_path, 4, np.random.default_rng(7))
