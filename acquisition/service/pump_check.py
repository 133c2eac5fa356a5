"""Asks one pump of an unfinished session what it does, stops it, and says how far its counter can be believed.

Knows the order: who is there, what does it do, STOP, what does it hold; and that a port on which another instrument
answers gets no byte more. Knows no session and no book.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from acquisition.engine.gatekeeper import same_program
from acquisition.engine.lanes import check_identity
from acquisition.experiment.devices import driver_options
from acquisition.plan import PumpSetup
from acquisition.service.cut_short import PumpAccount
from drivers import registry
from drivers.capabilities import Identity, PumpProgram, PumpStatus, SyringePump
from drivers.clock import Clock
from drivers.errors import DeviceReset, DriverError, ExchangeError, WrongInstrument
from drivers.registry import DriverFactory, UnknownName
from drivers.transport import TransportOpener

CONNECT_ATTEMPTS = 3
"""So often [P] is asked, which changes nothing, before a pump that may run counts as one that cannot be asked."""


@dataclass(frozen=True)
class Ports:
    """How pumps are reached."""

    opener: TransportOpener
    clock: Clock
    drivers: Callable[[str], DriverFactory] = registry.driver


@dataclass(frozen=True)
class PumpLook:
    """What one pump said."""

    found: str
    """What it did when it was asked, or why nobody could ask it; for people."""
    still: bool
    """Its last reply, asked after the STOP, says that it stands still."""
    counter_ul: float | None = None
    counter_step_ul: float = 0.0
    held: PumpProgram | None = None
    """What it holds; None when it did not say."""
    was_reset: bool = False
    was_moving: bool = False
    left_running: bool = False
    """It keeps an animal asleep and was not stopped."""


def look_and_stop(setup: PumpSetup, ports: Ports, *, stop: bool) -> PumpLook:
    """Ask, stop (or leave as it is without ``stop``), ask again. Never raises: what fails is what was found."""
    try:
        pump = ports.drivers(setup.driver)(ports.opener, setup.url, ports.clock, driver_options(setup))
        if not isinstance(pump, SyringePump):
            return PumpLook(f"it could not be asked: driver {setup.driver!r} is none for pumps", still=False)
        try:
            check_identity(setup, _who_is_there(pump))
            return _asked(pump, stop=stop)
        finally:
            pump.close()
    except (DriverError, UnknownName) as error:
        return PumpLook(f"it could not be asked: {error}", still=False)
    except Exception as error:  # noqa: BLE001 - R44: a defect in one pump's driver must not keep another one running
        what = f"{type(error).__name__}: {error}"
        return PumpLook(f"it could not be asked, by a defect of its driver {setup.driver!r} ({what})", still=False)


def _who_is_there(pump: SyringePump) -> Identity:
    """Ask who it is, again where something else was heard.

    On a chain the next pump raises its watchdog's alarm now, and the reply to what the dead engine asked last may still
    be on its way.
    """
    for _ in range(CONNECT_ATTEMPTS - 1):
        try:
            return pump.connect()
        except (ExchangeError, WrongInstrument):
            pump.close()
    return pump.connect()


def _asked(pump: SyringePump, *, stop: bool) -> PumpLook:
    was_reset, was_moving, found, counter_ul = False, False, "", None
    try:
        before = pump.status()
        was_reset = before.alarm is not None and before.alarm.name == "RESET"
        found = "it stood still" if before.motion.is_still else f"IT WAS {before.motion.value.upper()}"
        counter_ul, was_moving = before.infused_ul, not before.motion.is_still
        if not stop and not before.motion.is_still:
            return PumpLook(f"{found} and was left running: it keeps the animal asleep", still=False, left_running=True)
    except DeviceReset as error:
        was_reset, found = True, f"it had lost its power or was reset ({error})"
    except DriverError as error:
        found = f"it did not say what it does ({error})"
    try:
        after = pump.stop()
    except DriverError as error:
        return PumpLook(f"{found}; NOT CONFIRMED STOPPED: {error}", still=False, was_reset=was_reset)
    found += "; STOP confirmed" if after.motion.is_still else "; NOT CONFIRMED STOPPED"
    after, was_reset = _settled(pump, after, was_reset=was_reset)
    counter, held = max(after.infused_ul, counter_ul or 0.0), _held(pump)
    if after.motion.is_still:
        with suppress(DriverError):  # else it beeps some seconds later, and disturbs whoever asks next on its line
            pump.disarm_watchdog()
    return PumpLook(found, after.motion.is_still, counter, after.counter_step_ul, held, was_reset, was_moving)


def _settled(pump: SyringePump, stopped: PumpStatus, *, was_reset: bool) -> tuple[PumpStatus, bool]:
    """Read the counter once more, with the pump still: between the first look and the STOP it went on."""
    try:
        return pump.status(), was_reset
    except DeviceReset:
        return stopped, True
    except DriverError:
        return stopped, was_reset


def _held(pump: SyringePump) -> PumpProgram | None:
    try:
        return pump.read_back()
    except DriverError:
        return None


def given_ul(look: PumpLook, account: PumpAccount, diameter_mm: float) -> tuple[float, float, str]:
    """Return what the open infusion gave at least and at most, and why it is known so well.

    The counter was cleared before the infusion (R16). It is believed only if the pump still holds that infusion and
    counts no less than it did; zero is taken for a reset. In every other case the whole target may have been given, and
    what the counter shows besides where it counts something else: somebody may have started the pump by its keys.
    """
    if account.open_step is None:
        return 0.0, 0.0, ""
    program = PumpProgram(diameter_mm, account.rate_ul_per_min, account.target_ul)
    doubt, counter_ul = _doubt(look, account, program), look.counter_ul or 0.0
    if doubt in _COUNTS_SOMETHING_ELSE:
        what = f" and {counter_ul:.4g} µL by nobody's order" if counter_ul else ""
        return account.counter_ul, account.target_ul + counter_ul, f"{doubt}: the whole target counts{what}"
    if doubt:
        return account.counter_ul, max(account.target_ul, counter_ul), f"{doubt}: the whole target counts"
    least = max(counter_ul, account.counter_ul)
    return least, least + look.counter_step_ul, "by the pump's own counter"


def unordered_ul(look: PumpLook, account: PumpAccount) -> tuple[float, float]:
    """Return what the pump gave, at least and at most, although nothing was under way: by its keys or by itself (R28).

    Whether its counter was cleared meanwhile nobody knows: at most it is all that it shows.
    """
    before_ul = account.last_counter_ul
    if account.waste_ul is not None:
        # the line was off the animal, as somebody said by name; the counter was cleared before
        counter_ul = look.counter_ul or 0.0
        if look.held is None or look.held.target_ul != account.waste_ul:
            return 0.0, counter_ul
        beyond_ul = max(0.0, counter_ul - account.waste_ul - look.counter_step_ul)
        return beyond_ul, beyond_ul
    if account.open_step is not None or look.counter_ul is None or (before_ul is None and not look.was_moving):
        return 0.0, 0.0
    gained_ul = look.counter_ul - (before_ul or 0.0)
    if abs(gained_ul) <= look.counter_step_ul and not look.was_moving:
        return 0.0, 0.0
    return (0.0 if before_ul is None else min(look.counter_ul, max(0.0, gained_ul))), look.counter_ul


_LOST, _WENT_BACK, _OTHER_SETTINGS = (
    "the pump has lost its counter",
    "its counter went back, so it counts something else",
    "the pump holds other settings",
)
_COUNTS_SOMETHING_ELSE = (_LOST, _WENT_BACK, _OTHER_SETTINGS)


def _doubt(look: PumpLook, account: PumpAccount, program: PumpProgram) -> str:
    """Return why the counter is not believed; empty when it is."""
    doubts = (
        (look.counter_ul is None, "the pump could not tell"),
        (look.was_reset or not look.counter_ul, _LOST),
        (
            look.counter_ul is not None and look.counter_ul + look.counter_step_ul < account.counter_ul,
            _WENT_BACK,
        ),
        (look.held is None or not same_program(look.held, program), _OTHER_SETTINGS),
        (not look.still, "the pump is not known to stand still"),
    )
    return next((why for applies, why in doubts if applies), "")
