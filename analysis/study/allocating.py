"""The next animal of a study: its slot, its code, its own protocol.

Knows the order in which an allocation is written: the book, then the protocol; a protocol that a crash left out is
written by the next call, the same to the byte. Opens no sequence: whoever allocates learns a code. Does not know what
is in a syringe.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from acquisition.books.chain import Book
from acquisition.books.places import same_name
from acquisition.events import Scalar
from acquisition.experiment import quantities
from acquisition.experiment.quantities import QuantityError
from analysis.study import sealed, study_book
from analysis.study.sealed import SealedSlot
from analysis.study.study_book import Allocated, Drawn, StudyLog, log_of
from analysis.study.study_file import FILE_NAME, Study
from analysis.study.template import Template, load_template, syringe_values
from analysis.study.trial import Known, try_every_group
from drivers.os_support import durable_directory, durable_sync

PROTOCOLS = "protocols"
AS_WRITTEN, MISSING, OUT_OF_DATE = "as written", "missing", "out of date"


class StudyRefused(Exception):
    """What was asked cannot be done to this study now; says why, and what would allow it."""


@dataclass(frozen=True)
class Given:
    """What an animal got."""

    allocated: Allocated
    protocol: Path
    mended: tuple[Path, ...]
    """Protocols of other animals that a crash had left out."""


@dataclass(frozen=True)
class _Desk:
    """A study that is held to write about its animals."""

    book: Book
    log: StudyLog
    template: Template
    slots: tuple[SealedSlot, ...]
    mended: tuple[Path, ...]


def allocate(study: Study, animal: str, blanks: Mapping[str, str], *, by: str, known: Known, wall_ns: int) -> Given:
    """Give an animal the next slot and write its protocol.

    ``blanks``: what fills the template's blanks of the animal beside its name, "@weight": "25 g". Raises StudyRefused,
    RefusedInput, BookBroken, BookUnwritable, SealBroken, SealUnopened, OSError.
    """
    with _desk(study) as desk:
        _check_name(desk.log, animal, desk.slots)
        values = _values(desk.template, animal, blanks)
        try_every_group(study, desk.template, values, sealed.key_of(study), known)
        slot = desk.slots[len(desk.log.allocated)]
        name = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', animal).strip('-')[:40] or 'animal'}-{slot.code}.toml"
        facts: dict[str, Scalar] = {"number": slot.number, "code": slot.code, "protocol": name}
        return _written(study, desk, facts | {"kind": "allocated", "by": by}, values, wall_ns)


def weigh_again(study: Study, animal: str, blanks: Mapping[str, str], *, by: str, known: Known, wall_ns: int) -> Given:
    """Write an allocated animal's protocol with a new weight; its code stays. ``blanks`` and errors as ``allocate``."""
    with _desk(study) as desk:
        there = desk.log.animal(animal)
        if there is None:
            raise StudyRefused(f'no animal of this study is called "{animal}".')
        if protocol_state(study, there) != AS_WRITTEN:
            raise StudyRefused(
                f"{PROTOCOLS}/{there.protocol} was changed by hand and is not overwritten: change its weight there, "
                "too, or delete it and weigh again."
            )
        values = _values(desk.template, there.animal, {**there.filled, **{k: v for k, v in blanks.items() if v}})
        try_every_group(study, desk.template, values, sealed.key_of(study), known)
        return _written(study, desk, {"kind": "weighed", "by": by, "protocol": there.protocol}, values, wall_ns)


@contextmanager
def _desk(study: Study) -> Iterator[_Desk]:
    """Hold a study that was drawn and is as it was fixed, and mend what a crash left out."""
    with study_book.opened(study) as book:
        log = log_of(study, book)
        drawn = must_be_drawn(log)
        if changed := changes(study, log):
            raise StudyRefused(" ".join([*changed, "Put it back, or say why: 'amperfuse study amend'."]))
        template = load_template(study)
        slots = sealed.slots_of(study, drawn)
        yield _Desk(book, log, template, slots, tuple(_mended(study, log, template, slots)))


