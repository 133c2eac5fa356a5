"""A Keithley 2400, 6430 or 6517B as it behaves on its RS-232 line.

Written from the wire-format reference and the makers' manuals; shares nothing with the program's driver, so that a
mistake on one side shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim_devices.firmware.options import parse_options
from sim_devices.firmware.scpi_smu.firmware import SmuFirmware
from sim_devices.firmware.scpi_smu.options import SmuOptions
from sim_devices.interfaces import ElectrodeFrontEnd, Firmware

__all__ = ["SmuFirmware", "SmuOptions", "build"]


def build(name: str, front_end: ElectrodeFrontEnd, options: Mapping[str, str], rng: np.random.Generator) -> Firmware:
    """Build the instrument called ``name`` on its electrode. Raises ValueError for an unknown option.

    ``rng`` is part of the common signature; noise comes with the currents of the front end.
    """
    del name, rng
    return SmuFirmware(front_end, parse_options(SmuOptions, options, "scpi-smu"))


build.kind = "potentiostat"  # type: ignore[attr-defined] # tells the bench to hand it electrodes
