"""The front door: command line and the small public Python API.

``amperfuse.open_recording(path)`` gives a session's arrays with units and times. What it needs is loaded when it is
first asked for: 'amperfuse stop' must not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.review import Recording


def open_recording(path: str | Path) -> Recording:
    """Open the folder of a session, while it grows or after.

    Returns channels (A, s), infusions (µL, µL/min), marks, steps and annotations as numpy arrays and plain objects.
    Raises FileNotFoundError without a journal, ValueError when not even its header is readable.
    """
    from analysis import review  # noqa: PLC0415 - see above

    return review.open_recording(path)
