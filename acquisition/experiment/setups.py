"""From rig and protocol to the set-up of each instrument, with what its driver says about it.

Knows how to ask a driver what it could do, without a port: factories open none until ``connect``, and the opener
handed to them here has none to give. Does not know steps or doses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from acquisition.books.contents import content_of
from acquisition.books.seals import SealUnopened, Solution
from acquisition.experiment.devices import amperometry, driver_options
from acquisition.experiment.limits import Limits
from acquisition.experiment.problems import Problem, did_you_mean, printable
from acquisition.experiment.protocol import Protocol
from acquisition.experiment.pump_use import PumpUse
from acquisition.experiment.rig import Rig, RigPump, is_replayed, is_simulated
from acquisition.plan import PotentiostatSetup, PumpSetup, Route
from drivers.bound_port import changes_on_replug
from drivers.capabilities import Cautious, Potentiostat, SyringePump
from drivers.clock import VirtualClock
from drivers.errors import NotEncodable, PortMissing
from drivers.registry import DriverFactory, UnknownName, traits
from drivers.transport import LineSettings, Transport

DriverLookup = Callable[[str], DriverFactory]
LONG_WATCHDOG_S = 5
"""R41: longer lets more run out after the computer died; allowed, with a warning."""


@dataclass
class Findings:
    """What is found while a plan is made: reasons to refuse, things the operator must see. Each once, in order."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, problem: Problem) -> None:
        """Add a reason to refuse."""
        if problem not in self.problems:
            self.problems.append(problem)

    def warn(self, text: str) -> None:
        """Add something to see."""
        if text not in self.warnings:
            self.warnings.append(text)


class NoPorts:
    """An opener that opens nothing: planning touches no instrument."""

    @property
    def simulated(self) -> bool:
        return False

    def open(self, url: str, settings: LineSettings) -> Transport:
        raise PortMissing(f"no port is opened while a plan is made ({settings.baud} baud)", port=url)


@dataclass
class PumpPlan:
    """A pump of the plan with the driver that is asked what it can hold, and the rates it can run at."""

    setup: PumpSetup
    driver: SyringePump
    lowest_ul_per_min: float
    highest_ul_per_min: float


def plan_pumps(protocol: Protocol, rig: Rig, limits: Limits, drivers: DriverLookup, found: Findings) -> list[PumpPlan]:
    """Return the pumps that the protocol uses, those that could be made out."""
    plans = []
    for use in protocol.pumps:
        rig_pump = rig.pump(use.name)
        if rig_pump is None:
            known = [pump.name for pump in rig.pumps]
            text = f'the rig "{printable(rig.name)}" has no such pump.' + did_you_mean(use.name, known)
            found.problem(protocol.source.problem(("pumps", use.name), text))
            continue
        _check_solution(use, rig_pump, limits, protocol, found)
        plan = _pump_plan(use, rig_pump, rig, drivers, found)
        if plan is not None:
            plans.append(plan)
    for unused in {pump.name for pump in rig.pumps} - {use.name for use in protocol.pumps}:
        found.warn(f"pump {unused} of the rig is not used by this protocol and will not be connected")
    return plans


def _check_solution(use: PumpUse, rig_pump: RigPump, limits: Limits, protocol: Protocol, found: Findings) -> None:
    def refuse(key: str, sentence: str) -> None:
        found.problem(protocol.source.problem(("pumps", use.name, key), sentence))

    if use.loaded_ul > rig_pump.syringe_volume_ul:
        refuse(
            "loaded", f"{use.loaded_ul:g} uL do not fit into {rig_pump.syringe} of {rig_pump.syringe_volume_ul:g} uL."
        )
    if use.code:
        _check_sealed(use, limits, refuse)
    if use.route == "bench":
        return
    rows = [row for row in limits.rows if row.concerns(use.route, use.drug)]
    if not any(row.quantity in ("infusion_volume", "total_volume") for row in rows):
        refuse("route", f'the limits "{limits.name}" have no volume limit for this route, so it is refused.')
    if not use.drug or use.code:
        return
    for key, sentence in _against(Solution(use.drug, use.form, use.concentration_mg_per_ml), use.route, limits):
        refuse(key, sentence)


