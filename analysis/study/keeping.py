"""What people write into a study's book: exclusions, taking one back, and changes of the plan.

Knows which of these are taken and which refused. Deletes nothing: an animal that is left out keeps its recordings, its
code and its place. Does not know how an analysis uses them.
"""

from __future__ import annotations

from acquisition.books.places import same_name
from acquisition.events import Scalar
from analysis.study import sealed, study_book
from analysis.study.allocating import StudyRefused, changes, must_be_drawn
from analysis.study.study_book import Amended, Excluded, StudyLog, log_of
from analysis.study.study_file import FILE_NAME, OTHER, Study
from analysis.study.template import load_template


def exclude(study: Study, animal: str, reason: str, *, by: str, wall_ns: int) -> Excluded:
    """Write that an animal is left out. ``reason`` begins with the id of a criterion, or with "other:".

    Raises StudyRefused, BookBroken, BookUnwritable.
    """
    criterion, _, words = (part.strip() for part in reason.partition(":"))
    if criterion == OTHER and words:
        criterion = ""
    elif study.criterion(criterion) is None:
        known = ", ".join(f'"{one.id}"' for one in study.file.exclusions) or "none"
        raise StudyRefused(
            f'--reason begins with a criterion that was fixed before ({known}), such as --reason "ID" or "ID: what was '
            f'seen"; for what nobody foresaw with "{OTHER}: ...", which is flagged as decided afterwards.'
        )
    with study_book.opened(study) as book:
        log = log_of(study, book)
        name = _allocated(log, animal)
        if name in log.excluded:
            there = log.excluded[name]
            raise StudyRefused(f"{there.animal} is left out already, by {there.by}: {there.reason}")
        facts: dict[str, Scalar] = {"kind": "excluded", "animal": log.allocated[name].animal, "by": by}
        book.add(facts | {"criterion": criterion, "reason": words or study.criterion(criterion) or ""}, wall_ns)
        return log_of(study, book).excluded[name]


def include(study: Study, animal: str, reason: str, *, by: str, wall_ns: int) -> None:
    """Write that an exclusion does not hold; both stay in the book. Raises as ``exclude``."""
    with study_book.opened(study) as book:
        log = log_of(study, book)
        name = _allocated(log, animal)
        if name not in log.excluded:
            raise StudyRefused(f"{log.allocated[name].animal} is not left out.")
        book.add({"kind": "included", "animal": log.allocated[name].animal, "by": by, "reason": reason}, wall_ns)


def amend(study: Study, reason: str, *, by: str, wall_ns: int) -> Amended:
    """Write that the study file or the template was changed on purpose; from here the files as they are now hold.

    Raises StudyRefused, also for a change of what the sealed folder was made from; BookBroken, BookUnwritable,
    RefusedInput.
    """
    with study_book.opened(study) as book:
        log = log_of(study, book)
        if sealed.design_sha256(study) != must_be_drawn(log).design_sha256:
            raise StudyRefused(
                f"groups, solutions, numbers, control and pumps in {FILE_NAME} were drawn for and cannot be amended: "
                "put them back, or begin a new study."
            )
        if not changes(study, log):
            raise StudyRefused(f"{FILE_NAME} and {study.template.name} are as the book has them: nothing to amend.")
        hashes: dict[str, Scalar] = {
            "study_sha256": study.source.sha256,
            "template_sha256": load_template(study).source.sha256,
        }
        book.add({"kind": "amended", "by": by, "reason": reason} | hashes, wall_ns)
        return log_of(study, book).amended[-1]


def _allocated(log: StudyLog, animal: str) -> str:
    """Return an animal as names are compared. Raises StudyRefused for one that was never allocated."""
    if log.animal(animal) is None:
        known = ", ".join(one.animal for one in log.allocated.values()) or "none yet"
        raise StudyRefused(f'no animal of this study is called "{animal}"; there are: {known}.')
    return same_name(animal)
