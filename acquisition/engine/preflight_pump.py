"""What the pre-flight says of one pump: who it is, whether it obeys and stops by itself, and what is in its syringe.

Pure. Knows the rules R13, R15, R17, R18, R19 and R41 as they stand before a start; the moment of RUN has its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from acquisition.engine import gate_rules
from acquisition.engine.gate_facts import Cause, Snapshot
from acquisition.engine.preflight_facts import PumpProof
from acquisition.experiment.exposure import TOLERANCE
from acquisition.messages import Level, PreflightItem, preflight_item
from acquisition.plan import InfuseStep, Plan, PumpSetup

SCALE_TOLERANCE = 0.10
"""R15: more disagreement between counter and scale blocks a start."""
CHECK = "Run the checks ('amperfuse preflight --check', or Run checks in the window)."


def pump_items(snapshot: Snapshot, plan: Plan, setup: PumpSetup) -> list[PreflightItem]:
    """Return the lines about one pump."""
    proof = snapshot.preflight.proof(setup.name)
    found = [
        *_state(snapshot, setup),
        _watchdog(setup, proof),
        _volume(snapshot, plan, setup),
        *_told_apart(plan, setup, proof),
    ]
    if setup.route != "bench":
        found += [_syringe(snapshot, setup), _line(setup), _scale(setup, proof)]
    return found


def _line_of(kind: str, setup: PumpSetup, level: Level, *texts: str) -> PreflightItem:
    return preflight_item(f"{kind}:{setup.name}", level, *texts)


def _state(snapshot: Snapshot, setup: PumpSetup) -> Iterator[PreflightItem]:
    name = setup.name
    rules: tuple[tuple[str, Iterable[Cause], str, str], ...] = (
        (
            "identity",
            gate_rules.pump_identified(snapshot.pump(name), setup),
            f"{name} is the pump of the rig file.",
            "Commands would go to another pump, or to none.",
        ),
        ("still", gate_rules.pump_still(snapshot, setup), f"{name} stands still.", "It may be moving now."),
        (
            "self-test",
            gate_rules.pump_tested(snapshot, setup),
            f"{name} stopped when told to, and said so.",
            "A STOP may not reach it.",
        ),
    )
    for kind, causes, fine, so_what in rules:
        found = list(causes)
        for cause in found:
            yield _line_of(kind, setup, "refused", cause.reason, so_what, cause.remedy)
        if not found:
            yield _line_of(kind, setup, "ok", fine)


def _watchdog(setup: PumpSetup, proof: PumpProof) -> PreflightItem:
    name, longer = setup.name, "If the computer or the cable dies, it runs on until its target."
    if setup.watchdog_s == 0 or proof.holds_watchdog is False:
        why = "has no watchdog" if setup.watchdog_s else "is to run without its watchdog (0 s in the rig file)"
        accept = "Stay beside it with a clamp at hand and accept by name, or use a pump that has one."
        return _line_of("watchdog", setup, "warning", f"{name} {why}.", longer, accept)
    if proof.watchdog == "proved":
        return _line_of("watchdog", setup, "ok", f"{name} raised its watchdog's alarm when it heard nothing.")
    if proof.watchdog == "trying":
        say = f"{name} is left alone until its watchdog expires."
        return _line_of("watchdog", setup, "wait", say, longer, "Wait; nothing moves. The pump may beep.")
    if proof.watchdog == "failed":
        say = f"The watchdog of {name} did not do its work: {proof.watchdog_why}."
        return _line_of("watchdog", setup, "refused", say, longer, f"Do not use this pump for an animal. {CHECK}")
    say = f"Nobody has seen the watchdog of {name} expire."
    return _line_of("watchdog", setup, "refused", say, longer, CHECK)


def needed_ul(plan: Plan, setup: PumpSetup) -> float:
    """Return what the steps take out of a syringe, the filling of a line that is not primed included."""
    steps = math.fsum(s.volume_ul for s in plan.steps if isinstance(s, InfuseStep) and s.pump == setup.name)
    return steps + (0.0 if setup.primed else setup.line_dead_volume_ul)


def left_ul(snapshot: Snapshot, setup: PumpSetup) -> float:
    """Return what the syringe holds at worst."""
    gone = math.fsum(p.confirmed_ul + p.uncertain_ul for p in snapshot.past if p.pump == setup.name)
    return max(0.0, setup.loaded_ul - gone)


def _volume(snapshot: Snapshot, plan: Plan, setup: PumpSetup) -> PreflightItem:
    needed, left = needed_ul(plan, setup), left_ul(snapshot, setup)
    if needed <= left * (1.0 + TOLERANCE):
        return _line_of("volume", setup, "ok", f"{setup.name} holds {left:.4g} uL; the plan needs {needed:.4g} uL.")
    return _line_of(
        "volume",
        setup,
        "refused",
        f"{setup.name} holds {left:.4g} uL at worst; the plan needs {needed:.4g} uL.",
        "The last infusions would not be given.",
        "End this session, fill the syringe and write what is in it into the protocol.",
    )


def _syringe(snapshot: Snapshot, setup: PumpSetup) -> PreflightItem:
    size = f"{setup.syringe_volume_ul:g} uL, inside diameter {setup.diameter_mm:g} mm"
    what = f"The syringe in {setup.name} is {setup.syringe} ({size})."
    if setup.name in snapshot.preflight.background.named_syringes:
        return _line_of("syringe", setup, "ok", what)
    harm = "Another syringe gives another dose: twice, five or ten times as much, or as little."
    return _line_of("syringe", setup, "tick", what, harm, "Read what is printed on the barrel, then tick.")


def _line(setup: PumpSetup) -> PreflightItem:
    if not setup.primed:
        what = (
            f"The line of {setup.name} is not primed: what fills its {setup.line_dead_volume_ul:g} uL reaches the "
            "animal first, the solution later."
        )
        harm = "The animal gets its dose late; air in the line would get into it."
        return _line_of("line", setup, "warning", what, harm, "Prime it and correct the protocol, or accept by name.")
    what = (
        f"The line of {setup.name} ({setup.line_dead_volume_ul:g} uL) is full of its solution to the tip, without air."
    )
    harm = "Air would get into the animal, and the dose would come later than the recording says."
    return _line_of("line", setup, "tick", what, harm, "See a drop at the tip and no bubble, then tick.")


def _scale(setup: PumpSetup, proof: PumpProof) -> PreflightItem:
    name, scale = setup.name, proof.scale
    harm = "Were it the wrong syringe, or slipping in its holder, the dose would be wrong and nobody would see it."
    how = (
        f"With the line off the animal and in a waste vessel: move 2 mm ('amperfuse preflight --move {name} "
        f"--line-is-off --by NAME'), read the change on the barrel, then say what you saw ('amperfuse preflight --seen "
        f'{name}="33 uL" --by NAME\').'
    )
    if proof.moving_into_waste:
        return _line_of("scale", setup, "wait", f"{name} moves into waste.", harm, "Wait, and watch the plunger.")
    if scale is None:
        why = f"could not be made: {proof.scale_why}" if proof.scale_why else "was not made"
        return _line_of(
            "scale", setup, "warning", f"The scale check of {name} {why}.", harm, f"{how} Or accept by name."
        )
    if scale.seen_ul is None:
        what = f"{name} moved {scale.moved_ul:.4g} uL into waste; nobody has said what the scale showed."
        return _line_of("scale", setup, "refused", what, harm, f"S{how.partition('then s')[2]}")
    what = f"{name} counted {scale.moved_ul:.4g} uL into waste, {scale.by} saw {scale.seen_ul:.4g} uL on the scale"
    if abs(scale.seen_ul - scale.moved_ul) <= SCALE_TOLERANCE * scale.moved_ul:
        return _line_of("scale", setup, "ok", f"{what}.")
    factor = scale.seen_ul / scale.moved_ul
    return _line_of(
        "scale",
        setup,
        "refused",
        f"{what}: {factor:.2g} times as much. This is not the syringe of the rig file, or it slips.",
        f"The animal would get {factor:.2g} times the dose.",
        f"Compare the barrel with the rig file ({setup.syringe}); put it right, or end this session and correct it.",
    )


def _told_apart(plan: Plan, setup: PumpSetup, proof: PumpProof) -> Iterator[PreflightItem]:
    """Say when nothing but the cable tells this pump from another: swapped cables would swap the solutions."""
    if setup.expected_serial_number:
        yield _line_of("which-pump", setup, "ok", f"{setup.name} is known by its serial number.")
        return
    others = [p.name for p in plan.pumps if _could_be(setup, p)]
    if not others:
        return
    told = proof.identity.serial_number if proof.identity is not None else ""
    pin = (
        f'Write serial_number = "{told}" into the rig file if that is the number on the pump of {setup.name}.'
        if told
        else "Give each pump an address of its own, at the pump and in the rig file: then the program knows them apart."
    )
    yield _line_of(
        "which-pump",
        setup,
        "tick",
        f"The cable of {setup.name} goes to the pump with {setup.drug or 'the solution of ' + setup.name}, not to that "
        f"of {' or '.join(others)}.",
        "Nothing that these pumps say tells one from the other: with swapped cables each gives the other's solution.",
        f"Run the scale check of {setup.name} and see which plunger moves, then tick. {pin}",
    )


def _could_be(one: PumpSetup, other: PumpSetup) -> bool:
    """Tell whether either pump would answer as the other if their cables were swapped."""
    return (
        other.name != one.name
        and other.driver == one.driver
        and other.url != one.url
        and other.address == one.address
        and not other.expected_serial_number
        and (one.expected_model.startswith(other.expected_model) or other.expected_model.startswith(one.expected_model))
    )
