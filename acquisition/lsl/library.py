"""Loads liblsl, which not every installation has, and says where its streams may be seen.

Alone imports ``pylsl``. Knows that liblsl reads its configuration once, when it is first used. Knows no stream.
"""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

CONFIG_VARIABLE = "LSLAPICFG"
"""Names liblsl's configuration file; read by liblsl itself."""
THIS_COMPUTER = """[multicast]
ResolveScope = machine
ListenAddress = 127.0.0.1
[ports]
IPv6 = disable
[lab]
KnownPeers = {127.0.0.1}
[log]
level = -1
"""
"""Announced on this computer only. The ports that streams are read from are open on every interface all the same:
liblsl 1.18 has no setting for that (seen with ``ss -lntup``)."""


class LslMissing(Exception):
    """Lab Streaming Layer cannot be loaded; says what to install."""


def load_lsl(*, this_computer: bool = False) -> Any:
    """Return the module ``pylsl`` with its library loaded. Raises LslMissing.

    ``this_computer``: streams are announced on this computer only; without effect when liblsl is in use already.
    """
    if not this_computer:
        return _imported()
    before = os.environ.get(CONFIG_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="amperfuse") as folder:
        path = Path(folder) / "lsl_api.cfg"
        path.write_text(THIS_COMPUTER, encoding="ascii")
        os.environ[CONFIG_VARIABLE] = str(path)
        try:
            lsl = _imported()
            lsl.local_clock()  # reads no configuration
            lsl.resolve_streams(0.0)  # reads it
        finally:
            del os.environ[CONFIG_VARIABLE]
            if before is not None:
                os.environ[CONFIG_VARIABLE] = before
    return lsl


def _imported() -> Any:
    try:
        return import_module("pylsl")
    except ImportError as error:
        raise LslMissing(
            f"Lab Streaming Layer is not installed here ({error}). What to do: pip install 'amperfuse[lsl]' in the "
            "environment of this program. The session goes on and is recorded all the same."
        ) from error
    except (OSError, RuntimeError) as error:  # the package is there, its C library is not, or does not fit
        raise LslMissing(
            f"pylsl is installed but its library liblsl cannot be loaded ({str(error).splitlines()[0]}). What to do: "
            "install liblsl for this system (https://labstreaminglayer.org), or name it in PYLSL_LIB. The session "
            "goes on and is recorded all the same."
        ) from error
