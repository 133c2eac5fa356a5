"""Every promise has its test or says why not, and the page that shows it says nothing that is not so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools import assurance
from tools.assurance import PAGE, Case, Promise, Proof, faults, page, read_case, read_proofs, stale

GOOD = Case(
    {"too-much": "more than was meant"},
    (Promise("R01", "numbers", ("too-much",), "test"), Promise("R02", "units", ("too-much",), "open", note="soon")),
    (Promise("X1", "files", ("too-much",), "procedure", note="by people"),),
)
PROOF = Proof("tests/test_a.py", "test_R01_a_number", ("R01",))


def test_R59_every_promise_has_its_test_and_every_hazard_a_promise() -> None:
    assert faults(read_case(), read_proofs()) == []


def test_R59_all_requirements_and_threats_are_there() -> None:
    case = read_case()
    assert [promise.number for promise in case.requirements] == [f"R{number:02d}" for number in range(1, 61)]
    assert [promise.number for promise in case.threats] == [f"X{number}" for number in range(1, 19)]


def test_R59_the_page_says_nothing_that_is_not_so() -> None:
    wrong = stale(PAGE.read_text(encoding="utf-8"), read_case(), read_proofs())
    assert wrong == [], "write it anew: python -m tools.assurance"


NEWER = Proof("tests/test_a.py", "test_R01_another_number", ("R01",))


def test_R59_a_page_that_is_older_than_a_test_is_good_and_one_that_names_a_lost_test_is_not() -> None:
    written = page(GOOD, (PROOF,))
    assert stale(written, GOOD, (PROOF,)) == stale(written, GOOD, (PROOF, NEWER)) == []
    (lost,) = stale(page(GOOD, (PROOF, NEWER)), GOOD, (PROOF,))
    assert lost == "R01: no test in tests/test_a.py says: another number"
    assert stale(page(GOOD, ()), GOOD, (PROOF,)) == ["R01: none of its tests is on the page"]


@pytest.mark.parametrize(
    "now",
    [
        replace(GOOD, hazards={"too-much": "something else"}),
        replace(GOOD, requirements=GOOD.requirements[:1]),
        replace(GOOD, threats=(replace(GOOD.threats[0], how="test"),)),
    ],
)
def test_R59_a_page_of_other_promises_is_not_good(now: Case) -> None:
    assert stale(page(GOOD, (PROOF,)), now, (PROOF,))


@pytest.mark.parametrize(
    ("case", "proofs", "says"),
    [
        (GOOD, (), "R01 has no test"),
        (GOOD, (PROOF, Proof("t.py", "test_R61_new", ("R61",))), "names R61, which is not known"),
        (GOOD, (PROOF, Proof("t.py", "test_X99_new", ("X99",))), "names X99, which is not known"),
        (GOOD, (PROOF, Proof("t.py", "test_R02_units", ("R02",))), "R02 is said to be open and has a test"),
        (
            replace(GOOD, hazards={**GOOD.hazards, "lost": "data are lost"}),
            (PROOF,),
            "'lost' is answered by no promise",
        ),
    ],
)
def test_R59_what_is_missing_is_found(case: Case, proofs: tuple[Proof, ...], says: str) -> None:
    (fault,) = faults(case, proofs)
    assert says in fault
    assert faults(GOOD, (PROOF,)) == []


def test_numbers_are_read_from_names_and_nothing_is_run(tmp_path: Path) -> None:
    for folder in assurance.WHERE:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tests" / "test_it.py").write_text(
        "raise SystemExit\n"
        "class TestPump:\n"
        "    def test_R20_X1_L2_what_it_holds(self): ...\n"
        "def test_R1_a_row_of_the_fault_matrix(): ...\n"
        "def helper_R33_that_is_no_test(): ...\n",
        encoding="utf-8",
    )
    (proof,) = read_proofs(tmp_path)
    assert (proof.numbers, proof.sentence) == (("R20", "X1"), "L2 what it holds")


@pytest.mark.parametrize(
    "entry",
    [
        'text = "t"\nhazards = ["h"]\nhow = "hope"',
        'text = "t"\nhazards = ["other"]\nhow = "test"',
        'text = "t"\nhazards = []\nhow = "test"',
        'text = "t"\nhazards = ["h"]\nhow = "open"',
        'text = "t"\nhazards = ["h"]\nhow = "test"\nsure = true',
    ],
)
def test_a_promise_that_is_not_whole_is_refused(tmp_path: Path, entry: str) -> None:
    data = tmp_path / "r.toml"
    data.write_text(f'[hazards]\nh = "x"\n[requirements.R01]\n{entry}\n[threats]\n', encoding="utf-8")
    with pytest.raises(ValueError, match="R01"):
        read_case(data)
