"""A Harvard 11 Elite, PHD Ultra or KDS Legato syringe pump ("Ultra" command set) as it behaves on its serial line.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sim_devices.firmware.harvard_ultra.firmware import HarvardUltraFirmware
from sim_devices.firmware.harvard_ultra.models import MODELS
from sim_devices.firmware.harvard_ultra.options import HarvardUltraOptions
from sim_devices.firmware.options import parse_options
from sim_devices.interfaces import Firmware, Plunger

__all__ = ["HarvardUltraFirmware", "HarvardUltraOptions", "build"]


def build(name: str, plunger: Plunger, options: Mapping[str, str], rng: np.random.Generator) -> Firmware:
    """Build the pump called ``name`` on its plunger. Raises ValueError for an unknown option.

    ``rng`` is part of the common signature; this pump has no chance in it.
    """
    del name, rng
    return HarvardUltraFirmware(plunger, parse_options(HarvardUltraOptions, options, "harvard-ultra"))


def _options_of(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the model that a description asks for by the beginning of what the pump tells, such as ``PHD ULTRA``."""
    wanted = str(description.get("model", ""))
    fitting = [name for name, model in MODELS.items() if wanted and model.version.startswith(wanted)]
    return {"model": fitting[0]} if fitting else {}


build.options_of = _options_of  # type: ignore[attr-defined] # asked by the bench when a rig is rehearsed
build.kind = "pump"  # type: ignore[attr-defined] # tells the bench to hand it a plunger
