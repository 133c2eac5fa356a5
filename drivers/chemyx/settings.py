"""What the rig file may say about a Chemyx pump beside its line: read once, refused if it makes no sense. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.capabilities import OptionValue
from drivers.errors import NotEncodable

OPTIONS: Final = {
    "channel": "1 or 2: the channel of a two-channel pump that holds the syringe; left out for a pump with one channel",
}
CAUTION: Final = (
    "its screen must show Basic Mode, with no steps: start runs what the screen shows, and no command tells which it is"
)


def channel_of(given: Mapping[str, OptionValue]) -> int:
    """Return the channel, 0 for a pump that has only one. Raises NotEncodable."""
    channel = given.get("channel", 0)
    if isinstance(channel, bool) or not isinstance(channel, int) or ("channel" in given and channel not in (1, 2)):
        raise NotEncodable(f"channel is 1 or 2, not {channel!r}")
    return channel
