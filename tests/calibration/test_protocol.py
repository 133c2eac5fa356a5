"""A calibration in a protocol file: what it unrolls into, what is refused, and which beaker a rehearsal simulates."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.experiment.beaker import simulated_beaker
from acquisition.experiment.compile import load_experiment
from acquisition.experiment.problems import RefusedInput
from acquisition.experiment.protocol import load_protocol
from sim_devices.presets import shelf

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = '[protocol]\nname = "c"\n[subject]\nid = "b"\nspecies = "none"\n'
MOUSE = '"mouse"\nweight = "25 g"\nage = "P9W"\nweighed = "2026-11-23"'
BEAKER = '[calibration]\nprobe = "P1"\nphase = "before"\nbeaker = "40 mL"\n'
GLUTAMATE = '[[steps]]\nadd = { analyte = "glutamate", volume = "40 uL", stock = "20 mM" }\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "protocol.toml"
    path.write_text(text, "utf-8")
    return path


def test_an_addition_is_told_marked_and_its_plateau_waited_for() -> None:
    plan = load_experiment(EXAMPLES / "calibration-protocol.toml", EXAMPLES / "calibration-rig.toml").plan
    told, marked, waited = plan.steps[3:6]
    assert (told.kind, marked.kind, waited.kind) == ("operator", "mark", "wait")
    assert "500 uL of ascorbate, stock 20 mM" in told.label
    assert marked.label == "ascorbate"
    assert plan.duration_s == (60 + 5 + 6) * 60


def test_the_additions_are_known_by_the_step_of_their_mark() -> None:
    protocol = load_protocol(EXAMPLES / "calibration-protocol.toml")
    assert protocol.beaker is not None
    assert protocol.beaker.beaker_ul == 40_000.0
    assert [(step, add.analyte) for step, add in protocol.beaker.additions] == [
        (5, "ascorbate"), (8, "glutamate"), (11, "glutamate"), (14, "glutamate"), (17, "dopamine"), (20, "peroxide"),
    ]  # fmt: skip
    assert [flat.table.mark for flat in protocol.steps if flat.added] == [
        a.analyte for _, a in protocol.beaker.additions
    ]


def test_different_additions_of_one_analyte_have_marks_of_their_own(tmp_path: Path) -> None:
    other = GLUTAMATE.replace("40 uL", "80 uL")
    protocol = load_protocol(written(tmp_path, HEAD + BEAKER + GLUTAMATE + other))
    marks = [flat.table.mark for flat in protocol.steps if flat.added]
    assert marks == ["40 uL of glutamate, stock 20 mM", "80 uL of glutamate, stock 20 mM"]


def test_a_rehearsal_pipettes_what_the_protocol_says() -> None:
    beaker = load_protocol(EXAMPLES / "calibration-protocol.toml").beaker
    assert beaker is not None
    scenario = shelf.scenario(simulated_beaker(beaker))
    assert scenario.beaker is not None
    assert scenario.beaker.volume_ml == 40.0
    poured = {one.mark: (one.analyte, one.volume_ul, one.stock_mm) for one in scenario.beaker.additions}
    assert poured["peroxide"] == ("peroxide", 40.0, 8.8)
    assert len(poured) == 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEAD + GLUTAMATE * 2, "needs the table"),
        (HEAD + BEAKER + GLUTAMATE, "at least twice"),
        (HEAD.replace('"none"', MOUSE) + BEAKER + GLUTAMATE * 2, "in a beaker"),
        (HEAD + BEAKER + GLUTAMATE * 2 + GLUTAMATE.replace('stock = "20 mM"', 'stock = "0 mM"'), "above zero"),
        (HEAD + BEAKER + GLUTAMATE + GLUTAMATE.replace(" }", ', plateau = "30 s" }'), "cannot be read"),
        (HEAD + BEAKER.replace("40 mL", "40 mM") + GLUTAMATE * 2, "a volume"),
        (HEAD + BEAKER + GLUTAMATE.replace("20 mM", "20 mg/mL") * 2, "molar"),
        (HEAD + BEAKER + GLUTAMATE.replace("glutamate", "gaba") * 2, "analyte"),
    ],
)  # fmt: skip
def test_a_calibration_that_makes_no_sense_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(RefusedInput, match=why):
        load_protocol(written(tmp_path, text))
