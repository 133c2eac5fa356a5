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

import numpy as np
from numpy.typing import NDArray

from acquisition.books.annotations import Annotation, read_annotations
from acquisition.events import EventKind, Scalar
from acquisition.recording.session_data import InfusionData, SessionData, StreamData, read_session
from acquisition.signal.concentration import apparent_um
from analysis.channel_calibration import ChannelCalibration, channel_calibration
from analysis.steps import step_spans

Floats = NDArray[np.float64]
NS_PER_S = 1e9


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

    def glutamate_um(self) -> Floats:
        """Return the concentration that would explain the whole current, background included, shape (n,), µM.

        Raises ValueError for a channel without a sensitivity: it stays in amperes.
        """
        if self.sensitivity_a_per_um is None:
            raise ValueError(f"channel {self.name} has no sensitivity in this recording; it stays in amperes")
        return apparent_um(self.current_a, self.sensitivity_a_per_um)


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
        spec = stream.spec
        missing = (np.diff(stream.index) != 1) | (np.diff(stream.epoch) != 0)
        return Channel(
            name=f"{spec.instrument}.{spec.channels[number]}",
            role=spec.roles[number],
            t_s=self._seconds(stream.t_ns),
            current_a=stream.current_a[:, number],
            flags=stream.flags[:, number],
            breaks=np.flatnonzero(missing).astype(np.int64),
            interval_s=spec.interval_s,
            sensitivity_a_per_um=spec.sensitivity_a_per_um[number],
            calibration=channel_calibration(self.plan, spec.instrument, spec.channels[number]),
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
