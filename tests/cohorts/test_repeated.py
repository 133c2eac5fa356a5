"""Few cohorts of what ``tests.cohorts.repeated`` does with hundreds: blind, and right about what the simulator did.

Twelve responses per animal, six animals per arm; one rehearsal says what happens when, the syringe's content differs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.evoked import EffectStretch, Readout
from tests.cohorts import repeated
from tests.cohorts.bypass import Bypass
from tests.cohorts.judged import judged, rate, report
from tests.cohorts.kinds import A1, AMPA, Kept, Repeats
from tests.cohorts.repeated import cohorts_in, simulate
from tests.cohorts.short import SIX_AND_SIX, short_arm
from tests.cohorts.stage import Stage, staged

READOUT = Readout(
    "array.glutamate", "array.sentinel", "KCl", "treatment", 420.0, (EffectStretch("after", 10.0, 900.0),)
)
COHORTS = range(2)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("repeated")
    return staged(short_arm(folder / "files", SIX_AND_SIX, "ketamine"), 1, folder / "stage")


def of(stage: Stage, drug: str = "", **world: Any) -> Bypass:
    """Return animals that get this drug or vehicle from the pump, in another world."""
    pumps = stage.world["pumps"]
    treatment = {**pumps["treatment"], "drug": drug}
    return Bypass(replace(stage, world={**stage.world, **world, "pumps": {**pumps, "treatment": treatment}}))


def shares(kind: str, arms: Mapping[str, Bypass]) -> dict[str, float]:
    repeats = Repeats(kind, READOUT, [(f"{name}, {kind}", bypass) for name, bypass in arms.items()], 6)
    found = judged(kind, [repeats.cohort(number) for number in COHORTS], READOUT)
    assert report(found).startswith("SIMULATED: 2 cohorts")
    return {one["what"]: one["share"] for one in found["rates"]}


def test_ketamine_is_found_to_lower_release_and_each_animals_interval_covers_its_truth(stage: Stage) -> None:
    vehicle = of(stage)
    found = shares("study", {"vehicle": vehicle, "ketamine": of(stage, "ketamine"), A1: vehicle, AMPA: vehicle})

    assert found["ketamine lower than vehicle (Holm)"] == 1.0
    assert found["ketamine higher than vehicle (Holm)"] == 0.0
    assert found["interval of one animal covers its release, after"] >= 0.85  # of 48
    assert found["interval of a group covers"] >= 0.75  # of 8


def test_the_competing_finding_comes_out_with_the_opposite_sign(stage: Stage, tmp_path: Path) -> None:
    animal = short_arm(tmp_path / "other", SIX_AND_SIX, "ketamine", "ketamine-raises-glutamate").presets["animal"]
    arms = {"vehicle": of(stage, animal=animal), "ketamine": of(stage, "ketamine", animal=animal)}

    found = shares("competing", arms)

    assert found["ketamine higher than vehicle (Welch)"] == 1.0
    assert found["ketamine lower than vehicle (Welch)"] == 0.0


# --- the counting itself, on animals made of numbers ----------------------------------------------------------


def made(treatment: str, number: int, factor: float, told: float, seed: int = 1) -> Kept:
    """Return an animal whose release truly changes by ``told`` while its responses change by ``factor``."""
    rng = np.random.default_rng((seed, number, *treatment.encode()))
    after = np.arange(12) >= 6
    amplitude_um = np.where(after, 2.0 * factor, 2.0) * (1.0 + 0.1 * rng.standard_normal(12))
    onset_s = np.where(after, 500.0, 0.0) + 60.0 * (np.arange(12) % 6)
    release = np.where(after, told, 1.0)
    return {
        "treatment": treatment, "seed": number, "first_s": 400.0, "drug_s": 400.0, "onset_s": onset_s.tolist(),
        "amplitude_um": amplitude_um.tolist(), "release": release.tolist(), "sensitivity": [1.0] * 12,
    }  # fmt: skip


def counted(vehicle: float, other: float, told: float) -> dict[str, float]:
    cohorts = [
        [made(name, n, factor, told, seed) for name, factor in (("vehicle", vehicle), ("B", other)) for n in range(6)]
        for seed in range(2)
    ]
    return {one["what"]: one["share"] for one in judged("vehicle", cohorts, READOUT)["rates"]}


def test_what_is_found_between_two_vehicles_is_counted_as_false() -> None:
    honest, wrong = counted(1.0, 1.0, 1.0), counted(1.0, 1.5, 1.0)

    finders = ("one Welch test finds", "any of them does, after Holm", "mixed model finds")
    for what in [one for one in honest if one.startswith(finders)]:
        assert honest[what] == 0.0
        assert wrong[what] == 1.0
    assert sum(one.startswith(finders) for one in honest) == 3


def test_an_interval_that_misses_the_truth_is_counted_as_a_miss() -> None:
    honest, wrong = counted(0.8, 0.8, 0.8), counted(0.8, 0.8, 1.2)

    assert honest["interval of one animal covers its release, after"] > 0.85
    assert wrong["interval of one animal covers its release, after"] == 0.0
    assert wrong["interval of a group covers"] == 0.0
    assert wrong['interval of "B" over vehicle covers 1.000'] == honest['interval of "B" over vehicle covers 1.000']


def test_a_share_stands_with_wilsons_interval() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3: 15 of 148 gives 0.0624 to 0.1605."""
    found = rate("x", [True] * 15 + [False] * 133)
    assert (found["low"], found["high"]) == pytest.approx((0.0624, 0.1605), abs=5e-5)


class _Fake:
    """Cohorts that are their numbers."""

    def cohort(self, number: int) -> list[Kept]:
        return [{"seed": number}]


def test_a_run_that_was_cut_short_goes_on_behind_its_last_whole_cohort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated, "prepared", lambda _kind, _folder: (_Fake(), {"samples": 1, "animals": 1}))
    kept = tmp_path / "animals.jsonl"
    simulate("vehicle", 2, 1, kept)
    whole = kept.read_text()
    kept.write_text(whole + '{"cohort": 2, "ani')

    simulate("vehicle", 4, 1, kept)

    assert kept.read_text().startswith(whole)
    assert list(cohorts_in(kept)) == [[{"seed": number}] for number in range(4)]
    kept.write_text(json.dumps({"cohort": 1, "animals": []}) + "\n")
    with pytest.raises(ValueError, match="line 1 holds cohort 1"):
        list(cohorts_in(kept))
