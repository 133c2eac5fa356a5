"""The history of a probe: every calibration that was filed, chained, real and simulated ones in books of their own.

Knows the record of a calibration and which one holds now. Does not compute one (``analysis.calibration``). A simulated
calibration never counts for a real run: it lies in another book, and that book is not even opened for one.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from acquisition.books.chain import Book, BookBroken, Entry, read_entries
from acquisition.books.places import book_place

REAL, SIMULATED = "probes", "probes-simulated"
NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S


class _Part(BaseModel):
    """Part of a record: exactly these keys, each of its type; numbers are finite."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Interval(_Part):
    """A value with its 95 % confidence interval. None: the data leave it open."""

    value: float | None
    low: float | None
    high: float | None


class AdditionRecord(_Part):
    """One addition: what was pipetted, when it was marked (s since the session began), and what was there then."""

    analyte: str = Field(max_length=40)
    volume_ul: float = Field(gt=0.0)
    stock_um: float = Field(ge=0.0)
    t_s: float
    exact_um: float
    """Of this analyte, all dilution counted."""
    nominal_um: float
    """As if nothing diluted anything."""


class WindowRecord(_Part):
    """One plateau as it was read."""

    number: int = Field(ge=0)
    start_s: float
    end_s: float
    level_a: float
    sentinel_level_a: float | None
    flat: bool
    found: bool


class VerdictRecord(_Part):
    """One acceptance gate."""

    gate: str = Field(max_length=60)
    found: str = Field(max_length=100)
    limit: str = Field(max_length=100)
    passed: bool | None


class CalibrationRecord(_Part):
    """A calibration of one glutamate site."""

    version: Literal[1]
    probe: str = Field(min_length=1, max_length=200)
    site: str = Field(min_length=1, max_length=40)
    """Name of the channel."""
    sentinel: str = Field(default="", max_length=40)
    """Name of the channel that gain and cross-talk are of; empty without one, and in older records."""
    phase: Literal["before", "after"]
    simulated: bool
    session: str = Field(max_length=300)
    session_fingerprint: str = Field(pattern=r"^[0-9a-f]{64}$")
    protocol_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    measured_wall_ns: int = Field(gt=0)
    by: str = Field(min_length=1, max_length=200)
    software: str = Field(max_length=200)
    potential_v: float
    beaker_ul: float = Field(gt=0.0)
    additions: tuple[AdditionRecord, ...] = Field(min_length=1, max_length=60, strict=False)
    windows: tuple[WindowRecord, ...] = Field(min_length=1, max_length=61, strict=False)
    slope_a_per_um: Interval
    noise_sd_a: float
    drift_a_per_s: float | None
    """Of the baseline; taken off before the fit."""
    lod_um: float | None
    r2: float | None
    apparent_km_um: Interval | None = None
    """Of the curve whose slope near zero is ``slope_a_per_um``. None: that is the slope of a straight line over all
    steps, as in every record from before there was a curve."""
    step_slopes_a_per_um: tuple[float, ...] = Field(max_length=60, strict=False)
    """Of each glutamate step alone: they fall where the enzyme saturates."""
    linear_to_um: float | None
    selectivity: Interval | None
    ascorbate_um: float = Field(gt=0.0)
    ascorbate_offset_um: Interval | None
    dopamine_share: Interval | None
    crosstalk: Interval | None
    gain: Interval | None
    """Active over sentinel, from peroxide."""
    response_s: float | None
    drift_share: float | None
    gates: str = Field(max_length=200)
    verdicts: tuple[VerdictRecord, ...] = Field(max_length=30, strict=False)
    valid_for_s: float = Field(gt=0.0)

    @model_validator(mode="after")
    def _has_a_slope(self) -> CalibrationRecord:
        slope = self.slope_a_per_um
        if slope.value is None or slope.low is None or slope.high is None:
            raise ValueError("a calibration without a slope and its interval is none")
        return self

    @property
    def passed(self) -> bool:
        """Return whether no gate was failed."""
        return all(verdict.passed is not False for verdict in self.verdicts) and (self.slope_a_per_um.value or 0.0) > 0

    @property
    def failed(self) -> tuple[str, ...]:
        """Return the gates that were failed, each with what was found."""
        return tuple(f"{v.gate} {v.found} (wanted {v.limit})" for v in self.verdicts if v.passed is False)

    @property
    def sentinel_gain(self) -> float | None:
        """Return what the sentinel is multiplied with before it is subtracted; None unless it is positive for sure."""
        gain = self.gain
        return gain.value if gain is not None and gain.value and gain.low is not None and gain.low > 0.0 else None

    def expires_wall_ns(self) -> int:
        """Return when it stops to hold, ns of the wall clock."""
        return self.measured_wall_ns + round(self.valid_for_s * NS_PER_S)


