"""From files to the plan: every number fixed as the pump will hold it, every limit held against the whole of it.

Knows how steps become programs, and what is refused before anything is armed (R05-R10, R17). Opens no port and asks
nothing of an instrument. All problems are found at once; one is enough to refuse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from acquisition.books.seals import SealUnopened
from acquisition.experiment.exposure import TOLERANCE, Excess, Exposure, earlier, excesses, planned
from acquisition.experiment.limits import SEALED_CONTENT, Limits
from acquisition.experiment.limits_file import CHECKS_OF_THE_PROGRAM, load_limits
from acquisition.experiment.probe_use import SlopeOf, no_books, with_probes
from acquisition.experiment.problems import Problem, RefusedInput, did_you_mean
from acquisition.experiment.programs import plan_steps
from acquisition.experiment.protocol import Override, Protocol, load_protocol
from acquisition.experiment.rig import Rig, is_replayed, is_simulated, load_rig
from acquisition.experiment.setups import DriverLookup, Findings, plan_potentiostats, plan_pumps
from acquisition.experiment.toml_lines import Key
from acquisition.experiment.watches import plan_steady, plan_watches
from acquisition.experiment.weighing import NO_ANIMAL, overridden, weighing_fault
from acquisition.plan import InfuseStep, PastDose, Plan, PotentiostatSetup, PumpSetup, Step
from drivers import registry

HistoryOf = Callable[[str], tuple[PastDose, ...]]
"""Tells what the animal with this id was given before, at worst."""


@dataclass(frozen=True)
class Experiment:
    """A protocol and a rig, read and compiled, with the limits they were held against."""

    plan: Plan
    protocol: Protocol
    rig: Rig
    limits: Limits


def load_and_compile(protocol_path: Path, rig_path: Path) -> Plan:
    """Return the plan of a protocol on a rig. Raises RefusedInput with every problem of all files."""
    return load_experiment(protocol_path, rig_path).plan


def load_experiment(
    protocol_path: Path,
    rig_path: Path,
    drivers: DriverLookup = registry.driver,
    history: HistoryOf = lambda _animal: (),
    *,
    slopes: SlopeOf = no_books,
    as_run: bool = False,
) -> Experiment:
    """Read protocol, rig and limits file and compile them. Raises RefusedInput with every problem of all files.

    ``history`` tells what an animal was given before. It is not asked where every instrument is simulated. ``slopes``
    tells what the probes that the rig names are calibrated to. ``as_run``:
    the files are those in a session's folder, as they were run.
    """
    problems: list[Problem] = []
    protocol = rig = limits = None
    try:
        protocol = load_protocol(protocol_path)
    except RefusedInput as refused:
        problems += refused.problems
    try:
        rig = load_rig(rig_path, as_run=as_run)
        limits = load_limits(rig.limits_path)
    except RefusedInput as refused:
        problems += refused.problems
    if protocol is None or rig is None or limits is None:
        raise RefusedInput(problems)
    real = rig.simulated != "all" and protocol.subject.species != NO_ANIMAL
    given = history(protocol.subject.subject_id) if real else ()
    return Experiment(compile_plan(protocol, rig, limits, drivers, given, slopes), protocol, rig, limits)


def compile_plan(  # noqa: PLR0917 - two files, what they are held against, and what books say
    protocol: Protocol,
    rig: Rig,
    limits: Limits,
    drivers: DriverLookup,
    history: tuple[PastDose, ...] = (),
    slopes: SlopeOf = no_books,
) -> Plan:
    """Return the plan, or raise RefusedInput with everything that stands against it. Pure: opens no port."""
    found = Findings()
    _check_subject(protocol, limits, found)
    pumps = {plan.setup.name: plan for plan in plan_pumps(protocol, rig, limits, drivers, found)}
    potentiostats = plan_potentiostats(rig, drivers, found)
    potentiostats = with_probes(potentiostats, slopes, found, simulated=rig.simulated == "all")
    steps = plan_steps(protocol, pumps, found)
    _check_channels(protocol, potentiostats, found)
    watches = plan_watches(protocol.watches, protocol.source, potentiostats, found)
    must_be_steady = plan_steady(protocol.steady, protocol.source, potentiostats, found)
    setups = tuple(pump.setup for pump in pumps.values())
    _check_syringes(protocol, setups, steps, found)
    _check_limits(protocol, limits, [*earlier(history, 0.0), *planned(setups, steps)], found)
    if found.problems:
        raise RefusedInput(found.problems)
    if limits.shipped and rig.simulated != "all" and protocol.subject.species != NO_ANIMAL:
        found.warn("the limits are the program's own proposals, not those of your approved animal protocol")
    return Plan(
        name=protocol.name,
        description=protocol.description,
        simulated=rig.simulated == "all",
        subject=protocol.subject,
        pumps=setups,
        potentiostats=potentiostats,
        steps=tuple(steps),
        protocol_sha256=protocol.source.sha256,
        rig_sha256=rig.source.sha256,
        limits_sha256=limits.sha256,
        warnings=tuple(found.warnings),
        history=history,
        watches=watches,
        must_be_steady=must_be_steady,
    )


def check_run_allowed(plan: Plan, rig: Rig, limits: Limits, mode: Literal["run", "rehearse"], today: date) -> Plan:
    """Return the plan to run in this mode, or raise RefusedInput.

    A rehearsal runs any plan, marked simulated. A real run is refused on a rig that mixes simulated or replayed
    instruments with real ones (R24) and with a weighing older than the limits allow (R06) unless that was overridden;
    the weighing is not looked at on a wholly simulated rig. ``today`` is the local date.
    """
    if mode == "rehearse" or rig.simulated == "all":
        return replace(plan, simulated=True)
    if rig.simulated == "mixed":
        names = [("pumps", p.name) for p in rig.pumps if is_simulated(p.url)]
        names += [("potentiostats", p.name) for p in rig.potentiostats if is_simulated(p.url)]
        urls = [*(p.url for p in rig.pumps), *(p.url for p in rig.potentiostats)]
        kinds = "simulated or replayed" if any(map(is_replayed, urls)) else "simulated"
        sentence = (
            f"this rig mixes {kinds} ({', '.join(name for _, name in names)}) and real instruments and "
            "is refused for a real run; use a rig file with real ports only, or rehearse."
        )
        raise RefusedInput([rig.source.problem((*names[0], "url"), sentence)])
    if fault := weighing_fault(plan, limits, today):
        sentence = (
            f"the animal was weighed {fault}; weigh it again and write weight and "
            'date into the protocol, or override the soft limit "weighing-age" with a reason.'
        )
        raise RefusedInput([Problem("protocol", 0, "subject.weighed", sentence)])
    return plan


def _check_subject(protocol: Protocol, limits: Limits, found: Findings) -> None:
    subject, weight, source = protocol.subject, limits.weight, protocol.source
    if subject.species == NO_ANIMAL:
        return
    if subject.species != limits.species:
        found.problem(
            source.problem(
                ("subject", "species"),
                f'the limits "{limits.name}" are for a {limits.species}, not for a {subject.species}; '
                "doses and volumes do not scale between species: name a limits file for it in the rig file.",
            )
        )
    if not weight.hard_min_g <= subject.weight_g <= weight.hard_max_g:
        found.problem(
            source.problem(
                ("subject", "weight"),
                f"{subject.weight_g:g} g is no weight of a {limits.species}: {weight.hard_min_g:g} to "
                f"{weight.hard_max_g:g} g is accepted; check g and kg.",
            )
        )
    elif not weight.soft_min_g <= subject.weight_g <= weight.soft_max_g:
        _soft(
            protocol,
            found,
            "weight-range",
            ("subject", "weight"),
            f"{subject.weight_g:g} g is outside the usual {weight.soft_min_g:g} to {weight.soft_max_g:g} g",
            "Weigh it again",
        )


def _soft(  # noqa: PLR0917 - a rule, its place and its words
    protocol: Protocol, found: Findings, limit_id: str, path: tuple[Key, ...], what: str, instead: str = "Give less"
) -> None:
    """Turn a broken soft limit into a warning if somebody stands for it, else into a problem."""
    override = next((o for o in protocol.overrides if o.limit_id == limit_id), None)
    if override is not None:
        found.warn(f"{_override_text(override)} ({what})")
        return
    sentence = (
        f"{what}: soft limit {limit_id}. {instead}, or let somebody stand for it: "
        f'[[soft_limit_overrides]] limit = "{limit_id}", by = "...", reason = "...".'
    )
    found.problem(protocol.source.problem(path, sentence))


def _override_text(override: Override) -> str:
    return f"{overridden(override.limit_id)}{override.by}: {override.reason}"


def _check_channels(protocol: Protocol, potentiostats: Sequence[PotentiostatSetup], found: Findings) -> None:
    names = [f"{setup.name}.{channel.name}" for setup in potentiostats for channel in setup.channels]
    for flat in protocol.steps:
        stable = flat.table.wait_until_stable
        if stable is not None and stable.channel not in names:
            known = f"this rig has {', '.join(names)}" if names else "this rig has none"
            sentence = f'there is no channel "{stable.channel}"; {known}.{did_you_mean(stable.channel, names)}'
            found.problem(protocol.source.problem((*flat.path, "wait_until_stable", "channel"), sentence))


def _check_syringes(protocol: Protocol, setups: Sequence[PumpSetup], steps: Sequence[Step], found: Findings) -> None:
    """Refuse a plan that needs more than is loaded (R17), and a line that is not filled with what it carries."""
    for setup in setups:
        infusions = [step for step in steps if isinstance(step, InfuseStep) and step.pump == setup.name]
        needed_ul = math.fsum(step.volume_ul for step in infusions)
        fill_ul = 0.0 if setup.primed else setup.line_dead_volume_ul
        if needed_ul + fill_ul > setup.loaded_ul * (1.0 + TOLERANCE):
            line = f" and {fill_ul:g} uL to fill the line" if fill_ul else ""
            sentence = f"the steps need {needed_ul:.6g} uL{line}, but only {setup.loaded_ul:g} uL are loaded."
            found.problem(protocol.source.problem(("pumps", setup.name, "loaded"), sentence))
        if fill_ul and infusions and setup.route != "bench":
            minutes = fill_ul / infusions[0].rate_ul_per_min
            what = (
                f"the line of pump {setup.name} is not primed: its {fill_ul:g} uL reach the animal first (never air), "
                f"the solution only after {minutes:.1f} min of the first infusion"
            )
            path = ("pumps", setup.name, "primed")
            _soft(protocol, found, "unprimed-line", path, what, "Prime it and write primed = true")


def _check_limits(protocol: Protocol, limits: Limits, exposures: Sequence[Exposure], found: Findings) -> None:
    """Hold the whole plan, on top of what was given before, against every row (R07, R08)."""
    try:
        if protocol.subject.weight_g > 0:
            _check_rows(protocol, limits, exposures, found)
    except SealUnopened as error:
        problem = protocol.source.problem(("subject", "id"), f"what this animal was given cannot be counted: {error}.")
        if not found.problems:  # else the pump's own line says it
            found.problem(problem)
    blinded = any(exposure.blinded for exposure in exposures)
    _check_overrides(protocol, limits, found, blinded=blinded)


def _check_rows(protocol: Protocol, limits: Limits, exposures: Sequence[Exposure], found: Findings) -> None:
    weight_g = protocol.subject.weight_g
    hard = excesses(limits, weight_g, exposures, hard=True)
    for excess in hard:
        if excess.sealed:
            sentence = (
                f"the animal would get {excess.found_text}. It is a hard limit, which cannot be overridden. {_ASK}"
            )
        else:
            sentence = (
                f"{excess.found_text} is above the hard limit {excess.row.limit_id} of {excess.bound.text}"
                f"{_window(excess)}, which cannot be overridden (source: {excess.row.source} {excess.row.mark})."
            )
        found.problem(protocol.source.problem(_where(protocol, excess), sentence))
    refused = {excess.row.limit_id for excess in hard}
    for excess in excesses(limits, weight_g, exposures, hard=False):
        if excess.row.limit_id in refused:
            continue
        if excess.sealed:
            if not any(override.limit_id == SEALED_CONTENT for override in protocol.overrides):
                what = f"the animal would get {excess.found_text}: soft limit {SEALED_CONTENT}. {_ASK}"
                found.problem(protocol.source.problem(_where(protocol, excess), what))
            continue
        what = f"{excess.found_text} is above {excess.bound.text}{_window(excess)}"
        _soft(protocol, found, excess.row.limit_id, _where(protocol, excess), what)


_ASK = "No more is told while it is blinded: let whoever allocated it check the study's solutions against these limits."


def _where(protocol: Protocol, excess: Excess) -> tuple[Key, ...]:
    flat = protocol.steps[excess.step - 1]
    infuse = flat.table.infuse
    if infuse is None:
        return flat.path
    if excess.row.quantity in ("rate", "dose_rate"):
        return (*flat.path, "infuse", "rate" if infuse.rate is not None else "duration")
    return (*flat.path, "infuse", infuse.amount)


def _window(excess: Excess) -> str:
    if excess.row.window_s is None:
        return " over the session and the 24 h before it" if excess.row.quantity.startswith("total") else ""
    if math.isinf(excess.row.window_s):
        return " over the animal's life, earlier sessions included"
    return f" in any {excess.row.window_s / 3600:g} h"


def _check_overrides(protocol: Protocol, limits: Limits, found: Findings, *, blinded: bool) -> None:
    known = [*CHECKS_OF_THE_PROGRAM, *(row.limit_id for row in limits.rows)]
    for number, override in enumerate(protocol.overrides):
        path = ("soft_limit_overrides", number, "limit")
        if override.limit_id not in known:
            sentence = f'"{override.limit_id}" is no limit of "{limits.name}".{did_you_mean(override.limit_id, known)}'
            found.problem(protocol.source.problem(path, sentence))
        elif not any(_override_text(override) in warning for warning in found.warnings):
            judged_elsewhere = override.limit_id == "weighing-age"  # when a run starts
            if judged_elsewhere or (override.limit_id == SEALED_CONTENT and blinded):  # whether it is needed would tell
                found.warn(_override_text(override))
            else:
                found.warn(
                    f"the override of soft limit {override.limit_id} by {override.by} is not needed by this plan"
                )
