"""The pharmacist's sheet: which solution goes into the syringe with which code.

Knows how it is told on paper and as a table. It is the one paper that breaks the blind: who holds it takes no part in
sessions or analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acquisition.safe_csv import Cell, csv_text
from analysis.page import page, paragraph, section, verdict
from analysis.sections import Section, columns
from analysis.study.study_file import Study, SyringeTable
from analysis.study.unblinding import Revealed

HEADS = ("Place", "Syringe", "Drug", "Form", "Concentration (mg/mL)", "Vehicle", "Filled on", "Filled by", "Volume")
TAKEN = (
    "This sheet breaks the blind. It is for the one person who fills the syringes; nobody who handles animals, runs "
    "sessions or analyses sees it. Write nothing on a syringe but its code."
)


def as_csv(shown: Sequence[Revealed]) -> str:
    """Return the sheet as a table without formulas."""
    return csv_text([HEADS, *_rows(shown)])


def as_html(study: Study, shown: Sequence[Revealed], taken_by: str, *, simulated: bool) -> str:
    """Return the sheet as a page to print, with blanks to fill in by hand."""
    rows = tuple(tuple(_told(cell) for cell in row) for row in _rows(shown))
    table = Section("Syringes, in the order of the animals", columns(" | ".join(HEADS)), rows)
    about = f"Study {study.study_id}, {study.file.study.name}. Taken by {taken_by}."
    return page(
        f"Syringes of {study.file.study.name}",
        [verdict("Confidential", (TAKEN,), good=False), paragraph(about), section(table)],
        simulated=simulated,
    )


def solution_text(one: SyringeTable) -> str:
    """Return what is in a syringe, for people."""
    if one.drug is None:
        return f"{one.vehicle} (no drug)"
    return f"{one.drug} {one.form or ''}".strip() + f" {one.concentration:g} mg/mL in {one.vehicle}"


def _rows(shown: Sequence[Revealed]) -> Iterator[tuple[Cell, ...]]:
    for number, one in enumerate(shown, start=1):
        for barrel, syringe in one.syringes.items():
            drug = syringe.drug or "no drug: vehicle alone"
            yield number, barrel, drug, syringe.form or "", syringe.concentration, syringe.vehicle, "", "", ""


def _told(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
