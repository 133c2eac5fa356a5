"""A WPI Micro4 (SYS-MICRO4, UMC4) with four UMP2 or UMP3 nanolitre pumps, as it behaves on its serial line.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim_devices.firmware.options import parse_options
from sim_devices.firmware.wpi_micro4.controller import Controller
from sim_devices.firmware.wpi_micro4.firmware import Micro4Firmware
from sim_devices.firmware.wpi_micro4.options import Micro4Options
from sim_devices.interfaces import Firmware, Plunger

__all__ = ["Micro4Firmware", "Micro4Options", "build"]


class _Build:
    kind = "pump"
    """Tells the bench to hand it a plunger."""
    chains = True
    """Several pumps may be on one port: they are lines of one controller."""
    backplane = Controller
    """What the bench makes once for the pumps on one port."""

    def __call__(
        self,
        name: str,
        plunger: Plunger,
        options: Mapping[str, str],
        rng: np.random.Generator,
        backplane: Controller | None = None,
    ) -> Firmware:
        """Build the controller called ``name`` with its plunger on one line. Raises ValueError for an unknown option.

        ``rng`` is part of the common signature; this controller has no chance in it.
        """
        del name, rng
        parsed = parse_options(Micro4Options, options, "wpi-micro4")
        return (backplane or Controller()).add(plunger, parsed)


build = _Build()
