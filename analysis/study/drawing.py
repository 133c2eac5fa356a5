"""The beginning of a study: a folder to fill in, then the draw that fixes everything.

Knows in which order a study comes to be, and that a draw that was cut short is taken up and never made anew in secret:
what counts is the book's first entry. Randomness is given; the command takes it from the operating system.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from acquisition.books import seals
from acquisition.books.chain import BookBroken
from acquisition.books.places import seal_key_place
from acquisition.experiment import quantities
from acquisition.experiment.quantities import format_quantity
from analysis.study import sealed, study_book
from analysis.study.allocating import StudyRefused, must_be_drawn
from analysis.study.sealed import SealBroken
from analysis.study.study_book import Drawn, log_of
from analysis.study.study_file import FILE_NAME, Study, load_study
from analysis.study.template import load_template
from analysis.study.trial import Known, try_every_group

DRAFT = (FILE_NAME, "protocol.toml")
TRIED = {"@animal": "trial", "@weighed": "2026-01-01", "@age": "P10W", "@sex": "U", "@description": ""}
"""What fills the template where the study is tried before any animal; weight comes from the study file."""


@dataclass(frozen=True)
class Chance:
    """What nobody may know before the end: made by the operating system, by a test."""

    study_id: str
    seed: int
    key: bytes
    salt: bytes


def write_draft(folder: Path) -> tuple[Path, ...]:
    """Write a study file and a protocol with comments and blanks, to be filled in. Raises FileExistsError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in DRAFT:
        text = files("analysis.study").joinpath("data", name).read_text("utf-8")
        with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        written.append(folder / name)
    return tuple(written)


def draw_study(folder: Path, chance: Chance, *, by: str, known: Known, wall_ns: int) -> tuple[Study, Drawn]:
    """Check a study, draw its sequence, seal it, and write what was fixed into its book.

    Raises StudyRefused, RefusedInput, BookBroken, BookUnwritable, SealBroken, OSError, ValueError.
    """
    study = load_study(folder)
    template = load_template(study)
    if not study.study_id:
        study = _with_id(study, chance.study_id)
    try:
        with study_book.opened(study) as book:
            log = log_of(study, book)
            if log.drawn:
                raise StudyRefused(f"this study was drawn by {log.drawn.by}; it is drawn once.")
            key = _key(study, chance.key)
            weight = format_quantity(study.file.animals.weight, quantities.WEIGHT)
            values = {blank: text for blank, text in (TRIED | {"@weight": weight}).items() if blank in template.asks}
            try_every_group(study, template, values, key, known)
            if not (study.folder / sealed.FOLDER).exists():
                sealed.draw(study, chance.seed, key, chance.salt)
            data = {
                "kind": "drawn",
                "by": by,
                "study_sha256": study.source.sha256,
                "template_sha256": template.source.sha256,
                "design_sha256": sealed.design_sha256(study),
                **sealed.committed(study.folder, key),
            }
            slots = study.file.design.animals_per_group * len(study.groups)
            _check(study, data, slots)
            book.add(data | {"slots": slots}, wall_ns)
            return study, must_be_drawn(log_of(study, book))
    except BookBroken as error:
        if (folder / study_book.BOOK_NAME).exists():
            raise
        raise StudyRefused(
            f"the id in {FILE_NAME} is that of another study, whose book is elsewhere ({error}). For a new study take "
            "the line with the id out."
        ) from error


def _check(study: Study, data: dict[str, str], slots: int) -> None:
    """Read back what was sealed. Raises StudyRefused when it was sealed for another study file."""
    hashes = (data["study_sha256"], data["template_sha256"], data["design_sha256"])
    seal = (data["commitment"], data["sequence_sha256"], data["solutions_sha256"])
    candidate = Drawn("", 0, *hashes, *seal, slots, data["method"])
    try:
        found = sealed.open_sequence(study, candidate)
    except (SealBroken, KeyError) as error:
        raise _old_seal(study) from error
    per_group = study.file.design.animals_per_group
    if any([slot.group for slot in found.slots].count(one.name) != per_group for one in study.groups):
        raise _old_seal(study)


def _old_seal(study: Study) -> StudyRefused:
    return StudyRefused(
        f"{study.folder / sealed.FOLDER} is of a draw that was cut short, and {FILE_NAME} was changed since. Nobody "
        "was allocated by it: delete that folder and draw again."
    )


def _key(study: Study, fresh: bytes) -> bytes:
    if (study.folder / sealed.FOLDER).exists():
        return sealed.key_of(study)
    place = seal_key_place(study.study_id)
    if not place.exists():
        seals.keep_key(study.study_id, fresh)
    return place.read_bytes()


def _with_id(study: Study, study_id: str) -> Study:
    """Write a fresh id below the head of the table [study], and read the file again."""
    path = study.folder / FILE_NAME
    lines = study.source.text.splitlines(keepends=True)
    head = study.source.lines["study",]
    lines.insert(head, f'id = "{study_id}"{" " * 18}# written by amperfuse study new: never change it\n')
    building = path.with_suffix(".new")
    building.write_bytes("".join(lines).encode())
    again = building.replace(path)
    return load_study(again.parent)
