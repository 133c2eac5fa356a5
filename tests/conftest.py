"""What holds for all tests: what they start is compiled once and hears Ctrl-C, and drawn examples are always the same.

A shell that starts something in the background has it ignore Ctrl-C, and its children inherit that. To look for new
examples: ``pytest --hypothesis-profile=explore``. Each test has books of its own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from acquisition.books.places import BOOKS_DIR_VARIABLE

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # some hundred processes would compile the whole program anew

IMPATIENT = HealthCheck.too_slow  # a busy computer is no fault of a test
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[IMPATIENT], database=None)
settings.register_profile("explore", deadline=None, suppress_health_check=[IMPATIENT], max_examples=1000)
settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def _books_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("books")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BOOKS_DIR_VARIABLE, str(folder / "shared"))
        yield folder


@pytest.fixture(autouse=True)
def _own_books(_books_of_all: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the dose books of whoever runs it, nor into those of another test."""
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(_books_of_all / uuid4().hex))
