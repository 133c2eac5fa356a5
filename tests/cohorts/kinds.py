"""Which cohorts are repeated, and one cohort of them without the wire: what each read-out gives, and its truth.

Knows the arms of each kind and the seeds of its cohorts: the same number is the same cohort for ever. Knows no
statistics. The read-out sees recordings only; the truth goes beside it into what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from amperfuse.cohorts.cohort_file import Arm, Cohort, animal_seed, load_cohort
from amperfuse.rehearsing import Wanted, run_once
from analysis.evoked import Readout, read_out
from analysis.review import Recording, open_recording
from tests.cohorts.bypass import Bypass
from tests.cohorts.stage import staged

EXAMPLE = Path(__file__).parents[2] / "examples/cohort/cohort.toml"
KINDS = ("vehicle", "study", "competing")
FIRST_SEED = {"vehicle": 1_000_000, "study": 2_000_000, "competing": 3_000_000}
CONTROL = "vehicle"
OTHER_VEHICLES = ("vehicle B", "vehicle C")
"""Arms that get what the control gets, under another name: whatever is found between them is false."""
A1, AMPA = "ketamine + A1 antagonist", "ketamine + AMPA block"
STUDIED = (CONTROL, "ketamine", A1, AMPA)
COMPETING = "ketamine-raises-glutamate"


@dataclass(frozen=True)
class AnimalFound:
    """What is kept of one animal. Lists have one entry per stimulus."""

    treatment: str
    seed: int
    first_s: float
    drug_s: float
    onset_s: list[float]
    amplitude_um: list[float]
    release: list[float]
    """Truth: release over that before any drug and any ejection, the chance of single ejections left out."""
    sensitivity: list[float]
    """Truth: what ageing left of the sensor's sensitivity."""


def arms_of(kind: str, cohort: Cohort) -> tuple[Arm, ...]:
    """Return the arms of a kind, all normal animals: the example's, vehicle in all, or the competing finding."""
    normal = [arm for arm in cohort.arms if arm.group == "normal"]
    control = next(arm for arm in normal if arm.treatment == CONTROL)
    if kind == "vehicle":
        return (control, *(replace(control, treatment=name) for name in OTHER_VEHICLES))
    if kind == "study":
        return tuple(arm for arm in normal if arm.treatment in STUDIED)
    ketamine = next(arm for arm in normal if arm.treatment == "ketamine")
    return tuple(
        replace(arm, group="competing", presets={**arm.presets, "animal": COMPETING}) for arm in (control, ketamine)
    )


class Repeats:
    """Cohorts of one kind, by number. Made by ``prepared``; can be sent to another process."""

    def __init__(self, kind: str, readout: Readout, arms: Sequence[tuple[str, Bypass]], animals_per_arm: int) -> None:
        """``arms``: their labels (treatment, group) and animals."""
        self._kind, self._arms, self._animals_per_arm = kind, tuple(arms), animals_per_arm
        self._readout = replace(readout, stretches=())  # effects are judged later, from what is kept

    def cohort(self, number: int) -> list[dict[str, Any]]:
        """Return the animals of one cohort."""
        return [
            asdict(self._animal(label, bypass, animal_seed(FIRST_SEED[self._kind] + number, label, animal)))
            for label, bypass in self._arms
            for animal in range(1, self._animals_per_arm + 1)
        ]

    def _animal(self, label: str, bypass: Bypass, seed: int) -> AnimalFound:
        found = bypass.animal(seed)
        reading = read_out(found.recording, self._readout)
        return AnimalFound(
            treatment=label.rpartition(", ")[0],
            seed=seed,
            first_s=reading.first_s,
            drug_s=reading.drug_s,
            onset_s=reading.responses.onset_s.tolist(),
            amplitude_um=reading.responses.amplitude_um.tolist(),
            release=found.release.tolist(),
            sensitivity=found.sensitivity.tolist(),
        )


def prepared(kind: str, folder: Path) -> tuple[Repeats, dict[str, int]]:
    """Rehearse two animals of each protocol through bytes into ``folder``: one to learn from, one to compare with.

    Return the kind's cohorts, and how many samples were compared and were the same to the last bit. Raises ValueError
    when one was not.
    """
    cohort = load_cohort(EXAMPLE)
    arms = arms_of(kind, cohort)
    bypasses: dict[tuple[str, str], Bypass] = {}
    compared = {"animals": 0, "samples": 0}
    for arm in arms:
        key = (arm.experiment.plan.sha256, str(arm.presets["animal"]))
        if key not in bypasses:
            place = folder / f"{len(bypasses)}"
            stage = staged(arm, 1, place / "1")
            through_bytes = run_once(Wanted(arm.experiment, place, 2, presets=arm.presets), place / "2", _quietly)
            whole = Bypass(stage, whole=True)
            for seed, recording in ((1, stage.recording), (2, open_recording(through_bytes.session_dir))):
                compared["samples"] += _same_samples(whole.animal(seed).recording, recording)
                compared["animals"] += 1
            bypasses[key] = Bypass(stage)
    labelled = [(arm.label, bypasses[arm.experiment.plan.sha256, str(arm.presets["animal"])]) for arm in arms]
    return Repeats(kind, cohort.readout, labelled, cohort.animals_per_arm), compared


def _quietly(_done: float, _text: str) -> None:
    """Hear nothing of the progress."""


def _same_samples(bypassed: Recording, recorded: Recording) -> int:
    (found,), (told,) = (one.data.streams.values() for one in (bypassed, recorded))
    for name in ("t_ns", "current_a", "flags"):
        if not np.array_equal(getattr(found, name), getattr(told, name)):
            raise ValueError(f"the bypass of the wire does not give the samples of {recorded.path}: {name} differs")
    return int(told.current_a.size)


def readout_of_example() -> Readout:
    """Return the read-out of the example cohort, with its stretches."""
    return load_cohort(EXAMPLE).readout


Kept = Mapping[str, Any]
"""One animal as ``AnimalFound`` is kept in a file."""
