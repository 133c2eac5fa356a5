"""What is in the beaker after each addition, exactly: every addition also makes the beaker fuller.

Knows volumes and concentrations (science.md 2.4 [D]). Does not know sensors, times or who pipettes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ANALYTES = ("glutamate", "ascorbate", "dopamine", "peroxide")
"""Columns of every table of concentrations here. "buffer" only dilutes."""


@dataclass(frozen=True)
class Addition:
    """One addition to the beaker. ``stock_um`` is the strength of what is pipetted; 0 for buffer."""

    analyte: str
    volume_ul: float
    stock_um: float


def concentrations_um(beaker_ul: float, additions: Sequence[Addition]) -> Floats:
    """Return concentrations before the first and after each addition, shape (n + 1, 4), µM; columns as ``ANALYTES``.

    Exact by volume: c = amount / (beaker + all additions so far). 500 µL of 20 mM in 40 mL make 246.9 µM, not 250.
    Raises ValueError for volumes that are not positive, negative stocks and unknown analytes.
    """
    if not (isfinite(beaker_ul) and beaker_ul > 0.0):
        raise ValueError(f"a beaker of {beaker_ul} µL holds nothing to calibrate in")
    amounts_pmol = np.zeros(len(ANALYTES))
    volume_ul = beaker_ul
    rows = [amounts_pmol / volume_ul]
    for number, one in enumerate(additions, start=1):
        column = _column(one, number)
        if column is not None:
            amounts_pmol[column] += one.volume_ul * one.stock_um
        volume_ul += one.volume_ul
        rows.append(amounts_pmol / volume_ul)
    return np.array(rows)


def nominal_um(beaker_ul: float, additions: Sequence[Addition]) -> Floats:
    """Return the concentrations that a spreadsheet without dilution would use, shape as ``concentrations_um``, µM.

    Kept beside the exact ones so that a reader can compare with the literature's 20, 40, 60 µM.
    """
    rows = np.zeros((len(additions) + 1, len(ANALYTES)))
    for number, one in enumerate(additions, start=1):
        rows[number] = rows[number - 1]
        column = _column(one, number)
        if column is not None:
            rows[number, column] += one.volume_ul * one.stock_um / beaker_ul
    return rows


def _column(one: Addition, number: int) -> int | None:
    if not (isfinite(one.volume_ul) and one.volume_ul > 0.0 and isfinite(one.stock_um) and one.stock_um >= 0.0):
        raise ValueError(f"addition {number}: {one.volume_ul} µL of {one.stock_um} µM cannot be pipetted")
    if one.analyte == "buffer":
        return None
    if one.analyte not in ANALYTES:
        raise ValueError(f"addition {number}: {one.analyte!r} is none of {', '.join(ANALYTES)} and buffer")
    return ANALYTES.index(one.analyte)
