"""Decimal numbers as this firmware writes them, in single precision, many at once (potentiostats.md 3.4). Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_SINGLE = np.float32
_SMALL = _SINGLE(1e-5)
_POWERS = tuple(
    (power, _SINGLE(10.0 ** (1 - power)), _SINGLE(10.0**power)) for power in (32, 16, 8, 4, 2, 1)
)  # exponent, below which it is used, factor
_WHOLE_DIGITS = 10 ** np.arange(1, 7)


def texts(values: ArrayLike) -> list[str]:
    """Return the text of each finite value (shape (n,)). From 1e7 up the reference is silent; all digits are given."""
    single = np.asarray(values, dtype=_SINGLE)
    size = np.abs(single)
    exponent = np.zeros(size.shape, dtype=np.int64)
    small = (size > 0) & (size <= _SMALL)
    if small.any():
        for power, below, factor in _POWERS:
            scale = small & (size < below)
            size = np.where(scale, size * np.where(scale, factor, _SINGLE(1)), size)
            exponent -= scale * power
    whole = size.astype(np.int64)
    places = 6 - np.searchsorted(_WHOLE_DIGITS, whole, side="right")
    scale_to = 10**places
    rest = (size - whole.astype(_SINGLE)) * scale_to.astype(_SINGLE)
    decimals = rest.astype(np.int64)
    decimals += ((rest - decimals.astype(_SINGLE)) * _SINGLE(2)).astype(np.int64)
    carry = decimals >= scale_to
    decimals[carry] = 0
    whole += carry
    beyond = carry & (exponent != 0) & (whole >= 10)
    exponent += beyond
    whole[beyond] = 1
    rows = np.stack([single < 0, whole, decimals, places, exponent], axis=1).tolist()
    return [_join(*row) for row in rows]


def _join(negative: int, whole: int, decimals: int, places: int, exponent: int) -> str:
    text = f"{whole}.{decimals:0{places}d}".rstrip("0") if decimals else str(whole)
    if negative:
        text = f"-{text}"
    return f"{text}e{exponent}" if exponent else text


def text(value: float) -> str:
    """Return the text of one value."""
    return texts([value])[0]
