"""A MethodSCRIPT potentiostat (EmStat Pico with bipotentiostat, or EmStat4 LR) as it behaves on its serial line.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim_devices.firmware.emstat.firmware import EmStatFirmware
from sim_devices.firmware.emstat.options import EmStatOptions
from sim_devices.firmware.options import parse_options
from sim_devices.interfaces import ElectrodeFrontEnd, Firmware

__all__ = ["EmStatFirmware", "EmStatOptions", "build"]


def build(name: str, front_end: ElectrodeFrontEnd, options: Mapping[str, str], rng: np.random.Generator) -> Firmware:
    """Build the potentiostat called ``name`` on its electrodes. Raises ValueError for an unknown option.

    ``rng`` is part of the common signature; noise comes with the currents of the front end.
    """
    del name, rng
    return EmStatFirmware(front_end, parse_options(EmStatOptions, options, "emstat"))


build.kind = "potentiostat"  # type: ignore[attr-defined] # tells the bench to hand it electrodes
