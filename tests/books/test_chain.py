"""A book keeps what was acknowledged through every failing call and every cut, and shows whatever was changed in it."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition.books.chain import Book, BookBroken, BookUnwritable, read_entries
from tests.recording.failing_fs import FailingFs


def place(folder: Path) -> tuple[Path, Path]:
    return folder / "data" / "a.book", folder / "state" / "a.anchor"


def book_with(folder: Path, count: int) -> tuple[Path, Path]:
    book = Book(*place(folder)).open()
    for number in range(count):
        book.add({"kind": "intent", "volume_ul": number / 10}, wall_ns=number)
    book.close()
    return place(folder)


def test_what_was_added_is_there_in_order(tmp_path: Path) -> None:
    entries = read_entries(*book_with(tmp_path, 3))
    assert [(e.number, e.wall_ns, e.data["volume_ul"]) for e in entries] == [(1, 0, 0.0), (2, 1, 0.1), (3, 2, 0.2)]


def test_a_book_that_does_not_exist_has_no_entries(tmp_path: Path) -> None:
    assert read_entries(*place(tmp_path)) == []


def test_a_second_holder_is_refused(tmp_path: Path) -> None:
    first = Book(*place(tmp_path)).open()
    with pytest.raises(BookUnwritable, match="another session holds"):
        Book(*place(tmp_path)).open()
    first.close()
    Book(*place(tmp_path)).open().close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_X14_any_changed_byte_is_found(tmp_path: Path, at: float, flip: int) -> None:
    path, anchor = place(tmp_path)
    if not path.exists():
        book_with(tmp_path, 4)
        (tmp_path / "kept").write_bytes(path.read_bytes())
    content = bytearray((tmp_path / "kept").read_bytes())
    content[int(at * len(content))] ^= flip
    path.write_bytes(bytes(content))
    with pytest.raises(BookBroken):
        read_entries(path, anchor)


@pytest.mark.parametrize("lines", [[0, 2, 3], [0, 1, 3, 2], [1, 0, 2, 3], [0, 1, 1, 2, 3], [0, 1, 2], []])
def test_X14_removed_moved_doubled_and_cut_off_entries_are_found(tmp_path: Path, lines: list[int]) -> None:
    path, anchor = book_with(tmp_path, 4)
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[i] for i in lines))
    with pytest.raises(BookBroken):
        read_entries(path, anchor)


def test_X14_a_book_without_its_anchor_is_not_believed(tmp_path: Path) -> None:
    path, anchor = book_with(tmp_path, 2)
    anchor.unlink()
    with pytest.raises(BookBroken, match="anchor"):
        read_entries(path, anchor)


def test_X14_a_rewritten_book_is_found_by_its_anchor(tmp_path: Path) -> None:
    path, anchor = book_with(tmp_path, 2)
    other, _ = book_with(tmp_path / "other", 3)
    path.write_bytes(other.read_bytes().replace(b"0.1", b"0.1"))
    read_entries(path, anchor)  # the same first entries: it only goes on
    forged = Book(*place(tmp_path / "forged")).open()
    for number in range(2):
        forged.add({"kind": "intent", "volume_ul": 0.0}, wall_ns=number)
    forged.close()
    path.write_bytes(forged.path.read_bytes())
    with pytest.raises(BookBroken, match="was changed: entry 2"):
        read_entries(path, anchor)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_R54_what_a_crash_tore_is_cut_off_and_told(tmp_path: Path, cut: int) -> None:
    path, anchor = book_with(tmp_path, 2)
    with path.open("ab") as file:
        file.write(b'{"data":{"kind":"intent","volume_ul":0.7},"number":3,"sha256":"0000000'[:cut])
    book = Book(path, anchor).open()
    assert len(book.entries) == 2
    book.add({"kind": "intent", "volume_ul": 1.0}, wall_ns=9)
    book.close()
    entries = read_entries(path, anchor)
    assert len(entries) == 3
    assert str(entries[2].data["cut_off_before"]).startswith("{")


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("kind", ["once", "from then on"])
def test_R54_at_whichever_call_the_disk_fails_nothing_acknowledged_is_lost(
    tmp_path: Path, kind: str, *, short: bool
) -> None:
    for failing in range(1, 60):
        folder = tmp_path / str(failing)

        def fails(call: int, name: str, failing: int = failing) -> bool:
            return call == failing if kind == "once" else call >= failing

        fs = FailingFs(fails, error=errno.ENOSPC, short=short)
        acknowledged = []
        with suppress(BookUnwritable):
            book = Book(*place(folder), fs=fs).open()
            for number in range(3):
                with suppress(BookUnwritable):
                    acknowledged.append(book.add({"kind": "intent", "volume_ul": float(number)}, wall_ns=number))
            book.close()
        assert not fs.open_descriptors
        entries = Book(*place(folder)).open()
        entries.close()
        found = [entry.data["volume_ul"] for entry in entries.entries]
        kept = [entry.data["volume_ul"] for entry in acknowledged]
        # where even cutting back fails, an entry that was not acknowledged may stay: too much counts, never too little
        assert found == kept or (kind == "from then on" and found[: len(kept)] == kept and len(found) == len(kept) + 1)
        if fs.calls < failing:
            return
    pytest.fail("the book makes more calls than were tried")


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"null\n",
        b"[" * 5000 + b"\n",
        b'{"data":1,"wall_ns":0}\n',
        b'{"data":{},"wall_ns":1e400}\n',
        b'{"data":{"a":NaN},"wall_ns":0}\n',
        b"x" * 30_000 + b"\n",
    ],
)
def test_X1_what_is_no_book_is_refused_with_its_line(tmp_path: Path, line: bytes) -> None:
    path, anchor = place(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(line)
    with pytest.raises(BookBroken, match="line 1"):
        read_entries(path, anchor)


def test_R54_a_block_that_a_power_cut_took_out_of_the_last_write_is_cut_off_unless_the_anchor_knows_the_entry(
    tmp_path: Path,
) -> None:
    path, anchor = book_with(tmp_path, 3)
    whole, known = path.read_bytes(), anchor.read_bytes()
    path.write_bytes(whole[:-40] + bytes(30) + whole[-10:])
    with pytest.raises(BookBroken, match="cut off"):
        read_entries(path, anchor)

    anchor.write_bytes(known[: known[:-1].rfind(b"\n") + 1])  # the write was never acknowledged

    assert len(read_entries(path, anchor)) == 2
    book = Book(path, anchor).open()
    book.add({"kind": "intent", "volume_ul": 1.0}, wall_ns=9)
    book.close()
    assert len(read_entries(path, anchor)) == 3
