"""How a session is measured: which sites, where to look around a stimulus, which stretches are compared.

Knows choices and how they are written, on a command line, in a report and in a table: one wording for all of them.
Measures nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import get_args

from analysis.effect import EffectWindows
from analysis.responses.shape import SMOOTHING_S
from analysis.responses.windows import Direction, ResponseWindow

NO_SENTINEL = "none"
CHOICES = {
    "10 to 30 min after arrival": EffectWindows(),
    "0 to 30 min": EffectWindows(after_s=(0.0, 1800.0)),
    "20 to 60 min": EffectWindows(after_s=(1200.0, 3600.0)),
    "10 to 30 min, 15 min before": EffectWindows(before_s=(-900.0, 0.0)),
}
"""Windows whose results stand beside each other: a result that hangs on one of them is none."""
LONGEST_SMOOTHING_S = 10.0
DIRECTIONS: tuple[str, ...] = get_args(Direction)
_STRETCH = re.compile(r"\s*([+\-−]?\d+(?:\.\d*)?)\s*(?:\.\.|to|,)\s*([+\-−]?\d+(?:\.\d*)?)\s*")


@dataclass(frozen=True)
class Measuring:
    """The choices of whoever measures; by default those of a report that nobody gave options."""

    channel: str = ""
    """INSTRUMENT.CHANNEL; empty: every glutamate site that has a sentinel of its own."""
    sentinel: str = ""
    """Subtracted; empty: the one of the site's instrument; NO_SENTINEL: none is."""
    window: ResponseWindow = field(default_factory=ResponseWindow)
    smoothing_s: float = SMOOTHING_S
    """Width of the centred mean before picking; the template fit needs none."""
    effect: EffectWindows = field(default_factory=EffectWindows)

    def __post_init__(self) -> None:
        """Refuse a mean that is none, or wider than a response. Raises ValueError."""
        if not 0.0 <= self.smoothing_s <= LONGEST_SMOOTHING_S:
            raise ValueError(f"the mean before picking is between 0 and {LONGEST_SMOOTHING_S:g} s wide")
        if self.sentinel and not self.channel:
            raise ValueError("a sentinel belongs to a site: name the channel too")

    @property
    def effect_windows(self) -> dict[str, EffectWindows]:
        """Return the stretches to compare: those that were chosen first, then the usual ones."""
        if self.effect in CHOICES.values():
            chosen = next(label for label, windows in CHOICES.items() if windows == self.effect)
        else:
            chosen = minutes_text(self.effect)
        return {chosen: self.effect, **CHOICES}

    def told(self) -> list[tuple[str, str]]:
        """Return what was chosen, as rows of two cells."""
        window = self.window
        return [
            ("baseline of a response", f"{stretch_text(window.baseline_s)} s after the stimulus"),
            ("response looked for", f"{stretch_text(window.search_s)} s after the stimulus, {window.direction}"),
            ("end of a response", f"{window.until_s:g} s after the stimulus"),
            ("mean before picking", f"{self.smoothing_s:g} s, centred" if self.smoothing_s else "none"),
            ("before and after", minutes_text(self.effect)),
        ]


def minutes_text(windows: EffectWindows) -> str:
    """Return the stretches of an effect in words."""
    before, after = (stretch_text((first / 60.0, last / 60.0)) for first, last in (windows.before_s, windows.after_s))
    return f"{after} min after arrival, before: {before} min"


def stretch_text(stretch: tuple[float, float]) -> str:
    """Return a stretch as ``read_stretch`` reads it."""
    return f"{stretch[0]:g} to {stretch[1]:g}"


def read_stretch(text: str, unit_s: float = 1.0) -> tuple[float, float]:
    """Return a stretch that somebody wrote: -10..0, or -10 to 0, times ``unit_s``. Raises ValueError."""
    found = _STRETCH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text.strip()!r} is no stretch: write two numbers, such as -10..0")
    first, last = (float(part.replace("−", "-")) * unit_s for part in found.groups())
    return first, last


def read_measuring(
    *,
    channel: str,
    sentinel: str,
    baseline: str,
    search: str,
    until: str,
    direction: str,
    smoothing: str,
    before: str,
    after: str,
) -> Measuring:
    """Return what somebody wrote: seconds after a stimulus, ``before`` and ``after`` minutes after the drug's arrival.

    Raises ValueError with a sentence on what cannot be.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"a response points {', '.join(DIRECTIONS[:-1])} or {DIRECTIONS[-1]}, not {direction!r}")
    window = ResponseWindow(
        baseline_s=read_stretch(baseline),
        search_s=read_stretch(search),
        until_s=read_number(until, "the end of a response"),
        direction=direction,  # type: ignore[arg-type]
    )
    effect = EffectWindows(read_stretch(before, 60.0), read_stretch(after, 60.0))
    return Measuring(channel, sentinel, window, read_number(smoothing, "the mean before picking"), effect)


def read_number(text: str, what: str) -> float:
    """Return a finite number that somebody wrote. Raises ValueError."""
    try:
        found = float(text.strip().replace(",", ".").replace("−", "-"))
    except ValueError:
        found = nan
    if not isfinite(found):
        raise ValueError(f"{what} is a number, not {text.strip()!r}")
    return found
