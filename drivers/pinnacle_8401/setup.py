"""Programs an 8401-HR for biosensors and takes them off their potential again, all read back (potentiostats.md 1.9).

Knows what is written in which order. The potential is there before an input is connected, and is taken away before it
is grounded. Does not know samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from drivers.errors import DriverError, PortError, ReplyTimeout
from drivers.pinnacle_8401.codec import U8, U16, Command
from drivers.pinnacle_8401.decimator import RAW_RATE_HZ
from drivers.pinnacle_8401.digital import mask
from drivers.pinnacle_8401.link import PodLink, Setting
from drivers.pinnacle_8401.preamps import CHANNELS
from drivers.pinnacle_8401.settings import Programme

_TRIES: Final = 3


def settings_of(programme: Programme, driven: int = 0) -> Iterator[Setting]:
    """Yield what is to be set, in order; ``driven`` are the bits of the TTL outputs."""
    yield Setting("sample rate", Command.SET_RATE, Command.GET_RATE, RAW_RATE_HZ, U16)
    yield Setting("multiplexer", Command.SET_MUX, Command.GET_MUX, 0, U8)
    if programme.digital or driven:  # what is not driven stays open collector
        ttl = driven << 8 | mask(programme.digital)
        yield Setting("TTL configuration", Command.SET_TTL, Command.GET_TTL, ttl, U16)
    for place, letter in enumerate(CHANNELS):
        wanted = programme.input_program(place)
        of = f"of channel {letter}"
        yield Setting(f"DC mode {of}", Command.SET_DC_MODE, Command.GET_DC_MODE, wanted.dc_mode, U8, place)
        yield Setting(f"high-pass {of}", Command.SET_HIGHPASS, Command.GET_HIGHPASS, wanted.highpass, U8, place)
        yield Setting(f"low-pass {of}", Command.SET_LOWPASS, Command.GET_LOWPASS, wanted.lowpass_hz, U16, place)
        stage = wanted.second_stage
        yield Setting(f"second stage {of}", Command.SET_SECOND_STAGE, Command.GET_SECOND_STAGE, stage, U8, place)
        yield _bias(programme.bias_of(place), place)
    yield _inputs(programme.connected)


def _bias(count: int, place: int) -> Setting:
    return Setting(f"bias of channel {CHANNELS[place]}", Command.SET_BIAS, Command.GET_BIAS, count, U16, place)


def _inputs(connected: int) -> Setting:
    return Setting("connected inputs", Command.SET_GROUND, Command.GET_GROUND, connected, U8)


def program(link: PodLink, programme: Programme, driven: int = 0) -> int:
    """Write everything, then read everything back; return the value that identifies the preamplifier (12 bits).

    The stream must have ended. Raises DriverError; what is set then is not known.
    """
    wanted = list(settings_of(programme, driven))
    for setting in wanted:
        link.apply(setting)
    for setting in wanted:  # at the end, so that a restart in between shows
        link.verify(setting)
    return link.value(Command.GET_EXT0, U16)


def make_safe(link: PodLink) -> None:
    """End the stream, set the bias of all channels to 0 V, ground all inputs, see it confirmed. Raises DriverError."""
    failure: DriverError | None = None
    for _try in range(_TRIES):
        try:
            _make_safe_once(link)
        except PortError:
            raise
        except DriverError as error:
            failure = error
        else:
            return
    raise ReplyTimeout(
        f"not confirmed that the bias is off: THE SENSORS MAY STILL BE UNDER POTENTIAL ({failure}); "
        "unplug the preamplifier",
        port=link.url,
        command="SET BIAS",
    )


def _make_safe_once(link: PodLink) -> None:
    link.quiet()
    wanted = [*(_bias(0, place) for place in range(len(CHANNELS))), _inputs(0)]
    for setting in wanted:
        link.apply(setting)
    for setting in wanted:
        link.verify(setting)
