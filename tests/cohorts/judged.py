"""How often the analysis of repeated cohorts is right: coverage of intervals, false positives, directions found.

Knows the truth that lies beside each animal, and calls the code that judges real studies. The truth of a ratio is
release: M times run-down at the stimuli of a window over the same before any drug; of an animal its own, of an arm the
geometric mean over all animals of that arm that were simulated (500 cohorts: 3,000). Shares stand with Wilson's 95 %
interval; what is counted is independent: different animals, arms or cohorts, never two comparisons with one control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from analysis.cohort.animal import AnimalReading
from analysis.cohort.summary import ArmSummary, summarise
from analysis.evoked import EffectStretch, Reading, Readout, Responses, reading_of
from analysis.study.compare import MixedContrast, mixed_contrast
from tests.cohorts.kinds import A1, AMPA, CONTROL, Kept

Array = NDArray[np.float64]
ALPHA = 0.05


class _One:
    """One animal: what the read-out says, and what is true."""

    def __init__(self, kept: Kept, readout: Readout, name: str) -> None:
        onset_s, amplitude_um = np.array(kept["onset_s"]), np.array(kept["amplitude_um"])
        responses = Responses(onset_s, amplitude_um, *[np.full(len(onset_s), np.nan)] * 3)
        reading = reading_of(responses, kept["first_s"], kept["drug_s"], readout)
        self.animal = AnimalReading(name, "all", kept["treatment"], kept["seed"], "", "finished", reading)
        release = np.array(kept["release"])
        self.truth = {one.label: _ratio(release, reading, readout, one) for one in readout.stretches}
        seen = release * np.array(kept["sensitivity"])
        self.as_seen = {one.label: _ratio(seen, reading, readout, one) for one in readout.stretches}


def judged(kind: str, cohorts: Sequence[Sequence[Kept]], readout: Readout) -> dict[str, Any]:
    """Return what these cohorts say of the analysis, ready for JSON."""
    animals = [
        [_One(kept, readout, f"{number}-{at}") for at, kept in enumerate(kept_ones)]
        for number, kept_ones in enumerate(cohorts)
    ]
    label = readout.stretches[0].label
    everybody = [one for cohort in animals for one in cohort]
    truth = _population(everybody, label)
    arms = [
        {arm.treatment: arm for arm in summarise([one.animal for one in cohort], CONTROL) if arm.stretch == label}
        for cohort in animals
    ]
    others = [treatment for treatment in truth if treatment != CONTROL]
    mixed = [_mixed(cohort, others[0], readout) for cohort in animals]
    rates = [*_of_animals(everybody, readout), *_of_arms(arms, truth), *_of_contrasts(arms, truth, others)]
    rates += _of_mixed(mixed, exp(_log_release(everybody, others[0], readout)), others[0], vehicle=kind == "vehicle")
    rates += {"vehicle": _nothing, "study": _directions, "competing": _opposite}[kind](arms)
    return {
        "simulated": "SIMULATED",
        "kind": kind,
        "cohorts": len(cohorts),
        "stretch": label,
        "arms": {
            treatment: {
                "animals": sum(one.animal.treatment == treatment for one in everybody),
                "true_ratio": ratio,
                "found_ratio": _found(everybody, treatment, label),
                "without_a_ratio": sum(arm[treatment].left_out for arm in arms),
            }
            for treatment, ratio in truth.items()
        },
        "rates": rates,
    }


def report(found: Mapping[str, Any]) -> str:
    """Return what was found as text for people."""
    lines = [f"SIMULATED: {found['cohorts']} cohorts of kind {found['kind']}, {found['stretch']}", ""]
    for treatment, arm in found["arms"].items():
        lines.append(
            f"{treatment}: {arm['animals']} animals, true ratio {arm['true_ratio']:.3f}, found "
            f"{arm['found_ratio']:.3f}; {arm['without_a_ratio']} without a ratio"
        )
    lines += ["", "| what | wanted | share | 95 % interval (Wilson) | of |", "|---|---|---|---|---|"]
    for rate in found["rates"]:
        wanted = f"{100 * rate['wanted']:g} %" if rate["wanted"] is not None else ""
        low, high = (f"{100 * rate[key]:.1f}" for key in ("low", "high"))
        lines.append(f"| {rate['what']} | {wanted} | {100 * rate['share']:.1f} % | {low} to {high} | {rate['of']} |")
    return "\n".join(lines) + "\n"


def rate(what: str, hits: Iterable[bool], wanted: float | None = None) -> dict[str, Any]:
    """Return a share with Wilson's interval, and what it should be."""
    counted = list(hits)
    yes, of = sum(counted), len(counted)
    low, high = proportion_confint(yes, of, method="wilson") if of else (0.0, 1.0)
    share = yes / of if of else float("nan")
    return {"what": what, "wanted": wanted, "share": share, "low": float(low), "high": float(high), "of": of}


