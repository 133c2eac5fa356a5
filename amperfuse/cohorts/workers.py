"""Shares tasks out to worker processes, in such a way that the whole can be cut short and taken up again.

Knows how workers begin, stop and end with their parent. A worker that is told to stop leaves what it does; no task is
begun after that. Results come back in the order of the tasks, whoever finished first. Does not know what a task is.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Event as ThreadEvent
from threading import Thread
from typing import Protocol, TypeVar

WAITING = 2
"""So many tasks wait for each worker: no more is begun after Ctrl-C."""

T = TypeVar("T")
R = TypeVar("R")


class _Flag(Protocol):
    def is_set(self) -> bool: ...


class CutShort(Exception):
    """A task was cut short because the whole run was."""


_stop: _Flag = ThreadEvent()
"""In a worker: set when the run is cut short."""


def go_on(_done: float = 0.0, _text: str = "") -> None:
    """Raise CutShort in a worker that was told to stop. Fits where a task tells its progress."""
    if _stop.is_set():
        raise CutShort


def shared_out(tasks: Sequence[T], do: Callable[[T], R], jobs: int, told: Callable[[T], None]) -> list[R]:
    """Return what ``do``, a function of a module, makes of each task; ``told`` hears of each that is done.

    One job runs in this process. Raises what ``do`` raises; KeyboardInterrupt after the workers have ended.
    """
    if jobs == 1:
        return [_told(do(task), task, told) for task in tasks]
    context = get_context("spawn")
    stop = context.Event()
    results: dict[int, R] = {}
    rest = iter(range(len(tasks)))
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker, initargs=(stop,)) as pool:
        running: dict[Future[R], int] = {}
        try:
            running |= {pool.submit(do, tasks[at]): at for at in islice(rest, WAITING * jobs)}
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    at = running.pop(future)
                    results[at] = _told(future.result(), tasks[at], told)
                running |= {pool.submit(do, tasks[at]): at for at in islice(rest, len(finished))}
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [results[at] for at in range(len(tasks))]


def _told(result: R, task: T, told: Callable[[T], None]) -> R:
    told(task)
    return result


def _begin_worker(stop: _Flag) -> None:
    """Leave Ctrl-C to the parent, which lets every worker end where it can; end when the parent is gone."""
    global _stop  # noqa: PLW0603 - what a worker is begun with
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker, busy or not, when its parent was killed: nobody else would, and the next run has its task."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
