"""The syringe library: rows with their sources, entries and weighings of one's own, what reaches pump and record."""

from __future__ import annotations

import math
import tomllib
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from acquisition.experiment import quantities, syringes
from acquisition.experiment.gravimetry import beyond_bound, water_density_g_per_ml, weighed, z_factor_ul_per_mg
from acquisition.experiment.problems import RefusedInput
from acquisition.experiment.syringes import Syringe
from acquisition.host.rehearsal import rehearse
from acquisition.recording.session_data import read_session
from acquisition.service.assembly import files_as_run
from amperfuse.cli import app
from analysis.summary import summary_page
from tests.experiment.conftest import Bench

# --- the shipped table -----------------------------------------------------------------------------------------------


def test_every_row_says_who_prints_it_since_when_and_how_far_to_trust_it() -> None:
    for row in syringes.shipped().values():
        assert row.source
        assert row.mark in ("[V]", "[C]")
        assert date(2026, 1, 1) <= date.fromisoformat(row.dated)
        assert row.by == ""
        assert all(other.source and other.mark for other in row.also)
        assert (syringes.PLASTIC in row.remarks()) == row.plastic


REFERENCE = {  # safety.md 5.3
    "hamilton-7000.5": 0.103, "hamilton-7001": 0.146, "hamilton-7002": 0.206, "hamilton-75": 0.326,
    "hamilton-1701": 0.460, "hamilton-1702": 0.729, "hamilton-1705": 1.03, "hamilton-1710": 1.46,
    "hamilton-1725": 2.30, "hamilton-1750": 3.26, "hamilton-1001": 4.61, "hamilton-1002": 7.28,
    "hamilton-1005": 10.30, "hamilton-1010": 14.57,
    "sge-5ul": 0.343, "sge-10ul": 0.485, "sge-25ul": 0.728, "sge-50ul": 1.03, "sge-100ul": 1.457,
    "bd-plastic-1ml": 4.699, "bd-plastic-3ml": 8.585, "bd-plastic-5ml": 11.99, "bd-plastic-10ml": 14.43,
    "bd-plastic-20ml": 19.05, "bd-plastic-30ml": 21.59, "bd-plastic-60ml": 26.59,
    "terumo-1ml": 4.70, "terumo-3ml": 8.95, "terumo-5ml": 13.0, "terumo-10ml": 15.8,
    "norm-ject-1ml": 4.69, "norm-ject-3ml": 9.65, "norm-ject-5ml": 12.45, "norm-ject-10ml": 15.9,
}  # fmt: skip


def test_the_diameters_are_those_of_the_reference() -> None:
    assert {name: row.diameter_mm for name, row in syringes.shipped().items()} == REFERENCE


def test_where_sources_disagree_both_are_told_with_what_it_does_to_the_dose() -> None:
    row = syringes.shipped()["bd-plastic-1ml"]
    assert [one.diameter_mm for one in row.printed] == [4.699, 4.78]
    (told,) = [remark for remark in row.remarks() if "disagree" in remark]
    assert "4.699 mm [V] and this is used" in told
    assert "4.78 mm [M]: if that is right, the dose is +3.5%" in told


def test_one_of_the_printed_diameters_can_be_chosen_and_no_other() -> None:
    row = syringes.shipped()["bd-plastic-1ml"].chosen(4.78)
    assert (row.diameter_mm, row.mark, [one.diameter_mm for one in row.also]) == (4.78, "[M]", [4.699])
    assert any("was chosen" in remark and "-3.4%" in remark for remark in row.remarks(was_chosen=True))
    with pytest.raises(ValueError, match=r"nobody prints 4\.75 mm .*4\.78 mm .*4\.699 mm"):
        row.chosen(4.75)


# --- in a rig file ---------------------------------------------------------------------------------------------------


