"""A Pinnacle 8401-HR as it behaves on its USB line: control packets, and 2000 data packets a second.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim_devices.firmware.options import parse_options
from sim_devices.firmware.pinnacle_8401.firmware import PinnacleFirmware
from sim_devices.firmware.pinnacle_8401.options import PinnacleOptions
from sim_devices.interfaces import ElectrodeFrontEnd, Firmware

__all__ = ["PinnacleFirmware", "PinnacleOptions", "build"]


def build(name: str, front_end: ElectrodeFrontEnd, options: Mapping[str, str], rng: np.random.Generator) -> Firmware:
    """Build the instrument called ``name`` on four electrodes. Raises ValueError for an unknown option.

    ``rng`` gives the converter its noise, and the line the packets that are lost or broken on purpose.
    """
    del name
    return PinnacleFirmware(front_end, parse_options(PinnacleOptions, options, "pinnacle-8401"), rng)


build.kind = "potentiostat"  # type: ignore[attr-defined] # tells the bench to hand it electrodes
build.electrodes = ("a", "b", "c", "d")  # type: ignore[attr-defined] # as its inputs are called
build.own_baud = 8_000_000  # type: ignore[attr-defined] # a FIFO behind USB: baud is ignored [INF], 1 MB/s [MEM]
