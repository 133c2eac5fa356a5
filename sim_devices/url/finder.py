"""Tells Python where the module ``serial.urlhandler.protocol_sim`` is, when pyserial meets a ``sim://`` URL.

Imported only at that moment, by the one line that ``sim_url.pth`` runs at interpreter start. Knows one file name.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path


def spec(name: str) -> ModuleSpec | None:
    """Return the specification of pyserial's handler module for ``sim://``."""
    return spec_from_file_location(name, Path(__file__).with_name("protocol_sim.py"))
