"""The streams that other programs see: one of samples per potentiostat, one of events; and how they are described.

Knows liblsl's outlets and the names its programs look for (XDF's ``channels/channel`` with label, unit and type).
Knows nothing of journals, of engines or of when something is sent. An outlet never waits for who reads it: liblsl
keeps up to six minutes for a slow reader and then drops the oldest, which only the recording makes good.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from acquisition.lsl.clock_map import ClockMap
from acquisition.recording.records import SessionHeader, StreamSpec

SAMPLES_TYPE = "Amperometry"
EVENTS_TYPE = "Markers"
"""The type under which programs look for events."""
EVENTS_NAME = "events"


class Outlets(Protocol):
    """Where a feed puts what it reads. Times are liblsl's, s."""

    def samples(self, instrument: str, t_s: NDArray[np.float64], current_a: NDArray[np.float64]) -> None:
        """Send samples: ``t_s`` (n,), ``current_a`` (n, channels), amperes."""
        ...

    def event(self, t_s: float, text: str) -> None:
        """Send one event."""
        ...

    def are_read(self) -> bool:
        """Tell whether somebody reads one of the streams."""
        ...


def stream_name(header: SessionHeader, what: str) -> str:
    """Return what a stream is called; simulated ones say so first."""
    return f"{'SIMULATED ' if header.simulated else ''}Amperfuse {what}"


def source_id(header: SessionHeader, what: str) -> str:
    """Return by what a reader finds a stream again after this program was started anew."""
    return f"amperfuse:{header.session_id}:{what}"


class LslOutlets:
    """Implements ``Outlets``. Visible from when it is made until it is let go."""

    def __init__(self, lsl: Any, header: SessionHeader, clocks: ClockMap) -> None:
        self._samples = {
            spec.instrument: lsl.StreamOutlet(_samples_info(lsl, header, spec, clocks)) for spec in header.streams
        }
        self._events = lsl.StreamOutlet(_events_info(lsl, header, clocks))

    def samples(self, instrument: str, t_s: NDArray[np.float64], current_a: NDArray[np.float64]) -> None:
        if len(t_s):
            self._samples[instrument].push_chunk(current_a, t_s.tolist())

    def event(self, t_s: float, text: str) -> None:
        self._events.push_sample([text], t_s)

    def are_read(self) -> bool:
        return any(outlet.have_consumers() for outlet in (*self._samples.values(), self._events))


def _samples_info(lsl: Any, header: SessionHeader, spec: StreamSpec, clocks: ClockMap) -> Any:
    info = lsl.StreamInfo(
        stream_name(header, spec.instrument), SAMPLES_TYPE, len(spec.channels), 1 / spec.interval_s, lsl.cf_double64,
        source_id(header, f"samples:{spec.instrument}"),
    )  # fmt: skip
    desc = _described(info, header, clocks)
    desc.append_child_value("potential_v", repr(spec.potential_v))
    channels = desc.append_child("channels")
    per_channel = zip(spec.channels, spec.roles, spec.sensitivity_a_per_um, spec.range_a, strict=True)
    for name, role, slope, range_a in per_channel:
        channel = channels.append_child("channel")
        channel.append_child_value("label", name).append_child_value("unit", "A").append_child_value("type", role)
        channel.append_child_value("range_a", repr(range_a))
        if slope is not None:
            channel.append_child_value("sensitivity_a_per_um", repr(slope))
    return info


def _events_info(lsl: Any, header: SessionHeader, clocks: ClockMap) -> Any:
    info = lsl.StreamInfo(
        stream_name(header, EVENTS_NAME), EVENTS_TYPE, 1, lsl.IRREGULAR_RATE, lsl.cf_string,
        source_id(header, EVENTS_NAME),
    )  # fmt: skip
    desc = _described(info, header, clocks)
    channel = desc.append_child("channels").append_child("channel")
    channel.append_child_value("label", EVENTS_NAME).append_child_value("type", EVENTS_TYPE)
    return info


def _described(info: Any, header: SessionHeader, clocks: ClockMap) -> Any:
    """Add what holds for every stream of a session: where it comes from, and how its times were made."""
    desc = info.desc()
    desc.append_child_value("manufacturer", "Amperfuse").append_child_value("software", header.software)
    desc.append_child_value("session_id", header.session_id)
    desc.append_child_value("simulated", "SIMULATED" if header.simulated else "no")
    clock = desc.append_child("clock")
    clock.append_child_value("engine_to_lsl_s", repr(clocks.offset_s))
    clock.append_child_value("uncertainty_s", repr(clocks.first.uncertainty_s))
    clock.append_child_value("session_started_ns", str(header.started_ns))
    clock.append_child_value("session_started_wall_ns", str(header.started_wall_ns))
    return desc
