"""Fixtures of the screen's tests: a window without a display, and nothing left behind.

Where Qt cannot be loaded (a missing system library) the tests that need it are skipped with the reason, or fail when
AMPERFUSE_REQUIRE_QT=1 says that it has to be there.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.gui.bench import Bench

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A place to open windows on a fake engine. A fault in any slot or event handler fails the test."""
    try:
        from tests.gui.bench import Bench  # noqa: PLC0415 - Qt may be missing here
    except ImportError as error:
        if os.environ.get("AMPERFUSE_REQUIRE_QT") == "1":
            raise
        pytest.skip(f"Qt cannot be loaded on this machine: {error}")
    made = Bench(tmp_path / "window.ini")
    faults: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: faults.append(error))
    yield made
    made.close()
    assert not faults, f"the window raised {faults!r}"
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("amperfuse-")]
    assert not left, f"threads left running: {left}"
