"""What is refused says file, line and field; and nothing half-written is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.experiment.problems import RefusedInput
from acquisition.importing import grid, marks, session, text_table
from acquisition.importing.mapping import load_mapping
from acquisition.importing.text_table import TextLook
from tests.importing import kit


def refused(folder: Path, content: str | bytes, map_path: Path | None = None) -> list[str]:
    before = {path.name for path in folder.iterdir()} | {"old.txt", "map.toml"}
    with pytest.raises(RefusedInput) as told:
        kit.brought(folder, content, map_path)
    assert {path.name for path in folder.iterdir()} <= before, "something half-written is left"
    return [str(problem) for problem in told.value.problems]


@pytest.mark.parametrize(
    ("content", "words"),
    [("t,glu\n0,1\n0.1,1_000\n", 'old.txt, line 3: glu: read "1_000", expected a number with "."'),
     ("t,glu\n0,1,5\n0.1,inf\n", 'line 3: glu: read "inf"'),
     ("t,glu\n0,0x1F\n", "line 2: glu: read"),
     ("t,glu\n0,1e999\n", "line 2: glu: read"),
     ("t,glu\n0,=1+1\n", "line 2: glu: read"),
     ("t,glu\n0,1\n0.1\n", "line 3: glu: the row ends before this column."),
     ("t,glu\n0,1\n0,2\n", "line 3: time: is not after the time of the row before."),
     ("t,glu\n0,1\n-1,2\n", "line 3: time: is not after"),
     ("t,glu\n,1\n", "line 2: time: is no time of a recording"),
     ("t,glu\n1e9,1\n", "line 2: time: is no time of a recording"),
     ('t,glu\n0,"1\n', "the line cannot be read"),
     ("t,glu\n", "there is no row of samples"),
     ("", 'column: no column of old.txt has this name. Its columns have no names'),
     ("t,gul\n0,1\n", 'map.toml, line 24: potentiostats.old.channels[1].column: no column of old.txt has this name.'),
     ("t,gul\n0,1\n", 'has this name. Did you mean "gul"?'),
     ("t,glu,glu\n0,1,2\n", "2 columns of old.txt have this name; give the number of one"),
     (b"t,glu\n0,\xff\n", "line 1: near here it is no utf-8 text"),
     ("t,glu\n0,1\n".encode("utf-16-le"), 'line 1: zeros between the characters: no text, or "encoding"'),
     ("t,glu\n" + "0," * 70_000, "line 2: the line has more than 65536 characters"),
     ("t,glu\n0" + ",1" * 1000, "more than 1000 columns")],
)  # fmt: skip
def test_a_bad_row_or_column_is_named(content: str | bytes, words: str, tmp_path: Path) -> None:
    assert words in "\n".join(refused(tmp_path, content))


@pytest.mark.parametrize("cell", ["1.5", "1.234,5", "1,2,3"])
def test_where_a_comma_stands_before_decimals_a_point_is_no_number(cell: str, tmp_path: Path) -> None:
    wanted = kit.mapping(tmp_path, text='delimiter = "semicolon"\ndecimal = "comma"')
    (told,) = refused(tmp_path, f"t;glu\n0;{cell}\n", wanted)
    assert f'line 2: glu: read "{cell}", expected a number with ","' in told


def test_a_flag_of_thousands_of_digits_is_a_bad_row(tmp_path: Path) -> None:
    map_path = kit.mapping(tmp_path, channel='flags = "f"')
    told = "\n".join(refused(tmp_path, f"t,glu,f\n0,1,{'9' * 5000}\n", map_path))
    assert "line 2: glu flags: expected a whole number from 0 to 255" in told


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "file_hash", lambda _path: "0" * 64)
    assert "the file was changed while it was read" in refused(tmp_path, kit.rows([0.0, 0.1]))[0]


def test_up_to_ten_bad_rows_are_told_at_once(tmp_path: Path) -> None:
    content = "t,glu\n" + "".join(f"{n},x\n" for n in range(30))
    told = refused(tmp_path, content)
    assert [line.partition(": glu")[0] for line in told] == [f"old.txt, line {n}" for n in range(2, 12)]


def test_times_that_do_not_follow_the_interval_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "MAX_MEASUREMENTS", 20)
    (told, *_) = refused(tmp_path, kit.rows([n * 0.135 for n in range(100)]))
    assert "more than 20 that do not follow the interval of 0.1 s; is that the interval of this file" in told


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    assert "it is there already; nothing was written" in refused(tmp_path, kit.rows([0.0]))[0]
    assert list((tmp_path / "session").iterdir()) == []


def test_a_file_that_is_none_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_table, "MAX_BYTES", 20)
    assert "larger than" in refused(tmp_path, kit.rows([0.0, 0.1, 0.2]))[0]
    with pytest.raises(RefusedInput, match="not a regular file"), text_table.open_table(tmp_path, TextLook()):
        pass
    with pytest.raises(RefusedInput, match="cannot be read"), text_table.open_table(tmp_path / "no", TextLook()):
        pass


def test_bad_marks_are_named_in_their_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = '[marks]\nfile = "marks.csv"\ncolumn = "what"\ntime = "at"'
    wanted = kit.mapping(tmp_path, more=more)
    (tmp_path / "marks.csv").write_text("at,what\n1,a\nsoon,b\n", encoding="utf-8")
    assert 'marks.csv, line 3: time: read "soon"' in refused(tmp_path, kit.rows([0.0]), wanted)[0]
    (tmp_path / "marks.csv").write_text("when,what\n1,a\n", encoding="utf-8")
    assert "marks.time: no column of marks.csv" in refused(tmp_path, kit.rows([0.0]), wanted)[0]
    (tmp_path / "marks.csv").write_text("at,what\n" + "1,a\n" * 5, encoding="utf-8")
    monkeypatch.setattr(marks, "MAX_MARKS", 3)
    assert "more than 3 marks" in refused(tmp_path, kit.rows([0.0]), wanted)[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [(("simulated = false", ""), "recording.simulated: this is missing and must be given"),
     (("simulated = false", "simulated = 0"), "recording.simulated"),
     (("simulated = false", "simulated = false\nowner = 1"), "recording.owner: this key is not known"),
     (("+01:00", ""), "the difference to UTC"),
     (('unit = "nA"', 'unit = "fA"'), 'channels[1].unit: read "fA", expected one of A, mA, uA, nA, pA, uM'),
     (('unit = "nA"', 'unit = "uM"'), "sensitivity: needed to make amperes of uM"),
     (('name = "glu"', 'name = "glu"\nflags = 0'), "flags"),
     (("[text]", '[text]\ndecimal = "comma"'), "text.decimal: a comma cannot both"),
     (('interval = "100 ms"', 'interval = "0 ms"'), "time.interval"),
     (("[text]", '[marks]\ncolumn = 1\ntime = "t"\n[text]'), "marks.time: this goes with a file of marks"),
     (("[text]", '[marks]\ncolumn = 1\nfile = "m.csv"\n[text]'), "marks.time: this is missing"),
     (("[text]", '[marks]\ncolumn = 1\nfile = "\\\\\\\\host\\\\x"\ntime = 1\n[text]'), "marks.file: read"),
     (("[text]", '[marks]\ncolumn = 1\nfile = "/etc/passwd"\ntime = 1\n[text]'), "marks.file: read")],
)  # fmt: skip
def test_a_mapping_is_strict(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    path = kit.mapping(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(RefusedInput) as told:
        load_mapping(path)
    assert words in str(told.value)


def test_two_channels_of_one_name_are_refused(tmp_path: Path) -> None:
    channel = '[[potentiostats.old.channels]]\nname = "glu"\ncolumn = 1\nunit = "A"\nrole = "other"\nrange = "1 A"'
    with pytest.raises(RefusedInput, match='two channels of old are called "glu"'):
        load_mapping(kit.mapping(tmp_path, more=channel))


@given(st.text("0123456789.,+-eE_xinfNaµ１ ", max_size=9))
def test_a_cell_is_a_number_as_written_or_refused(cell: str) -> None:
    try:
        found = TextLook().number(cell)
    except ValueError:
        return
    assert cell.strip() in ("", "NaN") or float(cell) == found
    assert not set(cell) & set("_xinfINF") or cell.strip() == "NaN"
