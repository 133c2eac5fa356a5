"""A recording for notebooks: arrays with units and times, names instead of numbers. Read only.

Knows how a journal's arrays are called by people: channels, infusions, events, steps, seconds since the session began.
Does not know files of other formats, and computes nothing that a recording does not hold. What a person adds later
stands beside the recording (``acquisition.books.annotations``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from acquisition.books.annotations import Annotation, read_annotations
from acquisition.events import EventKind, Scalar
from acquisition.recording.session_data import InfusionData, SessionData, StreamData, read_session
from acquisition.signal.concentration import apparent_um
from analysis.calibration.drift import Correction
from analysis.channel_calibration import ChannelCalibration, calibration_name, channel_calibration, later_correction
from analysis.steps import step_spans

Floats = NDArray[np.float64]
SlopeChoice = Literal["best", "recorded", "corrected"]
NS_PER_S = 1e9
PA_PER_A = 1e12


@dataclass(frozen=True)
class Channel:
    """One electrode. Only samples that exist: a gap has no rows, ``breaks`` says after which."""

    name: str
    """INSTRUMENT.CHANNEL."""
    role: str
    """"glutamate", "sentinel" or "other"."""
    t_s: Floats
    """Since the session began, shape (n,), s."""
    current_a: Floats
    """As measured, shape (n,), A; NaN where the instrument gave no number."""
    flags: NDArray[np.uint8]
    """1 timing, 2 overload, 4 underload, 8 near limit, 16 not a number; shape (n,)."""
    breaks: NDArray[np.int64]
    """Rows after which samples are missing, or a new measurement began."""
    interval_s: float
    sensitivity_a_per_um: float | None
    """Slope in the rig as it was run; None without a calibration."""
    calibration: ChannelCalibration
    """The slope's interval, the sentinel's gain and the record behind them, as the recording holds them."""
    correction: Correction | str
    """Calibrations before and after this session, from the probe's book on this computer, or why there are not both."""
    started_wall_ns: int
    """The wall clock at zero of ``t_s``, ns."""

    def slope_a_per_um(self, slope: SlopeChoice = "best") -> Floats:
        """Return the slope at every sample, shape (n,), A/µM.

        ``slope``: "recorded", as in the rig as it was run; "corrected", on a straight line to the calibration after
        the session; "best", corrected where there is such a calibration, else recorded. Raises ValueError without a
        sensitivity (the channel stays in amperes), or where "corrected" is asked for and cannot be.
        """
        if self.sensitivity_a_per_um is None:
            raise ValueError(f"channel {self.name} has no sensitivity in this recording; it stays in amperes")
        if slope == "corrected" and isinstance(self.correction, str):
            raise ValueError(f"the slope of {self.name} cannot be corrected for drift: {self.correction}")
        if slope == "recorded" or isinstance(self.correction, str):
            return np.full(len(self.t_s), self.sensitivity_a_per_um)
        return self.correction.slopes_a_per_um(wall_ns(self.t_s, self.started_wall_ns))

    def slope_text(self, slope: SlopeChoice = "best") -> str:
        """Say which slope ``slope`` is, and of which calibrations."""
        if self.sensitivity_a_per_um is None:
            return "no sensitivity: stays in amperes"
        per_um = f"{self.sensitivity_a_per_um * PA_PER_A:.4g} pA/µM"
        if slope == "recorded" or isinstance(self.correction, str):
            return f"{per_um}, {self.calibration.name or 'a number in the rig file'}"
        whole, per_day = self.correction.change
        return (
            f"{per_um} at first, corrected for {whole:+.1%} ({per_day:+.1%} a day) on a straight line from "
            f"{calibration_name(self.correction.pre)} to {calibration_name(self.correction.post)}"
        )

    def glutamate_um(self, slope: SlopeChoice = "best") -> Floats:
        """Return the concentration that would explain the whole current, background included, shape (n,), µM.

        ``slope`` as in ``slope_a_per_um``. Raises ValueError for a channel without a sensitivity: it stays in amperes.
        """
        return apparent_um(self.current_a, self.slope_a_per_um(slope))


def wall_ns(t_s: Floats, started_wall_ns: int) -> NDArray[np.int64]:
    """Return seconds of a session on the wall clock, ns."""
    return started_wall_ns + np.rint(t_s * NS_PER_S).astype(np.int64)


@dataclass(frozen=True)
class Infusion:
    """What one pump gave; every array has shape (n,). At-animal values are estimates past the line's dead volume."""

    pump: str
    drug: str
    concentration_mg_per_ml: float | None
    t_s: Floats
    commanded_ul: Floats
    confirmed_ul: Floats
    uncertain_ul: Floats
    at_animal_ul: Floats
    commanded_ul_per_min: Floats
    confirmed_ul_per_min: Floats
    at_animal_ul_per_min: Floats


@dataclass(frozen=True)
class Happening:
    """An event. ``kind`` as in the session's files: mark, note, alarm, gap, intent, ..."""

    t_s: float
    kind: str
    source: str
    text: str
    data: Mapping[str, Scalar]


