"""Faults on the wire and in the pump, on the simulated bench, through the real driver: what must come of each.

The oracle is the simulated plunger (``true_ul``); the engine sees bytes only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acquisition.events import EventKind
from acquisition.messages import Stop
from acquisition.plan import WaitStep
from drivers.capabilities import Motion
from drivers.clock import NS_PER_S
from tests.engine.kit import INFUSION, Lab, make_plan, seconds

RATE_UL_PER_S = INFUSION.rate_ul_per_min / 60
WATCHDOG_S = 5
HALFWAY_S = 20.0
"""Well inside the infusion of 40 s that starts about two seconds after time zero."""


def test_a_plan_without_faults_delivers_exactly_what_it_says(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[])

    lab.run()

    assert lab.conductor.outcome == "finished"
    assert lab.true_ul() == pytest.approx(INFUSION.volume_ul, rel=1e-3)
    assert lab.pump.ledger.confirmed_ul == pytest.approx(lab.true_ul(), abs=0.002)
    assert lab.pump.ledger.uncertain_ul(lab.clock.now_ns()) == 0
    assert lab.alarm_ids() == set()
    samples = sum(len(block.index) for block in lab.sink.blocks)
    assert samples == pytest.approx(lab.now_s / 0.1, rel=0.1)


def test_R54_the_intent_is_committed_before_RUN_is_on_the_wire(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[])

    lab.run()

    intents = [t_ns for t_ns, event in lab.sink.committed if event.kind is EventKind.INTENT]
    runs = lab.wire_out(b"RUN")
    assert len(intents) == len(runs) == 1
    assert intents[0] <= runs[0]


def test_R54_a_disk_that_takes_no_intent_keeps_RUN_off_the_wire(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[], operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.conductor.start_plan(lab.clock.now_ns())
    lab.sink.fail_commits = "disk full"

    lab.run(60)

    assert lab.wire_out(b"VOL"), "it was programmed"
    assert lab.wire_out(b"RUN") == []
    assert lab.true_ul() == 0
    assert lab.conductor.phase == "holding"
    assert "not sent" in [event.data.get("what") for event in lab.sink.events]


@pytest.mark.parametrize("fault", ["drop", "garble", "duplicate", "delay", "cut"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_R25_a_bad_line_never_overdoses(tmp_path: Path, fault: str, seed: int) -> None:
    value = "=700ms" if fault == "delay" else ""
    lab = Lab(tmp_path, faults=[f"drug:{fault}~0.08{value}"], seed=seed)

    lab.run(400)

    assert lab.true_ul() <= INFUSION.volume_ul * 1.001
    assert_ledger_covers_truth(lab)
    assert len(lab.wire_out(b"RUN")) <= 2


def test_R36_a_lost_reply_to_RUN_is_followed_by_questions_and_never_by_RUN(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[], operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.conductor.start_plan(lab.clock.now_ns())
    lab.until(lambda: bool(lab.wire_out(b"RUN")) or "RUN goes out" in lab.texts())
    start_s = lab.wire_out(b"RUN")[0] / NS_PER_S

    again = Lab(tmp_path, faults=[f"drug:drop@{start_s - 0.005}s+0.3s"], operator=False)
    again.until(lambda: again.conductor.phase == "ready")
    again.conductor.start_plan(again.clock.now_ns())
    again.run(120)

    assert "start-unclear:drug" in again.alarm_ids()
    assert len(again.wire_out(b"RUN")) == len([e for _, e in again.sink.committed if e.kind is EventKind.INTENT])
    assert again.true_ul() <= INFUSION.volume_ul * 1.001
    assert_ledger_covers_truth(again)


def test_R35_R37_unplug_ends_at_the_watchdog_and_replug_stays_stopped(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[f"drug:unplug@{HALFWAY_S}s+30s"])
    lab.person.stuck_after_s = 1000  # nobody ends the held plan
    lab.until(lambda: lab.now_s > HALFWAY_S + 25)
    during_ul = lab.true_ul()
    assert lab.pump.motion is Motion.UNKNOWN
    assert lab.pump.stop_confirmed is False
    assert {"pump-lost:drug", "not-confirmed-stopped:drug"} <= lab.alarm_ids()
    uncertain_ul = lab.pump.ledger.uncertain_ul(lab.clock.now_ns())
    assert during_ul <= lab.pump.ledger.confirmed_ul + uncertain_ul

    lab.until(lambda: lab.pump.stop_confirmed is True)

    assert lab.now_s > HALFWAY_S + 30
    assert lab.true_ul() == during_ul
    assert lab.pump.ledger.confirmed_ul == pytest.approx(during_ul, abs=0.01)
    assert lab.conductor.phase == "holding"
    assert len(lab.wire_out(b"RUN")) == 1
    missed_s = lab.conductor.schedule.views[0].ended_ns or 0
    assert missed_s / NS_PER_S < HALFWAY_S + 10


def test_R38_a_power_cycle_aborts_and_keeps_the_counter_from_before(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[f"drug:power-cycle@{HALFWAY_S}s"])

    lab.run(120)

    assert "pump-reset:drug" in lab.alarm_ids()
    assert len(lab.wire_out(b"RUN")) == 1
    assert 0.5 < lab.pump.ledger.confirmed_ul <= lab.true_ul() + 0.01
    assert_ledger_covers_truth(lab)
    assert lab.person.gave_up


def test_a_stall_stops_the_pump_and_says_so(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[f"drug:stall@{HALFWAY_S}s"])

    lab.run(120)

    assert "pump-stall:drug" in lab.alarm_ids()
    assert lab.true_ul() < INFUSION.volume_ul / 2 + 0.1
    assert lab.conductor.schedule.views[0].state == "aborted"


def test_R33_stop_during_the_infusion_is_on_the_wire_within_100_ms(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[])
    lab.until_infusing()
    asked_ns = lab.clock.now_ns()
    lab.send(Stop(request=1, reason="test"))

    lab.until(lambda: bool(lab.answers))

    stops = [t_ns for t_ns in lab.wire_out(b"STP") if t_ns >= asked_ns]
    assert stops[0] - asked_ns <= 100_000_000
    assert lab.answers[0].confirmed is True
    assert lab.true_ul() < INFUSION.volume_ul
    lab.run(60)
    assert lab.conductor.outcome == "stopped"


def test_U2_stop_while_the_pump_is_being_programmed_wins(tmp_path: Path) -> None:
    first = Lab(tmp_path, faults=[])
    first.run()
    programmed_ns = first.wire_out(b"VOL")[0]
    lab = Lab(tmp_path, faults=[])
    lab.script.at(programmed_ns / NS_PER_S, lambda: lab.conductor.emergency_stop("test"))

    lab.run(60)

    assert lab.wire_out(b"RUN") == []
    assert lab.true_ul() == 0
    assert lab.conductor.stop_confirmed()


def test_R33_stop_overtakes_an_exchange_that_hangs(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[f"drug:drop@{HALFWAY_S}s+2s"])
    asked_ns = seconds(HALFWAY_S + 0.7)
    lab.script.at(HALFWAY_S + 0.7, lambda: lab.conductor.emergency_stop("test"))

    lab.run(60)

    stops = [t_ns for t_ns in lab.wire_out(b"STP") if t_ns >= asked_ns]
    assert stops[0] - asked_ns <= 100_000_000
    assert lab.conductor.stop_confirmed()
    assert lab.true_ul() <= RATE_UL_PER_S * (HALFWAY_S + 3)


def test_R42_a_frozen_conductor_lets_the_pump_stop_itself(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[])
    lab.until_infusing()
    lab.until(lambda: lab.now_s > HALFWAY_S)
    at_freeze_ul = lab.true_ul()
    lab.host = type(lab.host)(lab.clock, lab.session.lanes, lambda: False)  # the lanes live on, the conductor does not

    lab.run(lab.now_s + 30)

    assert lab.true_ul() - at_freeze_ul <= RATE_UL_PER_S * (WATCHDOG_S + 1)
    assert lab.true_ul() < INFUSION.volume_ul


def test_R42_R21_a_frozen_recorder_ends_an_experimental_infusion(tmp_path: Path) -> None:
    lab = Lab(tmp_path, faults=[])
    lab.until(lambda: lab.now_s > HALFWAY_S)
    at_freeze_ul = lab.true_ul()
    lab.sink.frozen = True

    lab.run(lab.now_s + 20)

    assert "recorder-failing" in lab.alarm_ids()
    assert lab.true_ul() - at_freeze_ul <= RATE_UL_PER_S * (WATCHDOG_S + 1)
    assert lab.sink.blocks[-1].received_ns > seconds(lab.now_s - 2), "sampling goes on"


def test_a_potentiostat_that_is_unplugged_comes_back_as_a_new_epoch(tmp_path: Path) -> None:
    steps = (WaitStep(1, "baseline", 60.0),)
    lab = Lab(tmp_path, make_plan(steps), faults=["sensor:unplug@20s+10s"])

    lab.run()

    assert lab.conductor.outcome == "finished"
    assert "sensor-lost:sensor" in lab.alarm_ids()
    epochs = {block.epoch for block in lab.sink.blocks}
    assert len(epochs) == 2
    t_s = np.concatenate([block.t_ns() for block in lab.sink.blocks]) / NS_PER_S
    assert not np.any((t_s > 20.5) & (t_s < 29.5)), "nothing is filled in"
    (gap,) = [event.data for event in lab.sink.events if event.kind is EventKind.GAP]
    assert gap["count"] == pytest.approx(110, abs=15), "and it is in the events, with its length"
    assert np.all(np.diff(t_s) > 0)


@pytest.mark.parametrize("fault", ["power-cycle@20s", "drop@20s+15s"])
def test_a_potentiostat_that_falls_silent_on_a_whole_line_is_started_anew(tmp_path: Path, fault: str) -> None:
    steps = (WaitStep(1, "baseline", 90.0),)
    lab = Lab(tmp_path, make_plan(steps), faults=[f"sensor:{fault}"])

    lab.run()

    assert "sensor-silent:sensor" in lab.alarm_ids()
    assert lab.sink.blocks[-1].received_ns > seconds(85), "sampling to the end"
    (gap,) = [event.data for event in lab.sink.events if event.kind is EventKind.GAP]
    assert float(str(gap["count"])) > 50
    t_s = np.concatenate([block.t_ns() for block in lab.sink.blocks]) / NS_PER_S
    assert np.all(np.diff(t_s) > 0)
    assert lab.sink.events[-1].data["safe"] is True


def test_the_same_seed_gives_the_same_samples_and_events(tmp_path: Path) -> None:
    def run(seed: int) -> tuple[list[str], bytes]:
        lab = Lab(tmp_path, faults=["drug:drop~0.05", "drug:duplicate~0.05"], seed=seed)
        lab.run(200)
        events = [f"{e.t_ns} {e.kind} {e.text}" for e in lab.sink.events]
        return events, b"".join(block.current_a.tobytes() for block in lab.sink.blocks)

    first, second, other = run(5), run(5), run(6)

    assert first == second
    assert first[1] != other[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_R25_random_fault_schedules_never_overdose(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = ["drop~0.02", "garble~0.02", "duplicate~0.05", "delay~0.01=600ms", "cut~0.02"]
    faults = [f"drug:{kind}" for kind in kinds if rng.random() < 0.5]
    for kind, value in (("unplug", f"+{rng.integers(1, 20)}s"), ("power-cycle", ""), ("stall", ""), ("drop", "+2s")):
        if rng.random() < 0.4:
            faults.append(f"drug:{kind}@{rng.uniform(0.5, 45):.3f}s{value}")
    lab = Lab(tmp_path, faults=faults, seed=seed)
    if rng.random() < 0.3:
        lab.script.at(float(rng.uniform(0.5, 45)), lambda: lab.conductor.emergency_stop("test"))

    lab.run(400)

    runs, intents = len(lab.wire_out(b"RUN")), [e for _, e in lab.sink.committed if e.kind is EventKind.INTENT]
    assert lab.true_ul() <= INFUSION.volume_ul * 1.001, faults
    assert runs <= len(intents) <= 2, faults
    assert_ledger_covers_truth(lab)


def assert_ledger_covers_truth(lab: Lab) -> None:
    """The ledger never under-counts, and confirms nothing that was not delivered, but for the counter's rounding."""
    ledger, step_ul = lab.pump.ledger, 0.011
    uncertain_ul = ledger.uncertain_ul(lab.clock.now_ns())
    assert lab.true_ul() <= ledger.confirmed_ul + uncertain_ul + step_ul
    assert ledger.confirmed_ul <= lab.true_ul() + step_ul
