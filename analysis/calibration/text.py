"""A calibration in words: the report on a terminal and in a file, and the history of a probe.

Knows how a record is told to a person. Computes nothing but differences between two records.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from acquisition.books.probes import NS_PER_DAY, NS_PER_S, CalibrationRecord, FiledCalibration, Interval, why_invalid
from acquisition.experiment import quantities
from analysis.calibration.drift import change_per_day
from analysis.calibration.gates import SOURCES

MARK = "SIMULATED "


def report_lines(record: CalibrationRecord) -> Iterator[str]:
    """Yield the report of one calibration."""
    mark = MARK if record.simulated else ""
    yield f"{mark}calibration of {record.probe}, site {record.site}, {record.phase} the animal, {day(record)}"
    yield f"  session {record.session}, by {record.by}, {record.potential_v * 1e3:g} mV, {record.beaker_ul / 1e3:g} mL"
    yield f"  slope         {slope_text(record.slope_a_per_um)}, {kind_of_slope(record)}"
    noise = f"{said_number(record.noise_sd_a * 1e12)} pA (SD of the baseline)"
    yield f"  noise, LOD    {noise}; LOD {said_number(record.lod_um)} µM (3 SD / slope)"
    drift = "too short a baseline to tell"
    if record.drift_a_per_s is not None:
        share = f"{said_number(record.drift_share)} of the glutamate steps"
        drift = f"{record.drift_a_per_s * 60e12:.3g} pA/min, taken off; {share}"
    yield f"  drift         {drift}"
    linear = f"every step within 10 % of the slope up to {said_number(record.linear_to_um)} µM"
    yield f"  line          R² {said_number(record.r2, 5)}, {linear}"
    yield f"  steps alone   {_steps(record)}"
    yield f"  selectivity   {ratio_text(record.selectivity)}"
    if record.ascorbate_offset_um is not None:
        offset = interval_text(record.ascorbate_offset_um)
        yield f"                {record.ascorbate_um:g} µM of ascorbate look like {offset} µM of glutamate"
    yield f"  gain          {interval_text(record.gain)}, active over sentinel, from peroxide"
    yield f"  sentinel      sees glutamate as part of the slope: {interval_text(record.crosstalk)}"
    yield f"  dopamine      as part of the slope: {interval_text(record.dopamine_share)}"
    yield f"  response      {said_number(record.response_s)} s from 10 to 90 %, the stirrer's time in it"
    yield "  additions     exact µM (nominal)"
    for one in record.additions:
        poured = f"{one.analyte:<10} {one.volume_ul:g} µL of {one.stock_um / 1e3:g} mM"
        yield f"    {one.t_s:8.1f} s  {poured}: {one.exact_um:.2f} ({one.nominal_um:.2f})"
    yield "  plateaus      move one with --plateau N=START..END"
    for window in record.windows:
        remark = ("" if window.flat else "  NOT FLAT") + ("" if window.found else "  set by hand")
        where = f"{window.start_s:8.1f} to {window.end_s:8.1f} s"
        yield f"    {window.number:>2}  {where}  {window.level_a * 1e12:12.2f} pA{remark}"
    yield f'  gates "{record.gates}"'
    for verdict in record.verdicts:
        state = {True: "passed", False: "FAILED", None: "-"}[verdict.passed]
        source = "  " + SOURCES.get(verdict.gate, "") if verdict.passed is False else ""
        yield f"    {state:<6}  {verdict.gate:<19} {verdict.found}, wanted {verdict.limit}{source}"
    until = datetime.fromtimestamp(record.expires_wall_ns() / NS_PER_S, UTC)
    holds = (
        f"holds until {until:%Y-%m-%d %H:%M} UTC"
        if record.passed
        else "DOES NOT HOLD: currents of this probe stay in nA"
    )
    yield f"  {mark}{holds}"


def history_lines(filed: tuple[FiledCalibration, ...], now_wall_ns: int) -> Iterator[str]:
    """Yield the history of a probe, oldest first: each calibration, then what holds now and how sites drifted."""
    for one in sorted(filed, key=_when):
        record = one.record
        state = _state(one)
        yield (
            f"{MARK if record.simulated else ''}{one.number:>3}  {day(record)}  {record.site:<12} {record.phase:<6} "
            f"{slope_text(record.slope_a_per_um)}, LOD {said_number(record.lod_um)} µM, {state}"
        )
    standing = [one for one in filed if not one.withdrawn]
    for site in sorted({one.record.site for one in standing}):
        mine = sorted((o for o in standing if o.record.site == site), key=_when)
        latest = mine[-1].record
        mark = MARK if latest.simulated else ""
        fault = why_invalid(latest, now_wall_ns)
        left_d = (latest.expires_wall_ns() - now_wall_ns) / NS_PER_DAY
        holds = "valid, for simulated runs only" if latest.simulated else f"valid for another {left_d:.1f} days"
        yield f"{mark}{site}: " + (f"NOT VALID, {fault}" if fault else holds)
        pre = next((o.record for o in reversed(mine) if o.record.phase == "before"), None)
        post = next((o.record for o in reversed(mine) if o.record.phase == "after"), None)
        if pre is not None and post is not None and post.measured_wall_ns > pre.measured_wall_ns:
            whole, per_day = change_per_day(pre, post)
            yield f"{mark}{site}: slope {whole:+.1%} from before to after the animal, {per_day:+.1%} a day"


def _state(one: FiledCalibration) -> str:
    if one.withdrawn:
        return f"WITHDRAWN by {one.withdrawn}"
    return "passed" if one.record.passed else f"FAILED {'; '.join(one.record.failed)}"


def _when(one: FiledCalibration) -> tuple[int, int]:
    """Return what calibrations are ordered by: when they were measured, then when they were filed."""
    return one.record.measured_wall_ns, one.number


def day(record: CalibrationRecord) -> str:
    """Return when it was measured."""
    return f"{datetime.fromtimestamp(record.measured_wall_ns / NS_PER_S, UTC):%Y-%m-%d %H:%M} UTC"


def slope_text(slope: Interval) -> str:
    """Return a slope with its interval in pA/µM, or nA/µM where that is shorter."""
    value = slope.value or 0.0
    unit, scale = ("nA/uM", 1e9) if abs(value) >= 1e-10 else ("pA/uM", 1e12)
    factor = float(quantities.SENSITIVITY.units[unit])
    low, high = (slope.low or 0.0) / factor, (slope.high or 0.0) / factor
    return f"{value * scale:.4g} {unit.replace('u', 'µ')} (95 %: {low:.4g} to {high:.4g})"


def kind_of_slope(record: CalibrationRecord) -> str:
    """Say whether a slope is that near zero of a saturating curve, or that of a line."""
    km = record.apparent_km_um
    if km is None:
        return "of a straight line over all steps"
    if km.value is None or km.high is None:
        return f"near zero; no bend can be told, apparent Km at least {said_number(km.low)} µM"
    return f"near zero; apparent Km {said_number(km.value)} µM (95 %: {said_number(km.low)} to {said_number(km.high)})"


def _steps(record: CalibrationRecord) -> str:
    steps, line = record.step_slopes_a_per_um, record.slope_a_per_um.value or 0.0
    shown = ", ".join(f"{step * 1e12:.4g}" for step in steps)
    return f"{shown} pA/µM; the first is {steps[0] / line - 1.0:+.1%} off the slope"


def said_number(value: float | None, digits: int = 3) -> str:
    """Return a number, or "none"."""
    return "none" if value is None else f"{float(f'{value:.{digits}g}'):g}"  # 1500, not 1.5e+03


def interval_text(interval: Interval | None) -> str:
    """Return a value with its interval; open ends are said."""
    if interval is None:
        return "not measured"
    low = "open" if interval.low is None else f"{interval.low:.3g}"
    high = "open" if interval.high is None else f"{interval.high:.3g}"
    return f"{said_number(interval.value)} (95 %: {low} to {high})"


def ratio_text(interval: Interval | None) -> str:
    """Return a selectivity with its interval; what the data leave open is said."""
    if interval is None:
        return "not measured"
    if interval.value is not None and interval.value > 0.0 and interval.high is None:
        return f"{interval.value:.3g}:1 over ascorbate (95 %: {said_number(interval.low)} or more)"
    if interval.value is None or interval.value <= 0.0:
        low = "nothing" if interval.low is None else f"{interval.low:.3g}:1"
        return f"at least {low} over ascorbate, of which hardly anything is seen"
    return f"{interval.value:.3g}:1 over ascorbate (95 %: {said_number(interval.low)} to {said_number(interval.high)})"
