"""A MethodSCRIPT potentiostat as it behaves on its serial line: EmStat Pico and Sensit (two working electrodes),
EmStat4, one channel of a MultiEmStat4, Nexus.

Written from the wire-format reference alone; shares nothing with the program's driver, so that a mistake on one side
shows on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sim_devices.firmware.emstat.backplane import Backplane
from sim_devices.firmware.emstat.families import MODEL_OF_TEXT
from sim_devices.firmware.emstat.firmware import EmStatFirmware
from sim_devices.firmware.emstat.options import EmStatOptions
from sim_devices.firmware.options import parse_options
from sim_devices.interfaces import ElectrodeFrontEnd, Firmware

__all__ = ["Backplane", "EmStatFirmware", "EmStatOptions", "build"]


class _Build:
    kind = "potentiostat"
    """Tells the bench to hand it electrodes."""
    backplane = Backplane
    """What the bench makes once for the ports of one instrument."""

    def __call__(
        self,
        name: str,
        front_end: ElectrodeFrontEnd,
        options: Mapping[str, str],
        rng: np.random.Generator,
        backplane: Backplane | None = None,
    ) -> Firmware:
        """Build the potentiostat called ``name`` on its electrodes. Raises ValueError for an unknown option.

        ``rng`` is part of the common signature; noise comes with the currents of the front end.
        """
        del name, rng
        return EmStatFirmware(front_end, parse_options(EmStatOptions, options, "emstat"), backplane)

    @staticmethod
    def options_of(description: Mapping[str, Any]) -> dict[str, str]:
        """Return the model that a description asks for: by name; else what usually has so many electrodes and ports."""
        wanted = str(description.get("model", "")).casefold()
        model = next((model for text, model in MODEL_OF_TEXT if text in wanted), "")
        if "part_of" in description:
            return {"model": model or "mes4lr", "channel": str(description["port"])}
        electrodes = {channel.get("electrode") for channel in description.get("channels", ())}
        if not model and electrodes == {"we1"}:
            model = "es4lr"
        return {"model": model} if model else {}


build = _Build()
