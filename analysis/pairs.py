"""Which glutamate site of a recording goes with which sentinel. Knows roles and instruments, nothing of currents."""

from __future__ import annotations

from analysis.review import Channel, Recording


def pairs(recording: Recording) -> list[tuple[Channel, Channel]]:
    """Return each glutamate site that has samples with its sentinel."""
    both = [(active, sentinel_of(recording, active)) for active in recording.channels.values() if len(active.t_s)]
    return [(active, sentinel) for active, sentinel in both if sentinel is not None]


def sentinel_of(recording: Recording, active: Channel) -> Channel | None:
    """Return the sentinel of a glutamate site: the one that the rig names, else its instrument's only one, if any."""
    beside = [other for other in beside_of(recording, active) if other.role == "sentinel"]
    if active.calibration.sentinel:
        beside = [other for other in beside if other.name.split(".", 1)[1] == active.calibration.sentinel]
    return beside[0] if active.role == "glutamate" and len(beside) == 1 else None


def beside_of(recording: Recording, channel: Channel) -> list[Channel]:
    """Return the other channels of a channel's instrument: those that are sampled together with it."""
    instrument = channel.name.split(".", 1)[0]
    every = recording.channels.values()
    return [other for other in every if other is not channel and other.name.split(".", 1)[0] == instrument]
