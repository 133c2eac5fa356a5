"""Numbers in words, so that a decimal point cannot be read over (R03)."""

from __future__ import annotations

from decimal import Decimal

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS = ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
DIGITS = 4


def in_words(value: float) -> str:
    """Return a number of at least zero to four digits: "five point zero". Raises ValueError for what is no such number.

    Digits after the point are read one by one.
    """
    if not 0 <= value < 1e12:
        raise ValueError(f"{value} is not told in words")
    text = format(Decimal(f"{value:.{DIGITS}g}"), "f")
    whole, _, rest = text.partition(".")
    return f"{_whole(int(whole))} point {' '.join(_ONES[int(digit)] for digit in rest or '0')}"


def _whole(number: int) -> str:
    for size, name in _GROUPS:
        if number >= size:
            rest = number % size
            return f"{_whole(number // size)} {name}" + (f" {_whole(rest)}" if rest else "")
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
