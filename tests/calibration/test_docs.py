"""The page about calibrations says what the program does."""

from __future__ import annotations

import tomllib
from pathlib import Path

from acquisition.books.probes import CalibrationRecord
from acquisition.experiment.problems import parse_toml, validated
from analysis.calibration.gates import SOURCES, Gates

PAGE = (Path(__file__).parents[2] / "docs/reference/calibration.md").read_text("utf-8")


def test_the_gates_on_the_page_are_the_defaults_each_with_its_source() -> None:
    text = PAGE.split("```toml\n", 1)[1].split("```", 1)[0]
    values, source = parse_toml(text.encode(), "page")
    assert validated(Gates, {**values, "name": Gates().name}, source) == Gates()
    assert set(tomllib.loads(text)["gates"]) == set(type(Gates().gates).model_fields)
    for gate, where in SOURCES.items():
        assert f"| `{gate}` | {where} |" in PAGE


def test_every_key_of_the_record_is_on_the_page() -> None:
    assert [key for key in CalibrationRecord.model_fields if f"`{key}`" not in PAGE] == []
