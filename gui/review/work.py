"""Work that must not hold the window up: one thread, one job after the other, its outcome told in the window's thread.

Knows jobs. Does not know recordings. An error becomes a sentence; a mistake of the program says that it is one.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from acquisition.books.chain import BookBroken, BookUnwritable

END_S = 2.0


class Worker(Protocol):
    """What the window needs of it."""

    def submit(self, job: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Run ``job`` elsewhere; ``poll`` then calls ``done`` with what it returned, or ``failed`` with a sentence."""
        ...

    def poll(self) -> None:
        """Tell what has ended since the last call."""
        ...

    def close(self) -> None:
        """Take no more."""
        ...


def attempt(job: Callable[[], Any]) -> tuple[Any, str]:
    """Return (what the job returned, "") or (None, a sentence on why not)."""
    try:
        return job(), ""
    except (ValueError, BookBroken, BookUnwritable) as error:
        return None, str(error)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return None, f"{error.strerror or error}{where}"
    except Exception as error:  # noqa: BLE001 - a mistake of ours must reach the person who waits, not end a thread
        traceback.print_exc()
        return None, f"a mistake in Amperfuse, please report it: {type(error).__name__}: {error}"


@dataclass
class ThreadWorker:
    """One thread."""

    _jobs: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None], Callable[[str], None]] | None] = field(
        default_factory=queue.SimpleQueue, init=False
    )
    _ended: queue.SimpleQueue[Callable[[], None]] = field(default_factory=queue.SimpleQueue, init=False)
    _closed: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="amperfuse-review", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        self._jobs.put((job, done, failed))

    def poll(self) -> None:
        while not self._closed.is_set() and not self._ended.empty():
            self._ended.get()()

    def close(self) -> None:
        self._closed.set()
        self._jobs.put(None)
        self._thread.join(timeout=END_S)

    def _run(self) -> None:
        while True:
            task = self._jobs.get()
            if task is None or self._closed.is_set():
                return
            job, done, failed = task
            found, why = attempt(job)
            self._ended.put((lambda d=done, f=found: d(f)) if not why else (lambda f=failed, w=why: f(w)))  # type: ignore[misc]
