"""How the traces are looked at: what a person chose, and what that comes to for the channels that are there. No Qt.

Knows the choice and the displays that follow from it, and lets the store follow them. A channel of which nothing was
chosen is shown as measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from acquisition.messages import ChannelView
from gui.presenters.displays import Display, Look, display, next_filter, next_look
from gui.presenters.traces import Scale
from gui.store import Key, TraceStore


@dataclass(frozen=True)
class ViewChoice:
    """What a person chose. ``looks`` by "INSTRUMENT.CHANNEL"."""

    window_s: float | None = 300.0
    scale: Scale = "current"
    filter: str = "none"
    looks: Mapping[str, Look] = field(default_factory=dict)

    def look(self, key: Key) -> Look:
        """Return how a channel is to be looked at."""
        return self.looks.get(".".join(key), Look())


@dataclass
class Looks:
    """The choice, applied."""

    choice: ViewChoice = field(default_factory=ViewChoice)
    displays: dict[Key, Display] = field(default_factory=dict)
    _channels: Sequence[ChannelView] = ()

    def follow(self, channels: Sequence[ChannelView], store: TraceStore) -> None:
        """Let what is not shown as measured keep up with what is recorded; once in every frame."""
        self._channels = channels
        self.displays.clear()
        for channel in channels:
            key = (channel.instrument, channel.name)
            shown = display(channel, channels, self.choice.look(key), self.choice.filter)
            self.displays[key] = shown
            sentinel = (channel.instrument, shown.sentinel) if shown.sentinel else None
            store.look_at(key, shown.recipe, channel.interval_s or 0.0, sentinel)
        store.work()

    def with_next_filter(self) -> ViewChoice:
        """Return the choice with the next filter."""
        return replace(self.choice, filter=next_filter(self.choice.filter, self._channels))

    def with_next_look(self, key: Key) -> ViewChoice:
        """Return the choice with one channel looked at in the next way that it has."""
        for channel in self._channels:
            if (channel.instrument, channel.name) == key:
                look = next_look(self.choice.look(key), channel, self._channels)
                return replace(self.choice, looks={**self.choice.looks, ".".join(key): look})
        return self.choice
