"""What a reader of the recording must know of an 8401-HR's samples, for ``Described``. Words and numbers only."""

from __future__ import annotations

from drivers.capabilities import OptionValue
from drivers.pinnacle_8401.decimator import RAIL_HIGH, RAIL_LOW, RAW_PERIOD_NS, RAW_RATE_HZ
from drivers.pinnacle_8401.preamps import CHANNELS
from drivers.pinnacle_8401.settings import ADC_CODES, ADC_SPAN_V, Options, Programme

_HIGHPASS = ("0.5 Hz", "1 Hz", "10 Hz", "none")


def facts_of(programme: Programme, options: Options, ext0: int, without_echo: int) -> dict[str, OptionValue]:
    """Return what is in force since a start."""
    used = programme.filter
    facts: dict[str, OptionValue] = {
        "filter": "moving mean",
        "filter_raw_samples": used.window,
        "filter_length_s": used.window * RAW_PERIOD_NS / 1e9,
        "filter_every_raw_samples": used.every,
        "filter_delay_s": used.delay_ns / 1e9,
        "sample_time": "middle of the window",
        "window_with_missing_raw_sample": "no sample",
        "raw_rate_hz": RAW_RATE_HZ,
        "adc_v_per_code": ADC_SPAN_V / ADC_CODES,
        "overload": f"any raw code <= {RAIL_LOW} or >= {RAIL_HIGH}",
        "bias_v": programme.settings.potential_v,
        "bias_dac_count": programme.bias_count,
        "preamp": options.preamp,
        "preamp_id_ext0": ext0,
        "settings_without_echo": without_echo,
        "clock": "the instrument's own, fitted to the host's once per epoch",
    }
    for channel in programme.channels:
        wanted = programme.input_program(channel.place)
        facts |= {
            f"{channel.name}.electrode": CHANNELS[channel.place],
            f"{channel.name}.transimpedance_v_per_a": channel.transimpedance,
            f"{channel.name}.sign": channel.sign,
            f"{channel.name}.used_as": programme.inputs[channel.place].value,
            f"{channel.name}.highpass": _HIGHPASS[wanted.highpass],
            f"{channel.name}.lowpass_hz": wanted.lowpass_hz,
            f"{channel.name}.dc_mode": wanted.dc_mode,
        }
    return facts
