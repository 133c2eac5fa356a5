"""R55: a real session keeps the computer awake to its end, and a person hears where it cannot."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from acquisition.service.engine_process import _keep_awake
from drivers.stay_awake import Awake
from tests.engine.kit import Lab


@pytest.mark.parametrize(("trouble", "raised"), [("", set()), ("systemd-inhibit was refused", {"may-sleep"})])
def test_R55_a_real_session_is_kept_awake_to_its_end_or_says_why_not(
    tmp_path: Path, trouble: str, raised: set[str]
) -> None:
    lab, done = Lab(tmp_path), []
    lab.conductor.simulated = False
    with ExitStack() as cleanup:
        _keep_awake(lab.session, cleanup, lambda: Awake(trouble, lambda: done.append("released")))
        assert {view.alarm_id for view in lab.conductor.desk.alarms.views()} == raised
        assert done == []
    assert done == ["released"]


def test_R55_a_simulated_session_asks_nothing_of_the_computer(tmp_path: Path) -> None:
    def refuse() -> Awake:
        raise AssertionError("nobody is to ask")

    with ExitStack() as cleanup:
        _keep_awake(Lab(tmp_path).session, cleanup, refuse)
