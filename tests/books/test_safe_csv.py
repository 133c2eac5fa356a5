"""No text that anybody typed becomes a formula in the spreadsheet that opens a table; numbers stay numbers."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.safe_csv import FORMULA_STARTS, csv_text, safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\0=1", "＝1"])
def test_X9_a_text_is_never_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize(("number", "cell"), [(-3.2, "-3.2"), (-4, "-4"), (1e-12, "1e-12"), (None, ""), (0.1, "0.1")])
def test_X9_a_number_stays_a_number(number: float | None, cell: str) -> None:
    assert safe_cell(number) == cell


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=4), max_size=5))
def test_X9_whatever_is_written_comes_back_as_one_row_a_line_without_formulas(rows: list[list[str]]) -> None:
    text = csv_text(rows)
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert [len(row) for row in read] == [len(row) for row in rows]
    assert not any(cell.startswith(FORMULA_STARTS) for row in read for cell in row)