@dataclass(frozen=True)
class Step:
    """A step of the plan as it was run. ``end_s`` is None when it had not ended."""

    number: int
    kind: str
    label: str
    start_s: float
    end_s: float | None
    state: str


@dataclass(frozen=True)
class Recording:
    """A session, whole; see ``open_recording``."""

    path: Path
    data: SessionData
    """The arrays as the journal has them, in ns of the host's monotonic clock."""

    @property
    def simulated(self) -> bool:
        """Return whether nothing in here was measured."""
        return self.data.header.simulated

    @property
    def imported(self) -> str:
        """Return which file of which other system it was made of; empty where this program recorded it."""
        return self.data.header.imported

    @property
    def status(self) -> str:
        """Return in a few words whether anything in here was measured, and by whom."""
        words = ["SIMULATED: nothing in here was measured"] if self.simulated else []
        words += [f"IMPORTED, not recorded by this program: {self.imported}"] if self.imported else []
        return "; ".join(words) or "measured"

    @property
    def plan(self) -> Mapping[str, object]:
        """Return the whole plan as it was run: subject, pumps, potentiostats, steps."""
        return self.data.header.plan

    @property
    def problem(self) -> str:
        """Return why the recording is not whole; empty when it is closed and undamaged."""
        return self.data.problem or ("" if self.data.close else "the session was not closed; run 'amperfuse recover'")

    @cached_property
    def channels(self) -> dict[str, Channel]:
        """Return every channel by its name, INSTRUMENT.CHANNEL."""
        found = [self._channel(s, n) for s in self.data.streams.values() for n in range(len(s.spec.channels))]
        return {channel.name: channel for channel in found}

    @cached_property
    def infusions(self) -> dict[str, Infusion]:
        """Return what each pump gave."""
        return {name: self._infusion(one) for name, one in self.data.infusions.items()}

    @cached_property
    def happenings(self) -> tuple[Happening, ...]:
        """Return all events, in order."""
        return tuple(
            Happening(self._second(event.t_ns), event.kind.value, event.source, event.text, event.data)
            for event in self.data.events
        )

    @property
    def marks(self) -> tuple[Happening, ...]:
        """Return the marks of protocol, operator and digital inputs."""
        return tuple(one for one in self.happenings if one.kind == EventKind.MARK.value)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps that were begun or missed, in order of the plan."""
        return tuple(
            Step(
                number=span.number,
                kind=span.kind,
                label=span.label,
                start_s=self._second(span.start_ns),
                end_s=None if span.end_ns is None else self._second(span.end_ns),
                state=span.state,
            )
            for span in step_spans(self.data)
        )

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """Return what people added later, oldest first; read anew each time. Raises BookBroken."""
        return read_annotations(self.path)

    def _second(self, t_ns: int) -> float:
        return (t_ns - self.data.header.started_ns) / NS_PER_S

    def _seconds(self, t_ns: NDArray[np.int64]) -> Floats:
        return np.asarray((t_ns - self.data.header.started_ns) / NS_PER_S, np.float64)

    def _channel(self, stream: StreamData, number: int) -> Channel:
        spec, header = stream.spec, self.data.header
        known = channel_calibration(self.plan, spec.instrument, spec.channels[number])
        slope, started_ns, t_s = spec.sensitivity_a_per_um[number], header.started_wall_ns, self._seconds(stream.t_ns)
        end_ns = int(wall_ns(t_s, started_ns).max(initial=started_ns))
        missing = (np.diff(stream.index) != 1) | (np.diff(stream.epoch) != 0)
        return Channel(
            name=f"{spec.instrument}.{spec.channels[number]}",
            role=spec.roles[number],
            t_s=t_s,
            current_a=stream.current_a[:, number],
            flags=stream.flags[:, number],
            breaks=np.flatnonzero(missing).astype(np.int64),
            interval_s=spec.interval_s,
            sensitivity_a_per_um=slope,
            calibration=known,
            correction=later_correction(known, slope, started_ns, end_ns, simulated=header.simulated),
            started_wall_ns=started_ns,
        )

    def _infusion(self, one: InfusionData) -> Infusion:
        setup = next(pump for pump in self.data.header.plan["pumps"] if pump["name"] == one.pump)
        return Infusion(
            pump=one.pump,
            drug=str(setup["drug"]),
            concentration_mg_per_ml=setup["concentration_mg_per_ml"],
            t_s=self._seconds(one.t_ns),
            commanded_ul=one.commanded_ul,
            confirmed_ul=one.confirmed_ul,
            uncertain_ul=one.uncertain_ul,
            at_animal_ul=one.at_animal_ul,
            commanded_ul_per_min=one.commanded_ul_per_min,
            confirmed_ul_per_min=one.confirmed_ul_per_min,
            at_animal_ul_per_min=one.at_animal_ul_per_min,
        )


def open_recording(path: str | Path) -> Recording:
    """Open the folder of a session, while it grows or after; reads the journal, which is the truth.

    Raises FileNotFoundError without a journal, ValueError when not even its header is readable.
    """
    return Recording(Path(path), read_session(Path(path)))
