"""Presets: complete, strict, within their ranges, and the page about them as they are."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from acquisition.experiment.presets import read_presets
from acquisition.experiment.problems import RefusedInput
from sim_devices.models.world import World
from sim_devices.presets import shelf
from sim_devices.presets.parameter import parameters
from sim_devices.presets.text import as_toml
from tools import presets as page

NAMES = list(shelf.names())


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_can_be_simulated(name: str) -> None:
    world = World({shelf.names()[name]: name}, 1)
    world.front_end("p").set_cell(on=True, potential_v=0.7, now_ns=0)

    assert world.truth(3_000_000_000)["glutamate_um"] >= 0.0
    assert name == "array-noiseless" or world.front_end("p").current_a(0, 2_000_000_000) > 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_written_out_whole_is_the_same_preset(name: str) -> None:
    preset = shelf.load(name)
    values = tomllib.loads(as_toml(preset))

    assert type(preset).model_validate(shelf.merged({k: v for k, v in values.items() if k != "based_on"})) == (
        preset.model_copy(update={"based_on": ""})
    )


@pytest.mark.parametrize("name", ["awake-mouse", "array"])
def test_every_parameter_has_a_unit_a_range_a_mark_and_a_place_in_the_file(name: str) -> None:
    preset = shelf.load(name)
    written = tomllib.loads(shelf.text(name))

    for parameter in parameters(preset):
        place = written
        for key in parameter.path.split("."):
            place = place[key]
        assert parameter.mark in "SDAU", parameter
        assert parameter.says, parameter
        if isinstance(parameter.value, float):
            assert parameter.unit, parameter
            assert parameter.low is not None
            assert parameter.high is not None
            assert parameter.low <= parameter.value <= parameter.high
    assert len(list(parameters(preset))) > 25


def test_every_field_of_the_tables_is_a_marked_parameter() -> None:
    for name in ("awake-mouse", "array"):
        preset = shelf.load(name)
        for table in type(preset).model_fields:
            below = getattr(preset, table)
            if hasattr(below, "model_dump"):
                marked = {p.path for p in parameters(below)}
                assert marked == set(_leaves(below.model_dump())), table


def _leaves(values: dict[str, object], at: str = "") -> list[str]:
    found = []
    for key, value in values.items():
        found += _leaves(value, f"{at}{key}.") if isinstance(value, dict) else [f"{at}{key}"]
    return found


def test_the_reference_page_is_what_the_presets_say() -> None:
    """Mend with: python -m tools.presets."""
    assert page.PAGE.read_text(encoding="utf-8") == page.page()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "animal"\ntitle = "x"\n\n[glutamate]\nbasal_mu = 3.0\n', "line 5: glutamate.basal_mu"),
        ('kind = "animal"\ntitle = "x"\n[glutamate]\nbasal_um = 300.0\n', "line 4: glutamate.basal_um"),
        ('kind = "animal"\ntitle = "x"\n[glutamate]\nbasal_um = "3"\n', "line 4: glutamate.basal_um"),
        ('kind = "animal"\ntitle = "x"\n[glutamate]\nbasal_um = nan\n', "line 4: glutamate.basal_um"),
        ('kind = "animal"\ntitle = "x"\nbased_on = "no-mouse"\n', "line 3: based_on"),
        ('kind = "sensor"\ntitle = "x"\nbased_on = "awake-mouse"\n', "line 3: based_on"),
        ('kind = "zebra"\n', "line 1: kind: say which it is: animal, sensor, scenario"),
        ('title = "x"\n', "kind: say which it is"),
        ('kind = "scenario"\ntitle = "x"\n[[stimuli]]\nsize = 1.0\n', "stimuli[1]"),
        ('kind = "scenario"\ntitle = "x"\n[[stimuli]]\nat_min = 1.0\ntimes = 3\n', "stimuli[1]"),
        ('kind = "scenario"\ntitle = "x"\nanimal = 3\n', "line 3: animal"),
        ('kind = "animal"\ntitle = "x"\n[glutamate]\nevoked_rise_s = 9.0\n', "glutamate"),
        ("kind = ", "not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_line_and_field(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(RefusedInput) as refused:
        read_presets([str(file)])

    assert said in str(refused.value)


def test_a_file_of_ones_own_says_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('kind = "animal"\ntitle = "mine"\nbased_on = "depressed-mouse"\n[glutamate]\nbasal_um = 5.0\n')

    world = World(read_presets([str(file), "wire", "hand-injections"]), 1)

    kept = tomllib.loads(world.described())["animal"]
    assert kept["title"] == "mine"
    assert kept["glutamate"]["basal_scale"] == 1.3
    assert world.front_end("p").sensor == shelf.sensor("wire")
    assert world.scenario == shelf.scenario("hand-injections")


@pytest.mark.parametrize(
    ("words", "said"),
    [(["awake-mose"], 'Did you mean "awake-mouse"'), (["awake-mouse", "awake-rat"], "two of one kind")],
)
def test_a_wrong_choice_is_said(words: list[str], said: str) -> None:
    with pytest.raises(RefusedInput, match=said):
        read_presets(words)


def test_a_parameter_outside_its_range_cannot_be_made() -> None:
    with pytest.raises(ValidationError):
        shelf.sensor("array").noise.model_validate({"white_a": -1.0})
