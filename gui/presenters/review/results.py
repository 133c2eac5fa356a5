"""What came of measuring, in words and cells: the effect, what to doubt, the table of responses, how firm it is.

Knows wording and digits. Computes nothing; a result that hangs on a window is shown to do so.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from gui.presenters.review.view import clock
from gui.presenters.text import NOTHING, Tone, plain

if TYPE_CHECKING:
    from analysis.effect import Effect
    from analysis.remeasure import Measured

TOO_FEW = "too few for an interval"


@dataclass(frozen=True)
class Cells:
    """A table of text; numbers stand right."""

    heads: tuple[str, ...]
    tips: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: tuple[int, ...] = ()
    """Rows that are set off from the others."""


def headline(found: Measured) -> tuple[str, Tone]:
    """Return the effect, or why there is none, in one line."""
    effect, count = found.effect, len(found.responses.onset_s)
    name = f"{plain(found.site.channel.name)}, {count} × {plain(found.stimulus)}"
    if not found.drug:
        return f"{name}: no pump was chosen, responses only", "normal"
    if effect is None:
        return f"{name}: nothing of {plain(found.drug)} reached the animal, responses only", "warn"
    if not isfinite(effect.value):
        counts = f"{effect.n_before} before, {effect.n_after} after"
        return f"{name}: no effect can be told; responses in the windows: {counts}", "warn"
    interval = "95 %: {} to {}".format(*_texts(effect.low, effect.high)) if isfinite(effect.low) else TOO_FEW
    (value,) = _texts(effect.value)
    n = f"n = {effect.n_after} after, {effect.n_before} before"
    return f"{name}: evoked release after / before = {value} ({interval}), {n}", "normal"


def ratio(effect: Effect) -> str:
    """Return a ratio with its interval."""
    if not isfinite(effect.value):
        return NOTHING
    value, low, high = _texts(effect.value, effect.low, effect.high)
    return f"{value} ({low} to {high})" if isfinite(effect.low) else f"{value} (too few)"


def doubts(found: Measured) -> list[str]:
    """Return what a reader must know beside the number."""
    said = []
    if found.unit == "nA":
        said.append("no calibration: it stays in nA")
    if found.site.sentinel is None:
        said.append("no sentinel was taken off: whatever else the site senses is in every number")
    matched = found.matched
    if matched is not None and matched.matched is False:
        said.append(f"the sentinel does not match: together they show a gain of {matched.gain_seen:.2f}")
    missing = sum(not isfinite(value) for value in found.responses.amplitude_um.tolist())
    if missing:
        said.append(f"{missing} response{'s' if missing > 1 else ''} could not be measured (a gap, or blanked)")
    if hangs_on_a_window(found):
        said.append("THE RESULT HANGS ON A CHOICE: some intervals hold 1, others do not (How firm the effect is)")
    return said


def hangs_on_a_window(found: Measured) -> bool:
    """Tell whether some of the intervals hold 1, no effect, and others do not."""
    known = [one for one in found.effects.values() if isfinite(one.low)]
    return len({one.low <= 1.0 <= one.high for one in known}) > 1


def tonic(found: Measured) -> str:
    """Return the change of the tonic level in one line; empty without a drug that arrived."""
    one = next(iter(found.tonic.values()), None)
    if one is None or not isfinite(one.value):
        return ""
    interval = f" (95 %: {one.low:+.2f} to {one.high:+.2f})" if isfinite(one.low) else ""
    change = f"{one.value:+.2f}{interval}".replace("-", "−")
    return f"tonic level, after less before: {change} {found.unit}; drift of the sensor is in it"


def response_cells(found: Measured) -> Cells:
    """Return the table of responses."""
    unit, got = found.unit, found.responses
    heads = ("no", "time", f"fit {unit}", "R²", "picked", "blank", "SNR", "rise s", "T50 s", "T80 s", "k1 1/s", "R²",
             f"area {unit} s")  # fmt: skip
    rows = tuple(
        (
            str(number + 1), clock(float(got.onset_s[number]), 0),
            *_texts(float(got.amplitude_um[number]), float(got.r2[number]), shape.amplitude, shape.blank),
            *_texts(shape.snr, places=1),
            *_texts(shape.rise_10_90_s, shape.t50_s, shape.t80_s),
            *_texts(shape.decay_per_s, places=3), *_texts(shape.decay_r2), *_texts(shape.area, places=1),
        )
        for number, shape in enumerate(found.shapes)
    )  # fmt: skip
    return Cells(heads, _TIPS, rows, tuple(k for k, after in enumerate(found.is_after.tolist()) if after))


_TIPS = (
    "Number of the stimulus",
    "Session time of the stimulus",
    "Amplitude by the template fit: no bias, zero on average where nothing happened",
    "Of the template fit",
    "Largest departure from the baseline, of the smoothed trace; it has a positive floor",
    "What picking finds in an equal window before the stimulus, where nothing happened: so much may be nothing",
    "Picked amplitude over the SD of the smoothed baseline",
    "From 10 to 90 %",
    "From the peak to half of it",
    "From the peak until 80 % of it is gone",
    "First-order decay constant",
    "Of the decay's straight line through the logarithms",
    "Above the baseline, from the onset to the end",
)


def effect_cells(found: Measured) -> Cells:
    """Return the effect by every window and way of measuring: rows are windows, the chosen ones first."""
    ways = list(dict.fromkeys(way for way, _windows in found.effects))
    windows = list(dict.fromkeys(chosen for _way, chosen in found.effects))
    rows = tuple(
        (
            label,
            *(ratio(found.effects[way, label]) if (way, label) in found.effects else "" for way in ways),
            _counts(found.effects[ways[0], label]),
        )
        for label in windows
    )
    tips = ("Compared stretches, the chosen ones first", *("After over before, 95 % interval" for _way in ways),
            "Responses after and before")  # fmt: skip
    return Cells(("windows", *ways, "n"), tips, rows, (0,) if rows else ())


def _counts(effect: Effect) -> str:
    return f"{effect.n_after} / {effect.n_before}"


def _texts(*values: float, places: int = 2) -> tuple[str, ...]:
    return tuple(f"{value:.{places}f}".replace("-", "−") if isfinite(value) else NOTHING for value in values)
