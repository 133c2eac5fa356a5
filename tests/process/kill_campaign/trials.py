"""So many kills in one laboratory, each life judged before the next one begins on the same bench and animal."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.session_data import read_session
from drivers.clock import NS_PER_S
from tests.process.engine_kit import private_runtime
from tests.process.kill_campaign import judges
from tests.process.kill_campaign.draw import Life, draw, family_of
from tests.process.kill_campaign.laboratory import TARGETS_UL, WATCHDOG_S, Laboratory, laboratory
from tests.process.kill_campaign.life import CLOCK, Lived, live
from tests.process.kill_campaign.operator import Answered, come_back
from tests.process.kill_campaign.told import look_up

_SAID = 700


@dataclass(frozen=True)
class Judged:
    """One life and what was found, in numbers."""

    text: str
    killed: tuple[str, ...]
    was_unfinished: bool
    whole_target: bool
    records: int
    samples: int
    given_ul: float
    over_ul: float
    on_s: float
    """For how long the pump moved after its engine had died."""


@dataclass
class Kills:
    """What some kills came to."""

    lives: list[Judged] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Return how many kills there were."""
        return sum(len(life.killed) for life in self.lives)

    def text(self) -> str:
        """Return the sum of it."""
        victims = [kill.partition(",")[0] for life in self.lives for kill in life.killed]
        by = ", ".join(f"{victims.count(victim)} of {victim}" for victim in ("engine", "window", "both"))
        died = [life for life in self.lives if life.was_unfinished]
        records, samples = sum(life.records for life in self.lives), sum(life.samples for life in self.lives)
        given_ul = sum(life.given_ul for life in self.lives)
        over_ul = [life.over_ul for life in self.lives] or [0.0]
        return (
            f"{self.number} kills ({by}) in {len(self.lives)} sessions; {len(died)} left unfinished, "
            f"{sum(life.whole_target for life in died)} of them with a whole target counted; {records} acknowledged "
            f"records, {samples} acknowledged samples looked up; {given_ul:.3f} uL given, "
            f"over-counted {sum(over_ul):.3f} uL, at most {max(over_ul):.3f} uL in a session; a pump went on "
            f"for {max((life.on_s for life in self.lives), default=0):.2f} s at most; {len(self.wrong)} WRONG"
        )


def one_laboratory(seed: int, kills: int) -> tuple[Kills, str]:
    """Kill so often; return what came of it and, where something is wrong, what was kept of it."""
    folder = Path(tempfile.mkdtemp(prefix="amperfuse-kills-"))
    kept = ""
    try:
        with private_runtime() as runtime:
            done = try_kills(folder, seed, kills)
            if done.wrong:
                shutil.copytree(runtime, folder / "runtime", ignore=shutil.ignore_patterns("*.sock", "*.socket"))
                kept = str(folder)
            return done, kept
    finally:
        if not kept:
            shutil.rmtree(folder)


def try_kills(folder: Path, seed: int, kills: int) -> Kills:
    """Kill so often, with a fresh bench, animal and container. A life that leaves something wrong is the last one."""
    rng = np.random.default_rng(seed)
    done = Kills()
    with laboratory(folder, family_of(rng)) as bench:
        while done.number < kills:
            life = draw(rng, kills - done.number)
            try:
                done.lives.append(_try(bench, life))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                done.wrong.append(f"{bench.family}, {life}: {type(error).__name__}: {str(error)[:_SAID]}")
                break
    return done


def _try(bench: Laboratory, life: Life) -> Judged:
    still_ul = bench.given_ul()
    lived = live(bench, life)
    assert abs(lived.given_before_ul - still_ul) < 1e-9, "a pump moved that had been confirmed stopped"
    if lived.engine_died_ns is not None and life.waits:
        bound_s = WATCHDOG_S if bench.family == "new-era" else TARGETS_UL[0] / 1.25 * 60
        CLOCK.sleep_until_ns(lived.engine_died_ns + round((bound_s + judges.SLACK_S) * NS_PER_S))
    answered = come_back(bench, lived)
    return _judge(bench, lived, answered)


def _judge(bench: Laboratory, lived: Lived, answered: Answered) -> Judged:
    session_dir = lived.session_dir
    session = None
    if session_dir is not None and (session_dir / JOURNAL_NAME).exists():
        session = read_session(session_dir)
    on_s = judges.pump_stops(bench, lived, session)
    samples = 0
    if session is not None and session_dir is not None:
        judges.recording_is_whole(lived, session)
        samples = look_up(lived.told, session, session_dir)
        judges.windows_do_not_matter(lived, session, bench.given_ul() - lived.given_before_ul)
    if lived.engine_died_ns is None:
        assert not answered.was_unfinished, "it ended by itself and is unfinished"
    over_ul = judges.books_hold(bench, lived, answered, judges.intents_of(session))
    judges.chains_hold()
    given_ul = bench.given_ul() - lived.given_before_ul
    how = "unfinished" if answered.was_unfinished else "closed"
    text = (
        f"{bench.family}: killed {'; '.join(lived.killed) or 'nothing'}: {how}, gave {given_ul:.4f} uL, over-counted "
        f"{over_ul:.4f} uL{' (whole target)' if answered.whole_target else ''}, went on {on_s:.2f} s, "
        f"{lived.told.records} records and {samples} samples acknowledged and found"
    )
    return Judged(
        text,
        tuple(lived.killed),
        answered.was_unfinished,
        answered.whole_target,
        lived.told.records,
        samples,
        given_ul,
        over_ul,
        on_s,
    )
