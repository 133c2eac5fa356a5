"""Two helpers for compliance suites, so that they need no test library. Know nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

E = TypeVar("E", bound=Exception)


def check(truth: object, what: str) -> None:
    """Fail with ``what`` unless ``truth``."""
    if not truth:
        raise AssertionError(what)


def refuses(kind: type[E], act: Callable[[], object]) -> E:
    """Return the error of ``kind`` that ``act`` raises; fail if it raises none."""
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"should have raised {kind.__name__}")
