"""Puts the electrodes under potential and takes them off it, each step confirmed (potentiostats.md 3.3, 3.4).

Knows the order in which that is safe, and that hardware 0.1 has no switches for its electrodes: there, off means 0 V.
Does not know samples.
"""

from __future__ import annotations

from typing import Final

from drivers.clock import NS_PER_S
from drivers.errors import DriverError, GarbledReply, PortError, ReadbackMismatch, ReplyTimeout
from drivers.rodeostat.family import Variant
from drivers.rodeostat.link import RodeostatLink, is_of_a_test

ELECTRODES: Final = ("Ref", "Ctr", "Wrk")
ZERO_WITHIN_V: Final = 0.01
"""What passes for 0 V: two steps of the converter on its widest range [A]."""
_TRIES = 3


def polarise(link: RodeostatLink, variant: Variant, potential_v: float) -> None:
    """Apply the potential, then connect the electrodes, and leave them connected between tests.

    The potential is there first, so that the electrodes never see another one. Raises DriverError.
    """
    link.set("VoltRange", "voltRange", variant.volt_range(potential_v)[0])
    link.set_near("Volt", "v", potential_v, variant.volt_step(potential_v))
    if link.ask_optional("setElectAutoConnect", autoConnect=False) is None:
        return  # hardware 0.1: always connected
    if link.get("getElectAutoConnect", "autoConnect", bool):
        raise ReadbackMismatch("the electrodes would be disconnected at the end of a test", port=link.url)
    link.ask("setAllElectConnected", connected=True)
    _check_electrodes(link, connected=True)


def stop_test(link: RodeostatLink) -> None:
    """Stop what runs; where nothing runs, it is answered alike.

    However many samples lie before the answer: a computer that did not read for a while finds many.
    """
    for last in (False,) * (_TRIES - 1) + (True,):
        try:
            link.begin("stopTest")
        except ReplyTimeout:
            if last:
                raise
        else:
            return


def make_safe(link: RodeostatLink) -> None:
    """Stop sampling, disconnect the electrodes, set 0 V, and see all of it confirmed. Raises DriverError."""
    failure: DriverError | None = None
    for _try in range(_TRIES):
        try:
            _make_safe_once(link)
        except PortError:
            raise
        except DriverError as error:
            failure = error
        else:
            return
    raise ReplyTimeout(
        f"not confirmed that it is off: THE ELECTRODES MAY STILL BE UNDER POTENTIAL ({failure}); unplug the instrument",
        port=link.url,
        command="stopTest",
    )


def _make_safe_once(link: RodeostatLink) -> None:
    stop_test(link)
    if link.ask_optional("setAllElectConnected", connected=False) is not None:
        link.ask("setElectAutoConnect", autoConnect=True)  # as it is after power-up: other programs rely on it
        _check_electrodes(link, connected=False)
    link.set_near("Volt", "v", 0.0, ZERO_WITHIN_V)
    period_ms = min(max(link.get("getSamplePeriod", "samplePeriod", int), 1), 1000)
    _check_silence(link, 0.05 + 1.5 * period_ms / 1000)


def _check_electrodes(link: RodeostatLink, *, connected: bool) -> None:
    for electrode in ELECTRODES:
        if link.get(f"get{electrode}ElectConnected", "connected", bool) is not connected:
            state = "connected" if connected else "disconnected"
            raise ReadbackMismatch(f"the {electrode} electrode could not be {state}", port=link.url)


def _check_silence(link: RodeostatLink, seconds: float) -> None:
    end_ns = link.clock.now_ns() + round(seconds * NS_PER_S)
    while (left_ns := end_ns - link.clock.now_ns()) > 0:
        if any(is_of_a_test(line) and line != b"{}" for line in link.lines(left_ns / NS_PER_S)):
            raise GarbledReply("samples still come after the test was stopped", port=link.url, command="stopTest")
