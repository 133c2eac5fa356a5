"""The engine's side of its clients: where state, events and samples are put without ever waiting.

Knows the shape of that door only. Who listens, how slowly, and whether anybody does, is the publisher's business.
"""

from __future__ import annotations

from typing import Protocol

from acquisition.messages import ChannelSamples, EngineState, EventNotice


class Publisher(Protocol):
    """Takes what clients may see. No call may block or raise."""

    def state(self, state: EngineState) -> None:
        """Take a full copy of the state; the newest replaces older ones."""
        ...

    def event(self, notice: EventNotice) -> None:
        """Take an event that has gone into the journal."""
        ...

    def samples(self, samples: ChannelSamples) -> None:
        """Take samples that the recorder has taken."""
        ...
