"""Where the books of this user lie: each book in the data folder, its anchor in the state folder, away from it.

Knows folders and file names. A name that a person gave is only data: the file is named for its hash. One animal has
one book whether its name was typed "M1", "m1" or "m1 ": two animals that share one get less, never more.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

import platformdirs

BOOKS_DIR_VARIABLE = "AMPERFUSE_BOOKS_DIR"


def same_name(name: str) -> str:
    """Return a name as it is compared: one animal is not two because somebody wrote it with another case or blank."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def book_place(kind: str, name: str) -> tuple[Path, Path]:
    """Return the paths of a book and of its anchor. ``kind`` is ours, ``name`` may be anything."""
    name = same_name(name)
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:40]
    file = "-".join(
        part for part in (slug, hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]) if part
    )
    data, state = _roots()
    return data / "books" / kind / f"{file}.book", state / "anchors" / kind / f"{file}.anchor"


def books_of(kind: str) -> list[tuple[Path, Path]]:
    """Return the paths of every book of a kind and of its anchor, by name."""
    data, state = _roots()
    found = sorted((data / "books" / kind).glob("*.book"))
    return [(path, state / "anchors" / kind / f"{path.stem}.anchor") for path in found]


def seal_key_place(study_id: str) -> Path:
    """Return where this user keeps the key to the sealed solutions of a study."""
    return _roots()[0] / "seals" / f"{study_id}.key"


def _roots() -> tuple[Path, Path]:
    chosen = os.environ.get(BOOKS_DIR_VARIABLE)
    data = Path(chosen) if chosen else platformdirs.user_data_path("amperfuse", appauthor=False)
    state = Path(chosen) if chosen else platformdirs.user_state_path("amperfuse", appauthor=False)
    return data, state
