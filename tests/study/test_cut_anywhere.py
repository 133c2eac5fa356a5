"""Wherever a draw, an allocation or a weighing is cut, the same commands again end where they would have ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from acquisition.books.chain import BookUnwritable
from acquisition.recording.filesystem import OsFileSystem
from analysis.study import allocating, drawing, sealed
from analysis.study.allocating import StudyRefused, weigh_again
from analysis.study.drawing import Chance, draw_study
from analysis.study.study_book import read_log
from analysis.study.study_file import load_study
from analysis.study.trial import Known
from tests.study.kit import WALL_NS, chance, entry, give, undrawn

SYNCS: tuple[tuple[Any, str], ...] = (
    (sealed, "durable_sync"), (sealed, "durable_directory"), (allocating, "durable_sync"),
    (allocating, "durable_directory"), (OsFileSystem, "sync"), (OsFileSystem, "sync_folder"),
)  # fmt: skip


class PowerCut(OSError):
    """Nothing after this reaches the disk."""


class Cutter:
    """Counts everything that makes something durable, and cuts before one of them."""

    def __init__(self, at: int) -> None:
        self.left = at

    def before(self, deed: Callable[..., object]) -> Callable[..., object]:
        def cut_or_do(*args: object) -> object:
            self.left -= 1
            if self.left < 0:
                raise PowerCut("power cut")
            return deed(*args)

        return cut_or_do


def install(patch: pytest.MonkeyPatch, cutter: Cutter) -> None:
    for owner, name in (*SYNCS, (Path, "rename"), (Path, "replace"), (OsFileSystem, "write")):
        patch.setattr(owner, name, cutter.before(getattr(owner, name)))


def everything(folder: Path, luck: Chance) -> None:
    """Draw, allocate two, weigh one; each deed that was done before refuses or does the same."""
    if read_log_or_nothing(folder) is None:
        draw_study(folder, luck, by="A", known=Known(), wall_ns=WALL_NS)
    study = load_study(folder)
    for animal in ("M1", "M2"):
        with suppress(StudyRefused):  # it has its code already
            give(study, animal)
    if not read_log(study).allocated["m1"].earlier:
        blanks = {"@weight": "27 g", "@weighed": "2026-11-28"}
        weigh_again(study, "M1", blanks, by="B", known=Known(), wall_ns=WALL_NS)
    if len(read_log(study).allocated) < 3:
        give(study, "M3")  # mends what the weighing left


def read_log_or_nothing(folder: Path) -> object:
    study = load_study(folder)
    return read_log(study).drawn if study.study_id else None


def test_a_study_ends_the_same_wherever_it_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (allocating, drawing):  # it writes nothing, and takes most of the time
        monkeypatch.setattr(module, "try_every_group", lambda *_args: None)
    for owner, name in SYNCS:  # no power is really cut
        monkeypatch.setattr(owner, name, lambda *_args: None)
    luck = chance(1)
    cuts = 0
    while True:
        folder = undrawn(tmp_path / f"s{cuts}")
        cutter = Cutter(cuts)
        own = Chance(f"testing{cuts + 100}", luck.seed, luck.key, luck.salt)
        with pytest.MonkeyPatch.context() as patch:
            install(patch, cutter)
            with suppress(OSError, BookUnwritable):
                everything(folder, own)
        everything(folder, own)
        check(folder)
        if cutter.left >= 0:
            break
        cuts += 1
    assert cuts > 25


def check(folder: Path) -> None:
    study = load_study(folder)
    log = read_log(study)
    slots = sealed.open_sequence(study, entry(folder)).slots
    assert [one.animal for one in log.allocated.values()] == ["M1", "M2", "M3"]
    assert [one.code for one in log.allocated.values()] == [slot.code for slot in slots[:3]]
    for one in log.allocated.values():
        assert allocating.protocol_state(study, one) == "as written"
    text = (folder / "protocols" / log.allocated["m1"].protocol).read_text("utf-8")
    assert 'weight = "27 g"' in text
    assert f'code = "{slots[0].code}"' in text
