"""Files of others are read safely, and every refusal names file and line."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.experiment.problems import MAX_BYTES, RefusedInput, parse_toml, read_toml, relative_path
from acquisition.experiment.protocol import load_protocol
from acquisition.experiment.toml_lines import key_lines


def refusal(data: bytes) -> str:
    with pytest.raises(RefusedInput) as refused:
        parse_toml(data, "p.toml")
    (problem,) = refused.value.problems
    return str(problem)


def test_a_syntax_error_names_its_line() -> None:
    assert refusal(b"[a]\nb = 1\nc = = 2\n").startswith("p.toml, line 3: this is not valid TOML")


def test_a_bare_quantity_is_explained() -> None:
    assert "Quantities are text in quotes" in refusal(b"rate = uL\n")


def test_X1_a_key_that_is_there_twice_is_refused() -> None:
    assert "p.toml, line 2" in refusal(b'a = "1"\na = "2"\n')


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a = \xff\n", "line 1: this is not UTF-8"),
        (b"a = " + b"[" * 25 + b"]" * 25, "nested deeper than 20"),
        (b"a = " + b"[" * 100_000, "nested deeper than 20"),
        (b"a = " + b"9" * 10_000, "huge number"),
        (b"#" * (MAX_BYTES + 1), "larger than 1 MB"),
        (b'a = "\x1b[2J"\n', "not valid TOML"),
    ],
)
def test_X1_hostile_files_are_refused_in_words(data: bytes, words: str) -> None:
    assert words in refusal(data)


def test_X1_only_regular_files_are_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path, words in (
        (tmp_path, "not a regular file"),
        (pipe, "not a regular file"),
        (tmp_path / "x", "no such file"),
    ):
        with pytest.raises(RefusedInput, match=words):
            read_toml(path)


@pytest.mark.parametrize(
    "text", ["/etc/limits.toml", r"\\host\share\limits.toml", "//host/share/x", "C:/limits.toml", ""]
)
def test_X4_absolute_and_network_paths_in_a_file_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="relative to this file"):
        relative_path(text)


def test_lines_are_found_in_every_layout() -> None:
    text = '''# comment [not.a.table]
[a]
b = "x # y = z"  # comment
c.d = """
e = 1
"""
[[s]]
i = { p = "q", "r t" = [1, 2] }
[[s]]
[s.repeat]
n = [
  { w = 1 },
  # in between
  { v = 'x' },
]
[[s.repeat.s]]
k = 1979-05-27 07:32:00
'''
    lines = key_lines(text)
    assert lines["a", "b"] == 3
    assert lines["a", "c", "d"] == 4
    assert lines["s", 0, "i", "p"] == lines["s", 0, "i", "r t"] == 8
    assert lines["s", 1, "repeat", "n", 0, "w"] == 12
    assert lines["s", 1, "repeat", "n", 1, "v"] == 14
    assert lines["s", 1, "repeat", "s", 0, "k"] == 17
    assert ("e",) not in lines


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=8))
def test_lines_of_arrays_of_tables(blocks: list[tuple[str, int]]) -> None:
    text, expected, count = "", {}, dict.fromkeys("abc", 0)
    for name, blanks in blocks:
        text += "\n" * blanks + f"[[{name}]]\nx = '1'\n"
        expected[name, count[name], "x"] = text.count("\n")
        count[name] += 1
    assert {path: line for path, line in key_lines(text).items() if path[-1] == "x"} == expected


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="ab[]{}=\"'.,#1 \n\\", max_size=60).map(str.encode)))
def test_X1_no_bytes_make_the_reader_fail_otherwise_than_by_refusing(data: bytes) -> None:
    with suppress(RefusedInput):
        parse_toml(data, "p.toml")


def test_all_problems_of_a_file_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        '[protocol]\nnam = "x"\n[subject]\nid = "a"\nspecies = "mouse"\nweight = 25\n[[steps]]\nwait = "5"\n', "utf-8"
    )
    with pytest.raises(RefusedInput) as refused:
        load_protocol(path)
    found = {(problem.field, problem.line) for problem in refused.value.problems}
    assert found == {("protocol.nam", 2), ("protocol.name", 1), ("subject.weight", 6), ("steps[1].wait", 8)}
    assert 'Did you mean "name"?' in str(refused.value)