def test_R13_a_rig_without_a_syringe_is_refused_there_is_no_remembered_one(bench: Bench) -> None:
    problem = bench.edit_rig('syringe = "hamilton-1001"\n', "").problem()
    assert "say which syringe is in it" in problem.sentence


def test_a_disputed_syringe_is_warned_of_and_a_choice_is_kept(bench: Bench) -> None:
    plan = bench.edit_rig('"hamilton-1001"', '"bd-plastic-1ml"').experiment().plan
    assert plan.pumps[0].diameter_mm == 4.699
    assert any("sources disagree" in warning and "choose with diameter" in warning for warning in plan.warnings)
    plan = bench.edit_rig('"bd-plastic-1ml"', '"bd-plastic-1ml"\ndiameter = "4.78 mm"').experiment().plan
    assert plan.pumps[0].diameter_mm == 4.78
    assert any("was chosen" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('"hamilton-1001"\ndiameter = "4.7 mm"', "nobody prints 4.7 mm"),
        ('"hamilton-1001"\nsyringe_volume = "1 mL"', "say which syringe"),
        ('"hamilton-1001"\ndiameter = "4.61 mm"\nsyringe_volume = "1 mL"', "say which syringe"),
    ],
)
def test_a_diameter_that_nobody_prints_is_refused(bench: Bench, lines: str, says: str) -> None:
    assert says in bench.edit_rig('"hamilton-1001"', lines).problem().sentence


# --- the arithmetic of a weighing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("temperature_c", "density"), [(10.0, 0.9997025), (20.0, 0.9982067), (25.0, 0.9970470), (40.0, 0.9922152)]
)
def test_the_density_of_water_is_that_of_the_tables(temperature_c: float, density: float) -> None:
    assert water_density_g_per_ml(temperature_c) == pytest.approx(density, abs=5e-7)


@pytest.mark.parametrize(("temperature_c", "z"), [(15.0, 1.0020), (20.0, 1.0029), (25.0, 1.0040), (30.0, 1.0054)])
def test_the_z_factor_is_that_of_the_standard(temperature_c: float, z: float) -> None:
    assert z_factor_ul_per_mg(temperature_c) == pytest.approx(z, abs=6e-5)


@given(
    true_mm=st.floats(0.1, 30.0),
    change=st.floats(-0.03, 0.03),
    commanded_ul=st.floats(0.1, 50_000.0),
    temperature_c=st.floats(10.0, 40.0),
    evaporated=st.floats(0.0, 0.1),
)
def test_the_diameter_of_a_barrel_is_found_from_what_it_delivers(
    true_mm: float, change: float, commanded_ul: float, temperature_c: float, evaporated: float
) -> None:
    pump_mm = true_mm * (1 + change)
    travel_mm = commanded_ul / (math.pi * pump_mm**2 / 4)
    delivered_ul = travel_mm * math.pi * true_mm**2 / 4
    lost_mg = evaporated * delivered_ul
    mass_mg = delivered_ul / z_factor_ul_per_mg(temperature_c) - lost_mg
    found = weighed(pump_mm, commanded_ul, [mass_mg] * 5, temperature_c, lost_mg)
    assert found.effective_diameter_mm == pytest.approx(true_mm, rel=5.1e-4)  # four digits
    assert found.delivered_ul == pytest.approx(delivered_ul, rel=1e-9)
    assert found.error == pytest.approx((true_mm / pump_mm) ** 2 - 1, abs=1e-9)
    assert found.spread == pytest.approx(0, abs=1e-9)
    # with that diameter the pump delivers what is ordered
    corrected_ul = commanded_ul / (math.pi * found.effective_diameter_mm**2 / 4) * math.pi * true_mm**2 / 4
    assert corrected_ul == pytest.approx(commanded_ul, rel=1.1e-3)


