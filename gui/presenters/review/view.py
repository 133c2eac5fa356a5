"""Which stretch of a recording is on the screen, and how its times are written and read.

Knows seconds since the session began. Does not know pixels or what is drawn.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from acquisition.signal.pyramid import Floats
from gui.presenters.text import stamp
from gui.presenters.traces import time_ticks

LEAST_S = 0.1
"""Nobody zooms in further: some hundred samples of the fastest instrument."""
SETTLING = 1 / 6
_FINE_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_CLOCK = re.compile(r"(?:(\d+):)?(?:(\d+):)?(\d+(?:\.\d*)?)")


@dataclass(frozen=True)
class ReviewView:
    """From ``left_s`` to ``right_s`` of a recording that ends at ``end_s``."""

    end_s: float
    left_s: float
    right_s: float

    @property
    def width_s(self) -> float:
        """Return how much is seen, s."""
        return self.right_s - self.left_s

    def at(self, left_s: float, right_s: float) -> ReviewView:
        """Return this stretch, as far as the recording reaches; its length is kept where that can be."""
        width_s = min(max(right_s - left_s, LEAST_S), max(self.end_s, LEAST_S))
        left_s = min(max((left_s + right_s - width_s) / 2, 0.0), max(self.end_s - width_s, 0.0))
        return replace(self, left_s=left_s, right_s=left_s + width_s)

    def zoomed(self, factor: float, about_s: float | None = None) -> ReviewView:
        """Return the view ``factor`` times as long; ``about_s`` stays where it is, by default the middle."""
        about_s = (self.left_s + self.right_s) / 2 if about_s is None else about_s
        width_s = min(max(self.width_s * factor, LEAST_S), max(self.end_s, LEAST_S))
        left_s = about_s - (about_s - self.left_s) * width_s / self.width_s
        return self.at(left_s, left_s + width_s)

    def moved(self, windows: float) -> ReviewView:
        """Return the view moved by a part of its length."""
        return self.moved_by(windows * self.width_s)

    def moved_by(self, seconds: float) -> ReviewView:
        """Return the view moved by so many seconds."""
        return self.at(self.left_s + seconds, self.right_s + seconds)

    def showing(self, at_s: float, until_s: float | None = None) -> ReviewView:
        """Return a view with a moment, or a stretch, in its middle; as long as now, or as long as it needs."""
        until_s = at_s if until_s is None else until_s
        half_s = max(self.width_s, 1.25 * (until_s - at_s)) / 2
        middle_s = (at_s + until_s) / 2
        return self.at(middle_s - half_s, middle_s + half_s)

    def whole(self) -> ReviewView:
        """Return all of it."""
        return self.at(0.0, self.end_s)


def whole_view(end_s: float) -> ReviewView:
    """Return the view of a whole recording of this length, s."""
    return ReviewView(max(end_s, LEAST_S), 0.0, max(end_s, LEAST_S))


def settled(t_s: Floats, values: Floats, view: ReviewView) -> Floats:
    """Return what sets the range of an axis: not the first sixth of a recording, in which electrodes settle.

    Where no more than twice that is in view, it does. The printed plot of a session does the same.
    """
    from_s = SETTLING * view.end_s
    return values[t_s >= from_s] if view.left_s < from_s and view.right_s > 2 * from_s else values


def fine_ticks(left_s: float, right_s: float, most: int) -> list[tuple[float, str]]:
    """Return positions and labels of the time axis, down to hundredths of a second."""
    step_s = next((step for step in _FINE_S if (right_s - left_s) / step <= most), None)
    if step_s is None:
        return time_ticks(left_s, right_s, most)
    places = 2 if step_s < 0.1 else 1
    first, last = math.ceil(left_s / step_s - 1e-9), math.floor(right_s / step_s + 1e-9)
    return [(number * step_s, clock(number * step_s, places)) for number in range(first, last + 1)]


def clock(seconds: float, places: int = 1) -> str:
    """Return session time as hh:mm:ss with ``places`` digits of the second, rounded."""
    units = 10**places
    whole, part = divmod(round(max(seconds, 0.0) * units), units)
    return f"{stamp(whole)}.{part:0{places}d}" if places else stamp(whole)


def read_clock(text: str) -> float:
    """Return the seconds that somebody typed: 3723.5, 62:03.5 or 1:02:03.5. Raises ValueError with a sentence."""
    found = _CLOCK.fullmatch(text.strip().replace(",", "."))
    if found is None:
        raise ValueError(f"{text.strip()!r} is no time: write seconds, or h:mm:ss")
    first, second, seconds = found.groups()
    hours, minutes = (first, second) if second is not None else ("0", first or "0")
    if (first is not None and float(seconds) >= 60.0) or (second is not None and int(minutes) >= 60):
        raise ValueError(f"{text.strip()!r} is no time: minutes and seconds go up to 59")
    return int(hours) * 3600.0 + int(minutes) * 60.0 + float(seconds)
