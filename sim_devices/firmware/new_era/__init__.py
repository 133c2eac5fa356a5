"""A New Era NE-1000 / WPI Aladdin syringe pump as it behaves on its serial line.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from sim_devices.firmware.new_era.firmware import NewEraFirmware
from sim_devices.firmware.new_era.options import NewEraOptions
from sim_devices.firmware.options import parse_options, type_hints
from sim_devices.interfaces import Firmware, Plunger

__all__ = ["NewEraFirmware", "NewEraOptions", "build"]


def build(name: str, plunger: Plunger, options: Mapping[str, str], rng: np.random.Generator) -> Firmware:
    """Build the pump called ``name`` on its plunger. Raises ValueError for an unknown option.

    ``rng`` is part of the common signature; this pump has no chance in it.
    """
    del name, rng
    return NewEraFirmware(plunger, parse_options(NewEraOptions, options, "new-era"))


def _options_of(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the model that a description asks for by the text that the pump tells, such as ``NE-4000``."""
    wanted = str(description.get("model", "")).casefold()
    return {"model": wanted} if wanted in get_args(type_hints(NewEraOptions)["model"]) else {}


build.options_of = _options_of  # type: ignore[attr-defined] # asked by the bench when a rig is rehearsed
build.kind = "pump"  # type: ignore[attr-defined] # tells the bench to hand it a plunger
build.chains = True  # type: ignore[attr-defined] # several may be on one line, each with an address