def test_a_correction_beyond_six_percent_is_no_correction() -> None:
    assert beyond_bound(4.61 * math.sqrt(1.059), 4.61) == ""
    assert beyond_bound(4.61 * math.sqrt(0.941), 4.61) == ""
    assert "+6.1%" in beyond_bound(4.61 * math.sqrt(1.061), 4.61)
    assert "-6.1%" in beyond_bound(4.61 * math.sqrt(0.939), 4.61)


# --- a file of one's own ---------------------------------------------------------------------------------------------

OWN = """\
[[syringes]]
id = "glass-250"
maker = "glass blower"
volume = "250 uL"
inner_diameter = "2.31 mm"
scale = "60 mm"
plastic = false
source = "bore gauge, five readings"
date = "2026-11-20"
by = "A. Person"

[[corrections]]
id = "h1001-a"
syringe = "hamilton-1001"
pump_diameter = "4.61 mm"
commanded = "100 uL"
temperature = "22.5 C"
masses = ["100.3 mg", "100.5 mg", "100.1 mg", "100.6 mg", "100.2 mg"]
effective_diameter = "4.626 mm"
date = "2026-11-20"
by = "A. Person"
"""


def own(tmp_path: Path, text: str = OWN) -> dict[str, Syringe]:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return dict(syringes.library(path).rows)


def test_own_entries_and_weighings_stand_beside_the_shipped_table(tmp_path: Path) -> None:
    rows = own(tmp_path)
    assert len(rows) == len(syringes.shipped()) + 2
    assert (rows["glass-250"].diameter_mm, rows["glass-250"].by, rows["glass-250"].mark) == (2.31, "A. Person", "[own]")
    one = rows["h1001-a"]
    assert (one.diameter_mm, one.volume_ul, one.correction is not None) == (4.626, 1000.0, True)
    assert "gravimetric correction of hamilton-1001: 4.61 mm becomes 4.626 mm (5 weighings" in one.remarks()[0]
    assert "2026-11-20, A. Person" in one.remarks()[0]


def test_a_weighed_plastic_syringe_is_no_longer_said_to_vary(tmp_path: Path) -> None:
    text = OWN.replace('"hamilton-1001"', '"bd-plastic-1ml"').replace("4.61 mm", "4.699 mm").replace("4.626", "4.715")
    remarks = own(tmp_path, text)["h1001-a"].remarks()
    assert len(remarks) == 1
    assert remarks[0].startswith("gravimetric correction")


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "says"),
    [  # what is changed in OWN, and where the refusal points to
        ('"2.31 mm"', '"2.42 mm"', 5, "syringes[1].inner_diameter", "check diameter and volume"),
        ('"2.31 mm"', '"2.31 cm"', 5, "syringes[1].inner_diameter", "check diameter and volume"),
        ('"2.31 mm"', "2.31", 5, "syringes[1].inner_diameter", "unit"),
        ('scale = "60 mm"\n', "", 1, "syringes[1].scale", "missing"),
        ('date = "2026-11-20"\nby = "A. Person"\n\n', 'date = "2026-11-20"\n\n', 1, "syringes[1].by", "missing"),
        ('"bore gauge, five readings"\ndate = "2026-11-20"', '"x"\ndate = "20.11.2026"', 9, "syringes[1].date", "date"),
        ('source = "bore gauge, five readings"', 'source = " "', 8, "syringes[1].source", "must say something"),
        ('"glass-250"', '"hamilton-1001"', 2, "syringes[1].id", "a name is|taken already"),
        ('"glass-250"', '"terumo-1ml"', 2, "syringes[1].id", "taken already"),
        ('"glass-250"', '"h1001-a"', 13, "corrections[1].id", "taken already"),
        ("plastic = false", "plastic = false\ncolour = 1", 8, "syringes[1].colour", "not known"),
        ('"hamilton-1001"', '"hamilton-10011"', 14, "corrections[1].syringe", 'Did you mean "hamilton-1001"'),
        ('"100 uL"', '"2 mL"', 16, "corrections[1].commanded", "holds only"),
        ('"100.2 mg"]', '"90.2 mg"]', 18, "corrections[1].masses", "spread by 4"),
        (', "100.2 mg"]', "]", 18, "corrections[1].masses", "at least 5"),
        ('"100.2 mg"]', '"100.2 g"]', 18, "corrections[1].masses", "spread"),
        ('"22.5 C"', '"72.5 C"', 18, "corrections[1].masses", "10 to 40 C"),
        ('"22.5 C"', '"22.5 F"', 17, "corrections[1].temperature", "22.5 C"),
        ('"4.626 mm"', '"4.636 mm"', 19, "corrections[1].effective_diameter", "the weighings give 4.626 mm"),
        ('"hamilton-1001"', '"hamilton-1002"', 19, "corrections[1].effective_diameter", "no variation of a barrel"),
    ],
)
def test_R14_a_bad_entry_is_refused_at_its_line_and_field(
    tmp_path: Path, *, old: str, new: str, line: int, field: str, says: str
) -> None:
    assert old in OWN
    with pytest.raises(RefusedInput, match=says) as refused:
        own(tmp_path, OWN.replace(old, new, 1))
    assert (refused.value.problems[0].line, refused.value.problems[0].field) == (line, field)


