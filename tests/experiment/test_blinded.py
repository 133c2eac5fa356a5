"""A blinded syringe in a protocol: limits hold for what is truly in it, and nothing that is said tells what that is."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.books.contents import opened_once
from acquisition.books.places import seal_key_place
from acquisition.books.seals import Solution
from acquisition.engine.gatekeeper import Permit, ProgramInfusion, Refusal, StartInfusion, decide
from acquisition.experiment.compile import compile_plan
from acquisition.experiment.doubts import doubts_about
from acquisition.experiment.every_solution import check_every_solution
from acquisition.experiment.exposure import EARLIER_SESSION, Exposure, excesses
from acquisition.experiment.limit_use import limit_uses
from acquisition.experiment.limits_file import load_limits
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.host.rehearsal import describe_world, on_twins
from acquisition.plan import PastDose, PumpSetup
from tests.engine.kit import PUMP
from tests.experiment.blinded_kit import CODE, STUDY, VEHICLE, blind, blinded_pump, ketamine, sealed, tells
from tests.experiment.conftest import Bench, installed
from tests.experiment.test_gatekeeper import STEP, given_before, good

LIMITS = load_limits(None)


def past(volume_ul: float, solution: Solution, ago_s: float = 3600.0) -> PastDose:
    """Return a blinded dose of an earlier session."""
    text = sealed(solution, "M2P")
    return PastDose(ago_s, ago_s, volume_ul, "blinded M2P", "", None, "iv_infusion", code="M2P", sealed=text)


def said(problems: tuple[Problem, ...]) -> str:
    return " ".join(str(problem) for problem in problems)


# ---- what it is to everybody else -----------------------------------------------------------------------------------


def test_a_blinded_syringe_is_its_label_in_the_plan_and_no_text_of_the_plan_tells_more(bench: Bench) -> None:
    plan = blind(bench, ketamine(5.0)).experiment().plan
    (pump,) = plan.pumps
    assert (pump.drug, pump.drug_form, pump.concentration_mg_per_ml) == ("blinded K7Q", "", None)
    assert plan.steps[1].label == "blinded K7Q 25 uL"
    for text in (json.dumps(asdict(plan)), repr(plan), str(plan.known_infusions())):
        assert not tells(text)


def test_drug_and_vehicle_make_the_same_plan_but_for_the_sealed_text(bench: Bench) -> None:
    one = blind(bench, ketamine(5.0)).experiment().plan
    text = bench.protocol.replace(one.pumps[0].sealed, sealed(VEHICLE))
    other = Bench(bench.folder, bench.rig, text).experiment().plan
    assert other.sha256 != one.sha256, "the hash of a plan covers what is sealed"
    blank = [replace(p, pumps=(replace(p.pumps[0], sealed=""),), protocol_sha256="") for p in (one, other)]
    assert blank[0] == blank[1]


def test_a_content_never_shows_itself() -> None:
    exposure = Exposure(1, past(1.0, ketamine(5.0)), 0.0, 1.0, 1.0, 1.0)
    assert exposure.content.drug == "ketamine"
    assert not tells(repr(exposure))


def test_the_simulated_bench_gets_what_is_truly_in_the_syringe(bench: Bench) -> None:
    world = describe_world(blind(bench, ketamine(5.0)).experiment().plan)
    assert (world["pumps"]["p1"]["drug"], world["pumps"]["p1"]["concentration_mg_per_ml"]) == ("ketamine", 5.0)


def test_a_rehearsal_of_a_real_rig_shows_no_effect_of_what_a_real_animal_is_to_get(bench: Bench) -> None:
    bench.edit_rig('"sim://new-era"', '"COM3"')
    plans = [blind(Bench(bench.folder, bench.rig), content).experiment().plan for content in CONTENTS.values()]
    worlds = [describe_world(on_twins(plan))["pumps"]["p1"] for plan in plans]
    assert worlds[0] == worlds[1]
    assert worlds[0]["drug"] == ""
    assert "concentration_mg_per_ml" not in worlds[0]
    (said_so,) = {next(w for w in on_twins(plan).warnings if w.startswith("SIMULATED")) for plan in plans}
    assert "from blinded K7Q the simulated animal gets vehicle, whatever is in it" in said_so


# ---- how it is written ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('code = "K7Q"\n', "", "pumps.p1.code"),
        ('code = "K7Q"', 'code = "k7q"', "pumps.p1.code"),
        ('code = "K7Q"', 'code = "K7Q\\u0000"', "pumps.p1.code"),
        ('sealed = "', 'sealed = "x', "pumps.p1.sealed"),
        ('sealed = "', 'sealed = "' + "x" * 700, "pumps.p1.sealed"),
        ('code = "K7Q"', 'code = "K7Q"\ndrug = "ketamine"', "pumps.p1.drug"),
        ('code = "K7Q"', 'code = "K7Q"\nform = "base"', "pumps.p1.form"),
        ('code = "K7Q"', 'code = "K7Q"\nconcentration = "5 mg/mL"', "pumps.p1.concentration"),
        ('code = "K7Q"', 'code = "K7Q"\nrole = "anaesthetic_maintenance"', "pumps.p1.role"),
        ('code = "K7Q"', 'code = "M2P"', "pumps.p1.sealed"),
        ('volume_per_kg = "1 mL/kg"', 'dose = "5 mg/kg"', "steps[2].infuse.dose"),
    ],
)
def test_what_is_half_blinded_is_refused_at_its_line(bench: Bench, old: str, new: str, field: str) -> None:
    problem = blind(bench, ketamine(5.0)).edit(old, new).problem()
    assert problem.field == field
    assert problem.line > 0
    assert "ketamine" not in problem.sentence


def test_a_code_belongs_to_one_syringe(bench: Bench) -> None:
    blind(bench, VEHICLE)
    at = bench.protocol.index("[pumps.p1]")
    table = bench.protocol[at : bench.protocol.index("[[steps]]")].replace("p1", "p2")
    problems = bench.edit("[pumps.p1]", f"{table}[pumps.p1]").problems()
    assert "a code belongs to one syringe" in said(problems)


def test_R05_a_volume_per_weight_becomes_a_volume_and_needs_an_animal(bench: Bench) -> None:
    bench.edit('dose = "5 mg/kg"', 'volume_per_kg = "0.8 mL/kg"')
    step = bench.experiment().plan.steps[1]
    assert step.kind == "infuse"
    assert step.volume_ul == pytest.approx(20.0, rel=1e-3)
    bench.edit('species = "mouse"', 'species = "none"').edit("iv_infusion", "bench")
    assert "an amount in mL/kg needs an animal" in bench.problem().sentence
    bench.edit('volume_per_kg = "0.8 mL/kg"', 'volume_per_kg = "0.8 mL/kg", volume = "1 uL"')
    assert bench.problem().field == "steps[2].infuse.volume"


# ---- limits hold for what is truly in it ----------------------------------------------------------------------------


def test_R07_a_blinded_overdose_is_refused_when_the_plan_is_made_and_told_without_what_it_is(bench: Bench) -> None:
    problem = blind(bench, ketamine(50.0)).problem()
    assert problem.field == "steps[2].infuse.volume_per_kg"
    assert "more of what blinded syringe K7Q holds than a limit allows" in problem.sentence
    assert not tells(problem.sentence)
    assert not any(character.isdigit() for character in problem.sentence.replace("K7Q", ""))


def test_R07_a_blinded_rate_of_dose_is_refused_too(bench: Bench) -> None:
    blind(bench, ketamine(20.0)).edit('duration = "20 min"', 'duration = "8 min"')  # 20 mg/kg, 2.5 mg/kg/min of 2
    problems = bench.problems()
    assert "K7Q" in said(problems)
    assert not tells(" ".join(p.sentence for p in problems if p.field != "steps[2].infuse.duration"))


def test_R07_a_soft_limit_of_a_sealed_content_needs_a_name_under_one_name_for_all_of_them(bench: Bench) -> None:
    problem = blind(bench, ketamine(15.0)).problem()
    assert "soft limit sealed-content" in problem.sentence
    assert not tells(problem.sentence)
    override = '\n[[soft_limit_overrides]]\nlimit = "sealed-content"\nby = "Anna"\nreason = "as approved"\n'
    bench.protocol += override
    drug = bench.experiment().plan.warnings
    blinded = bench.protocol.split('sealed = "')[1].split('"')[0]
    vehicle = bench.edit(blinded, sealed(VEHICLE)).experiment().plan.warnings
    assert drug == vehicle, "whether it was needed would tell"
    assert any("Anna" in warning for warning in drug)


def test_an_override_of_sealed_content_is_pointed_out_where_nothing_is_sealed(bench: Bench) -> None:
    bench.protocol += '\n[[soft_limit_overrides]]\nlimit = "sealed-content"\nby = "Anna"\nreason = "no"\n'
    assert "is not needed by this plan" in str(bench.experiment().plan.warnings)


@pytest.mark.parametrize("solution", [VEHICLE, ketamine(1.0)])
def test_what_concerns_every_solution_is_told_in_full_and_alike(bench: Bench, solution: Solution) -> None:
    problem = blind(bench, solution, 'volume_per_kg = "23.9 mL/kg"').edit('"20 min"', '"3 h"').problems()[0]
    assert "hard limit" not in problem.sentence
    assert "all-routes-total" in said(bench.problems())
    assert "597.5 uL (23.9 mL/kg)" in said(bench.problems())


@pytest.mark.parametrize(
    "solution",
    [Solution("muscimol", "", 1.0), Solution("ketamine", "", 1.0), Solution("ketamine", "hydrochloride", None),
     Solution("Ketamine", "hydrochloride", 1.0), Solution("ketamine", "hydrochloride", -1.0)],
)  # fmt: skip
def test_a_content_that_no_limit_knows_is_refused_in_one_and_the_same_sentence(
    bench: Bench, solution: Solution
) -> None:
    problem = blind(bench, solution).problem()
    assert problem.field == "pumps.p1.sealed"
    assert problem.sentence.startswith('the limits "mouse, shipped" do not allow what blinded syringe K7Q holds by iv')
    assert not tells(problem.sentence)


def test_without_the_study_s_key_nothing_is_planned(bench: Bench) -> None:
    blind(bench, VEHICLE)
    seal_key_place(STUDY).unlink()
    assert "is not on this computer" in bench.problem().sentence


def test_R08_blinded_and_open_syringes_add_up() -> None:
    found = {}
    for name, content in (("drug", ketamine(20.0)), ("vehicle", VEHICLE)):
        blinded = Exposure(2, _blinded(OPEN, content), 600.0, 1200.0, 20.0, 0.1)
        both = [Exposure(1, OPEN, 0.0, 600.0, 40.0, 0.1), blinded]
        found[name] = [(excess.sealed, excess.step) for excess in excesses(LIMITS, 25.0, both, hard=True)]
    assert found == {"drug": [(True, 2)], "vehicle": []}  # 16 open and 16 blinded mg/kg of 30


OPEN = replace(PUMP, drug_form="hydrochloride", concentration_mg_per_ml=10.0)


def test_R08_doses_of_earlier_blinded_sessions_count_in_an_open_one_without_a_word_of_what_they_were() -> None:
    now = Exposure(1, OPEN, 0.0, 600.0, 25.0, 0.1)  # 10 mg/kg
    before = {name: [_earlier(past(62.5, content)), now] for name, content in CONTENTS.items()}
    (excess,) = excesses(LIMITS, 25.0, before["drug"], hard=True)  # 25 mg/kg an hour ago
    assert (excess.sealed, excess.step) == (True, 1)
    assert "M2P" in excess.found_text
    assert excesses(LIMITS, 25.0, before["vehicle"], hard=True) == []


CONTENTS = {"drug": ketamine(10.0), "vehicle": VEHICLE}


def _earlier(dose: PastDose) -> Exposure:
    return Exposure(EARLIER_SESSION, dose, -dose.started_ago_s, -dose.ended_ago_s, dose.volume_ul, 0.0)


def test_R08_a_history_that_cannot_be_opened_refuses_the_plan(bench: Bench) -> None:
    found = bench.experiment()
    dose = past(1.0, VEHICLE)
    seal_key_place(STUDY).unlink()
    with pytest.raises(RefusedInput, match=r"cannot be counted: the key of the study"):
        compile_plan(found.protocol, found.rig, found.limits, installed, (dose,))


_CONTENT = st.sampled_from([VEHICLE, ketamine(5.0), ketamine(20.0), ketamine(7.0, "base")])
_DOSE = st.tuples(
    _CONTENT, st.booleans(), st.floats(0.1, 60.0), st.floats(0.0, 3 * 3600.0), st.sampled_from([-1, 1, 2])
)


@given(st.lists(_DOSE, min_size=1, max_size=5), st.booleans())
def test_R07_R08_blinding_changes_no_refusal(doses: list[tuple[Solution, bool, float, float, int]], hard: bool) -> None:
    """Whatever is blinded of a list of doses: it is refused exactly when it is refused in the open."""

    def exposure(of: tuple[Solution, bool, float, float, int], *, blinded: bool) -> Exposure:
        content, _blind, volume_ul, at_s, step = of
        setup = replace(PUMP, drug=content.drug, drug_form=content.form,
                        concentration_mg_per_ml=content.concentration_mg_per_ml)  # fmt: skip
        start_s = at_s if step > 0 else -at_s - 600.0
        return Exposure(step, _blinded(setup, content) if blinded else setup, start_s, start_s + 600.0, volume_ul, 0.5)

    in_the_open = excesses(LIMITS, 25.0, [exposure(dose, blinded=False) for dose in doses], hard=hard)
    told = excesses(LIMITS, 25.0, [exposure(dose, blinded=dose[1]) for dose in doses], hard=hard)
    assert any(e.row.drug for e in in_the_open) == any(e.row.drug or e.sealed for e in told)
    assert [e for e in in_the_open if not e.row.drug] == [e for e in told if not (e.row.drug or e.sealed)]
    for excess in told:
        if excess.sealed:
            assert not tells(excess.found_text + excess.bound.text)


_SEALED: dict[Solution, PumpSetup] = {}


def _blinded(setup: PumpSetup, content: Solution) -> PumpSetup:
    blinded = _SEALED.setdefault(content, blinded_pump(PUMP, content))
    return replace(
        setup, drug=blinded.drug, drug_form="", concentration_mg_per_ml=None, code=CODE, sealed=blinded.sealed
    )


def test_how_much_of_a_drug_s_limit_is_used_is_told_of_open_solutions_alone() -> None:
    blinded = [_blinded(OPEN, ketamine(20.0)), _blinded(OPEN, VEHICLE)]
    now = Exposure(1, OPEN, 0.0, 600.0, 10.0, 0.1)
    told = [limit_uses(LIMITS, 25.0, [now, Exposure(2, one, 600.0, 900.0, 9.0, 0.1)]) for one in blinded]
    assert told[0] == told[1]
    assert next(use.found for use in told[0] if use.row.limit_id == "ketamine-iv-dose") == pytest.approx(4.0)


def test_a_dose_limit_that_names_no_drug_holds_for_blinded_syringes_and_tells_no_strength() -> None:
    row = next(row for row in LIMITS.rows if row.limit_id == "ketamine-iv-dose")
    of_any_drug = replace(LIMITS, rows=(*LIMITS.rows, replace(row, limit_id="any-dose", drug="")))
    now = [Exposure(1, _blinded(OPEN, ketamine(20.0)), 0.0, 600.0, 45.0, 0.1)]  # 36 mg/kg of 30
    (excess,) = excesses(of_any_drug, 25.0, now, hard=True)
    assert excess.sealed
    assert not tells(excess.found_text)
    assert "any-dose" not in {use.row.limit_id for use in limit_uses(of_any_drug, 25.0, now)}


# ---- at RUN ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intent", [ProgramInfusion(STEP), StartInfusion(STEP)])
def test_R07_a_blinded_overdose_is_refused_at_run(bench: Bench, intent: ProgramInfusion | StartInfusion) -> None:
    answers = {}
    for name, content in (("drug", ketamine(5.0)), ("vehicle", VEHICLE)):
        e = blind(Bench(bench.folder), content).experiment()
        snapshot = replace(good(e), past=(given_before(100.0, uncertain_ul=40.0, ended_s_ago=600.0),))
        answers[name] = decide(intent, snapshot, e.plan, e.limits)  # 28 mg/kg at worst, and 5 to come, of 30
    refused = answers["drug"]
    assert isinstance(refused, Refusal)
    assert "With step 2 the animal could get more of what blinded syringe K7Q holds" in refused.reason
    assert not tells(refused.reason + refused.remedy)
    assert isinstance(answers["vehicle"], Permit)


def test_a_key_that_is_lost_during_the_session_stops_nothing_and_a_new_process_refuses(bench: Bench) -> None:
    e = blind(bench, ketamine(5.0)).experiment()
    seal_key_place(STUDY).unlink()
    assert isinstance(decide(StartInfusion(STEP), good(e), e.plan, e.limits), Permit)
    opened_once.cache_clear()  # as in another process
    refused = decide(StartInfusion(STEP), good(e), e.plan, e.limits)
    assert isinstance(refused, Refusal)
    assert "cannot be counted" in refused.reason


# ---- before anybody knows who gets what -----------------------------------------------------------------------------


def test_a_study_is_refused_when_one_of_its_groups_would_be_whichever_is_in_the_syringe(bench: Bench) -> None:
    sentences = set()
    fine, too_much = [{"p1": VEHICLE}, {"p1": ketamine(5.0)}], [{"p1": VEHICLE}, {"p1": ketamine(50.0)}]
    for content in (VEHICLE, ketamine(5.0)):
        e = blind(Bench(bench.folder), content).experiment()
        check_every_solution(e.protocol, e.rig, e.limits, fine, drivers=installed)
        with pytest.raises(RefusedInput) as refused:
            check_every_solution(e.protocol, e.rig, e.limits, too_much, drivers=installed)
        sentences.add(" ".join(problem.sentence for problem in refused.value.problems))
    (sentence,) = sentences
    assert sentence.startswith("what one of the study's groups at least would get is refused; nobody is told which.")
    assert not tells(sentence)
    for wrong in ([], [{"p2": VEHICLE}], [{"p1": VEHICLE, "p2": VEHICLE}]):
        with pytest.raises(ValueError, match="every group says what is in each blinded pump"):
            check_every_solution(e.protocol, e.rig, e.limits, wrong, drivers=installed)


# ---- R03 ------------------------------------------------------------------------------------------------------------


def test_R03_blinded_infusions_are_compared_with_blinded_ones_only(bench: Bench) -> None:
    plan = blind(bench, ketamine(5.0)).experiment().plan
    in_the_open = PastDose(3600.0, 3600.0, 2.5, "ketamine", "hydrochloride", 5.0, "iv_infusion")
    assert doubts_about(replace(plan, history=(in_the_open,)), (), ()) == ()
    doubts = [doubts_about(replace(plan, history=(past(2.5, content),)), (), ()) for content in CONTENTS.values()]
    assert doubts[0] == doubts[1], "whatever is in them"
    (doubt,) = doubts[0]
    assert "The volume of blinded K7Q in p1 is" in doubt.what
    assert doubts_about(plan, [replace(plan.known_infusions()[0], volume_ul=2.5)], ("M1",))[-1].item_id.startswith(
        "jump"
    )


@pytest.mark.parametrize(("form", "refused"), [("hydrochloride", False), ("base", True)])
def test_R07_the_form_of_a_sealed_content_counts_as_in_the_open(form: str, *, refused: bool) -> None:
    blinded = Exposure(1, _blinded(OPEN, ketamine(28.0, form)), 0.0, 3600.0, 25.0, 0.1)  # 28 mg/kg, as base 32.3 of 30
    assert bool(excesses(LIMITS, 25.0, [blinded], hard=True)) is refused
