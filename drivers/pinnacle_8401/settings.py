"""What a rig may say about an 8401-HR, checked, and the conversions that follow from it (potentiostats.md 1.7, 1.9).

Knows the options, the bias converter, the preamplifier's constants. Sends nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.capabilities import AmperometrySettings, ElectrodeSettings, OptionValue, OutputUse
from drivers.errors import NotEncodable
from drivers.pinnacle_8401.decimator import RAW_RATE_HZ, Filter, filter_for
from drivers.pinnacle_8401.digital import InputUse
from drivers.pinnacle_8401.pins import PIN_OPTIONS, input_uses, output_uses
from drivers.pinnacle_8401.preamps import CHANNELS, PREAMPS, PROGRAMS, Input, InputProgram

BIAS_STEP_V: Final = 2.048 / 32_768
BIAS_COUNTS: Final = (-32_768, 32_767)
ADC_SPAN_V: Final = 4.096
ADC_CODES: Final = 262_144
MID_V: Final = 2.048
TRANSIMPEDANCE: Final = 15.57e6
TRANSIMPEDANCE_LIMITS: Final = (1e5, 1e10)

OPTIONS: Final = {
    "preamp": "model of the preamplifier that is plugged in, for example 8407-2BIO",
    **PIN_OPTIONS,
}
CHANNEL_OPTIONS: Final = {
    "transimpedance": "V/A of this channel's preamplifier, 15.57e6 unless measured otherwise",
    "invert": "true if oxidation reads negative on this channel; check with a resistor",
    "biosensor": "true to use an input as biosensor that the preamplifier's table has for something else",
}


@dataclass(frozen=True)
class Options:
    """Of the instrument."""

    preamp: str
    """Empty: the rig does not say; nothing can be measured then."""
    inputs: Mapping[str, InputUse]
    """Digital inputs, and what the rig says of them."""
    outputs: Mapping[str, OutputUse]
    """Digital outputs that are driven."""


def parse_options(given: Mapping[str, OptionValue]) -> Options:
    """Return the instrument's options. Raises NotEncodable."""
    preamp = given.get("preamp", "")
    if preamp != "" and preamp not in PREAMPS:
        raise NotEncodable(f"there is no preamplifier {preamp!r} in the table; it has {', '.join(PREAMPS)}")
    return Options(str(preamp), input_uses(given), output_uses(given))


@dataclass(frozen=True)
class Channel:
    """One electrode of the measurement."""

    name: str
    place: int
    """0 to 3 for A to D."""
    transimpedance: float
    sign: int

    @property
    def full_scale_a(self) -> float:
        """Return the current at which the converter ends."""
        return MID_V / self.transimpedance

    def current_a(self, mean_code: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the currents of codes, or of means of codes."""
        return self.sign * (mean_code / ADC_CODES * ADC_SPAN_V - MID_V) / self.transimpedance


@dataclass(frozen=True)
class Programme:
    """What one measurement needs to be set, and how its packets are read."""

    settings: AmperometrySettings
    filter: Filter
    bias_count: int
    channels: tuple[Channel, ...]
    inputs: tuple[Input, Input, Input, Input]
    """What each of the four is used as."""
    digital: Mapping[str, InputUse]

    @property
    def connected(self) -> int:
        """Return the mask of inputs that are connected to the preamplifier; all others are grounded."""
        return sum(1 << channel.place for channel in self.channels)

    def bias_of(self, place: int) -> int:
        """Return the bias of a channel: the same on all sensors; one is on A, whose converter most models use."""
        return self.bias_count if self.inputs[place].is_polarised else 0

    def input_program(self, place: int) -> InputProgram:
        """Return filters, gain and mode of a channel."""
        return PROGRAMS[self.inputs[place]]


def bias_count(potential_v: float) -> int:
    """Return the step of the bias converter next to a potential. Raises NotEncodable."""
    count = round(potential_v / BIAS_STEP_V) if math.isfinite(potential_v) else BIAS_COUNTS[1] + 1
    if not BIAS_COUNTS[0] <= count <= BIAS_COUNTS[1]:
        raise NotEncodable(f"{potential_v!r} V: the bias of an 8401-HR reaches from -2.048 to +2.0479 V")
    return count


def programme(wanted: AmperometrySettings, options: Options) -> Programme:
    """Return what a measurement comes to. Raises NotEncodable. Pure."""
    if not options.preamp:
        raise NotEncodable(
            'say which preamplifier is plugged in, options = { preamp = "8407-2BIO" }: the instrument cannot be asked, '
            f"and a wrong one measures something else; the table has {', '.join(PREAMPS)}"
        )
    mask = filter_for(wanted.interval_s)
    count = bias_count(wanted.potential_v)
    if not wanted.electrodes:
        raise NotEncodable("no electrode is to be measured")
    inputs = list(PREAMPS[options.preamp])
    channels: list[Channel] = []
    for electrode in wanted.electrodes:
        channel = _channel(electrode)
        if channel.place in {other.place for other in channels}:
            raise NotEncodable(f"electrode {electrode.electrode} is used twice")
        inputs[channel.place] = _use(electrode, inputs[channel.place], options.preamp)
        channels.append(channel)
    electrodes = tuple(
        replace(electrode, range_a=channel.full_scale_a)
        for electrode, channel in zip(wanted.electrodes, channels, strict=True)
    )
    settings = AmperometrySettings(count * BIAS_STEP_V, mask.every / RAW_RATE_HZ, electrodes)
    a, b, c, d = inputs
    return Programme(settings, mask, count, tuple(channels), (a, b, c, d), options.inputs)


def _channel(electrode: ElectrodeSettings) -> Channel:
    if electrode.electrode not in CHANNELS:
        raise NotEncodable(f"an 8401-HR has no electrode {electrode.electrode!r}; it has {', '.join(CHANNELS)}")
    if unknown := set(electrode.options) - set(CHANNEL_OPTIONS):
        raise NotEncodable(f"{electrode.channel} has no setting {', '.join(sorted(unknown))}")
    given = electrode.options.get("transimpedance", TRANSIMPEDANCE)
    low, high = TRANSIMPEDANCE_LIMITS
    if isinstance(given, bool) or not isinstance(given, int | float) or not low <= given <= high:
        raise NotEncodable(f"transimpedance of {electrode.channel}: {given!r} is no number of V/A, such as 15.57e6")
    sign = -1 if _flag(electrode, "invert") else 1
    channel = Channel(electrode.channel, CHANNELS.index(electrode.electrode), float(given), sign)
    if not 0.0 < electrode.range_a <= channel.full_scale_a:
        raise NotEncodable(
            f"{electrode.channel}: an 8401-HR measures up to {channel.full_scale_a * 1e9:.1f} nA, "
            f"not {electrode.range_a:g} A"
        )
    return channel


def _use(electrode: ElectrodeSettings, made_for: Input, preamp: str) -> Input:
    """Return what an input is used as. Raises NotEncodable unless it is for biosensors, or the rig insists."""
    if made_for.is_biosensor:
        return made_for
    if _flag(electrode, "biosensor"):
        return Input.BIO
    raise NotEncodable(
        f"{electrode.channel}: input {electrode.electrode} of a {preamp} is for {made_for.value}, not for a biosensor; "
        "if your preamplifier is made otherwise, say biosensor = true in the options of this channel"
    )


def _flag(electrode: ElectrodeSettings, name: str) -> bool:
    value = electrode.options.get(name, False)
    if not isinstance(value, bool):
        raise NotEncodable(f"{name} of {electrode.channel} is true or false, not {value!r}")
    return value
