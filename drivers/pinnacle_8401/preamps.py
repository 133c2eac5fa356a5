"""Preamplifiers that carry biosensors, and how each kind of input is to be set (potentiostats.md 1.9). Data only.

The instrument has no way to ask for its preamplifier but one analog value, and what value means which model is not
known [?]; so the rig says which one is plugged in. Maps are the vendor's set-up tables [2S same vendor]; an older table
of the same vendor has BIO2 of the 8407-SL-2BIO on B.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

CHANNELS: Final = ("a", "b", "c", "d")


class Input(Enum):
    """What an input of a preamplifier is made for."""

    BIO = "biosensor"
    BENCH = "in-vitro biosensor"
    LAB = "lab calibration"
    OXY = "oxygen sensor"
    EEG = "EEG"
    EEG_SE = "EEG (SE)"
    EMG = "EMG"
    EMG_SE = "EMG (SE)"
    UNUSED = "unused"

    @property
    def is_biosensor(self) -> bool:
        """Tell whether a glutamate sensor belongs there."""
        return self in (Input.BIO, Input.BENCH, Input.LAB)

    @property
    def is_polarised(self) -> bool:
        """Tell whether what is plugged in there needs the potential."""
        return self.is_biosensor or self is Input.OXY


@dataclass(frozen=True)
class InputProgram:
    """What one channel is set to."""

    dc_mode: int
    """0: the bias is subtracted; 1: analog ground is."""
    highpass: int
    """0: 0.5 Hz, 1: 1 Hz, 2: 10 Hz, 3: none."""
    lowpass_hz: int
    second_stage: int
    """Bit 0: DC, bit 1: gain 1 instead of 5."""


SECOND_STAGE_DC_X1: Final = 3
_SENSOR: Final = InputProgram(dc_mode=0, highpass=3, lowpass_hz=21, second_stage=SECOND_STAGE_DC_X1)
_GROUNDED_SENSOR: Final = InputProgram(dc_mode=1, highpass=3, lowpass_hz=21, second_stage=SECOND_STAGE_DC_X1)
PROGRAMS: Final = {
    Input.BIO: _SENSOR,
    Input.BENCH: _GROUNDED_SENSOR,
    Input.LAB: InputProgram(dc_mode=1, highpass=3, lowpass_hz=10, second_stage=SECOND_STAGE_DC_X1),  # 10.5 Hz does not
    # fit into the field; the vendor sends 10
    Input.OXY: _GROUNDED_SENSOR,
    Input.EEG: InputProgram(dc_mode=1, highpass=0, lowpass_hz=40, second_stage=0),
    Input.EEG_SE: InputProgram(dc_mode=1, highpass=1, lowpass_hz=1000, second_stage=0),
    Input.EMG: InputProgram(dc_mode=1, highpass=2, lowpass_hz=100, second_stage=0),
    Input.EMG_SE: InputProgram(dc_mode=1, highpass=1, lowpass_hz=1000, second_stage=0),
    Input.UNUSED: _GROUNDED_SENSOR,
}

_B, _E, _S, _M, _U = Input.BIO, Input.EEG, Input.EEG_SE, Input.EMG, Input.UNUSED
_BIO_EEG_EMG_EEG: Final = (_B, _E, _M, _E)
PREAMPS: Final[dict[str, tuple[Input, Input, Input, Input]]] = {
    "8406-SL": _BIO_EEG_EMG_EEG,
    "8406-SE": _BIO_EEG_EMG_EEG,
    "8407-SL": _BIO_EEG_EMG_EEG,
    "8486-1OPTSL/BIO": _BIO_EEG_EMG_EEG,
    "8407-SE": (_B, _S, Input.EMG_SE, _S),
    "8406-SE3": (_B, _E, _E, _E),
    "8406-SE3-10": (_B, _S, _S, _S),
    "8407-SE3": (_B, _S, _S, _S),
    "8486-1OPTSE3/BIO": (_B, _E, _E, _E),
    "8487-1OPTSE3/BIO": (_B, _S, _S, _S),
    "8407-SL-2BIO": (_B, _E, _M, _B),
    "8407-SE2-2BIO": (_B, _B, _S, _S),
    "8406-2BIO": (_B, _B, _U, _U),
    "8407-2BIO": (_B, _B, _U, _U),
    "8406-1BIO1OX": (Input.OXY, _B, _U, _U),
    "7052": (Input.BENCH,) * 4,
    "lab-calibration": (Input.LAB,) * 4,
}
"""Inputs A to D by model. The muxed ones (8406-5SE3, -5SL, -5SE) are not here: they switch what an input carries."""