def _of_animals(everybody: Sequence[_One], readout: Readout) -> list[dict[str, Any]]:
    rates = []
    for stretch in readout.stretches:
        label = stretch.label
        pairs = [(one.animal.reading.effects[label], one.truth[label], one.as_seen[label]) for one in everybody]
        told = [pair for pair in pairs if np.isfinite(pair[0].low) and np.isfinite(pair[0].high)]
        rates += [
            rate(
                f"interval of one animal covers its release, {label}", (e.low <= t <= e.high for e, t, _ in told), 0.95
            ),
            rate(f"the same, seen by a sensor that ages, {label}", (e.low <= s <= e.high for e, _, s in told), 0.95),
            rate(f"animals without an interval, {label}", (not np.isfinite(e.low + e.high) for e, *_ in pairs)),
        ]
    return rates


def _of_arms(arms: Sequence[Mapping[str, ArmSummary]], truth: Mapping[str, float]) -> list[dict[str, Any]]:
    effects = [(arm.effect, truth[arm.treatment]) for cohort in arms for arm in cohort.values()]
    found = [rate("interval of a group covers", (e.low <= t <= e.high for e, t in effects), 0.95)]
    found += [
        rate(
            f'group t test finds a change from 1: "{name}", truly {ratio:.2f}',
            (arm[name].effect.p < ALPHA for arm in arms),
        )
        for name, ratio in truth.items()
    ]
    return found


def _of_contrasts(
    arms: Sequence[Mapping[str, ArmSummary]], truth: Mapping[str, float], others: Sequence[str]
) -> list[dict[str, Any]]:
    found = []
    for name in others:
        true = truth[name] / truth[CONTROL]
        against = [one for arm in arms if (one := arm[name].against_control) is not None]
        what = f'interval of "{name}" over {CONTROL} covers {true:.3f}'
        found.append(rate(what, (one.low <= true <= one.high for one in against), 0.95))
    return found


def _of_mixed(fits: Sequence[MixedContrast | None], true: float, name: str, *, vehicle: bool) -> list[dict[str, Any]]:
    mixed = [one for one in fits if one is not None]
    what = f'mixed model: interval of "{name}" over {CONTROL} covers {true:.3f}'
    return [
        rate(what, (one.low <= true <= one.high for one in mixed), 0.95),
        *([rate("mixed model finds what is not there", (one.p < ALPHA for one in mixed), ALPHA)] if vehicle else []),
        rate("mixed models with doubts of their own", (bool(one.doubts) for one in mixed)),
        rate("mixed models without an answer", (one is None for one in fits)),
    ]


def _nothing(arms: Sequence[Mapping[str, ArmSummary]]) -> list[dict[str, Any]]:
    all_p = [[one.p for arm in cohort.values() if (one := arm.against_control)] for cohort in arms]
    holm = [[one.p_holm for arm in cohort.values() if (one := arm.against_control)] for cohort in arms]
    return [
        rate("one Welch test finds what is not there", (p[0] < ALPHA for p in all_p), ALPHA),
        rate("any of them does, after Holm", (min(p) < ALPHA for p in holm), ALPHA),
        rate("any of them does, uncorrected", (min(p) < ALPHA for p in all_p)),
    ]