def _check_sealed(use: PumpUse, limits: Limits, refuse: Callable[[str, str], None]) -> None:
    """Judge what is truly in a blinded syringe, and say no word of it."""
    try:
        content = content_of(use)
    except SealUnopened as error:
        refuse("sealed", f"{error}.")
        return
    if use.route != "bench" and any(_against(content, use.route, limits)):
        refuse(
            "sealed",
            f'the limits "{limits.name}" do not allow what blinded syringe {use.code} holds by {use.route}. No more is '
            "told while it is blinded: let whoever allocated it check the study's solutions against these limits.",
        )


def _against(solution: Solution, route: Route, limits: Limits) -> Iterator[tuple[str, str]]:
    """Yield which field of a solution that is no vehicle the limits do not take, and why."""
    drug, form = solution.drug, solution.form
    if not drug:
        return
    if not any(row.quantity == "total_dose" and row.drug == drug and row.concerns(route, drug) for row in limits.rows):
        nothing = f'the limits "{limits.name}" have no dose limit for {drug} by {route}, so it is refused'
        yield "drug", f"{nothing}; a limits file of your own can add one."
    forms = limits.forms.get(drug)
    if forms and form not in forms:
        yield "form", f"say in which form concentration and doses of {drug} are given: {' or '.join(forms)}."
    if not forms and form:
        yield "form", f'the limits "{limits.name}" know no forms of {drug}; leave it out, or add them there.'
    if solution.concentration_mg_per_ml is None or not solution.concentration_mg_per_ml > 0:
        yield "concentration", "a drug needs its concentration."


def _pump_plan(use: PumpUse, pump: RigPump, rig: Rig, drivers: DriverLookup, found: Findings) -> PumpPlan | None:
    driver = _driver(pump, ("pumps", pump.name), rig, drivers, found)
    if driver is None or not isinstance(driver, SyringePump):
        return None
    try:
        low, high = driver.rate_limits_ul_per_min(pump.diameter_mm)
    except NotEncodable as error:
        found.problem(rig.source.problem(("pumps", pump.name, "syringe"), f"{error.message.rstrip('.')}."))
        return None
    if pump.syringe_note:
        found.warn(f"pump {pump.name}, syringe {pump.syringe}: {pump.syringe_note}")
    if is_replayed(pump.url):
        found.warn(f"REPLAY: pump {pump.name} is a recording; nothing is infused, nobody is given a dose")
    if warning := traits(drivers(pump.driver)).warning:
        found.warn(f"pump {pump.name}: {warning}")
    for caution in driver.cautions() if isinstance(driver, Cautious) else ():
        found.warn(f"pump {pump.name}: {caution}")
    if changes_on_replug(pump.url):
        found.warn(
            f"pump {pump.name} is bound to {pump.url}, a name that another instrument may have after replugging; bind "
            "it to its adapter: `amperfuse ports` prints what to write"
        )
    _mind_the_log(pump, use, found)
    if pump.watchdog_s == 0:
        found.warn(f"pump {pump.name} runs without its communication watchdog; only the armed target would end it")
    elif pump.watchdog_s > LONG_WATCHDOG_S:
        found.warn(
            f"pump {pump.name} runs on for {pump.watchdog_s} s after the computer died; {LONG_WATCHDOG_S} s is usual"
        )
    setup = PumpSetup(
        name=pump.name,
        driver=pump.driver,
        url=pump.url,
        address=pump.address,
        expected_model=pump.expected_model,
        expected_serial_number=pump.expected_serial_number,
        syringe=pump.syringe,
        diameter_mm=pump.diameter_mm,
        syringe_volume_ul=pump.syringe_volume_ul,
        watchdog_s=pump.watchdog_s,
        line_dead_volume_ul=pump.line_dead_volume_ul,
        drug=use.drug,
        concentration_mg_per_ml=use.concentration_mg_per_ml,
        route=use.route,
        role=use.role,
        loaded_ul=use.loaded_ul,
        primed=use.primed,
        drug_form=use.form,
        container=use.container,
        baud=pump.baud,
        options=pump.options,
        code=use.code,
        sealed=use.sealed,
    )
    return PumpPlan(setup, driver, low, high)


def _mind_the_log(pump: RigPump, use: PumpUse, found: Findings) -> None:
    if use.drug and not use.container and use.route != "bench" and not is_simulated(pump.url):
        found.warn(
            f"pump {pump.name}: no substance log is kept of this {use.drug}; `container` in the protocol names the "
            "bottle that its syringe was filled from"
        )