def _written(study: Study, desk: _Desk, facts: Mapping[str, Scalar], values: Mapping[str, str], wall_ns: int) -> Given:
    """Write the book, then the protocol."""
    animal, name = values["@animal"], str(facts["protocol"])
    there = desk.log.animal(animal)
    text = _protocol(study, desk.template, values, desk.slots[there.number - 1 if there else len(desk.log.allocated)])
    filled = {blank: value for blank, value in values.items() if blank != "@animal"}
    desk.book.add({"animal": animal, **facts, "protocol_sha256": _sha256(text), **filled}, wall_ns)
    path = _write(study, name, text)
    return Given(log_of(study, desk.book).allocated[same_name(animal)], path, desk.mended)


def must_be_drawn(log: StudyLog) -> Drawn:
    """Return the draw. Raises StudyRefused."""
    if log.drawn is None:
        raise StudyRefused("nothing is drawn yet in this study; do 'amperfuse study new' first.")
    return log.drawn


def changes(study: Study, log: StudyLog) -> list[str]:
    """Return a sentence for each file that is not as the book has it. Raises RefusedInput for a missing template."""
    found = []
    if log.drawn and sealed.design_sha256(study) != log.drawn.design_sha256:
        found.append(f"Groups, solutions, numbers, control or pump in {FILE_NAME} are not those that were drawn for.")
    elif study.source.sha256 != log.study_sha256:
        found.append(f"{FILE_NAME} was changed since {_since(log)}.")
    if load_template(study).source.sha256 != log.template_sha256:
        found.append(f"{study.template.name} was changed since {_since(log)}.")
    return found


def protocol_state(study: Study, one: Allocated) -> str:
    """Return whether a protocol is as written, changed by hand, out of date (a crash while it was weighed), missing."""
    try:
        found = hashlib.sha256((study.folder / PROTOCOLS / one.protocol).read_bytes()).hexdigest()
    except OSError:
        return MISSING
    if found == one.protocol_sha256:
        return AS_WRITTEN
    return OUT_OF_DATE if found in one.earlier else "changed by hand"


def _since(log: StudyLog) -> str:
    return "it was amended last" if log.amended else "the study was drawn"


def _check_name(log: StudyLog, animal: str, slots: tuple[SealedSlot, ...]) -> None:
    if (there := log.animal(animal)) is not None:
        raise StudyRefused(
            f"{there.animal} has code {there.code} already, and keeps it. Its protocol: {PROTOCOLS}/{there.protocol}"
        )
    if len(log.allocated) == len(slots):
        raise StudyRefused(f"all {len(slots)} places of this study are given; a new animal needs a new study.")


def _values(template: Template, animal: str, blanks: Mapping[str, str]) -> dict[str, str]:
    given = {blank: text for blank, text in blanks.items() if text}
    for blank in template.asks:
        if blank != "@animal" and blank not in given:
            raise StudyRefused(f"the template asks for {blank}: give --{blank.removeprefix('@')}.")
    for blank in given:
        if blank not in template.asks:
            raise StudyRefused(f"the template has no blank {blank}: leave out --{blank.removeprefix('@')}.")
    try:
        quantities.parse(given["@weight"], quantities.WEIGHT)
        date.fromisoformat(given["@weighed"])
    except (QuantityError, ValueError) as error:
        raise StudyRefused(f"--weight or --weighed: {error}") from error
    return {"@animal": animal, **given}


def _mended(study: Study, log: StudyLog, template: Template, slots: tuple[SealedSlot, ...]) -> list[Path]:
    """Write the protocols that are in the book and not, or not yet, in their folder; return which."""
    written = []
    for one, slot in zip(log.allocated.values(), slots, strict=False):
        if protocol_state(study, one) in (MISSING, OUT_OF_DATE):
            text = _protocol(study, template, {"@animal": one.animal, **one.filled}, slot)
            if _sha256(text) == one.protocol_sha256:  # else the template was amended since: nobody can write it anew
                written.append(_write(study, one.protocol, text))
    return written


def _protocol(study: Study, template: Template, values: Mapping[str, str], slot: SealedSlot) -> str:
    return template.filled({**values, **syringe_values(study.barrels(slot.code), slot.sealed)})


def _write(study: Study, name: str, text: str) -> Path:
    folder = study.folder / PROTOCOLS
    folder.mkdir(exist_ok=True)
    building = folder / f"{name}.new"
    with building.open("wb") as file:
        file.write(text.encode())
        file.flush()
        durable_sync(file.fileno())
    building.replace(folder / name)
    durable_directory(folder)
    return folder / name


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
