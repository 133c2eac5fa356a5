"""Sealed solutions: they open for their own syringe with their study's key, and tell nothing to anybody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.books.seals import MAX_SEALED, SealUnopened, Solution, keep_key, new_key, opened, seal

STUDY = "st7k2m9qx4"
KETAMINE = Solution("ketamine", "hydrochloride", 2.0)
VEHICLE = Solution("", "", None)


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path))
    key = new_key()
    keep_key(STUDY, key)
    return key


@pytest.mark.parametrize("solution", [KETAMINE, VEHICLE])
def test_a_sealed_solution_opens_for_its_own_syringe(key: bytes, solution: Solution) -> None:
    assert opened(seal(STUDY, "K7Q", solution, key), "K7Q") == solution


def test_neither_its_text_nor_its_length_tells_what_it_is(key: bytes) -> None:
    drug, vehicle = (seal(STUDY, "K7Q", one, key) for one in (KETAMINE, VEHICLE))
    assert len(drug) == len(vehicle) <= MAX_SEALED
    assert "ketamine" not in drug
    assert seal(STUDY, "K7Q", VEHICLE, key) != vehicle, "two syringes with the same content must not look alike"


def test_on_another_syringe_it_does_not_open(key: bytes) -> None:
    with pytest.raises(SealUnopened, match="another syringe"):
        opened(seal(STUDY, "K7Q", KETAMINE, key), "M2P")


def test_without_the_key_it_says_that_limits_cannot_be_checked(key: bytes) -> None:
    sealed = seal("otherstudy", "K7Q", KETAMINE, key)
    with pytest.raises(SealUnopened, match="not on this computer"):
        opened(sealed, "K7Q")


@given(at=st.integers(0, 10_000), change=st.integers(1, 255))
def test_one_changed_byte_is_noticed_and_names_no_drug(at: int, change: int) -> None:
    sealed = bytearray(seal(STUDY, "K7Q", KETAMINE, new_key()).encode())
    sealed[at % (len(sealed) - 2)] ^= change  # the last ones have bits that no base64 counts
    with pytest.raises(SealUnopened) as refused:
        opened(sealed.decode("latin-1"), "K7Q")
    assert "ketamine" not in str(refused.value)


@pytest.mark.parametrize("text", ["", ":", "../../etc:xx", "x" * 700, f"{STUDY}:not a token"])
def test_what_is_no_sealed_solution_is_refused(text: str) -> None:
    with pytest.raises(SealUnopened):
        opened(text, "K7Q")


def test_names_that_would_not_fit_are_refused_when_sealed(key: bytes) -> None:
    with pytest.raises(ValueError, match="too long"):
        seal(STUDY, "K7Q", Solution("x" * 300, "", 1.0), key)


def test_a_key_is_readable_for_its_owner_only_and_never_replaced(key: bytes) -> None:
    path = keep_key(STUDY, key)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ValueError, match="another key"):
        keep_key(STUDY, new_key())
    assert path.read_bytes() == key
