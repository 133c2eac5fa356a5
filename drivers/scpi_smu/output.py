"""Switches the output on and off, seen confirmed. Knows in which order that is safe; does not know readings."""

from __future__ import annotations

from typing import Final

from drivers.errors import DriverError, PortError, ReadbackMismatch, ReplyTimeout
from drivers.scpi_smu.link import SmuLink

_TRIES: Final = 3


def is_on(link: SmuLink, *, tries: int = _TRIES) -> bool:
    """Ask, twice, whether the output is on. Raises ExchangeError, PortLost."""
    return link.ask_twice(":OUTP?", {b"0": False, b"1": True}.get, tries=tries)


def switch_on(link: SmuLink) -> None:
    """Apply the potential: sent once, never repeated, then asked for."""
    link.say(":OUTP ON")
    if not is_on(link):
        raise ReadbackMismatch("the output did not come on", port=link.url, command=":OUTP ON")


def make_safe(link: SmuLink) -> None:
    """Switch the output off until an answer to a question asked afterwards says that it is. Raises DriverError.

    A reading that is under way would be finished first: the device clear ends it.
    """
    failure: DriverError | None = None
    for _try in range(_TRIES):
        try:
            link.say(":OUTP OFF")
            link.clear(tries=1)
            link.say(":OUTP OFF")  # the first may have gone with what was cleared
            if not is_on(link, tries=1):
                return
            failure = ReadbackMismatch("it says that its output is on", port=link.url, command=":OUTP OFF")
        except PortError:
            raise
        except DriverError as error:
            failure = error
    raise ReplyTimeout(
        f"not confirmed that it is off: THE ELECTRODES MAY STILL BE UNDER POTENTIAL ({failure}); "
        "press OUTPUT ON/OFF (on a 6517B: OPER) on the instrument",
        port=link.url,
        command=":OUTP OFF",
    )