def test_a_wrong_pump_diameter_shows_as_a_correction_that_is_too_large(tmp_path: Path) -> None:
    weighings = OWN.replace('"4.61 mm"', '"4.3 mm"').replace('"4.626 mm"', '"4.315 mm"')
    with pytest.raises(RefusedInput, match=r"-12\.4%"):
        own(tmp_path, weighings)


@given(st.binary(max_size=200))
def test_X1_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(RefusedInput):
        syringes.load(data)


def test_a_correction_reaches_pump_plan_record_and_summary(bench: Bench) -> None:
    (bench.folder / "mine.toml").write_text(OWN, encoding="utf-8")
    bench.edit_rig('name = "bench"\n', 'name = "bench"\nsyringes = "mine.toml"\n')
    experiment = bench.edit_rig('"hamilton-1001"', '"h1001-a"').edit('"10 min"', '"1 min"').experiment()
    plan = experiment.plan
    assert plan.pumps[0].diameter_mm == 4.626
    assert any("pump p1, syringe h1001-a: gravimetric correction of hamilton-1001" in w for w in plan.warnings)
    files = files_as_run(experiment)
    assert files["syringes.toml"] == OWN.encode()
    result = rehearse(plan, experiment.limits, out_dir=bench.folder, files=files, software="test")
    data = read_session(result.session_dir)
    assert any(event.data.get("diameter_mm") == 4.626 for event in data.events)  # as read back from the pump
    page = summary_page(data)
    assert "- Syringe of p1: h1001-a, told to the pump as 4.626 mm" in page
    assert "4.61 mm becomes 4.626 mm (5 weighings" in page
    assert (result.session_dir / "syringes.toml").read_text(encoding="utf-8") == OWN


@pytest.mark.parametrize("named", ["/etc/mine.toml", "\\\\host\\mine.toml"])
def test_X4_an_absolute_path_of_an_own_file_is_refused(bench: Bench, named: str) -> None:
    problem = bench.edit_rig('name = "bench"\n', f"name = \"bench\"\nsyringes = '{named}'\n").problem()
    assert (problem.field, "relative" in problem.sentence) == ("rig.syringes", True)


def test_a_missing_or_bad_own_file_is_refused_with_its_name(bench: Bench) -> None:
    bench.edit_rig('name = "bench"\n', 'name = "bench"\nsyringes = "mine.toml"\n')
    assert "no such file" in bench.problem().sentence
    (bench.folder / "mine.toml").write_text("[[corrections]]\nid = 3\n", encoding="utf-8")
    assert all(problem.file.endswith("mine.toml") for problem in bench.problems())


