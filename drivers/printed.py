"""A number as an instrument prints it, and what that proves about the number that was sent. Pure, knows no family."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TOLERANCE: Final = 0.005
"""R09: largest relative difference between what is asked and what a pump would hold."""
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")


@dataclass(frozen=True)
class Printed:
    """A printed number, and what one count of its last digit is worth."""

    value: float
    step: float

    def shows(self, sent: str) -> bool:
        """Tell whether it is the number that was sent as ``sent``.

        Equal, and printed with as many decimals as were sent or as many as tell 0.5 %: what is equal in fewer digits
        might be another number.
        """
        wanted = float(sent)
        enough = self.step <= _step(sent) * (1 + 1e-9) or self.step <= TOLERANCE * abs(wanted)
        return enough and abs(self.value - wanted) <= 1e-9 * max(abs(wanted), 1.0)


def parse_printed(text: str) -> Printed | None:
    """Return a number from its text; None if it is none."""
    return Printed(float(text), _step(text)) if _NUMBER.fullmatch(text) else None


def _step(text: str) -> float:
    return float(10.0 ** -len(text.partition(".")[2]))
