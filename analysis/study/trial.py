"""Whether what every group gets may be given to an animal, and whether its session would show what the study asks for.

Knows that all groups are tried for every animal, whichever it is in: a refusal then tells nothing about the syringe at
hand. Limits and plans, and what is wrong with them, are ``acquisition.experiment``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from acquisition.books import seals
from acquisition.experiment.compile import Experiment, HistoryOf, compile_plan
from acquisition.experiment.every_solution import check_every_solution
from acquisition.experiment.limits_file import load_limits
from acquisition.experiment.probe_use import SlopeOf, no_books
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.experiment.protocol import load_protocol
from acquisition.experiment.rig import load_rig
from analysis.readout_file import readout_problems
from analysis.study.study_file import Study
from analysis.study.template import Template, syringe_values
from drivers import registry

CODE = "TRY"
"""The code that solutions are tried by; no syringe bears it."""


@dataclass(frozen=True)
class Known:
    """What the books of this computer know: of an animal's earlier doses, and of probes."""

    history: HistoryOf = lambda _animal: ()
    slopes: SlopeOf = no_books


def try_every_group(study: Study, template: Template, values: Mapping[str, str], key: bytes, known: Known) -> None:
    """Compile the protocol of an animal once for every group. Raises RefusedInput with all that stands against any.

    ``values``: the template's blanks, those of the syringes left out. Raises also SealUnopened.
    """
    codes = study.barrels(CODE)
    solutions = study.groups[0].solutions
    sealed = {pump: seals.seal(study.study_id, codes[pump], solutions[pump], key) for pump in codes}
    with TemporaryDirectory(prefix="amperfuse-") as folder:
        path = Path(folder) / "protocol.toml"
        path.write_text(template.filled({**values, **syringe_values(codes, sealed)}), "utf-8")
        try:
            experiment = _tried(study, path, known)
        except RefusedInput as refused:
            raise RefusedInput([_of_the_template(one, path, template) for one in refused.problems]) from None
    named_at = {"rig": ("study", "rig"), "protocol": ("study", "protocol")}
    if problems := list(readout_problems(study.file.readout, experiment, named_at, study.source)):
        raise RefusedInput(problems)


def _tried(study: Study, path: Path, known: Known) -> Experiment:
    protocol = load_protocol(path)
    rig = load_rig(study.rig)
    limits = load_limits(rig.limits_path)
    given = known.history(protocol.subject.subject_id) if rig.simulated != "all" else ()
    check_every_solution(protocol, rig, limits, [group.solutions for group in study.groups], given)
    plan = compile_plan(protocol, rig, limits, registry.driver, given, known.slopes)
    return Experiment(plan, protocol, rig, limits)


def _of_the_template(problem: Problem, path: Path, template: Template) -> Problem:
    """Name the template in place of the text that was tried: it has the same lines."""
    return replace(problem, file=template.source.file) if problem.file == str(path) else problem
