"""What the calls of the three priorities sound like: pulses, pitches, and the samples made of them. No Qt.

Patterns after IEC 60601-1-8 [M]: two times five pulses for high, three for medium, one for low; each with harmonics, so
that a small loudspeaker and an old ear find one of them. Told apart by rhythm, not by pitch alone.
"""

from __future__ import annotations

import io
import wave

import numpy as np
import numpy.typing as npt

from acquisition.messages import Priority

RATE_HZ = 44_100
FULL_SCALE = 32_767
EDGE_S = 0.015
"""Each pulse swells and ebbs: a click is no tone."""
HARMONICS = (1.0, 0.5, 0.35, 0.25)
PITCH_HZ: dict[Priority, float] = {"high": 660.0, "medium": 523.0, "low": 392.0}
PULSE_S: dict[Priority, float] = {"high": 0.12, "medium": 0.2, "low": 0.25}
_FIVE = (0.0, 0.2, 0.4, 0.8, 1.0)
STARTS_S: dict[Priority, tuple[float, ...]] = {
    "high": (*_FIVE, *(start + 1.5 for start in _FIVE)),
    "medium": (0.0, 0.4, 0.8),
    "low": (0.0,),
}


def samples(priority: Priority) -> npt.NDArray[np.int16]:
    """Return one call, mono, ``RATE_HZ`` samples a second, 16 bit."""
    pulse = _pulse(PITCH_HZ[priority], PULSE_S[priority])
    starts = [round(start_s * RATE_HZ) for start_s in STARTS_S[priority]]
    call = np.zeros(starts[-1] + len(pulse))
    for start in starts:
        call[start : start + len(pulse)] += pulse
    return np.round(call * FULL_SCALE * 0.9).astype(np.int16)


def _pulse(pitch_hz: float, length_s: float) -> npt.NDArray[np.float64]:
    t_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    tone = sum(weight * np.sin(2 * np.pi * pitch_hz * (k + 1) * t_s) for k, weight in enumerate(HARMONICS))
    edge = np.clip(np.minimum(t_s, length_s - t_s) / EDGE_S, 0.0, 1.0)
    shaped: npt.NDArray[np.float64] = np.asarray(tone, dtype=np.float64) * edge
    loudest: npt.NDArray[np.float64] = shaped / float(np.max(np.abs(shaped)))
    return loudest


def wav(priority: Priority) -> bytes:
    """Return one call as the bytes of a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(samples(priority).tobytes())
    return file.getvalue()
