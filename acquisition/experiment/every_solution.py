"""Checks a protocol for whatever its blinded syringe may turn out to hold: for whoever allocates, before anybody knows.

Knows that a study is refused as a whole where one of its solutions would be: at the desk a refusal would tell who got
which. Does not know groups, nor who gets what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from acquisition.books.seals import Solution, resealed
from acquisition.experiment.compile import compile_plan
from acquisition.experiment.limits import Limits
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.experiment.protocol import Protocol
from acquisition.experiment.rig import Rig
from acquisition.experiment.setups import DriverLookup
from acquisition.plan import PastDose
from drivers import registry


def check_every_solution(  # noqa: PLR0917 - as ``compile_plan``, and what each group may have in its syringes
    protocol: Protocol,
    rig: Rig,
    limits: Limits,
    groups: Sequence[Mapping[str, Solution]],
    history: tuple[PastDose, ...] = (),
    drivers: DriverLookup = registry.driver,
) -> None:
    """Raise RefusedInput if the plan would be refused with what any of ``groups`` has in its blinded syringes.

    ``groups``: what is in the syringe of each blinded pump, by the pump's name. What is said is true of one of them at
    least, and does not say of which. The protocol's own syringes are sealed by a key that is on this computer, and it
    has the animal's weight. Raises SealUnopened, ValueError where a group leaves a blinded pump out or names another.
    """
    blinded = {use.name for use in protocol.pumps if use.code}
    if not groups or any(set(group) != blinded for group in groups):
        raise ValueError("every group says what is in each blinded pump of the protocol, and in no other")
    found: list[Problem] = []
    for group in groups:
        try:
            compile_plan(_with(group, protocol), rig, limits, drivers, history)
        except RefusedInput as refused:
            found += refused.problems
    if found:
        sentence = "what one of the study's groups at least would get is refused; nobody is told which."
        raise RefusedInput([protocol.source.problem(("pumps",), sentence), *dict.fromkeys(found)])


def _with(group: Mapping[str, Solution], protocol: Protocol) -> Protocol:
    pumps = tuple(
        replace(use, sealed=resealed(use.sealed, use.code, group[use.name])) if use.code else use
        for use in protocol.pumps
    )
    return replace(protocol, pumps=pumps)
