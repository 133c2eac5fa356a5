"""Checks a protocol for whatever its blinded syringe may turn out to hold: for whoever allocates, before anybody knows.

Knows that a study is refused as a whole where one of its solutions would be: at the desk a refusal would tell who got
which. Does not know groups, nor who gets what.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def check_every_solution(  # noqa: PLR0917 - as ``compile_plan``, and what may be in one syringe
    protocol: Protocol,
    rig: Rig,
    limits: Limits,
    code: str,
    solutions: Sequence[Solution],
    history: tuple[PastDose, ...] = (),
    drivers: DriverLookup = registry.driver,
) -> None:
    """Raise RefusedInput if the plan would be refused with any of ``solutions`` in the blinded syringe ``code``.

    What it says is true of one of them at least, and does not say of which. The protocol must hold the syringe, sealed
    by a key that is on this computer, and the animal's weight. Raises SealUnopened, ValueError without such a syringe.
    """
    if not any(use.code == code for use in protocol.pumps) or not solutions:
        raise ValueError(f"the protocol has no blinded syringe {code}, or there is no solution to check")
    found: list[Problem] = []
    for solution in solutions:
        pumps = tuple(
            replace(use, sealed=resealed(use.sealed, code, solution)) if use.code == code else use
            for use in protocol.pumps
        )
        try:
            compile_plan(replace(protocol, pumps=pumps), rig, limits, drivers, history)
        except RefusedInput as refused:
            found += refused.problems
    if found:
        pump = next(use.name for use in protocol.pumps if use.code == code)
        sentence = f"one of the study's solutions at least would be refused in blinded syringe {code}."
        first = protocol.source.problem(("pumps", pump, "sealed"), sentence)
        raise RefusedInput([first, *dict.fromkeys(found)])
