"""What the sessions of a study say, read without knowing any group, as one file that can be locked.

Knows the shape of this file: per animal its code, the hashes of what was read, every response, the effect in each
stretch, the tonic level, and the log-ratio for every other way of measuring. Everything that groups are compared by is
in it. Numbers have six digits; what cannot be told is null. How a session is read is known to
``analysis.study.measure``, who is in which group to nobody here.
"""

from __future__ import annotations

import hashlib
import json
from math import isfinite

from pydantic import ValidationError

from acquisition.experiment.fields import Table
from analysis.evoked import EffectStretch, Readout

FORMAT = "amperfuse readings 1"
MAX_BYTES = 50_000_000
Number = float | None


class Settings(Table):
    """How every session is read: decided before anything is unblinded."""

    channel: str
    sentinel: str
    stimulus: str
    drug: str
    baseline_s: float
    stretches: tuple[tuple[str, float, float], ...]
    """(label, s after the drug arrived, until); the first one is the primary outcome's."""

    @property
    def readout(self) -> Readout:
        """Return the same as the reading of one session takes it."""
        stretches = tuple(EffectStretch(*one) for one in self.stretches)
        return Readout(self.channel, self.sentinel, self.stimulus, self.drug, self.baseline_s, stretches)

    @property
    def primary(self) -> str:
        """Return the label of the stretch that the primary outcome is read from."""
        return self.stretches[0][0]


def settings_of(readout: Readout) -> Settings:
    """Return a read-out as it is kept."""
    return Settings(
        channel=readout.channel,
        sentinel=readout.sentinel,
        stimulus=readout.stimulus,
        drug=readout.drug,
        baseline_s=readout.baseline_s,
        stretches=tuple((one.label, one.after_s, one.until_s) for one in readout.stretches),
    )


class Change(Table):
    """After over before (evoked) or after minus before, µM (tonic), with the interval within the animal."""

    value: Number
    low: Number
    high: Number
    n_before: int
    n_after: int


class Choice(Table):
    """The evoked effect by another way of measuring, or in another window."""

    stretch: str
    measured: str
    baseline: str
    log_ratio: Number


class AnimalRead(Table):
    """What the session of one animal says."""

    code: str
    session: str
    """Folder of the recording, relative to the study's."""
    journal_sha256: str
    annotations: int
    """Remarks beside the recording when it was read; a later one shows."""
    simulated: bool
    outcome: str
    calibration: str
    """How nA became µM, in words."""
    onset_s: tuple[float, ...]
    amplitude_um: tuple[Number, ...]
    r2: tuple[Number, ...]
    picked_um: tuple[Number, ...]
    blank_um: tuple[Number, ...]
    first_s: Number
    drug_s: Number
    baseline_um: Number
    effects: dict[str, Change]
    tonic: Change | None
    choices: tuple[Choice, ...]
    problem: str
    """Why the primary outcome cannot be told; empty otherwise."""


class Readings(Table):
    """All sessions of a study, read with one set of settings by one version of the program."""

    format: str = FORMAT
    study: str
    software: str
    settings: Settings
    animals: tuple[AnimalRead, ...]

    def as_bytes(self) -> bytes:
        """Return the file: the same readings, the same bytes."""
        return (json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def sha256(content: bytes) -> str:
    """Return the hash by which readings are locked."""
    return hashlib.sha256(content).hexdigest()


def parsed(content: bytes) -> Readings:
    """Return the readings of a file. Raises ValueError for anything that ``as_bytes`` would not have written."""
    try:
        found = Readings.model_validate_json(content) if len(content) <= MAX_BYTES else None
    except ValidationError as error:
        raise ValueError(f"these are no readings of a study: {error.errors()[0]['msg']}") from None
    if found is None or found.format != FORMAT or found.as_bytes() != content:
        raise ValueError("these are no readings of a study as this program writes them")
    return found


def kept(value: float) -> Number:
    """Return a number as it is kept: six digits; None for one that there is not."""
    return float(f"{value:.6g}") if isfinite(value) else None
