"""How close a list of infusions comes to every limit that it touches: the same arithmetic that refuses, told as shares.

Pure. Does not know whether the infusions are planned or were given, nor how a share is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acquisition.experiment.exposure import Exposure, allowed_amount, concerned_rows, worst_amount
from acquisition.experiment.limits import LimitRow, Limits


@dataclass(frozen=True)
class LimitUse:
    """One row of the limits, what was found at worst, and what this animal may get; all in ``row.unit``."""

    row: LimitRow
    found: float
    soft: float
    hard: float


def limit_uses(limits: Limits, weight_g: float, exposures: Sequence[Exposure]) -> tuple[LimitUse, ...]:
    """Return every row that a step of the plan adds to; none without an animal. Earlier sessions count as in a start.

    Exposures as for ``excesses``: a row is exceeded by the same amounts here and there.
    """
    if not weight_g > 0:
        return ()
    return tuple(
        LimitUse(
            row,
            worst_amount(row, limits, weight_g, concerned),
            allowed_amount(row, row.soft, weight_g),
            allowed_amount(row, row.hard, weight_g),
        )
        for row, concerned in concerned_rows(limits, exposures)
    )
