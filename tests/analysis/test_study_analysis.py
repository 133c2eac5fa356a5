"""A study analysed: who is counted, masked labels that tell nothing, contrasts as scipy and statsmodels give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import mixedlm
from statsmodels.stats.multitest import multipletests

from analysis.study.analyse import AS_PLANNED, EVERYBODY, LATE_TOO, Analysis, analyse
from analysis.study.masks import masks
from analysis.study.readings import Change, Readings, parsed, sha256
from tests.analysis.study_kit import GROUPS, SETTINGS, a_study, members


def of(analysis: Analysis) -> dict[str, float]:
    return {one.group: one.ratio for one in analysis.primary.groups}


def test_groups_are_geometric_means_and_contrasts_are_welch_and_holm_of_scipy_and_statsmodels() -> None:
    ratios = {"vehicle": [1.0, 1.1, 0.9, 1.05], "ketamine": [0.5, 0.6, 0.55, 0.7], "with block": [0.9, 1.0, 1.2, 0.8]}

    found = analyse(members(ratios), list(ratios), SETTINGS, "vehicle")

    assert of(found) == pytest.approx({name: stats.gmean(values) for name, values in ratios.items()}, rel=1e-5)
    logs = {name: np.log(values) for name, values in ratios.items()}
    tests = [stats.ttest_ind(logs[name], logs["vehicle"], equal_var=False) for name in ("ketamine", "with block")]
    holm = multipletests([test.pvalue for test in tests], method="holm")[1]
    for contrast, test, p_holm in zip(found.primary.contrasts, tests, holm, strict=True):
        interval = test.confidence_interval(0.95)
        assert (contrast.low, contrast.high) == pytest.approx((exp(interval.low), exp(interval.high)), rel=1e-4)
        assert (contrast.p, contrast.p_holm) == pytest.approx((test.pvalue, p_holm), rel=1e-4)


def test_without_a_control_all_pairs_are_compared_and_corrected_together() -> None:
    rng = np.random.default_rng(4)
    ratios = {name: np.exp(rng.normal(0, 0.2, 5)).tolist() for name in ("group A", "group B", "group C", "group D")}

    found = analyse(members(ratios), list(ratios), SETTINGS).primary.contrasts

    assert len(found) == 6
    assert [one.p_holm for one in found] == pytest.approx(multipletests([one.p for one in found], method="holm")[1])


def test_the_mixed_model_beside_is_statsmodels_on_the_responses_of_the_primary_windows() -> None:
    who = a_study(3, {"vehicle": 1.0, "ketamine": 0.6})

    (mixed,) = analyse(who, ["vehicle", "ketamine"], SETTINGS, "vehicle").mixed

    rows = []
    for one in who:
        assert one.read is not None
        for onset_s, amplitude_um in zip(one.read.onset_s, one.read.amplitude_um, strict=True):
            after = onset_s >= 4600
            if onset_s < 3600 or after:
                rows.append((one.code, float(after), float(one.label == "ketamine"), log(amplitude_um or 0)))
    mouse, after_, treated, y = (np.array(column) for column in zip(*rows, strict=True))
    table = pd.DataFrame({"after": after_.astype(float), "treated": treated.astype(float), "y": y.astype(float)})
    fit = mixedlm("y ~ after * treated", table, groups=mouse, re_formula="~after").fit(method=["lbfgs", "powell"])
    assert mixed.found is not None
    assert log(mixed.found.ratio) == pytest.approx(fit.params["after:treated"], abs=1e-3)


def test_the_tonic_level_is_compared_as_a_difference() -> None:
    who = [replace(one, read=one.read and one.read.model_copy(update={"tonic": change(number * 0.1)}))
           for number, one in enumerate(members({"a": [1.0] * 3, "b": [1.0] * 3}))]  # fmt: skip

    found = analyse(who, ["a", "b"], SETTINGS, "a")

    assert [one.mean for one in found.tonic] == pytest.approx([0.1, 0.4])
    assert found.tonic_contrasts[0].apart == pytest.approx(0.3)


def change(value: float) -> Change:
    return Change(value=value, low=None, high=None, n_before=3, n_after=3)


@pytest.mark.parametrize("order", [(1, 2, 0), (0, 2, 1)])
def test_masked_labels_carry_no_information_whatever_the_order_only_the_letters_change(order: Sequence[int]) -> None:
    """The same animals under another mask: every number is the same, and stands at the other letter."""
    ratios = {"vehicle": [1.0, 1.1, 0.9], "ketamine": [0.5, 0.6, 0.55], "with block": [0.9, 1.0, 1.2]}
    letters = ["group A", "group B", "group C"]
    one_mask = dict(zip(ratios, letters, strict=True))
    other_mask = {name: letters[place] for name, place in zip(ratios, order, strict=True)}

    one, other = (
        analyse(members({mask[name]: ratios[name] for name in ratios}), letters, SETTINGS)
        for mask in (one_mask, other_mask)
    )

    assert [group.group for group in one.primary.groups] == [group.group for group in other.primary.groups] == letters
    for name in ratios:
        assert of(one)[one_mask[name]] == of(other)[other_mask[name]]
    assert sorted(c.p for c in one.primary.contrasts) == pytest.approx(sorted(c.p for c in other.primary.contrasts))


def test_a_mask_is_the_same_for_a_seed_and_each_group_gets_each_letter_as_often() -> None:
    assert masks(GROUPS, 7) == masks(GROUPS, 7)
    letters = [masks(GROUPS, seed)["ketamine"] for seed in range(1500)]
    assert stats.chisquare(np.unique(letters, return_counts=True)[1]).pvalue > 0.001
    with pytest.raises(ValueError, match="more than there are letters"):
        masks([str(number) for number in range(27)], 1)


def test_an_excluded_animal_is_left_out_and_the_result_with_it_stands_beside() -> None:
    who = members({"vehicle": [1.0, 1.1, 0.9], "ketamine": [0.5, 0.6, 2.0]})
    who[-1] = replace(who[-1], excluded="the pump gave half of it")

    found = analyse(who, ["vehicle", "ketamine"], SETTINGS, "vehicle")

    assert found.primary.who == AS_PLANNED
    assert of(found)["ketamine"] == pytest.approx(stats.gmean([0.5, 0.6]), rel=1e-5)
    (everybody,) = found.beside
    assert everybody.who == EVERYBODY
    assert everybody.groups[1].ratio == pytest.approx(stats.gmean([0.5, 0.6, 2.0]), rel=1e-5)
    assert all(group.n == n for one in found.varied for group, n in zip(one.groups, (3, 2), strict=True))


def test_an_animal_that_is_excluded_after_unblinding_stays_in_the_primary_result() -> None:
    who = members({"vehicle": [1.0, 1.1, 0.9], "ketamine": [0.5, 0.6, 2.0]})
    who[-1] = replace(who[-1], excluded="looked odd", excluded_late=True)

    found = analyse(who, ["vehicle", "ketamine"], SETTINGS, "vehicle")

    assert of(found)["ketamine"] == pytest.approx(stats.gmean([0.5, 0.6, 2.0]), rel=1e-5)
    assert [one.who for one in found.beside] == [EVERYBODY, LATE_TOO]
    assert found.beside[1].groups[1].n == 2


def test_an_animal_without_a_session_or_a_ratio_is_named_with_the_reason() -> None:
    who = members({"vehicle": [1.0, 1.1, 0.9], "ketamine": [0.5, 0.6, 0.7]})
    who[0] = replace(who[0], read=None)
    who[3] = replace(who[3], read=who[3].read and who[3].read.model_copy(update={"problem": "no stimulus"}))

    found = analyse(who, ["vehicle", "ketamine"], SETTINGS, "vehicle")

    assert found.missing == ((who[0].code, "no session"), (who[3].code, "no stimulus"))
    assert [group.n for group in found.primary.groups] == [2, 2]


@pytest.mark.parametrize("left", [[], [1.1]])
def test_a_group_with_fewer_than_two_animals_has_no_contrast_and_nothing_breaks(left: list[float]) -> None:
    found = analyse(members({"vehicle": [1.0, 1.1], "ketamine": left}), ["vehicle", "ketamine"], SETTINGS, "vehicle")

    assert found.primary.contrasts == ()
    assert found.mixed == ()
    assert found.primary.groups[1].n == len(left)


def test_a_result_stands_for_every_other_choice_and_says_how_many_animals_have_none() -> None:
    who = members({"vehicle": [1.0, 1.1, 0.9], "ketamine": [0.5, 0.6, 0.7]})
    read = who[5].read
    assert read is not None
    lost = tuple(c.model_copy(update={"log_ratio": None}) if c.measured == "picked maximum" else c
                 for c in read.choices)  # fmt: skip
    who[5] = replace(who[5], read=read.model_copy(update={"choices": lost}))

    found = analyse(who, ["vehicle", "ketamine"], SETTINGS, "vehicle")

    primary, picked = found.varied
    assert (primary.is_primary, picked.is_primary) == (True, False)
    assert primary.contrasts[0].ratio == pytest.approx(found.primary.contrasts[0].ratio, rel=1e-4)
    assert (primary.without_ratio, picked.without_ratio) == (0, 1)
    assert picked.groups[1].n == 2


def test_a_control_that_is_no_group_is_refused() -> None:
    with pytest.raises(ValueError, match="none of the groups"):
        analyse([], ["a", "b"], SETTINGS, "c")


def readings() -> Readings:
    read = tuple(one.read for one in members({"vehicle": [1.0, 1.1]}) if one.read)
    return Readings(study="abcdefgh", software="amperfuse test", settings=SETTINGS, animals=read)


def test_readings_come_back_as_they_were_and_name_no_group() -> None:
    content = readings().as_bytes()

    assert parsed(content) == readings()
    assert parsed(content).as_bytes() == content
    assert b"vehicle" not in content


@pytest.mark.parametrize(
    ("old", "new"), [(b'"value": 1.1', b'"value": 0.9'), (b'"code": "M01"', b'"code": "M02"'), (b"}\n", b"} \n")]
)
def test_readings_that_were_changed_have_another_hash(old: bytes, new: bytes) -> None:
    content = readings().as_bytes()
    assert old in content
    assert sha256(content.replace(old, new)) != sha256(content)


@pytest.mark.parametrize("spoil", [b"", b"{}", b"[", b"null"])
def test_what_is_no_readings_is_refused(spoil: bytes) -> None:
    with pytest.raises(ValueError, match="no readings of a study"):
        parsed(spoil)
    with pytest.raises(ValueError, match="no readings of a study"):
        parsed(readings().as_bytes().replace(b'"settings"', b'"x": 1, "settings"'))
    with pytest.raises(ValueError, match="no readings of a study"):
        parsed(readings().as_bytes() + b"\n")
