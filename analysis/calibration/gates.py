"""What a calibration must show before its probe is used: acceptance gates, editable, with where each default is from.

Knows limits and how to hold a result against them. Does not compute results. The defaults are common practice that no
opened source confirms ([U], science.md 2.4) or assumptions ([A]): a lab writes its own file. A gate that does not apply
(no dopamine was added) is not held; it is told as not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated

from pydantic import Field

from acquisition.experiment.fields import DurationS, MolarityUm, SaidText, SensitivityAPerUm, Table
from acquisition.experiment.problems import read_toml, validated
from analysis.calibration.fit import Result
from analysis.calibration.regression import Estimate

Share = Annotated[float, Field(ge=0.0, le=100.0)]
DAY_S = 24 * 3600.0


class _GateTable(Table):
    """The table [gates]."""

    slope_min: SensitivityAPerUm = 3e-12
    lod_max: MolarityUm = 1.0
    r2_min: Annotated[float, Field(ge=0.0, le=1.0)] = 0.99
    linear_to_min: MolarityUm = 20.0
    selectivity_min: Annotated[float, Field(gt=0.0)] = 20.0
    dopamine_share_max: Share = 0.1
    crosstalk_max: Share = 0.05
    gain_min: Annotated[float, Field(gt=0.0)] = 0.8
    gain_max: Annotated[float, Field(gt=0.0)] = 1.25
    response_max: DurationS = 15.0
    drift_share_max: Share = 0.02
    flat_plateaus: bool = True


class Gates(Table):
    """A gates file: limits, how long a calibration holds, and the ascorbate that offsets are told for."""

    name: SaidText = "the program's proposals"
    valid_for: DurationS = 7 * DAY_S
    ascorbate: MolarityUm = 250.0
    gates: _GateTable = Field(default_factory=_GateTable)


SOURCES = {
    "slope_min": "[U] 3 to 5 pA/uM; science.md 2.4",
    "lod_max": "[U] 0.5 to 1 uM; science.md 2.4",
    "r2_min": "[U] 0.99; science.md 2.4",
    "linear_to_min": "[A] above what a mouse shows; the three steps go to 59 uM",
    "selectivity_min": "[U] 20:1, with m-PD normally above 100:1; science.md 2.4. 760:1 would be needed for tonic [D]",
    "dopamine_share_max": "[A] science.md 2.4 says about 0 [U]; held against the end of the interval nearest to zero",
    "crosstalk_max": "[A] science.md 4.2: 0 to 5 %; held against the end of the interval nearest to zero",
    "gain_min": "[A] science.md 4.2: 0.8 to 1.2",
    "gain_max": "[A] the inverse of 0.8",
    "response_max": "[A] sensors 0.8 to 5 s [S], and the stirrer's time, which is in it",
    "drift_share_max": "[A] a drift that matters is taken off as a straight line, which settling is not",
    "flat_plateaus": "[A] a level that still moves is no level",
    "valid_for": "[P] the program's proposal",
    "ascorbate": "[S] extracellular 250 uM at rest, BMC Neurosci 2007 8:32; swings to 1000",
}
"""Where each default comes from, with its mark of trust."""


@dataclass(frozen=True)
class Verdict:
    """One gate. ``passed`` is None where it was not measured."""

    gate: str
    found: str
    limit: str
    passed: bool | None


def load_gates(path: Path | None) -> Gates:
    """Return the gates of a TOML file, or the program's own. Raises RefusedInput."""
    if path is None:
        return Gates()
    values, source = read_toml(path)
    return validated(Gates, values, source)


def judge(result: Result, gates: Gates) -> tuple[Verdict, ...]:
    """Return the verdict of every gate."""
    return tuple(_verdicts(result, gates.gates))


def _verdicts(result: Result, limits: _GateTable) -> Iterator[Verdict]:
    slope, gain = result.slope_a_per_um.value, result.gain
    yield _at_least("slope_min", slope * 1e12, limits.slope_min * 1e12, " pA/µM")
    yield _at_most("lod_max", result.lod_um, limits.lod_max, " µM")
    yield _at_least("r2_min", result.r2, limits.r2_min, "", digits=5)
    yield _at_least("linear_to_min", result.linear_to_um, limits.linear_to_min, " µM")
    selectivity = result.selectivity
    if selectivity is not None and selectivity.value <= 0.0:  # ascorbate is not seen; its lower end is what is known
        yield _at_least("selectivity_min", selectivity.low, limits.selectivity_min, ":1 or more")
    else:
        yield _at_least("selectivity_min", _value(selectivity), limits.selectivity_min, ":1")
    yield _at_most("dopamine_share_max", _size(result.dopamine_share), limits.dopamine_share_max, "")
    yield _at_most("crosstalk_max", _size(result.crosstalk), limits.crosstalk_max, "")
    yield _at_least("gain_min", _value(gain), limits.gain_min, "")
    yield _at_most("gain_max", _value(gain), limits.gain_max, "")
    yield _at_most("response_max", result.response_s, limits.response_max, " s")
    yield _at_most("drift_share_max", result.drift_share, limits.drift_share_max, "")
    if limits.flat_plateaus:
        restless = [str(one.number) for one in result.active.plateaus if not one.flat]
        found = f"not flat: {', '.join(restless)}" if restless else "all flat"
        yield Verdict("flat_plateaus", found, "all flat", not restless)


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _size(estimate: Estimate | None) -> float | None:
    """Return the end of the interval that is nearest to zero: what is there for sure. 2 µM dopamine is a small step."""
    if estimate is None:
        return None
    return 0.0 if estimate.low <= 0.0 <= estimate.high else min(abs(estimate.low), abs(estimate.high))


def _at_least(gate: str, found: float | None, limit: float, unit: str, digits: int = 3) -> Verdict:
    if found is None:
        return Verdict(gate, "not measured", f"≥ {limit:.{digits}g}{unit}", None)
    return Verdict(gate, _said(found, unit, digits), f"≥ {limit:.{digits}g}{unit}", found >= limit)


def _at_most(gate: str, found: float | None, limit: float, unit: str) -> Verdict:
    if found is None:
        return Verdict(gate, "not measured", f"≤ {limit:.3g}{unit}", None)
    return Verdict(gate, _said(found, unit, 3), f"≤ {limit:.3g}{unit}", found <= limit)


def _said(found: float, unit: str, digits: int) -> str:
    return f"{found:.{digits}g}{unit}" if isfinite(found) else "none"
