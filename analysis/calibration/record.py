"""A fitted calibration as it is filed in its probe's history.

Knows which number goes into which key. Computes nothing.
"""

from __future__ import annotations

from math import isfinite

from acquisition.books.probes import (
    AdditionRecord,
    CalibrationRecord,
    Interval,
    VerdictRecord,
    WindowRecord,
)
from analysis.calibration.dilution import ANALYTES, concentrations_um, nominal_um
from analysis.calibration.gates import Gates, judge
from analysis.calibration.regression import Estimate
from analysis.calibration.session import Calibrated, CalibrationSession


def as_record(
    session: CalibrationSession, one: Calibrated, gates: Gates, *, by: str, fingerprint: str, software: str
) -> CalibrationRecord:
    """Return the record of one channel. ``fingerprint`` is that of the session's samples and events."""
    result, header = one.result, session.recording.data.header
    return CalibrationRecord(
        version=1,
        probe=session.beaker.probe,
        site=one.channel.name.split(".", 1)[1],
        sentinel="" if one.sentinel is None else one.sentinel.name.split(".", 1)[1],
        phase=session.beaker.phase,
        simulated=session.recording.simulated,
        session=header.session_id,
        session_fingerprint=fingerprint,
        protocol_sha256=session.protocol_sha256,
        measured_wall_ns=session.measured_wall_ns,
        by=by,
        software=software,
        potential_v=one.potential_v,
        beaker_ul=session.beaker.beaker_ul,
        additions=_additions(session),
        windows=_windows(one),
        slope_a_per_um=_some(result.slope_a_per_um),
        noise_sd_a=result.active.baseline.noise_sd_a,
        drift_a_per_s=None if result.active.drift is None else _finite(result.active.drift.value),
        lod_um=_finite(result.lod_um),
        r2=_finite(result.r2),
        apparent_km_um=_interval(result.apparent_km_um),
        step_slopes_a_per_um=result.step_slopes_a_per_um,
        linear_to_um=_finite(result.linear_to_um),
        selectivity=_interval(result.selectivity),
        ascorbate_um=gates.ascorbate,
        ascorbate_offset_um=_interval(result.ascorbate_offset_um(gates.ascorbate)),
        dopamine_share=_interval(result.dopamine_share),
        crosstalk=_interval(result.crosstalk),
        gain=_interval(result.gain),
        response_s=_finite(result.response_s),
        drift_share=_finite(result.drift_share),
        gates=gates.name,
        verdicts=tuple(
            VerdictRecord(gate=v.gate, found=v.found, limit=v.limit, passed=v.passed) for v in judge(result, gates)
        ),
        valid_for_s=gates.valid_for,
    )


def _additions(session: CalibrationSession) -> tuple[AdditionRecord, ...]:
    poured = [addition for _, addition in session.additions]
    exact = concentrations_um(session.beaker.beaker_ul, poured)
    nominal = nominal_um(session.beaker.beaker_ul, poured)
    rows = []
    for number, (t_s, addition) in enumerate(session.additions, start=1):
        column = ANALYTES.index(addition.analyte) if addition.analyte in ANALYTES else None
        rows.append(
            AdditionRecord(
                analyte=addition.analyte,
                volume_ul=addition.volume_ul,
                stock_um=addition.stock_um,
                t_s=t_s,
                exact_um=0.0 if column is None else float(exact[number, column]),
                nominal_um=0.0 if column is None else float(nominal[number, column]),
            )
        )
    return tuple(rows)


def _windows(one: Calibrated) -> tuple[WindowRecord, ...]:
    other = one.result.sentinel
    return tuple(
        WindowRecord(
            number=plateau.number,
            start_s=plateau.start_s,
            end_s=plateau.end_s,
            level_a=plateau.level_a,
            sentinel_level_a=None if other is None else other.plateaus[plateau.number].level_a,
            flat=plateau.flat,
            found=plateau.found,
        )
        for plateau in one.result.active.plateaus
    )


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _some(estimate: Estimate) -> Interval:
    return Interval(value=_finite(estimate.value), low=_finite(estimate.low), high=_finite(estimate.high))


def _interval(estimate: Estimate | None) -> Interval | None:
    return None if estimate is None else _some(estimate)
