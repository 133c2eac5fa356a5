"""The book of a study comes to what was done, whatever the order, and takes nothing that makes no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.books.chain import BookBroken, Entry
from acquisition.events import Scalar
from analysis.study.study_book import StudyLog, told

DRAWN: dict[str, Scalar] = {
    "kind": "drawn", "by": "A", "study_sha256": "s0", "template_sha256": "t0", "design_sha256": "d", "commitment": "c",
    "sequence_sha256": "y", "solutions_sha256": "x", "slots": 99, "method": "m",
}  # fmt: skip
DEEDS = st.lists(
    st.tuples(st.sampled_from(["allocate", "exclude", "include", "unblind", "lock", "amend"]), st.integers(0, 5))
)


def log_of(*data: dict[str, Scalar]) -> StudyLog:
    return told([Entry(number, number * 10, each, "") for number, each in enumerate(data, 1)])


def animal(number: int, name: str | None = None) -> dict[str, Scalar]:
    given_: dict[str, Scalar] = {
        "kind": "allocated",
        "animal": name or f"M{number}",
        "number": number,
        "code": f"C{number}",
    }
    return given_ | {"by": "B", "protocol": "p", "protocol_sha256": "h", "@weight": "25 g"}


@given(DEEDS)
def test_the_log_is_what_was_done(deeds: list[tuple[str, int]]) -> None:
    entries, there, out, opened, locked, amended = [DRAWN], 0, set(), [], False, 0
    for deed, which in deeds:
        name = f"M{which + 1}"
        if deed == "allocate":
            there += 1
            entries.append(animal(there))
        elif deed == "lock":
            locked = True
            entries.append({"kind": "analysis_locked", "by": "F", "text": "hash"})
        elif deed == "amend":
            amended += 1
            entries.append(
                {"kind": "amended", "by": "G", "reason": "r", "study_sha256": f"s{amended}", "template_sha256": "t"}
            )
        elif which < there and deed == "exclude" and name not in out:
            out.add(name)
            entries.append({"kind": "excluded", "animal": name, "by": "C", "criterion": "", "reason": "r"})
        elif which < there and deed == "include" and name in out:
            out.remove(name)
            entries.append({"kind": "included", "animal": name, "by": "C", "reason": "r"})
        elif which < there and deed == "unblind":
            opened.append((name, not locked))
            entries.append({"kind": "unblinded", "animal": name, "by": "D", "reason": "r"})

    log = log_of(*entries)

    assert [one.code for one in log.allocated.values()] == [f"C{n}" for n in range(1, there + 1)]
    assert {one.animal for one in log.excluded.values()} == out
    assert [(one.animal, one.early) for one in log.unblinded] == opened
    assert bool(log.locked) == locked
    assert log.study_sha256 == f"s{amended}"
    assert log.open_to_all is None
    assert all(log.is_unblinded(name.lower()) for name, _ in opened)
    assert all(one.filled == {"@weight": "25 g"} for one in log.allocated.values())


@pytest.mark.parametrize(
    "entries",
    [
        [animal(1)],
        [DRAWN, DRAWN],
        [DRAWN, animal(2)],
        [DRAWN, animal(1, "M1"), animal(2, "m1 ")],
        [DRAWN, {"kind": "excluded", "animal": "M1", "by": "C", "criterion": "", "reason": "r"}],
        [DRAWN, animal(1), {"kind": "included", "animal": "M1", "by": "C", "reason": "r"}],
        [DRAWN, {"kind": "unblinded", "animal": "M1", "by": "C", "reason": "r"}],
        [DRAWN, {"kind": "of a newer version", "by": "C"}],
        [DRAWN, {"by": "C"}],
        [DRAWN, {"kind": "sheet", "by": "C"}],
    ],
)
def test_an_entry_that_makes_no_sense_is_refused_by_its_number(entries: list[dict[str, Scalar]]) -> None:
    with pytest.raises(BookBroken, match=f"entry {len(entries)} of the study's book makes no sense here"):
        log_of(*entries)
