"""An IO Rodeo Rodeostat (Teensy or ItsyBitsy, hardware 0.1 or 0.2) as it behaves on its USB line.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim_devices.firmware.options import parse_options
from sim_devices.firmware.rodeostat.firmware import RodeostatFirmware
from sim_devices.firmware.rodeostat.options import RodeostatOptions
from sim_devices.interfaces import ElectrodeFrontEnd, Firmware

__all__ = ["RodeostatFirmware", "RodeostatOptions", "build"]


def build(name: str, front_end: ElectrodeFrontEnd, options: Mapping[str, str], rng: np.random.Generator) -> Firmware:
    """Build the potentiostat called ``name`` on its electrode. Raises ValueError for an unknown option.

    ``rng`` is part of the common signature; noise comes with the currents of the front end.
    """
    del name, rng
    return RodeostatFirmware(front_end, parse_options(RodeostatOptions, options, "rodeostat"))


build.kind = "potentiostat"  # type: ignore[attr-defined] # tells the bench to hand it electrodes
