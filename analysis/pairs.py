"""Which glutamate site of a recording goes with which sentinel. Knows roles and instruments, nothing of currents."""

from __future__ import annotations

from analysis.review import Channel, Recording


def pairs(recording: Recording) -> list[tuple[Channel, Channel]]:
    """Return each glutamate site with the sentinel of its instrument, where there is exactly one."""
    found = []
    for active in recording.channels.values():
        beside = [other for other in beside_of(recording, active) if other.role == "sentinel"]
        if active.role == "glutamate" and len(beside) == 1 and len(active.t_s):
            found.append((active, beside[0]))
    return found


def beside_of(recording: Recording, channel: Channel) -> list[Channel]:
    """Return the other channels of a channel's instrument: those that are sampled together with it."""
    instrument = channel.name.split(".", 1)[0]
    every = recording.channels.values()
    return [other for other in every if other is not channel and other.name.split(".", 1)[0] == instrument]