def _directions(arms: Sequence[Mapping[str, ArmSummary]]) -> list[dict[str, Any]]:
    def lower(name: str) -> Callable[[Mapping[str, ArmSummary]], bool]:
        return lambda cohort: _significant(cohort[name]) < 0

    def right(cohort: Mapping[str, ArmSummary]) -> bool:
        return _significant(cohort["ketamine"]) < 0 and not any(lower(name)(cohort) for name in (A1, AMPA))

    return [
        rate("ketamine lower than vehicle (Holm)", map(lower("ketamine"), arms)),
        rate("ketamine higher than vehicle (Holm)", (_significant(cohort["ketamine"]) > 0 for cohort in arms)),
        rate("not lower than vehicle after the AMPA antagonist", (not lower(AMPA)(cohort) for cohort in arms)),
        rate(
            "a change is found after the AMPA antagonist, where there is none (Holm)",
            (_significant(cohort[AMPA]) != 0 for cohort in arms),
        ),
        rate("not lower than vehicle after the A1 antagonist", (not lower(A1)(cohort) for cohort in arms)),
        rate("higher than vehicle after the A1 antagonist (Holm)", (_significant(cohort[A1]) > 0 for cohort in arms)),
        rate("direction and both blocks right", map(right, arms)),
    ]


def _opposite(arms: Sequence[Mapping[str, ArmSummary]]) -> list[dict[str, Any]]:
    return [
        rate("ketamine higher than vehicle (Welch)", (_significant(cohort["ketamine"]) > 0 for cohort in arms)),
        rate("ketamine lower than vehicle (Welch)", (_significant(cohort["ketamine"]) < 0 for cohort in arms)),
    ]


def _significant(arm: ArmSummary) -> int:
    """Return the sign of an arm's change over the control's, 0 where it is not significant."""
    one = arm.against_control
    return 0 if one is None or one.p_holm >= ALPHA else (1 if one.ratio > 1 else -1)


def _mixed(cohort: Sequence[_One], treatment: str, readout: Readout) -> MixedContrast | None:
    rows = [
        (one.animal.name, one.animal.treatment, after, float(one.animal.reading.responses.amplitude_um[at]))
        for one in cohort
        if one.animal.treatment in (CONTROL, treatment)
        for after, within in enumerate(_windows(one.animal.reading, readout, readout.stretches[0]))
        for at in np.flatnonzero(within)
    ]
    mouse, group, after, amplitude_um = zip(*rows, strict=True)
    try:
        return mixed_contrast(mouse, group, [bool(one) for one in after], amplitude_um, CONTROL)
    except (ArithmeticError, np.linalg.LinAlgError):
        return None


def _log_release(everybody: Sequence[_One], treatment: str, readout: Readout) -> float:
    """Return the true contrast of mean logarithms, which is what a model of logarithms asks for."""
    means = {
        name: np.mean([log(one.truth[readout.stretches[0].label]) for one in everybody if one.animal.treatment == name])
        for name in (CONTROL, treatment)
    }
    return float(means[treatment] - means[CONTROL])


def _population(everybody: Sequence[_One], label: str) -> dict[str, float]:
    """Return the geometric mean of the true ratios of every arm, in order."""
    names = dict.fromkeys(one.animal.treatment for one in everybody)
    return {
        name: exp(float(np.mean([log(one.truth[label]) for one in everybody if one.animal.treatment == name])))
        for name in names
    }


def _found(everybody: Sequence[_One], treatment: str, label: str) -> float:
    logs = [one.animal.reading.effects[label].log_ratio for one in everybody if one.animal.treatment == treatment]
    return exp(float(np.nanmean(logs)))


def _ratio(values: Array, reading: Reading, readout: Readout, stretch: EffectStretch) -> float:
    before, after = _windows(reading, readout, stretch)
    return float(values[after].mean() / values[before].mean())


def _windows(reading: Reading, readout: Readout, stretch: EffectStretch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which stimuli are in the baseline, and which in the stretch."""
    onset_s = reading.responses.onset_s
    before = (onset_s >= reading.first_s - readout.baseline_s) & (onset_s < reading.first_s)
    since_s = onset_s - reading.drug_s
    return before, (since_s >= stretch.after_s) & (since_s < stretch.until_s)
