"""The pre-flight: every line can fail, all are told at once, and nothing is moved by a start that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from acquisition.books import containers
from acquisition.books.animal import AnimalBook
from acquisition.books.balance import balance
from acquisition.books.containers import ContainerBook, Label
from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.books.run_books import RunBooks
from acquisition.engine import preflight
from acquisition.engine.gate_facts import PastInfusion, Refusal, Snapshot, StartPlan
from acquisition.engine.gatekeeper import decide
from acquisition.engine.preflight_facts import Background, ScaleReading, Word
from acquisition.experiment.doubts import Doubt
from acquisition.messages import Accept, AlarmView, MoveIntoWaste, PreflightItem, ReadScale, RunChecks, Start
from acquisition.plan import Plan, PumpSetup
from acquisition.recording.records import INTENT_OUTCOMES
from drivers.capabilities import Motion
from drivers.clock import NS_PER_S
from drivers.errors import ReplyTimeout
from tests.engine.kit import LIMITS, PUMP, SENSOR, Lab, make_plan

TODAY = date(2026, 1, 1)
SECOND = replace(PUMP, name="other", url="sim://new-era/other")
CALIBRATED = replace(
    SENSOR, channels=tuple(replace(c, calibrated_on="2025-12-30") for c in SENSOR.channels if c.role == "glutamate")
)


def passed(tmp_path: Path, plan: Plan | None = None) -> tuple[Snapshot, Plan]:
    """Return a moment in which nothing stands against a start."""
    lab = Lab(tmp_path, plan or make_plan(sensors=(CALIBRATED,)), operator=False)
    lab.until(lambda: lab.conductor.phase == "ready")
    lab.prepare()
    snapshot = lab.conductor.snapshot(lab.clock.now_ns())
    facts = replace(snapshot.preflight, today=TODAY)
    return replace(snapshot, preflight=facts), lab.plan


def lines(snapshot: Snapshot, plan: Plan) -> dict[str, PreflightItem]:
    return {item.item_id: item for item in preflight.items(snapshot, plan, LIMITS)}


@dataclass(frozen=True)
class Cause:
    """What goes wrong, the line that must say so, and a word of it. ``level``: what a person may do about it."""

    line: str
    words: str
    spoil: Callable[[Snapshot], Snapshot]
    level: str = "refused"


def pump(**facts: object) -> Callable[[Snapshot], Snapshot]:
    return lambda s: replace(s, pumps=(replace(s.pumps[0], **facts),))  # type: ignore[arg-type]


def proof(**facts: object) -> Callable[[Snapshot], Snapshot]:
    def spoil(s: Snapshot) -> Snapshot:
        proofs = {name: replace(p, **facts) for name, p in s.preflight.proofs.items()}  # type: ignore[arg-type]
        return replace(s, preflight=replace(s.preflight, proofs=proofs))

    return spoil


def recorder(**facts: object) -> Callable[[Snapshot], Snapshot]:
    return lambda s: replace(s, recorder=s.recorder.model_copy(update=facts))


def unsaid(line: str) -> Callable[[Snapshot], Snapshot]:
    def spoil(s: Snapshot) -> Snapshot:
        words = {name: word for name, word in s.preflight.words.items() if name != line}
        return replace(s, preflight=replace(s.preflight, words=words))

    return spoil


def alarm(s: Snapshot) -> Snapshot:
    found = AlarmView(
        alarm_id="pump-stall", priority="high", instrument="drug", what="drug stalled.", so_what="Nothing flows.",
        do_what="Look at the line.", raised_ns=0, active=False, acknowledged=False,
    )  # fmt: skip
    return replace(s, alarms=(found,))


def doubt(s: Snapshot) -> Snapshot:
    found = Doubt("jump:drug:rate:animal", "Ten times as much as last time.", "It would be too much.", "Look again.")
    return replace(s, preflight=replace(s.preflight, background=Background(doubts=(found,))))


CAUSES = [
    Cause("plan", "not the plan that was accepted", lambda s: replace(s, accepted_plan_sha256="0")),
    Cause("session", "stopped, not ready", lambda s: replace(s, phase="stopped")),
    Cause("clock", "slept", lambda s: replace(s, clock_sound=False)),
    Cause("recording", "disk error", recorder(failing="disk error")),
    Cause("recording", "Nothing has been recorded for 3 s", lambda s: replace(s, recorder_progressed_ns=None)),
    Cause("recording", "behind", recorder(queue_fill=0.9)),
    Cause("disk", "Free disk space is 1 MB", recorder(disk_free_bytes=10**6)),
    Cause("alarm:drug:pump-stall", "stalled", alarm),
    Cause("identity:drug", "not online", pump(link="lost")),
    Cause("identity:drug", "has not been identified", pump(identity_matched=False)),
    Cause("still:drug", "not known to stand still", pump(motion=Motion.INFUSING)),
    Cause("still:drug", "NOT CONFIRMED STOPPED", pump(stop_confirmed=False)),
    Cause("still:drug", "reports an alarm", pump(alarm=True)),
    Cause("self-test:drug", "has not passed its self-test", pump(self_tested_ns=None)),
    Cause("self-test:drug", "more than 10 min ago", lambda s: pump(self_tested_ns=s.now_ns - 601 * NS_PER_S)(s)),
    Cause("watchdog:drug", "Nobody has seen the watchdog of drug expire", proof(watchdog="untried")),
    Cause("watchdog:drug", "left alone", proof(watchdog="trying"), "wait"),
    Cause("watchdog:drug", "did not do its work", proof(watchdog="failed", watchdog_why="it raised no alarm")),
    Cause("watchdog:drug", "has no watchdog", proof(holds_watchdog=False), "warning"),
    Cause("volume:drug", "holds", lambda s: replace(s, past=(_gone(599.0),))),
    Cause("syringe:drug", "BD 1 mL", unsaid("syringe:drug"), "tick"),
    Cause("line:drug", "full of its solution", unsaid("line:drug"), "tick"),
    Cause("scale:drug", "was not made", unsaid("scale:drug"), "warning"),
    Cause("scale:drug", "moves into waste", proof(moving_into_waste=True), "wait"),
    Cause("scale:drug", "nobody has said", proof(scale=ScaleReading(34.7))),
    Cause("scale:drug", "10 times as much", proof(scale=ScaleReading(34.7, 347.0, "Anna"))),
    Cause("scale:drug", "0.89 times as much", proof(scale=ScaleReading(34.7, 30.9, "Anna"))),
    Cause("calibration:sensor", "9 days old, more than 7", lambda s: _on(s, date(2026, 1, 8)), "warning"),
    Cause("calibration:sensor", "still to come", lambda s: _on(s, date(2025, 12, 1)), "warning"),
    Cause("jump:drug:rate:animal", "Ten times", doubt, "warning"),
    Cause("height", "height of the animal", unsaid("height"), "tick"),
    Cause("anti-siphon", "anti-siphon valve", unsaid("anti-siphon"), "tick"),
    Cause("clamp", "clamp", unsaid("clamp"), "tick"),
]


def _gone(volume_ul: float) -> PastInfusion:
    return PastInfusion(0, "drug", 0, 0, volume_ul, 0.0)


def _on(s: Snapshot, today: date) -> Snapshot:
    return replace(s, preflight=replace(s.preflight, today=today))


@pytest.fixture(scope="module")
def fine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, Plan]:
    return passed(tmp_path_factory.mktemp("preflight"))


def test_R21_a_start_with_everything_in_order_is_permitted_and_every_line_says_so(fine: tuple[Snapshot, Plan]) -> None:
    snapshot, plan = fine
    assert not isinstance(decide(StartPlan(), snapshot, plan, LIMITS), Refusal)
    assert not [item for item in lines(snapshot, plan).values() if item.blocks]


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: f"{cause.line} {cause.words}")
def test_R21_R18_R13_R15_R17_R31_R41_each_line_fails_by_its_cause_and_refuses_the_start(
    fine: tuple[Snapshot, Plan], cause: Cause
) -> None:
    spoiled, plan = cause.spoil(fine[0]), fine[1]

    blocking = [item for item in preflight.items(spoiled, plan, LIMITS) if item.blocks]
    decision = decide(StartPlan(), spoiled, plan, LIMITS)

    assert [(item.item_id, item.level) for item in blocking] == [(cause.line, cause.level)]
    assert cause.words in blocking[0].what
    assert blocking[0].do_what, "what to do now"
    assert isinstance(decision, Refusal)
    assert decision.reason == blocking[0].what
    assert "Traceback" not in decision.reason


def test_R21_all_reasons_are_told_at_once(fine: tuple[Snapshot, Plan]) -> None:
    snapshot, plan = fine
    spoils = (recorder(failing="x"), proof(watchdog="untried"), unsaid("clamp"), pump(self_tested_ns=None))
    for spoil in spoils:
        snapshot = spoil(snapshot)
    decision = decide(StartPlan(), snapshot, plan, LIMITS)
    assert isinstance(decision, Refusal)
    assert len(decision.causes) == 4


def test_R19_pumps_that_only_their_cables_tell_apart_must_be_looked_at(tmp_path: Path) -> None:
    snapshot, plan = passed(tmp_path, make_plan(pumps=(PUMP, SECOND), sensors=(CALIBRATED,)))
    assert lines(snapshot, plan)["which-pump:drug"].level == "tick"
    assert "swapped cables" in lines(snapshot, plan)["which-pump:drug"].so_what
    told_apart: list[tuple[PumpSetup, PumpSetup]] = [
        (PUMP, replace(SECOND, address=1)),
        (PUMP, replace(SECOND, url=PUMP.url, address=1)),
        (replace(PUMP, expected_serial_number="1"), replace(SECOND, expected_serial_number="2")),
    ]
    for pair in told_apart:
        found = preflight.items(snapshot, replace(plan, pumps=pair), LIMITS)
        assert not [item for item in found if item.item_id.startswith("which-pump") and item.level != "ok"]


def test_a_word_counts_only_for_the_line_as_it_read_then(fine: tuple[Snapshot, Plan]) -> None:
    snapshot, plan = fine
    words = dict(snapshot.preflight.words) | {"line:drug": Word("Anna", "something else")}
    changed = replace(snapshot, preflight=replace(snapshot.preflight, words=words))
    assert lines(changed, plan)["line:drug"].blocks


def test_R21_a_real_run_wants_approved_limits_and_a_weight_of_today(fine: tuple[Snapshot, Plan]) -> None:
    snapshot, plan = fine
    real = replace(plan, simulated=False)
    approved = replace(snapshot.preflight, background=Background(limits_approved_by="Dr Vet"), today=TODAY)
    found = lines(replace(snapshot, preflight=approved), real)
    assert (found["limits"].level, found["weight"].level) == ("ok", "ok")
    old = lines(_on(snapshot, date(2026, 1, 9)), real)
    assert (old["limits"].level, old["weight"].level) == ("refused", "refused")
    assert "weighed 8 days ago" in old["weight"].what


# ---- what the engine does about it ----------------------------------------------------------------------------------


def ready(tmp_path: Path, *, on_bytes: bool = False, **more: object) -> Lab:
    lab = Lab(tmp_path, faults=[] if on_bytes else None, operator=False, **more)  # type: ignore[arg-type]
    lab.until(lambda: lab.conductor.phase == "ready")
    return lab


def submit(lab: Lab, command: object, wait_s: float = 0.5) -> str:
    lab.conductor.submit(command, lab.answers.append)  # type: ignore[arg-type]
    lab.run(lab.now_s + wait_s)
    return lab.answers[-1].text


def line(lab: Lab, item_id: str) -> PreflightItem:
    return next(item for item in lab.preflight() if item.item_id == item_id)


def test_R41_the_watchdog_is_proved_by_silence_on_real_bytes_and_nothing_moves(tmp_path: Path) -> None:
    lab = ready(tmp_path, on_bytes=True)
    assert line(lab, "watchdog:drug").level == "refused"
    submit(lab, RunChecks(request=1))
    assert line(lab, "watchdog:drug").level == "wait"
    sent = len(lab.wire_out(b"0"))
    lab.run(lab.now_s + 4)
    assert len(lab.wire_out(b"0")) == sent, "not a byte while the pump is left alone"
    lab.run(lab.now_s + 4)
    assert line(lab, "watchdog:drug").level == "ok"
    assert lab.pump.ready
    assert lab.true_ul() == 0.0
    assert lab.alarm_ids() == set(), "an alarm that was wanted alarms nobody"


def test_R41_a_watchdog_that_does_not_expire_refuses_the_start(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    lab.fake.expires = False
    submit(lab, RunChecks(request=1), 8)
    assert line(lab, "watchdog:drug").level == "refused"
    assert "did not do its work" in line(lab, "watchdog:drug").what
    submit(lab, Start(request=2))
    assert "did not do its work" in lab.answers[-1].text
    assert lab.fake.count("start") == 0


def test_R41_a_stop_during_the_silence_goes_out_at_once_and_the_proof_is_void(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    submit(lab, RunChecks(request=1), 1)
    stops = lab.fake.count("stop")
    lab.conductor.emergency_stop("test")
    lab.run(lab.now_s + 0.5)
    assert lab.fake.count("stop") > stops
    assert lab.conductor.stop_confirmed()
    assert lab.pump.watchdog_proof == "untried"


def test_R18_a_still_pump_is_tested_anew_and_a_busy_one_before_it_is_started(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    stops = lab.fake.count("stop")
    lab.run(lab.now_s + 320)
    assert lab.fake.count("stop") == stops + 1
    lab.fake.raises["stop"] = [ReplyTimeout("gone")] * 600
    lab.run(lab.now_s + 950)
    assert line(lab, "self-test:drug").level == "refused"


def test_R15_a_known_volume_into_waste_is_compared_with_the_scale_and_given_to_nobody(tmp_path: Path) -> None:
    lab = ready(tmp_path, on_bytes=True)
    answer = submit(lab, MoveIntoWaste(request=1, pump="drug", by="Anna", line_is_off=False))
    assert "off the animal" in answer
    assert lab.true_ul() == 0.0
    submit(lab, MoveIntoWaste(request=2, pump="drug", by="Anna", line_is_off=True), 1)
    assert line(lab, "scale:drug").level == "wait"
    lab.run(lab.now_s + 25)
    moved_ul = lab.true_ul()
    assert moved_ul == pytest.approx(34.7, abs=0.1)
    assert (lab.pump.ledger.confirmed_ul, lab.pump.ledger.uncertain_ul(lab.clock.now_ns())) == (0.0, 0.0)
    assert lab.pump.ledger.remaining_ul(lab.clock.now_ns()) == pytest.approx(600.0 - moved_ul, abs=0.1)
    submit(lab, ReadScale(request=3, pump="drug", by="Anna", seen_ul=347.0))
    assert line(lab, "scale:drug").level == "refused"
    assert "not the syringe of the rig file" in line(lab, "scale:drug").what
    submit(lab, ReadScale(request=4, pump="drug", by="Anna", seen_ul=35.0))
    assert line(lab, "scale:drug").level == "ok"
    assert any("into waste" in text.lower() for text in lab.texts())
    assert not {str(e.data.get("what")) for e in lab.sink.events} & INTENT_OUTCOMES, "no intent, no outcome of one"
    lab.send(Start(request=5))
    lab.run(lab.now_s + 60)
    assert lab.answers[-1].ok, lab.answers[-1].text
    assert lab.pump.ledger.confirmed_ul == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("stopped", [False, True])
def test_R15_a_scale_check_stands_as_waste_in_the_log_of_its_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stopped: bool
) -> None:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path / "books"))
    label = Label("D-1", "ketamine", "hydrochloride", "III", 2.0, "L7", date(2027, 3, 31), "Dr. Berg")
    containers.open_container(label, 1000.0, by="Anna", wall_ns=1)
    filled = replace(PUMP, container="D-1")
    books = RunBooks(AnimalBook.open("m1", "s1", 25.0), {"drug": ContainerBook.open("D-1", "s1")})
    lab = ready(tmp_path, on_bytes=True, plan=make_plan(pumps=(filled,)))
    lab.conductor.desk.books.note_waste = books.wasted

    submit(lab, MoveIntoWaste(request=1, pump="drug", by="Anna", line_is_off=True), 5)
    if stopped:
        lab.conductor.emergency_stop("test")
    lab.run(lab.now_s + 25)

    balance_now = balance(containers.entries_of("D-1"))
    assert balance_now.wasted_from_syringe_nl == pytest.approx(1000 * lab.true_ul(), abs=100)
    assert balance_now.wasted_from_syringe_nl > 5_000
    assert balance_now.deliveries == ()


def test_R15_what_went_into_waste_is_missing_for_the_plan(tmp_path: Path) -> None:
    tight = replace(PUMP, loaded_ul=36.0)
    lab = ready(tmp_path, plan=make_plan(pumps=(tight,)))
    submit(lab, MoveIntoWaste(request=1, pump="drug", by="Anna", line_is_off=True), 30)
    assert line(lab, "volume:drug").level == "refused"


def test_R31_what_a_person_ticked_is_in_the_record_with_the_name(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    submit(lab, Accept(request=1, item_id="clamp", by="Anna"))
    assert line(lab, "clamp").by == "Anna"
    assert any(text.startswith("Anna ticked: A clamp") for text in lab.texts())
    assert "Nobody can accept that" in submit(lab, Accept(request=2, item_id="watchdog:drug", by="Anna"))
    assert "no line" in submit(lab, Accept(request=3, item_id="nonsense", by="Anna"))


def test_R21_a_refused_start_lists_every_reason_and_programs_nothing(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    submit(lab, Start(request=1))
    answer = lab.answers[-1]
    assert not answer.ok
    assert answer.text.startswith("Not started, ")
    for words in ("watchdog of drug", "height of the animal", "full of its solution", "The syringe in drug is BD 1 mL"):
        assert words in answer.text
    assert lab.fake.count("program") == lab.fake.count("start") == 0


def test_the_list_is_for_the_time_before_the_start(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    lab.send(Start(request=1))
    lab.until_infusing()
    assert lab.preflight() == ()
    assert "before the start" in submit(lab, RunChecks(request=2))


def test_R33_a_stop_ends_a_scale_check_and_what_it_moved_stays_missing_in_the_syringe(tmp_path: Path) -> None:
    lab = ready(tmp_path, on_bytes=True)
    submit(lab, MoveIntoWaste(request=1, pump="drug", by="Anna", line_is_off=True), 5)
    moving_ul = lab.true_ul()
    assert 0 < moving_ul < 34.0
    lab.conductor.emergency_stop("test")
    lab.run(lab.now_s + 5)
    assert lab.conductor.stop_confirmed()
    assert lab.true_ul() < moving_ul + 2.0
    assert lab.pump.ledger.confirmed_ul == 0.0
    assert lab.pump.ledger.remaining_ul(lab.clock.now_ns()) == pytest.approx(600.0 - lab.true_ul(), abs=0.1)
