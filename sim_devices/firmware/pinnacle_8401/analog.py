"""The measuring side of a simulated 8401-HR: registers of four channels, bias, converter (potentiostats.md 1.5, 1.7).

Turns the currents that really flow into 18-bit codes, many at once. Knows no bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim_devices.firmware.pinnacle_8401.options import PinnacleOptions
from sim_devices.interfaces import ElectrodeFrontEnd

CHANNELS = 4
_MID, _TOP = 131_072, 262_143
_CODES_PER_V = 262_144 / 4.096
_V_PER_BIAS_COUNT = 2.048 / 32_768
_HOLD_NS = 20_000_000
"""The front end holds its currents for so long: asking more often tells nothing new."""


def _four(value: int) -> list[int]:
    return [value] * CHANNELS


@dataclass
class Registers:
    """What the host can set, as it is after power-up [A]."""

    rate: int = 2000
    highpass: list[int] = field(default_factory=lambda: _four(0))
    lowpass: list[int] = field(default_factory=lambda: _four(40))
    dc_mode: list[int] = field(default_factory=lambda: _four(1))
    bias: list[int] = field(default_factory=lambda: _four(0))
    second_stage: list[int] = field(default_factory=lambda: _four(0))
    connected: int = 0
    mux: int = 0
    ttl_out: int = 0
    ttl_in: int = 0
    outs: int = 0
    """Levels that SET TTL OUTS has set; a pin shows its own where it is push-pull."""


class Analog:
    """Registers and what they do to the cell and the codes."""

    def __init__(self, options: PinnacleOptions, front_end: ElectrodeFrontEnd, rng: np.random.Generator) -> None:
        self.registers = Registers()
        self._options = options
        self._front_end = front_end
        self._rng = rng
        self._held: tuple[int, NDArray[np.float64]] = (-1, np.zeros(CHANNELS))
        """When the front end was last asked, and its answer: the same however often packets are made."""

    def forget(self, now_ns: int, *, powered: bool) -> None:
        """Begin anew after a reset, or lose power."""
        kept = self.registers.bias if self._options.bias_after_reset == "kept" and powered else _four(0)
        self.registers = Registers(bias=kept)
        self.apply(now_ns)

    def apply(self, now_ns: int) -> None:
        """Let the cell follow bias and inputs. Most preamplifiers use the DAC of channel A only."""
        self._held = (-1, np.zeros(CHANNELS))
        potential_v = _signed(self.registers.bias[0]) * _V_PER_BIAS_COUNT
        self._front_end.set_cell(self.registers.connected != 0 and potential_v != 0.0, potential_v, now_ns)

    def codes(self, t_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the converter gives at these rising times, shape (n, 4)."""
        held = t_ns // _HOLD_NS
        first = np.concatenate(([0], np.flatnonzero(np.diff(held)) + 1))
        per_a = np.array([self._volts_per_a(channel) for channel in range(CHANNELS)])
        flowing = [(channel, self._front_end.current_a) for channel in range(CHANNELS) if per_a[channel]]
        currents_a = np.zeros((first.size, CHANNELS))
        for row, (tick, t) in enumerate(zip(held[first].tolist(), t_ns[first].tolist(), strict=True)):
            if tick == self._held[0]:
                currents_a[row] = self._held[1]
                continue
            for channel, current_a in flowing:
                currents_a[row, channel] = current_a(channel, t, _HOLD_NS)
            self._held = (tick, currents_a[row])
        currents_a = np.repeat(currents_a, np.diff(np.concatenate((first, [t_ns.size]))), axis=0)
        if self._options.mains_na:
            currents_a += self._hum_a(t_ns)[:, None]
        volts = currents_a * per_a + [self._offset_v(channel) if per_a[channel] else 0.0 for channel in range(CHANNELS)]
        noise = self._rng.standard_normal((t_ns.size, CHANNELS), dtype=np.float32) * self._options.noise_lsb
        return np.asarray(np.clip(np.rint(_MID + volts * _CODES_PER_V + noise), 0, _TOP), dtype=np.int64)

    def _volts_per_a(self, channel: int) -> float:
        """Return volts at the converter per ampere; 0 for a grounded input."""
        if not self.registers.connected >> channel & 1:
            return 0.0
        gain = 1.0 if self.registers.second_stage[channel] & 2 else 5.0
        return self._options.transimpedance * gain * (-1.0 if self._options.anodic_negative else 1.0)

    def _offset_v(self, channel: int) -> float:
        """Return the bias that is subtracted wrongly, or not at all."""
        bias = [_signed(count) * _V_PER_BIAS_COUNT for count in self.registers.bias]
        carried_v = bias[0] if self._options.wiring == "biased" else 0.0
        subtracted_v = bias[channel] if self.registers.dc_mode[channel] == 0 else 0.0
        return 0.0 if self._options.wiring == "any" else carried_v - subtracted_v

    def _hum_a(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(self._options.mains_na * 1e-9 * np.sin(2e-9 * np.pi * self._options.mains_hz * t_ns))


def _signed(count: int) -> int:
    return count - 65_536 if count >= 32_768 else count
