"""What a channel is shown as: measured, from its baseline, less its sentinel, through a filter; and how that is said.

Knows the choices, which of them a channel has, and the words beside its trace. The arithmetic is in
``acquisition.signal``. A sentinel can be taken off the glutamate sites of its instrument. A calibrated gain is that of
the sentinel that the rig pairs with the site; any other gain is 1, and the screen says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from acquisition.messages import ChannelView
from acquisition.signal.baseline import OVER_S
from acquisition.signal.concentration import um_band
from acquisition.signal.derived import Recipe
from acquisition.signal.filters import FILTERS, NONE, FilterSpec
from acquisition.signal.self_reference import Match
from gui.presenters.text import Tone, plain

Floats = NDArray[np.float64]
RAW_GAIN = 1.0
_MINUTES = f"{OVER_S / 60:.0f} min"


@dataclass(frozen=True)
class Look:
    """What a person wants to see of a channel."""

    sentinel: str = ""
    """The channel to be taken off; empty for none."""
    delta: bool = False
    """From the running baseline."""


@dataclass(frozen=True)
class Display:
    """How one channel is shown."""

    recipe: Recipe = field(default_factory=Recipe)
    sentinel: str = ""
    """The channel that is taken off; empty for none."""
    button: str = "measured"
    taken_off: str = ""
    """Where the gain comes from and, if there are several, which sentinel; empty where none is taken off."""
    detail: str = ""
    """Whole sentences, for the tooltip."""
    delay_s: float = 0.0
    unfiltered: str = ""
    """Why the chosen filter does nothing here."""

    @property
    def delta(self) -> bool:
        """Tell whether a baseline is taken off."""
        return self.recipe.baseline_s is not None


MEASURED = Display()


def sentinels_of(channel: ChannelView, channels: Sequence[ChannelView]) -> tuple[str, ...]:
    """Return the names of the sentinels beside a glutamate site, on the same instrument; its own first."""
    if channel.role != "glutamate":
        return ()
    beside = [c.name for c in channels if c.instrument == channel.instrument and c.role == "sentinel"]
    return tuple(sorted(beside, key=lambda name: name != channel.sentinel))


def next_look(look: Look, channel: ChannelView, channels: Sequence[ChannelView]) -> Look:
    """Return the look after this one, of those that the channel has."""
    own = [Look(one, delta) for one in ("", *sentinels_of(channel, channels)) for delta in (False, True)]
    return own[(own.index(look) + 1) % len(own)] if look in own else own[0]


def next_filter(name: str, channels: Sequence[ChannelView]) -> str:
    """Return the filter after this one, of those that at least one channel has samples enough for."""
    intervals_s = {channel.interval_s for channel in channels if channel.interval_s}
    own = [one for one, spec in FILTERS.items() if any(not _fault(spec, s) for s in intervals_s)] or ["none"]
    return own[(own.index(name) + 1) % len(own)] if name in own else own[0]


def display(channel: ChannelView, channels: Sequence[ChannelView], look: Look, filter_name: str) -> Display:
    """Return how a channel is shown; a look that needs a sentinel is left out where there is none."""
    if channel.interval_s is None:
        return MEASURED
    sentinels = sentinels_of(channel, channels)
    sentinel = look.sentinel if look.sentinel in sentinels else ""
    spec = FILTERS.get(filter_name, NONE)
    fault = _fault(spec, channel.interval_s)
    used = NONE if fault else spec
    calibrated = channel.sentinel_gain if sentinel == channel.sentinel else None
    gain = (calibrated or RAW_GAIN) if sentinel else None
    return Display(
        recipe=Recipe(gain, used, OVER_S if look.delta else None),
        sentinel=sentinel,
        button=_button(gain, delta=look.delta),
        taken_off=_taken_off(sentinel, calibrated=bool(calibrated), which=len(sentinels) > 1),
        detail=_detail(sentinel, gain, fault, calibrated=bool(calibrated), delta=look.delta),
        delay_s=_delay_s(used, channel.interval_s),
        unfiltered=fault,
    )


def _button(gain: float | None, *, delta: bool) -> str:
    if gain is None:
        return "Δ baseline" if delta else "measured"
    return f"{'Δ ' if delta else ''}−{gain:.3g} × sentinel"


def _taken_off(sentinel: str, *, calibrated: bool, which: bool) -> str:
    if not sentinel:
        return ""
    return ("calibrated gain" if calibrated else "raw gain") + (f", {plain(sentinel)}" if which else "")


def _detail(sentinel: str, gain: float | None, fault: str, *, calibrated: bool, delta: bool) -> str:
    parts = []
    if gain is not None:
        source = (
            "the gain is that of the calibration"
            if calibrated
            else "no gain is calibrated for it: this is the raw difference"
        )
        parts.append(f"{gain:.4g} × {plain(sentinel)} is taken off; {source}.")
    if delta:
        parts.append(f"Shown is what lies above or below the median of the last {_MINUTES}.")
    if fault:
        parts.append(f"Not filtered: {fault}.")
    return " ".join(parts)


def match_words(found: Match | None) -> tuple[str, Tone, str]:
    """Return a few words, their tone, and the whole sentence on how well a sentinel matches; empty for None."""
    if found is None:
        return "", "dim", ""
    noise = "" if np.isnan(found.residual_sd_a) else f" Noise of the difference: {found.residual_sd_a * 1e12:.2g} pA."
    if found.matched is None:
        nothing = "In the last half hour too little has moved both sites to tell whether they match."
        return "match not known yet", "dim", nothing + noise
    left = f"correlation of what is left with the sentinel {found.correlation:.2f}".replace("-", "−")
    if found.matched:
        return "sentinel matches", "dim", f"What moved both sites in the last half hour is taken off ({left}).{noise}"
    seen = (
        f"What moves both sites is still in the difference ({left}): together they show a gain of "
        f"{found.gain_seen:.2f} ± {found.gain_seen_se:.2f}. Do not take a change here for glutamate."
    )
    return "▲ no match to sentinel", "warn", seen + noise


def filter_text(name: str, displays: Sequence[Display]) -> str:
    """Say how late a filter makes what is shown; empty without one."""
    if name == "none" or not displays:
        return ""
    late = sorted({round(one.delay_s, 2) for one in displays if not one.unfiltered})
    if not late:
        return "does nothing here: too few samples"
    text = f"shown {late[0]:g} s late" if len(late) == 1 else f"shown {late[0]:g} to {late[-1]:g} s late"
    return text + (", not all" if any(one.unfiltered for one in displays) else "")


def band_half_um(current_a: float, channel: ChannelView) -> float | None:
    """Return how far from the value the 95 % interval of the slope reaches, µM; None where no interval is known."""
    edges = band_um(np.full(2, current_a), channel)
    if edges is None or not channel.sensitivity_a_per_um:
        return None
    return float(max(abs(edge[0] - current_a / channel.sensitivity_a_per_um) for edge in edges))


def band_um(current_a: Floats, channel: ChannelView) -> tuple[Floats, Floats] | None:
    """Return the lower and the upper edge of a µM trace, shape (n - 1,) each; None where no interval is known.

    Of neighbours the outer one, so that the edges of a noisy trace do not run through it.
    """
    low, high = channel.slope_low_a_per_um, channel.slope_high_a_per_um
    if low is None or high is None or not channel.sensitivity_a_per_um or not 0.0 < low <= high:
        return None
    lower, upper = um_band(current_a, low, high)
    return np.minimum(lower[:-1], lower[1:]), np.maximum(upper[:-1], upper[1:])


@lru_cache(maxsize=256)
def _fault(spec: FilterSpec, interval_s: float) -> str:
    return spec.fault(interval_s)


@lru_cache(maxsize=256)
def _delay_s(spec: FilterSpec, interval_s: float) -> float:
    return spec.delay_s(interval_s)