class FiledCalibration(BaseModel):
    """A record with its number in the probe's book."""

    model_config = ConfigDict(frozen=True)

    number: int
    wall_ns: int
    record: CalibrationRecord
    withdrawn: str = ""
    """Who said that it does not hold, and why; empty while nobody did. It stays in the book all the same."""


def file_calibration(record: CalibrationRecord, wall_ns: int) -> FiledCalibration:
    """Add a record to its probe's history. Raises BookBroken, BookUnwritable."""
    book = Book(*book_place(_kind(simulated=record.simulated), record.probe)).open()
    try:
        entry = book.add({"kind": "calibration", "record": record.model_dump_json()}, wall_ns)
        return FiledCalibration(number=entry.number, wall_ns=entry.wall_ns, record=record)
    finally:
        book.close()


def withdraw(probe: str, number: int, *, simulated: bool, by: str, reason: str, wall_ns: int) -> None:
    """Write that a filed calibration does not hold.

    Raises ValueError where there is none that holds, BookBroken, BookUnwritable.
    """
    book = Book(*book_place(_kind(simulated=simulated), probe)).open()
    try:
        standing = {one.number for one in _all(book.entries, simulated=simulated) if not one.withdrawn}
        if number not in standing:
            raise ValueError(f"there is no calibration {number} of {probe} that holds; there are {sorted(standing)}")
        book.add({"kind": "withdrawal", "withdraws": number, "by": by, "reason": reason}, wall_ns)
    finally:
        book.close()


def history(probe: str, *, simulated: bool) -> tuple[FiledCalibration, ...]:
    """Return the real, or the simulated, calibrations of a probe, in the order of filing. Raises BookBroken."""
    path, anchor = book_place(_kind(simulated=simulated), probe)
    return _all(read_entries(path, anchor), simulated=simulated)


def newest(probe: str, site: str, *, simulated_run: bool) -> FiledCalibration | None:
    """Return the latest measured calibration of a site that may count: for a real run, real ones alone.

    In a simulated run a real one goes before a simulated one, so that a rehearsal uses what the real run will use.
    Of two records of one measurement the one filed later holds. Raises BookBroken.
    """
    for simulated in (False, True) if simulated_run else (False,):
        found = [one for one in history(probe, simulated=simulated) if one.record.site == site and not one.withdrawn]
        if found:
            return max(found, key=lambda one: (one.record.measured_wall_ns, one.number))
    return None


def why_invalid(record: CalibrationRecord | None, now_wall_ns: int) -> str:
    """Return why a probe's newest calibration does not hold now; empty when it does."""
    if record is None:
        return "no calibration is filed"
    if not record.passed:
        return f"its newest calibration failed: {'; '.join(record.failed) or 'no positive slope'}"
    if record.simulated:
        return ""  # its days are those of a virtual clock
    if now_wall_ns < record.measured_wall_ns:
        return "its newest calibration is dated in the future"
    if now_wall_ns > record.expires_wall_ns():
        days = (now_wall_ns - record.measured_wall_ns) / NS_PER_DAY
        return f"its newest calibration is {days:.1f} days old and held for {record.valid_for_s / 86_400:g}"
    return ""


def _kind(*, simulated: bool) -> str:
    return SIMULATED if simulated else REAL


def _all(entries: list[Entry], *, simulated: bool) -> tuple[FiledCalibration, ...]:
    gone = {
        entry.data.get("withdraws"): f"{entry.data.get('by')}: {entry.data.get('reason')}"
        for entry in entries
        if entry.data.get("kind") == "withdrawal"
    }
    return tuple(
        _filed(entry, simulated=simulated).model_copy(update={"withdrawn": gone.get(entry.number, "")})
        for entry in entries
        if entry.data.get("kind") != "withdrawal"
    )


def _filed(entry: Entry, *, simulated: bool) -> FiledCalibration:
    try:
        if entry.data["kind"] != "calibration":
            raise BookBroken(f"entry {entry.number} of a probe's history is of no known kind; a newer version?")
        record = CalibrationRecord.model_validate_json(str(entry.data["record"]))
    except (KeyError, ValidationError) as error:
        raise BookBroken(f"entry {entry.number} of a probe's history is no calibration; a newer version?") from error
    if record.simulated is not simulated:
        raise BookBroken(f"entry {entry.number} of a probe's history lies in the wrong book: {record.probe}")
    return FiledCalibration(number=entry.number, wall_ns=entry.wall_ns, record=record)