def plan_potentiostats(rig: Rig, drivers: DriverLookup, found: Findings) -> tuple[PotentiostatSetup, ...]:
    """Return the potentiostats of the rig as their drivers would run them: ranges rounded up to what exists."""
    return tuple(_potentiostat(potentiostat, rig, drivers, found) for potentiostat in rig.potentiostats)


def _potentiostat(setup: PotentiostatSetup, rig: Rig, drivers: DriverLookup, found: Findings) -> PotentiostatSetup:
    path = ("potentiostats", setup.name)
    if is_replayed(setup.url):
        found.warn(f"REPLAY: potentiostat {setup.name} is a recording; its samples were measured before")
    driver = _driver(setup, path, rig, drivers, found)
    if driver is None or not isinstance(driver, Potentiostat):
        return setup
    if warning := traits(drivers(setup.driver)).warning:
        found.warn(f"potentiostat {setup.name}: {warning}")
    for caution in driver.cautions() if isinstance(driver, Cautious) else ():
        found.warn(f"potentiostat {setup.name}: {caution}")
    try:
        checked = driver.checked(amperometry(setup))
    except NotEncodable as error:
        found.problem(rig.source.problem(path, f"{error.message.rstrip('.')}."))
        return setup
    ranges = {electrode.channel: electrode.range_a for electrode in checked.electrodes}
    channels = tuple(replace(c, range_a=ranges[c.name]) for c in setup.channels)
    return replace(setup, potential_v=checked.potential_v, interval_s=checked.interval_s, channels=channels)


def _driver(
    setup: RigPump | PotentiostatSetup, path: tuple[str, ...], rig: Rig, drivers: DriverLookup, found: Findings
) -> SyringePump | Potentiostat | None:
    kind = "pump" if isinstance(setup, RigPump) else "potentiostat"
    try:
        factory = drivers(setup.driver)
    except UnknownName as error:
        found.problem(rig.source.problem((*path, "driver"), f"{printable(str(error.args[0]), 200)}."))
        return None
    if factory.kind != kind:
        found.problem(rig.source.problem((*path, "driver"), f'"{setup.driver}" drives a {factory.kind}, not a {kind}.'))
        return None
    if problems := list(_unfit(setup, path, factory, rig)):
        for problem in problems:
            found.problem(problem)
        return None
    try:
        driver = factory(NoPorts(), setup.url, VirtualClock(), driver_options(setup))
    except NotEncodable as error:
        found.problem(rig.source.problem((*path, "options"), f"{error.message.rstrip('.')}."))
        return None
    if not isinstance(driver, SyringePump if kind == "pump" else Potentiostat):
        sentence = f'"{setup.driver}" says it drives a {kind} but cannot do all that one must; update or remove it.'
        found.problem(rig.source.problem((*path, "driver"), sentence))
        return None
    return driver


def _unfit(
    setup: RigPump | PotentiostatSetup, path: tuple[str, ...], factory: DriverFactory, rig: Rig
) -> Iterator[Problem]:
    """Say which of a set-up's ports, electrodes and settings its driver does not have."""
    has = traits(factory)
    ports = len(setup.url.split())
    if not has.ports[0] <= ports <= has.ports[1]:
        wanted = f"{has.ports[0]}" if has.ports[0] == has.ports[1] else f"{has.ports[0]} to {has.ports[1]}"
        yield rig.source.problem((*path, "url"), f'"{setup.driver}" has {wanted} ports, {ports} are given.')
    yield from _unknown(setup.options, has.options, (*path, "options"), setup.driver, rig)
    if isinstance(setup, RigPump):
        return
    for number, channel in enumerate(setup.channels):
        here: tuple[str | int, ...] = (*path, "channels", number)
        if has.electrodes and channel.electrode not in has.electrodes:
            named = f'"{setup.driver}" has no electrode "{printable(channel.electrode)}"'
            text = f"{named}; it has {', '.join(has.electrodes)}."
            yield rig.source.problem((*here, "electrode"), text)
        yield from _unknown(channel.options, has.channel_options, (*here, "options"), setup.driver, rig)


def _unknown(
    given: Iterable[str], known: Iterable[str], path: tuple[str | int, ...], driver: str, rig: Rig
) -> Iterator[Problem]:
    for key in given:
        if key not in known:
            text = f'"{driver}" has no setting "{printable(key)}".' + did_you_mean(key, list(known))
            yield rig.source.problem((*path, key), text)
