"""The gatekeeper: each condition taken away by itself is a refusal; STOP never is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.engine import preflight
from acquisition.engine.gatekeeper import (
    FinishSession,
    Intent,
    PastInfusion,
    Permit,
    ProgramInfusion,
    PumpSnapshot,
    Refusal,
    Snapshot,
    StartInfusion,
    StartPlan,
    StopAll,
    decide,
)
from acquisition.engine.preflight_facts import PreflightFacts, PumpProof, Word
from acquisition.experiment.compile import Experiment
from acquisition.messages import AlarmView, RecorderView
from acquisition.plan import Role
from drivers.capabilities import Identity, Motion, PumpProgram
from tests.experiment.conftest import Bench

NOW = 10_000_000_000_000
STEP = 2
PROGRAM = PumpProgram(4.61, 1.25, 25.0)
PUMP = PumpSnapshot(
    name="p1",
    link="online",
    simulated=True,
    identity_matched=True,
    motion=Motion.STOPPED,
    stop_confirmed=None,
    confirmed_ns=NOW - 200_000_000,
    watchdog_armed=True,
    self_tested_ns=NOW - 60_000_000_000,
    read_back=PROGRAM,
)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return Bench(tmp_path_factory.mktemp("experiment")).experiment()


def good(experiment: Experiment) -> Snapshot:
    return Snapshot(
        now_ns=NOW,
        phase="running",
        accepted_plan_sha256=experiment.plan.sha256,
        current_step=STEP,
        simulated=True,
        pumps=(PUMP,),
        past=(),
        alarms=(),
        recorder=RecorderView(disk_free_bytes=10_000_000_000),
        recorder_progressed_ns=NOW - 500_000_000,
        disk_need_bytes=100_000_000,
        attended=True,
    )


def prepared(snapshot: Snapshot, experiment: Experiment) -> Snapshot:
    """Return a snapshot in which the pre-flight is passed: watchdogs proved, every line ticked or accepted."""
    proof = PumpProof(Identity("new-era", "NE-1000", "3.9"), holds_watchdog=True, watchdog="proved")
    facts = PreflightFacts(date(2026, 1, 1), {pump.name: proof for pump in experiment.plan.pumps})
    snapshot = replace(snapshot, preflight=facts)
    lines = preflight.items(snapshot, experiment.plan, experiment.limits)
    words = {line.item_id: Word("Anna", line.what) for line in lines if line.level in ("warning", "tick")}
    return replace(snapshot, preflight=replace(facts, words=words))


def alarm(instrument: str, *, active: bool = False, acknowledged: bool = False) -> AlarmView:
    return AlarmView(
        alarm_id="a", priority="high", instrument=instrument, what="Stalled.", so_what="", do_what="Look at the line.",
        raised_ns=NOW, active=active, acknowledged=acknowledged,
    )  # fmt: skip


def given_before(volume_ul: float, uncertain_ul: float = 0.0, ended_s_ago: float = 60.0) -> PastInfusion:
    ended = NOW - int(ended_s_ago * 1e9)
    return PastInfusion(99, "p1", ended - 600_000_000_000, ended, volume_ul, uncertain_ul)


def test_R21_when_all_is_well_the_step_may_be_programmed_and_started(experiment: Experiment) -> None:
    for intent in (ProgramInfusion(STEP), StartInfusion(STEP)):
        assert decide(intent, good(experiment), experiment.plan, experiment.limits) == Permit(intent, PROGRAM)


@dataclass(frozen=True)
class Wrong:
    """One fact that is not as it should be, and a word of the refusal."""

    spoil: Callable[[Snapshot], Snapshot]
    words: str


def pump(**facts: object) -> Callable[[Snapshot], Snapshot]:
    return lambda s: replace(s, pumps=(replace(PUMP, **facts),))  # type: ignore[arg-type]


def recorder(**facts: object) -> Callable[[Snapshot], Snapshot]:
    return lambda s: replace(s, recorder=s.recorder.model_copy(update=facts))


WRONG_FOR_BOTH = [
    Wrong(lambda s: replace(s, accepted_plan_sha256="0" * 64), "not the plan that was accepted"),
    Wrong(lambda s: replace(s, simulated=False), "mixed"),
    Wrong(pump(simulated=False), "mixed"),
    Wrong(lambda s: replace(s, clock_sound=False), "clock jumped"),
    Wrong(lambda s: replace(s, phase="stopped"), "not running"),
    Wrong(lambda s: replace(s, current_step=1), "not the turn of step 2"),
    Wrong(lambda s: replace(s, past=(replace(given_before(1.0), step=STEP),)), "was started before"),
    Wrong(lambda s: replace(s, pumps=()), "not online"),
    Wrong(pump(link="lost"), "not online"),
    Wrong(pump(identity_matched=False), "not been identified"),
    Wrong(pump(stop_confirmed=False), "NOT CONFIRMED STOPPED"),
    Wrong(pump(motion=Motion.INFUSING), "not known to stand still"),
    Wrong(pump(motion=Motion.UNKNOWN), "not known to stand still"),
    Wrong(pump(infusing_step=1), "busy with step 1"),
    Wrong(pump(confirmed_ns=None), "has not answered"),
    Wrong(pump(confirmed_ns=NOW - 3_100_000_000), "has not answered for 3 s"),
    Wrong(pump(alarm=True), "reports an alarm"),
    Wrong(lambda s: replace(s, alarms=(alarm("p1"),)), "Stalled."),
    Wrong(lambda s: replace(s, alarms=(alarm("p1", active=True, acknowledged=True),)), "Stalled."),
    Wrong(lambda s: replace(s, alarms=(alarm("engine"),)), "Stalled."),
    Wrong(recorder(failing="disk full"), "disk full"),
    Wrong(recorder(queue_fill=0.5), "50% full"),
    Wrong(recorder(disk_free_bytes=None), "unknown"),
    Wrong(recorder(disk_free_bytes=199_999_999), "200 MB"),
    Wrong(lambda s: replace(s, recorder_progressed_ns=None), "Nothing has been recorded"),
    Wrong(lambda s: replace(s, recorder_progressed_ns=NOW - 3_100_000_000), "Nothing has been recorded"),
    Wrong(lambda s: replace(s, past=(given_before(576.0),)), "holds 24 uL at worst"),
    Wrong(lambda s: replace(s, past=(given_before(0.0, 576.0),)), "holds 24 uL at worst"),
    Wrong(lambda s: replace(s, past=(given_before(126.0),)), "hard limit ketamine-iv-dose"),
    Wrong(lambda s: replace(s, past=(given_before(100.0, 26.0),)), "hard limit ketamine-iv-dose"),
]
WRONG_FOR_START = [
    Wrong(pump(read_back=None), "have not been read back"),
    Wrong(pump(read_back=replace(PROGRAM, target_ul=25_000.0)), "holds 2.5e+04 uL"),
    Wrong(pump(read_back=replace(PROGRAM, rate_ul_per_min=1.26)), "1.26 uL/min"),
    Wrong(pump(read_back=replace(PROGRAM, diameter_mm=4.62)), "4.62 mm"),
    Wrong(pump(watchdog_armed=False), "watchdog of pump p1 is not armed"),
]


@pytest.mark.parametrize("wrong", WRONG_FOR_BOTH, ids=lambda wrong: wrong.words)
@pytest.mark.parametrize("intent", [ProgramInfusion(STEP), StartInfusion(STEP)], ids=lambda i: type(i).__name__)
def test_R21_each_missing_condition_refuses_with_reason_and_remedy(
    experiment: Experiment, intent: Intent, wrong: Wrong
) -> None:
    answer = decide(intent, wrong.spoil(good(experiment)), experiment.plan, experiment.limits)
    assert isinstance(answer, Refusal)
    assert wrong.words in answer.reason
    assert answer.remedy


@pytest.mark.parametrize("wrong", WRONG_FOR_START, ids=lambda wrong: wrong.words)
def test_R20_R41_what_the_pump_holds_must_be_the_plan_before_run(experiment: Experiment, wrong: Wrong) -> None:
    snapshot = wrong.spoil(good(experiment))
    answer = decide(StartInfusion(STEP), snapshot, experiment.plan, experiment.limits)
    assert isinstance(answer, Refusal)
    assert wrong.words in answer.reason
    assert isinstance(decide(ProgramInfusion(STEP), snapshot, experiment.plan, experiment.limits), Permit)


def test_R21_all_reasons_come_at_once(experiment: Experiment) -> None:
    snapshot = recorder(failing="disk full")(pump(link="lost")(good(experiment)))
    answer = decide(StartInfusion(STEP), snapshot, experiment.plan, experiment.limits)
    assert isinstance(answer, Refusal)
    assert len(answer.causes) == 2


def test_R11_a_plan_that_was_changed_after_it_was_accepted_starts_nothing(experiment: Experiment) -> None:
    tampered = replace(experiment.plan, subject=replace(experiment.plan.subject, weight_g=30.0))
    answer = decide(StartInfusion(STEP), good(experiment), tampered, experiment.limits)
    assert isinstance(answer, Refusal)
    assert "not the plan that was accepted" in answer.reason


def test_X13_limits_that_were_changed_after_the_plan_was_made_start_nothing(experiment: Experiment) -> None:
    raised = replace(experiment.limits, sha256="f" * 64)
    assert isinstance(decide(StartInfusion(STEP), good(experiment), experiment.plan, raised), Refusal)


def test_R08_what_was_given_longer_ago_than_the_window_no_longer_counts_against_it(experiment: Experiment) -> None:
    old = replace(good(experiment), past=(given_before(124.0, 2.0, ended_s_ago=7200.0),))
    assert isinstance(decide(StartInfusion(STEP), old, experiment.plan, experiment.limits), Permit)


def test_a_recorder_fault_does_not_refuse_an_anaesthetic(experiment: Experiment) -> None:
    role: Role = "anaesthetic_maintenance"
    plan = replace(experiment.plan, pumps=(replace(experiment.plan.pumps[0], role=role),))
    failing = replace(recorder(failing="disk full")(good(experiment)), accepted_plan_sha256=plan.sha256)
    assert isinstance(decide(StartInfusion(STEP), failing, plan, experiment.limits), Permit)
    stalled = replace(failing, alarms=(alarm("p1", active=True),))
    assert isinstance(decide(StartInfusion(STEP), stalled, plan, experiment.limits), Refusal)


def test_R21_an_experimental_infusion_waits_for_its_electrodes_and_an_anaesthetic_does_not(
    experiment: Experiment,
) -> None:
    silent = replace(good(experiment), alarms=(alarm(experiment.plan.potentiostats[0].name, active=True),))
    assert isinstance(decide(StartInfusion(STEP), silent, experiment.plan, experiment.limits), Refusal)
    role: Role = "anaesthetic_maintenance"
    plan = replace(experiment.plan, pumps=(replace(experiment.plan.pumps[0], role=role),))
    silent = replace(silent, accepted_plan_sha256=plan.sha256)
    assert isinstance(decide(StartInfusion(STEP), silent, plan, experiment.limits), Permit)


def test_the_first_step_may_be_programmed_while_ready_but_not_started(experiment: Experiment) -> None:
    ready = replace(good(experiment), phase="ready", current_step=None)
    assert isinstance(decide(ProgramInfusion(STEP), ready, experiment.plan, experiment.limits), Permit)
    assert isinstance(decide(StartInfusion(STEP), ready, experiment.plan, experiment.limits), Refusal)


def test_only_infusions_can_be_started(experiment: Experiment) -> None:
    for number in (1, 77):
        answer = decide(StartInfusion(number), good(experiment), experiment.plan, experiment.limits)
        assert isinstance(answer, Refusal)


@pytest.mark.parametrize("wrong", WRONG_FOR_BOTH, ids=lambda wrong: wrong.words)
def test_R34_stop_is_always_permitted(experiment: Experiment, wrong: Wrong) -> None:
    snapshot = wrong.spoil(good(experiment))
    assert decide(StopAll("x"), snapshot, experiment.plan, experiment.limits) == Permit(StopAll("x"))


def test_a_plan_starts_once_from_ready_with_every_pump_in_order(experiment: Experiment) -> None:
    ready = prepared(replace(good(experiment), phase="ready", current_step=None), experiment)
    assert isinstance(decide(StartPlan(), ready, experiment.plan, experiment.limits), Permit)
    for spoil in (pump(link="lost"), recorder(failing="x"), lambda s: replace(s, phase="finished")):
        assert isinstance(decide(StartPlan(), spoil(ready), experiment.plan, experiment.limits), Refusal)


def test_a_session_is_not_finished_under_a_moving_pump_but_a_lost_one_does_not_hold_it(experiment: Experiment) -> None:
    def finish(spoil: Callable[[Snapshot], Snapshot]) -> bool:
        return isinstance(decide(FinishSession(), spoil(good(experiment)), experiment.plan, experiment.limits), Permit)

    assert finish(lambda s: s)
    assert not finish(pump(motion=Motion.INFUSING))
    assert not finish(pump(stop_confirmed=False))
    assert finish(pump(link="lost", motion=Motion.UNKNOWN))


@given(confirmed=st.floats(0, 300), uncertain=st.floats(0, 300), ago_s=st.floats(0, 20_000))
def test_R07_whatever_the_ledger_says_no_permit_lets_a_hard_limit_be_broken(
    experiment: Experiment, confirmed: float, uncertain: float, ago_s: float
) -> None:
    snapshot = replace(good(experiment), past=(given_before(confirmed, uncertain, ago_s),))
    answer = decide(StartInfusion(STEP), snapshot, experiment.plan, experiment.limits)
    total_ul = confirmed + uncertain + 25.0
    if isinstance(answer, Permit):
        assert total_ul * 5.0 / 25.0 <= 50.0 * (1 + 1e-9)
        if ago_s + 600.0 + 1200.0 <= 7200.0:
            assert total_ul * 5.0 / 25.0 <= 30.0 * (1 + 1e-9)
    else:
        assert total_ul * 5.0 / 25.0 > 30.0 * (1 - 1e-9)


@pytest.mark.parametrize("intent", [ProgramInfusion(STEP), StartInfusion(STEP)])
def test_R30_no_infusion_begins_while_another_of_that_pump_runs(experiment: Experiment, intent: Intent) -> None:
    running = replace(PUMP, motion=Motion.INFUSING, infusing_step=1)

    refusal = decide(intent, replace(good(experiment), pumps=(running,)), experiment.plan, experiment.limits)

    assert isinstance(refusal, Refusal)
    assert "busy with step 1" in refusal.reason
    assert "Stop pump p1" in refusal.remedy


def test_R30_a_step_is_given_once_however_often_it_is_asked_for(experiment: Experiment) -> None:
    given = PastInfusion(step=STEP, pump="p1", started_ns=NOW - 10, ended_ns=NOW, confirmed_ul=0.1, uncertain_ul=0.0)

    refusal = decide(StartInfusion(STEP), replace(good(experiment), past=(given,)), experiment.plan, experiment.limits)

    assert isinstance(refusal, Refusal)
    assert "was started before" in refusal.reason
