"""A signal's STOP waits for nobody: not for the main thread, not for a lock it holds, not for an earlier signal."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from acquisition.service.signals import SignalWatch
from drivers import os_support

pytestmark = pytest.mark.skipif(os_support.is_windows(), reason="sends POSIX signals")


def test_a_signal_is_obeyed_while_the_main_thread_holds_the_lock_it_needs_and_another_one_arrives() -> None:
    lock = threading.Lock()
    in_lock, heard = threading.Semaphore(0), threading.Semaphore(0)
    names: list[tuple[str, str]] = []

    def obey(name: str) -> None:
        in_lock.release()
        if lock.acquire(timeout=60.0):
            names.append((name, threading.current_thread().name))
            lock.release()
        heard.release()

    watch = SignalWatch(obey)
    try:
        with lock:
            signal.raise_signal(signal.SIGTERM)
            assert in_lock.acquire(timeout=30.0)
            os.kill(os.getpid(), signal.SIGINT)
        assert heard.acquire(timeout=30.0)
        assert heard.acquire(timeout=30.0)
    finally:
        watch.close()
    assert names == [("SIGTERM", "signals"), ("SIGINT", "signals")]


def test_signals_are_given_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    SignalWatch(lambda _name: None).close()
    assert {number: signal.getsignal(number) for number in before} == before
    assert "signals" not in [thread.name for thread in threading.enumerate()]
