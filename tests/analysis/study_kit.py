"""Animals of a study made by hand, with the answer known. No tests in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import exp, log

import numpy as np

from analysis.sections import Section, columns
from analysis.study.analyse import Member
from analysis.study.facts import Facts
from analysis.study.measure import FIT, PICKED, WHOLE
from analysis.study.readings import AnimalRead, Change, Choice, Settings

GROUPS = ("vehicle", "ketamine", "ketamine + A1 antagonist")
SETTINGS = Settings(
    channel="array.glutamate", sentinel="array.sentinel", stimulus="KCl", drug="treatment", baseline_s=3600.0,
    stretches=(("late", 1000.0, 4000.0),),
)  # fmt: skip
FIRST_S = DRUG_S = 3600.0
ONSETS_S = tuple(float(one) for one in range(300, 7500, 600))


def animal_read(code: str, ratio: float, amplitudes_um: Sequence[float] | None = None) -> AnimalRead:
    """Return an animal whose responses are ``ratio`` of what they were, one way of measuring like the other."""
    sizes = amplitudes_um or [2.0 if onset_s < DRUG_S else 2.0 * ratio for onset_s in ONSETS_S]
    n_before = sum(onset_s < FIRST_S for onset_s in ONSETS_S)
    effect = Change(value=float(f"{ratio:.6g}"), low=None, high=None, n_before=n_before, n_after=5)
    return AnimalRead(
        code=code,
        session=f"sessions/{code}",
        journal_sha256="0" * 64,
        annotations=0,
        simulated=True,
        outcome="finished",
        calibration="array.glutamate: 7 pA/µM",
        onset_s=ONSETS_S,
        amplitude_um=tuple(sizes),
        r2=(0.9,) * len(ONSETS_S),
        picked_um=tuple(sizes),
        blank_um=(0.1,) * len(ONSETS_S),
        first_s=FIRST_S,
        drug_s=DRUG_S,
        baseline_um=float(np.mean(sizes[:n_before])),
        effects={"late": effect},
        tonic=Change(value=float(f"{-0.3 * ratio:.6g}"), low=None, high=None, n_before=30, n_after=30),
        choices=tuple(
            Choice(stretch="late", measured=way, baseline=WHOLE, log_ratio=float(f"{log(ratio):.6g}"))
            for way in (FIT, PICKED)
        ),
        problem="",
    )


def members(ratios: Mapping[str, Sequence[float]]) -> list[Member]:
    """Return animals of each label, one for every ratio, with codes in order."""
    each = [(label, ratio) for label, them in ratios.items() for ratio in them]
    return [Member(f"M{n:02d}", label, animal_read(f"M{n:02d}", ratio)) for n, (label, ratio) in enumerate(each, 1)]


def a_study(seed: int, effects: Mapping[str, float], mice: int = 6, spread: float = 1.0) -> list[Member]:
    """Return animals whose single responses vary, within and between animals; ``spread`` scales both."""
    rng = np.random.default_rng(seed)
    found: list[Member] = []
    for label, ratio in effects.items():
        for _ in range(mice):
            level, change = 2.0 * exp(rng.normal(0, 0.35)), ratio * exp(rng.normal(0, 0.15 * spread))
            sizes = [level * (change if onset_s >= DRUG_S else 1.0) * exp(rng.normal(0, 0.25 * spread))
                     for onset_s in ONSETS_S]  # fmt: skip
            before = np.mean([s for s, t in zip(sizes, ONSETS_S, strict=True) if t < FIRST_S])
            after = np.mean([s for s, t in zip(sizes, ONSETS_S, strict=True) if t >= DRUG_S + 1000.0])
            code = f"M{len(found) + 1:02d}"
            found.append(Member(code, label, animal_read(code, float(after / before), sizes)))
    return found


def facts(*, blind: bool = False, simulated: bool = True, animals: Mapping[str, str] | None = None) -> Facts:
    """Return what a report tells beside its numbers."""
    return Facts(
        title="ketamine and evoked glutamate",
        study_id="abcdefgh",
        simulated=simulated,
        blind=blind,
        question=(("question", "Does ketamine change evoked glutamate release?"), ("primary outcome", "its size")),
        allocation=(("method", "permuted blocks of 4"), ("commitment", "c" * 64)),
        warnings=(),
        animals=animals or {},
        arrive=Section("ARRIVE 2.0", columns("item | what | where"), (("1", "study design", "study.toml"),)),
        proof=(("software", "amperfuse test"), ("readings", "d" * 64)),
        made=datetime(2026, 11, 26, tzinfo=UTC),
    )
