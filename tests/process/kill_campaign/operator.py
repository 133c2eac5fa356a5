"""What a person does after a crash, from a terminal: looks, perhaps tries to go on, reconciles, answers, verifies."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from acquisition.books import sessions
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineDidNotStart, start_engine
from tests.process.engine_kit import amperfuse
from tests.process.kill_campaign.laboratory import Laboratory
from tests.process.kill_campaign.life import Lived


@dataclass(frozen=True)
class Answered:
    """What the person was told."""

    was_unfinished: bool
    text: str = ""

    @property
    def whole_target(self) -> bool:
        """Whether the program could not tell what an infusion gave, and counts its whole target."""
        return "the whole target counts" in self.text or "stay open" in self.text


def come_back(laboratory: Laboratory, lived: Lived) -> Answered:
    """Do what docs/how-to/after-a-crash.md says. A session that had been closed needs nobody."""
    listed = amperfuse("unfinished")
    if listed.returncode == ExitCode.OK:
        _verify(lived)
        return Answered(was_unfinished=False)
    assert listed.returncode == ExitCode.UNFINISHED, listed.stderr
    assert lived.session_dir is not None, f"unfinished, but without a folder: {listed.stdout}"
    name = lived.session_dir.name
    assert name in listed.stdout
    said = _try_to_start(laboratory) if lived.life.tries_to_start else ""
    answered = amperfuse("reconcile", name, "--by", "A. Vet", "--decision", "no more today")
    assert answered.returncode == ExitCode.OK, answered.stdout + answered.stderr
    assert sessions.unfinished() == ()
    _verify(lived)
    return Answered(was_unfinished=True, text=said + answered.stdout)


def _try_to_start(laboratory: Laboratory) -> str:
    with pytest.raises(EngineDidNotStart) as refused:
        start_engine(laboratory.options(watched=False, long_gap=False))
    assert refused.value.code is ExitCode.UNFINISHED, str(refused.value)
    return str(refused.value)


def _verify(lived: Lived) -> None:
    """Only a session whose recording had not begun when it died has nothing to verify."""
    if lived.session_dir is None or not (lived.session_dir / JOURNAL_NAME).exists():
        assert lived.told.records == 0, "acknowledged records are gone with the whole journal"
        return
    verified = amperfuse("verify", lived.session_dir)
    assert verified.returncode == ExitCode.OK, verified.stdout + verified.stderr
