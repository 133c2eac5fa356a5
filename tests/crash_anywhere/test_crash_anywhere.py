"""A session dies at some of the instants at which it can; ``python -m tests.crash_anywhere`` tries every one."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from acquisition.campaign.trial import Family
from acquisition.engine.parts import Desk
from acquisition.recording.filesystem import OsFileSystem
from acquisition.recording.records import InfusionRow
from tests.crash_anywhere.__main__ import Tally, all_of, reconciliation_dies, session_dies
from tests.crash_anywhere.accident import Accident, Kind
from tests.crash_anywhere.disk import MortalDisk
from tests.crash_anywhere.life import Wrong
from tests.crash_anywhere.session_dies import try_once


@pytest.fixture(scope="module", autouse=True)
def nothing_old_to_collect() -> Iterator[None]:
    """Each death collects garbage, to free its locks; what was there before need not be looked at each time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "family", "power_cut", "stride"),
    [
        ("disk", "new-era", False, 13),
        ("disk", "new-era", True, 13),
        ("line", "new-era", True, 37),
        ("memory", "new-era", False, 3989),
        ("disk", "harvard-ultra", True, 29),
        ("line", "harvard-ultra", False, 83),
    ],
)
# an allocation that fails while the interpreter throws a generator away has nobody to be told
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_R53_R54_whatever_a_session_dies_of_what_was_acknowledged_is_there_and_the_pump_stops(
    kind: Kind, family: Family, power_cut: bool, stride: int
) -> None:
    tally = Tally()
    all_of(tally, session_dies(kind, family, power_cut=power_cut), seed=5, stride=stride)
    assert tally.wrong == []
    assert sum(tally.tried.values()) >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "family", "power_cut", "situation", "stride"),
    [
        ("disk", "new-era", True, 3, 5),
        ("disk", "harvard-ultra", False, 3, 6),
        ("disk", "new-era", False, 0, 9),
        ("line", "new-era", False, 0, 7),
        ("line", "harvard-ultra", True, 2, 11),
        ("memory", "new-era", False, 3, 997),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above
def test_R53_R54_whatever_a_reconciliation_dies_of_the_next_one_books_what_it_would_have_booked(
    kind: Kind, family: Family, power_cut: bool, situation: int, stride: int
) -> None:
    tally = Tally()
    all_of(tally, reconciliation_dies(kind, family, power_cut=power_cut, situation=situation), seed=5, stride=stride)
    assert tally.wrong == []
    assert sum(tally.tried.values()) >= 4


def test_R53_a_disk_that_only_says_that_it_syncs_is_found_out(tmp_path: Path) -> None:
    """The search itself: a journal whose bytes never become safe fails it."""

    def forgets(disk: MortalDisk, path: Path, *, power_cut: bool) -> bytes:
        del power_cut
        return bytes(disk.written[path])

    found = 0
    for at in (60, 75, 90):
        (folder := tmp_path / str(at)).mkdir()
        with mock.patch.object(MortalDisk, "sure", forgets):
            try:
                try_once(folder, Accident("disk", at), at, power_cut=True, family="new-era", nwb=False)
            except Wrong:
                found += 1
    assert found >= 2


def test_R54_an_account_that_lags_behind_its_settled_intents_is_found_out(tmp_path: Path) -> None:
    """What this search found first: the row of an infusion's end came half a second after its intent was settled."""

    def nothing(_desk: Desk, _row: InfusionRow) -> None:
        """Write no row."""

    with mock.patch.object(Desk, "row", nothing), pytest.raises(Wrong, match="the recording accounts for 0"):  # noqa: PT012
        for seed in range(4):
            (folder := tmp_path / str(seed)).mkdir()
            try_once(folder, Accident("disk", 110), seed, power_cut=False, family="new-era", nwb=False)


def test_a_folder_made_for_a_session_has_its_name_on_the_disk(tmp_path: Path) -> None:
    synced: list[Path] = []

    class Watched(OsFileSystem):
        def sync_folder(self, path: Path) -> None:
            synced.append(path)
            super().sync_folder(path)

    Watched().create_folder(tmp_path / "session")

    assert synced == [tmp_path]
