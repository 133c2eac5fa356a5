"""What a protocol says of one pump: what is in its syringe, openly or sealed, and where it goes.

Knows what may stand together in ``[pumps.NAME]``. Does not know the rig, the limits, nor what a sealed text holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from acquisition.books.seals import CODE, MAX_SEALED, SEALED, blinded_label
from acquisition.experiment.fields import ConcentrationMgPerMl, Name, SaidText, Table, VolumeUl
from acquisition.experiment.problems import Problem, Source
from acquisition.experiment.weighing import NO_ANIMAL
from acquisition.plan import Role, Route


class PumpTable(Table):
    """``[pumps.NAME]`` as it stands in the file."""

    route: Route
    loaded: VolumeUl
    primed: bool
    drug: Name | None = None
    form: Name | None = None
    container: SaidText | None = None
    concentration: ConcentrationMgPerMl | None = None
    role: Role = "experimental"
    code: str | None = None
    sealed: str | None = None


@dataclass(frozen=True)
class PumpUse:
    """What is in a pump of the rig, and where it goes. ``drug`` of a blinded one is its label."""

    name: str
    drug: str
    form: str
    concentration_mg_per_ml: float | None
    route: Route
    role: Role
    loaded_ul: float
    primed: bool
    container: str = ""
    code: str = ""
    sealed: str = ""

    @property
    def drug_form(self) -> str:
        """Return the form, under the name that a set-up has for it."""
        return self.form


def pump_use(name: str, table: PumpTable) -> PumpUse:
    """Return what a table without problems says."""
    drug = blinded_label(table.code) if table.code else table.drug or ""
    return PumpUse(
        name,
        drug,
        table.form or "",
        table.concentration,
        table.route,
        table.role,
        table.loaded,
        table.primed,
        table.container or "",
        table.code or "",
        table.sealed or "",
    )


def pump_problems(pumps: Mapping[str, PumpTable], species: str, source: Source) -> Iterator[Problem]:
    """Yield everything that the tables say by halves, or twice."""
    bench = species == NO_ANIMAL
    codes: list[str] = []
    for name, pump in pumps.items():
        path = ("pumps", name)
        if pump.code is not None or pump.sealed is not None:
            yield from _blinded_problems(path, pump, codes, source)
        elif pump.drug is None and (pump.concentration is not None or pump.form is not None):
            yield source.problem((*path, "drug"), "a concentration or a form needs the name of the drug.")
        elif pump.drug is not None and pump.concentration is None:
            yield source.problem(
                (*path, "concentration"), 'a pump with a drug needs its concentration, for example "2 mg/mL".'
            )
        if bench != (pump.route == "bench"):
            yield source.problem(
                (*path, "route"),
                f'route "bench" and species "{NO_ANIMAL}" go together: both for a run without an animal, or neither.',
            )


def _blinded_problems(path: tuple[str, str], pump: PumpTable, codes: list[str], source: Source) -> Iterator[Problem]:
    """Judge a blinded pump. No sentence repeats what stands beside the code: it could be the drug."""
    for key, shape, like in (
        ("code", CODE, 'like "K7Q": 2 to 12 capital letters and digits'),
        ("sealed", SEALED, "as the study wrote it; copy it whole"),
    ):
        value = getattr(pump, key)
        if value is None:
            yield source.problem((*path, key), "a blinded syringe has a code and a sealed text; this one is missing.")
        elif len(value) > MAX_SEALED or not shape.fullmatch(value):
            yield source.problem((*path, key), f"this is no {key} of a blinded syringe; write it {like}.")
    for key in ("drug", "form", "concentration"):
        if getattr(pump, key) is not None:
            yield source.problem((*path, key), "a blinded syringe has code and sealed instead; this would unblind it.")
    if pump.container is not None and pump.container != pump.code:
        yield source.problem(
            (*path, "container"),
            "the container of a blinded syringe is called like it, so that its name tells nothing: write the code.",
        )
    if pump.role != "experimental":
        yield source.problem((*path, "role"), "what keeps an animal asleep is never blinded.")
    if pump.code in codes:
        yield source.problem((*path, "code"), "another pump has this code; a code belongs to one syringe.")
    codes += [pump.code] if pump.code is not None else []
