"""An older Harvard syringe pump (PHD 2000, 22, 11, 33 or OEM) as it behaves on its serial line.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other. Not exact to the byte: the references do not settle white space and field widths.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim_devices.firmware.harvard_22.firmware import Harvard22Firmware
from sim_devices.firmware.harvard_22.options import Harvard22Options
from sim_devices.firmware.options import parse_options
from sim_devices.interfaces import Firmware, Plunger

__all__ = ["Harvard22Firmware", "Harvard22Options", "build"]


def build(name: str, plunger: Plunger, options: Mapping[str, str], rng: np.random.Generator) -> Firmware:
    """Build the pump called ``name`` on its plunger. Raises ValueError for an unknown option.

    ``rng`` is part of the common signature; this pump has no chance in it.
    """
    del name, rng
    return Harvard22Firmware(plunger, parse_options(Harvard22Options, options, "harvard-22"))


build.kind = "pump"  # type: ignore[attr-defined] # tells the bench to hand it a plunger
