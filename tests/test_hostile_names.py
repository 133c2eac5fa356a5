"""X3: what people and files call animals and sessions never becomes a path, on none of three operating systems."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from acquisition.books.chain import Book
from acquisition.books.places import BOOKS_DIR_VARIABLE, book_place, same_name
from acquisition.engine.session import make_session_dir
from acquisition.experiment.fields import checked_name
from tests.engine.kit import make_plan

DEVICES = ["CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in "0123456789¹²³")]
UP = [
    "..",
    "../..",
    "../../../../etc/passwd",
    "..\\..\\x",
    "a/../../b",
    "%2e%2e%2f",
    "..%c0%af",
    ".../...//",
    "~",
    "~r",
]
PLACES = [
    "/etc/x",
    "C:\\x",
    "C:x",
    "\\\\host\\share\\x",
    "//host/share",
    "\\\\?\\C:\\x",
    "\\\\.\\COM1",
    "file:///etc/x",
]
SHELL = ["$(rm x)", "`id`", ";id", "|id", "&id", "a\nb", "a\rb", "a\tb", "'", '"', "*", "?", "<x>", "$HOME", "%TEMP%"]
ENDS = ["m1.", "m1 ", " m1", "m1...", ".m1", "-rf", "--help", ".", "...", " ", "", "m1::$DATA", "m1:stream", "a:b:c"]
LETTERS = [
    "µ", "ä" * 300, "x" * 10_000, "\u202egpj.exe", "\u200b", "\ufeffm1", "a\0b", "\x1b[2J", "\x7f", "é", "e\u0301",
    "\uff21", "\u2215etc\u2215passwd", "\uff0e\uff0e\uff0f", "\U0001f42d", "\ud800", "mouse\u2028x", "\ufb01", "ß",
    "Σς", "\u0000", "a" * 255, "_", "-", "__proto__",
]  # fmt: skip
NAMES = [
    *DEVICES,
    *(name.lower() for name in DEVICES),
    *(f"{name}.tar.gz" for name in DEVICES),
    *(f"{name}." for name in DEVICES),
    *(f"{name}:x" for name in DEVICES),
    *(f"../{name}" for name in DEVICES),
    *UP, *PLACES, *SHELL, *ENDS, *LETTERS,
]  # fmt: skip
_BAD_ON_WINDOWS = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[. ]$')
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|(?:COM|LPT)[0-9¹²³])(?:\..*)?", re.IGNORECASE)


def assert_harmless(path: Path, root: Path) -> None:
    assert path.resolve().is_relative_to(root.resolve())
    for part in path.relative_to(root).parts:
        assert part.isascii()
        assert len(part) <= 80
        assert not _BAD_ON_WINDOWS.search(part)
        assert not _DEVICE.fullmatch(part)
        assert PureWindowsPath(part).parts == (part,)


def test_X3_there_are_enough_of_them() -> None:
    assert len(set(NAMES)) > 200


def test_X3_a_session_of_any_name_is_a_new_folder_inside_the_root(tmp_path: Path) -> None:
    root = tmp_path / "out"
    made = [make_session_dir(root, replace(make_plan(), name=name), wall_ns=0)[1] for name in NAMES]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    assert len(set(made)) == len(NAMES)
    for path in made:
        assert path.is_dir()
        assert path.parent == root
        assert_harmless(path, root)


def test_X3_a_book_of_any_name_lies_in_its_place_and_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path))
    places = {name: book_place("animals", name) for name in NAMES}
    assert len({book.name.casefold() for book, _anchor in places.values()}) == len({same_name(name) for name in NAMES})
    for book, anchor in places.values():
        assert_harmless(book, tmp_path)
        assert_harmless(anchor, tmp_path)
    for name in ("CON", "../..", "a\0b", "\ud800"):
        book_file = Book(*places[name]).open()
        book_file.add({"kind": "intent"}, 1)
        book_file.close()
    assert len(list((tmp_path / "books" / "animals").glob("*.book"))) == 4


def test_X3_instruments_have_names_that_can_be_file_names_everywhere() -> None:
    for name in NAMES:
        if name not in ("_", "-", "--help", "-rf", "__proto__", "a" * 255) and name.casefold() not in {
            device.casefold() for device in DEVICES
        }:
            with pytest.raises(ValueError, match="a name is"):
                checked_name(name)
