"""The bypass of the wire gives what the bytes bring: every sample and flag of a recording, to the last bit.

Five minutes of the example cohort's bench with animals in which ketamine acts at once, with vehicle and with ketamine;
other seeds than the one that the bypass learnt its moments from.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from amperfuse.rehearsing import Wanted, run_once
from analysis.evoked import EffectStretch, Readout, read_out
from analysis.review import Recording, open_recording
from tests.cohorts.bypass import Bypass
from tests.cohorts.short import FIVE_MINUTES, SOLUTIONS, short_arm
from tests.cohorts.stage import Stage, staged

SEEDS = (2, 3)
READOUT = Readout(
    "array.glutamate", "array.sentinel", "KCl", "treatment", 120.0, (EffectStretch("after", 10.0, 300.0),)
)


@pytest.fixture(scope="module", params=list(SOLUTIONS))
def both_ways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Stage, Mapping[int, Recording]]:
    """What one rehearsal of an arm did to its world, and recordings of other seeds through bytes."""
    folder = tmp_path_factory.mktemp("bypass")
    arm = short_arm(folder / "files", FIVE_MINUTES, request.param)
    recorded = {}
    for seed in SEEDS:
        out = folder / str(seed)
        result = run_once(Wanted(arm.experiment, out, seed, presets=arm.presets), out, lambda _done, _text: None)
        recorded[seed] = open_recording(result.session_dir)
    return staged(arm, 1, folder / "stage"), recorded


def test_every_sample_and_flag_is_the_one_that_went_through_bytes_to_the_last_bit(
    both_ways: tuple[Stage, Mapping[int, Recording]],
) -> None:
    stage, recorded = both_ways
    bypass = Bypass(stage, whole=True)

    for seed, recording in recorded.items():
        found = bypass.animal(seed).recording.data.streams["array"]
        told = recording.data.streams["array"]

        assert len(told.t_ns) > 3000
        assert np.array_equal(found.t_ns, told.t_ns)
        assert np.array_equal(found.current_a, told.current_a)
        assert np.array_equal(found.flags, told.flags)
        assert len(np.unique(told.current_a[:, 0])) > 100  # they are no constants


def test_the_read_out_of_both_is_the_same(both_ways: tuple[Stage, Mapping[int, Recording]]) -> None:
    stage, recorded = both_ways

    for seed, recording in recorded.items():
        found = read_out(Bypass(stage, whole=True).animal(seed).recording, READOUT)
        told = read_out(recording, READOUT)

        for column in ("onset_s", "amplitude_um", "picked_um", "blank_um"):
            assert np.array_equal(getattr(found.responses, column), getattr(told.responses, column)), column
        assert np.isfinite(told.responses.amplitude_um).all()
        assert (found.drug_s, found.first_s, found.baseline_um) == (told.drug_s, told.first_s, told.baseline_um)
        assert found.effects["after"].value == told.effects["after"].value


def test_samples_around_the_stimuli_alone_are_some_of_the_same(
    both_ways: tuple[Stage, Mapping[int, Recording]],
) -> None:
    """The last stretch begins with a film that knows nothing of the time before, and has forgotten that."""
    stage, recorded = both_ways

    for seed, recording in recorded.items():
        near = Bypass(stage, before_s=5, after_s=20).animal(seed).recording.data.streams["array"]
        told = recording.data.streams["array"]
        at = np.searchsorted(told.t_ns, near.t_ns)

        assert (np.diff(near.t_ns) > 10e9).sum() == 3
        assert np.array_equal(told.t_ns[at], near.t_ns)
        assert np.array_equal(told.current_a[at], near.current_a)
        assert np.array_equal(told.flags[at], near.flags)


def test_the_drug_acts_in_these_minutes_and_the_vehicle_does_not(
    both_ways: tuple[Stage, Mapping[int, Recording]],
) -> None:
    """What is compared above must depend on the dose: release falls by more than the run-down with one of the two."""
    stage, _ = both_ways
    release = Bypass(stage).animal(SEEDS[0]).release
    drug = any(pump["drug"] for pump in stage.world["pumps"].values())

    assert release[:2].tolist() == pytest.approx([1.0, 0.99])
    assert (release[3] < 0.9 * 0.99**3) == drug
