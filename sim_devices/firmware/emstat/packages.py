"""Values of MethodSCRIPT data packages as text: 7 hex digits and a prefix. Pure; knows no variables and no loops."""

from __future__ import annotations

from bisect import bisect_right

_OFFSET = 0x8000000
_LETTERS = "afpnum kMGTPE"
_SCALES = tuple(10.0**-exponent for exponent in range(-18, 19, 3))
_LIMITS = tuple(_OFFSET * 10.0**exponent for exponent in range(-18, 19, 3))
NAN = "     nan"


def encode(value: float) -> str:
    """Return the 8 characters of a value: the smallest prefix for which |mantissa| stays below 2^27."""
    if value == 0:
        return "8000000 "
    size = bisect_right(_LIMITS, abs(value))  # of what is no number: beyond the last one
    while size < len(_SCALES):
        mantissa = round(value * _SCALES[size])
        if -_OFFSET < mantissa < _OFFSET:
            return f"{mantissa + _OFFSET:07X}{_LETTERS[size]}"
        size += 1  # it was rounded up to the limit
    return NAN


def encode_integer(value: int) -> str:
    """Return the 8 characters of an integer variable."""
    if -_OFFSET <= value < _OFFSET:
        return f"{value + _OFFSET:07X}i"
    return encode(float(value))