def test_masses_and_temperatures_have_units_but_a_dose_in_mg_lacks_its_kg() -> None:
    assert quantities.parse("0.0997 g", quantities.MASS) == pytest.approx(99.7)
    assert quantities.parse("22.5 C", quantities.TEMPERATURE) == 22.5
    assert quantities.MASS not in quantities.DIMENSIONS


# --- the command -----------------------------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["syringes", *words])
    return done.exit_code, done.stdout, done.stderr


def weighing(*more: str, syringe: str = "hamilton-1001", mass: str = "100.3 mg") -> list[str]:
    masses = [word for text in (mass, "100.5 mg", "100.1 mg", "100.6 mg", "100.2 mg") for word in ("--mass", text)]
    return [
        "weigh", syringe, "--commanded", "100 uL", "--temperature", "22.5 C", "--date", "2026-11-20", *masses, *more,
    ]  # fmt: skip


def test_the_list_and_a_row_show_sources_and_doubts(tmp_path: Path) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert len(out.splitlines()) == 34
    (tmp_path / "mine.toml").write_text(OWN, encoding="utf-8")
    assert "h1001-a" in run("list", "--file", str(tmp_path / "mine.toml"))[1]
    code, out, _ = run("show", "bd-plastic-1ml")
    assert "4.699 mm  [V]  New Era NE-1000 manual table" in out
    assert "4.78 mm  [M]  Harvard Apparatus table" in out
    assert "taken down 2026-11-23" in out
    code, _, error = run("show", "hamilton-10011")
    assert (code, 'Did you mean "hamilton-1001"' in error) == (2, True)


def test_an_own_file_is_checked(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN, encoding="utf-8")
    code, out, _ = run("check", str(tmp_path / "mine.toml"))
    assert (code, "h1001-a: 4.626 mm; gravimetric correction" in out) == (0, True)
    (tmp_path / "mine.toml").write_text(OWN.replace("4.626", "4.7"), encoding="utf-8")
    code, _, error = run("check", str(tmp_path / "mine.toml"))
    assert (code, "line 19: corrections[1].effective_diameter" in error) == (2, True)


def test_what_weigh_prints_is_an_entry_that_is_accepted(tmp_path: Path) -> None:
    code, out, told = run(*weighing("--id", "h1001-b", "--by", 'A. "P" \\ Person'))
    assert code == 0
    assert "mean 100.68 uL" in told
    assert "+0.68% against what was ordered" in told
    rows = own(tmp_path, OWN + out)
    assert rows["h1001-b"].diameter_mm == rows["h1001-a"].diameter_mm == 4.626
    assert tomllib.loads(out)["corrections"][0]["by"] == 'A. "P" \\ Person'


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (weighing("--id", "Mine!", "--by", "x"), "a name is"),
        (weighing("--id", "terumo-1ml", "--by", "x"), "taken already"),
        (weighing("--id", "a", "--by", " "), "must say something"),
        (weighing("--id", "a", "--by", "x", mass="100.3"), "unit"),
        (weighing("--id", "a", "--by", "x", mass="110 mg"), "spread by 4"),
        (weighing("--id", "a", "--by", "x", mass="0 mg"), "above zero"),
        (weighing("--id", "a", "--by", "x", "--pump-diameter", "4.3 mm"), "No correction is made"),
        (weighing("--id", "a", "--by", "x", syringe="hamilton-1705"), "holds only"),
        (weighing("--id", "a", "--by", "x", syringe="nobody-1"), "not in the library"),
        (weighing("--id", "a", "--by", "x", "--date", "yesterday"), "write a date"),
        (["weigh", "hamilton-1001", "--id", "a", "--by", "x", "--commanded", "1 mL", "--temperature", "20 C",
          "--mass", "1 g"], "at least 5"),
    ],
)  # fmt: skip
def test_a_bad_weighing_is_refused_and_prints_no_entry(words: list[str], says: str) -> None:
    code, out, error = run(*words)
    assert (code, out) == (2, "")
    assert says in error
