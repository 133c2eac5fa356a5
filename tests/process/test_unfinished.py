"""R53: an engine that died leaves pumps, a book and a recording; the next start finds, stops, books, closes and asks.

The engine is the real one, on simulated bytes and virtual time; from some instant on it is not stepped any more.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acquisition.books import animal as animals
from acquisition.books import containers, sessions
from acquisition.books.animal import AnimalBook
from acquisition.books.balance import balance
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.places import BOOKS_DIR_VARIABLE, book_place
from acquisition.engine.session import LOCKSTEP_PACE, build_session
from acquisition.host.auto_operator import AutoOperator
from acquisition.host.lockstep import LockstepClock, LockstepHost
from acquisition.host.rehearsal import describe_world
from acquisition.messages import MoveIntoWaste
from acquisition.plan import Plan, PumpSetup, Step
from acquisition.recording.reader import JournalReader
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.recover import RecoveryReport, recover
from acquisition.service.assembly import Bench, face_unfinished_sessions
from acquisition.service.cut_short import PumpAccount
from acquisition.service.discovery import RUNTIME_DIR_VARIABLE
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import UnfinishedSession
from acquisition.service.pump_check import Ports, PumpLook, given_ul
from acquisition.service.reconcile import Reconciliation, ask_a_person, reconcile
from amperfuse.cli import app
from amperfuse.commands import experiments
from amperfuse.commands.unfinished import for_the_window
from drivers import registry
from drivers.capabilities import DriverOptions, Identity, PumpProgram, SyringePump
from drivers.errors import ForeignTraffic, PortMissing
from drivers.new_era import NewEraPump
from drivers.transport import LineSettings, Transport
from gui.presenters.unfinished import LookForUnfinished
from tests.engine.kit import INFUSION, LIMITS, PUMP, make_plan, seconds

LONG = replace(INFUSION, volume_ul=8.0)
"""160 s at 3 µL/min; the second one, 2 µL, begins after it."""
STEPS = (LONG, replace(INFUSION, number=2, label="second"))
MICRO4 = "sim://wpi-micro4?plunger_line=3&selected=2"
FAMILIES = ["new-era", "harvard-ultra", "harvard-22", "chemyx", "wpi-micro4"]


@pytest.fixture(autouse=True)
def _own_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path / "books"))


def quick(session_dir: Path) -> RecoveryReport:
    """Stand in for recover, which takes seconds and has tests of its own."""
    return RecoveryReport(
        session_dir,
        was_closed=False,
        records=0,
        samples=0,
        events=0,
        torn_bytes=0,
        torn_reason="",
        maybe_delivered=(),
        file="completed",
    )


class Killed:
    """A session whose engine ran until some time and then was no more."""

    def __init__(
        self,
        tmp_path: Path,
        at_s: float,
        *,
        pump: PumpSetup = PUMP,
        steps: tuple[Step, ...] = STEPS,
        faults: tuple[str, ...] = (),
        waste: bool = False,
    ) -> None:
        """``waste``: nobody starts the plan, somebody makes a scale check 5 s after the beginning."""
        self.plan: Plan = make_plan(steps, pumps=(pump,), sensors=())
        self.clock = LockstepClock()
        self.bench: Any = registry.bench()(self.clock, describe_world(self.plan), 1, faults)
        self.books: list[AnimalBook] = []
        session = build_session(
            self.plan,
            LIMITS,
            opener=self.bench,
            clock=self.clock,
            out_dir=tmp_path / "out",
            recorder=InlineRecorder.create,
            files={},
            software="test",
            pace=LOCKSTEP_PACE,
            open_book=self._open_book,
        )
        self.session_dir = session.session_dir
        sessions.opened(session.header.session_id, session.session_dir, "m1", self.plan.pumps, self.clock.wall_ns())
        people = () if waste else (AutoOperator(session.conductor),)
        host = LockstepHost(self.clock, (session.conductor, *session.lanes, *people), lambda: False)
        if waste:
            host.run(seconds(5.0))
            move = MoveIntoWaste(request=1, pump="drug", by="Anna", line_is_off=True)
            session.conductor.submit(move, lambda _answer: None)
        host.run(seconds(at_s))
        for lane in session.lanes:  # what the system does for a process that is gone
            lane._device.close()
        self.books[0].close()
        recorder: Any = session.recorder
        core = recorder.core
        core.writer.close()
        core.lock.release()
        self.clock.while_waiting = lambda _until_ns: None

    def _open_book(self, session_id: str) -> AnimalBook:
        self.books.append(AnimalBook.open("m1", session_id, 25.0))
        return self.books[-1]

    def wait(self, for_s: float) -> None:
        self.clock.sleep_until_ns(self.clock.now_ns() + seconds(for_s))

    def true_ul(self) -> float:
        return float(self.bench.truth()["pumps"]["drug"]["true_delivered_ul"])

    def reconcile(
        self, opener: Any = None, *, all_pumps: bool = True, close: Callable[[Path], RecoveryReport] = quick
    ) -> Reconciliation:
        ports = Ports(opener or self.bench, self.clock)
        (done,) = reconcile(sessions.unfinished(), ports, all_pumps=all_pumps, close=close)
        return done

    def booked_ul(self) -> float:
        return sum(dose.volume_ul for dose in animals.history("m1", self.clock.wall_ns()))


@pytest.mark.parametrize("family", FAMILIES)
def test_R53_R34_a_pump_that_still_runs_is_stopped_and_its_counter_is_booked(tmp_path: Path, family: str) -> None:
    pump = replace(PUMP, driver=family, url=f"sim://{registry.twin(family)}", expected_model="", watchdog_s=0)
    steps = STEPS
    if family == "wpi-micro4":  # its syringe holds 10 µL
        pump = replace(pump, diameter_mm=0.46, syringe_volume_ul=10.0, loaded_ul=8.0, url=MICRO4, options={"line": 3})
        steps = (replace(LONG, volume_ul=4.0, rate_ul_per_min=1.2), replace(STEPS[1], rate_ul_per_min=1.2))
    killed = Killed(tmp_path, 60.0, pump=pump, steps=steps)
    at_the_kill_ul = killed.true_ul()
    killed.wait(60.0)
    assert killed.true_ul() > at_the_kill_ul + 1.0, "it ran on after the engine was gone"

    done = killed.reconcile()

    stopped_at_ul = killed.true_ul()
    killed.wait(100.0)
    assert killed.true_ul() == pytest.approx(stopped_at_ul), "stopped stays stopped"
    (finding,) = done.pumps
    assert "STOP confirmed" in finding.look.found
    assert finding.at_least_ul <= stopped_at_ul + 0.01
    assert finding.at_most_ul >= stopped_at_ul - 0.01
    assert killed.booked_ul() >= stopped_at_ul - 0.01
    assert done.moving == ()
    assert any("step 2" in step for step in done.remaining)


def test_R53_a_pump_that_was_asked_and_stands_raises_no_watchdog_alarm_afterwards(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)
    killed.reconcile()
    killed.wait(20.0)

    pump = by_hand(killed)

    assert pump.status().alarm is None


def test_R53_what_the_pump_tells_is_booked_to_its_last_digit_and_the_recording_is_closed(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)
    assert killed.booked_ul() == 8.0, "until somebody knows better its whole target counts"

    done = killed.reconcile(close=recover)

    (finding,) = done.pumps
    assert "is closed now" in done.file
    assert finding.why == "by the pump's own counter"
    assert killed.booked_ul() == pytest.approx(killed.true_ul(), abs=0.01)
    assert finding.left_ul == pytest.approx((8.0 - finding.at_most_ul, 8.0 - finding.at_least_ul))
    reader = JournalReader(killed.session_dir / "session.journal")
    assert list(reader.tail())
    assert reader.closed is not None
    assert reader.closed.outcome == "recovered"
    assert "is closed now" in done.file


def test_R53_asking_twice_books_once(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)
    first = killed.reconcile()
    entries = len(animals.rows("m1", killed.clock.wall_ns()))

    second = killed.reconcile()

    assert len(animals.rows("m1", killed.clock.wall_ns())) == entries
    assert second.pumps[0].at_most_ul == first.pumps[0].at_most_ul


def test_R53_R37_a_pump_that_is_not_there_counts_with_its_whole_target_until_it_can_be_asked(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)

    done = killed.reconcile(Unplugged())

    assert done.moving == ("drug",)
    assert "could not be asked" in done.pumps[0].look.found
    assert (done.pumps[0].at_most_ul, killed.booked_ul()) == (8.0, 8.0)
    assert "GO TO IT" in done.text().upper()

    again = killed.reconcile()
    assert again.moving == ()
    assert killed.booked_ul() == pytest.approx(killed.true_ul(), abs=0.01)


def test_R53_R38_a_pump_that_lost_its_power_meanwhile_counts_with_its_whole_target(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0, faults=("drug:power-cycle@70s",))
    killed.wait(30.0)

    done = killed.reconcile()

    (finding,) = done.pumps
    assert done.moving == ()
    assert finding.at_least_ul <= killed.true_ul() < finding.at_most_ul == 8.0
    assert killed.booked_ul() == 8.0


def test_R53_R19_another_pump_on_the_port_gets_no_stop_and_nothing_is_believed_of_it(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)
    before = killed.true_ul()
    (open_,) = sessions.unfinished()
    other = replace(open_, pumps=(replace(open_.pumps[0], expected_model="HARVARD"),))

    (done,) = reconcile((other,), Ports(killed.bench, killed.clock), all_pumps=True, close=quick)

    assert "expects a model" in done.pumps[0].look.found
    assert done.moving == ("drug",)
    killed.wait(2.0)
    assert killed.true_ul() > before, "nothing was sent that stops whoever is there"
    assert killed.booked_ul() == 8.0


def test_R53_R34_the_alarm_of_the_next_pump_on_the_line_leaves_no_pump_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Killed(tmp_path, 60.0, pump=replace(PUMP, watchdog_s=0))
    connect, heard = NewEraPump.connect, list[str]()

    def disturbed(pump: NewEraPump) -> Identity:
        if not heard:
            heard.append("01A?T")
            raise ForeignTraffic("pump 1 answered instead of pump 0", partial=b"01A?T")
        return connect(pump)

    monkeypatch.setattr(NewEraPump, "connect", disturbed)
    done = killed.reconcile()

    assert heard
    assert done.moving == ()
    assert "STOP confirmed" in done.pumps[0].look.found


def test_R53_two_unfinished_sessions_are_both_found_and_answered_for_one_by_one(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)
    sessions.opened("older", tmp_path / "gone", "m2", (), killed.clock.wall_ns())

    done = reconcile(sessions.unfinished(), Ports(killed.bench, killed.clock), all_pumps=True, close=quick)

    assert [item.session.animal for item in done] == ["m1", "m2"]
    assert "amperfuse reconcile older" in ask_a_person(done)
    sessions.answered("older", by="A. Vet", decision="nothing more", wall_ns=1)
    assert [item.animal for item in sessions.unfinished()] == ["m1"]


def test_R53_R44_a_defect_in_the_driver_of_one_pump_keeps_no_other_one_running(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0, pump=replace(PUMP, watchdog_s=0))
    (open_,) = sessions.unfinished()
    both = replace(open_, pumps=(replace(PUMP, name="other", driver="broken"), *open_.pumps))

    def drivers(name: str) -> Any:
        if name == "broken":
            raise ZeroDivisionError("in a package of somebody else")
        return registry.driver(name)

    (done,) = reconcile([both], Ports(killed.bench, killed.clock, drivers), all_pumps=True, close=quick)

    at_ul = killed.true_ul()
    killed.wait(10.0)
    assert killed.true_ul() == at_ul
    assert done.moving == ("other",)
    assert "a defect of its driver" in done.text()


def test_R53_with_its_folder_gone_the_pumps_are_stopped_all_the_same_and_the_book_tells(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)
    shutil.rmtree(killed.session_dir)

    done = killed.reconcile(close=recover)

    assert done.moving == ()
    assert "NOT RECOVERED" in done.file
    assert done.pumps[0].at_most_ul >= killed.true_ul() - 0.01
    assert killed.booked_ul() == pytest.approx(killed.true_ul(), abs=0.01)


def test_R53_a_folder_that_cannot_be_written_keeps_no_pump_running(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)

    def read_only(_session_dir: Path) -> RecoveryReport:
        raise PermissionError(13, "Permission denied", "session.journal")

    done = killed.reconcile(close=read_only)

    assert done.moving == ()
    assert "NOT RECOVERED" in done.file
    assert killed.booked_ul() == pytest.approx(killed.true_ul(), abs=0.01)
    assert sessions.unfinished(), "a person still has to answer"


def test_R53_R28_what_a_pump_gave_by_its_keys_after_the_crash_is_booked_and_only_once(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 230.0)
    before_ul = killed.booked_ul()
    pump = by_hand(killed)
    pump.program(PumpProgram(PUMP.diameter_mm, 3.0, 5.0))
    pump.start()
    pump.close()
    killed.wait(60.0)

    done = killed.reconcile()
    killed.reconcile()

    (finding,) = done.pumps
    assert "IT WAS INFUSING; STOP confirmed" in finding.look.found
    extra_ul = killed.true_ul() - 10.0
    assert finding.at_least_ul <= killed.true_ul() + 0.01
    assert killed.booked_ul() - before_ul == pytest.approx(extra_ul, abs=0.02), "all of it"
    assert "by nobody's order" in finding.why


def test_R53_what_a_pump_gave_by_its_keys_stands_in_the_log_of_its_container_too(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 230.0)
    label = containers.Label("D-1", "ketamine", "hydrochloride", "III", 2.0, "L7", date(2027, 3, 31), "Dr. Berg")
    containers.open_container(label, 1000.0, by="Anna", wall_ns=1)
    filled = replace(PUMP, container="D-1")
    for _ in range(2):
        animals.unordered_after_a_crash("m1", killed.session_dir.name, filled, 3.0, wall_ns=2)
    (delivery,) = balance(containers.entries_of("D-1")).deliveries
    assert (delivery.least_nl, delivery.most_nl, delivery.pump) == (3000, 3000, "drug")

    number = animals.rows("m1", killed.clock.wall_ns())[-1].number
    animals.settle_by_hand("m1", number, 1.0, by="Anna", reason="weighed", wall_ns=3)
    (delivery,) = balance(containers.entries_of("D-1")).deliveries
    assert delivery.most_nl == 1000, "settled once, in both"


def test_R53_a_container_whose_log_is_gone_keeps_no_session_from_being_answered_for(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 230.0, pump=replace(PUMP, container="GONE"))
    pump = by_hand(killed)
    pump.program(PumpProgram(PUMP.diameter_mm, 3.0, 5.0))
    pump.start()
    pump.close()
    killed.wait(60.0)

    done = killed.reconcile()

    assert "NOT WRITTEN" in done.book
    assert "GONE" in done.book
    assert "IT WAS INFUSING; STOP confirmed" in done.pumps[0].look.found


def test_R53_R15_a_scale_check_that_was_cut_short_is_no_dose(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 14.0, waste=True)
    moved_ul = killed.true_ul()
    assert 5.0 < moved_ul < 30.0

    done = killed.reconcile()

    assert "IT WAS INFUSING; STOP confirmed" in done.pumps[0].look.found
    assert killed.booked_ul() == 0.0, "the line was off the animal"


def test_R53_R28_what_came_after_a_scale_check_that_was_cut_short_may_be_a_dose(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 14.0, waste=True)
    pump = by_hand(killed)
    pump.stop()
    pump.program(PumpProgram(PUMP.diameter_mm, 3.0, 5.0))
    pump.start()
    pump.close()
    before_ul = killed.true_ul()
    killed.wait(60.0)

    killed.reconcile()

    assert killed.true_ul() > before_ul
    assert killed.booked_ul() == pytest.approx(killed.true_ul() - before_ul, abs=0.02)


def by_hand(killed: Killed) -> SyringePump:
    pump = registry.driver("new-era")(killed.bench, PUMP.url, killed.clock, DriverOptions("hand"))
    assert isinstance(pump, SyringePump)
    pump.connect()
    return pump


def test_R53_the_start_of_a_run_leaves_a_pump_running_that_keeps_an_animal_asleep_and_a_person_stops_it(
    tmp_path: Path,
) -> None:
    killed = Killed(tmp_path, 60.0, pump=replace(PUMP, role="anaesthetic_maintenance", watchdog_s=0))
    before = killed.true_ul()

    left = killed.reconcile(all_pumps=False)
    killed.wait(10.0)

    assert killed.true_ul() > before + 0.3
    assert "left running" in left.pumps[0].look.found
    assert killed.booked_ul() == 8.0

    stopped = killed.reconcile(all_pumps=True)
    at_ul = killed.true_ul()
    killed.wait(10.0)
    assert stopped.moving == ()
    assert killed.true_ul() == at_ul


def test_R53_an_infusion_that_was_over_is_not_booked_again(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 230.0)  # both are over
    booked = killed.booked_ul()

    done = killed.reconcile()

    assert killed.booked_ul() == booked
    assert done.pumps[0].left_ul is None
    assert done.pumps[0].at_least_ul == pytest.approx(10.0, abs=0.02)
    assert done.remaining == ()


@pytest.mark.parametrize("at_s", [0.1, 1.0, 6.8, 7.05, 7.08, 7.1, 7.5, 20.0, 167.0, 167.2, 167.44, 168.0, 180.0])
def test_R53_R54_killed_at_any_instant_the_book_never_counts_less_than_the_animal_got(
    tmp_path: Path, at_s: float
) -> None:
    killed = Killed(tmp_path, at_s)
    killed.wait(10.0)

    done = killed.reconcile()

    true_ul = killed.true_ul()
    assert killed.booked_ul() >= true_ul - 0.01
    assert done.pumps[0].at_most_ul >= true_ul - 0.01
    assert done.pumps[0].at_least_ul <= true_ul + 0.01


def test_a_register_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    sessions.opened("s1", tmp_path, "m1", (PUMP,), 1)
    path, _anchor = book_place("register", "sessions")
    path.write_bytes(path.read_bytes().replace(b"m1", b"m2"))

    with pytest.raises(BookBroken):
        sessions.unfinished()


def test_a_closed_session_is_not_unfinished(tmp_path: Path) -> None:
    sessions.opened("s1", tmp_path, "m1", (PUMP,), 1)
    assert [item.pumps for item in sessions.unfinished()] == [(PUMP,)]
    sessions.closed("s1", 2)
    assert sessions.unfinished() == ()


# ---- how far a counter is believed ----------------------------------------------------------------------------------

UNDER_WAY = PumpAccount(open_step=1, target_ul=8.0, rate_ul_per_min=3.0, counter_ul=2.0)
HELD = PumpProgram(PUMP.diameter_mm, 3.0, 8.0)
TOLD = PumpLook("", still=True, counter_ul=3.0, counter_step_ul=0.01, held=HELD)


def test_R53_R16_a_counter_is_believed_of_a_still_pump_that_holds_this_infusion() -> None:
    least, most, _why = given_ul(TOLD, UNDER_WAY, PUMP.diameter_mm)
    assert (least, most) == (3.0, 3.01)


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (replace(TOLD, counter_ul=None), "could not tell"),
        (replace(TOLD, counter_ul=0.0), "lost its counter"),
        (replace(TOLD, still=False), "not known to stand still"),
    ],
)
def test_R53_R38_in_every_other_case_the_whole_target_counts(look: PumpLook, why: str) -> None:
    least, most, said = given_ul(look, UNDER_WAY, PUMP.diameter_mm)
    assert (least, most) == (2.0, 8.0)
    assert why in said


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (replace(TOLD, was_reset=True), "lost its counter"),
        (replace(TOLD, counter_ul=1.0), "went back"),
        (replace(TOLD, held=None), "other settings"),
        (replace(TOLD, held=replace(HELD, target_ul=9.0)), "other settings"),
        (replace(TOLD, held=replace(HELD, rate_ul_per_min=30.0)), "other settings"),
        (replace(TOLD, held=replace(HELD, diameter_mm=14.5)), "other settings"),
    ],
)
def test_R53_R28_a_counter_that_may_count_something_else_counts_beside_the_whole_target(
    look: PumpLook, why: str
) -> None:
    least, most, said = given_ul(look, UNDER_WAY, PUMP.diameter_mm)
    assert (least, most) == (2.0, 8.0 + (look.counter_ul or 0.0))
    assert why in said
    assert "by nobody's order" in said


def test_R53_a_counter_of_zero_right_after_RUN_may_be_that_of_a_pump_that_lost_its_power() -> None:
    started = replace(UNDER_WAY, counter_ul=0.0)
    least, most, _why = given_ul(replace(TOLD, counter_ul=0.0), started, PUMP.diameter_mm)
    assert (least, most) == (0.0, 8.0)


def test_R53_a_counter_above_the_target_counts_as_it_stands() -> None:
    _least, most, _why = given_ul(replace(TOLD, counter_ul=12.0, still=False), UNDER_WAY, PUMP.diameter_mm)
    assert most == 12.0


def test_R53_R28_what_a_pump_gave_by_its_keys_in_the_middle_of_an_infusion_is_booked_beside_it(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 100.0, pump=replace(PUMP, watchdog_s=0))
    pump = by_hand(killed)
    pump.stop()
    pump.program(PumpProgram(PUMP.diameter_mm, 3.0, 7.9))
    pump.start()
    pump.close()
    killed.wait(200.0)
    assert killed.true_ul() > LONG.volume_ul, "more than the infusion that was cut short could have given"

    killed.reconcile()

    assert killed.booked_ul() >= killed.true_ul()


# ---- the start of a run ----------------------------------------------------------------------------------------------


def start_of(killed: Killed, *, animal: str, url: str, simulated: bool = False) -> None:
    """Come as far in the start of a run as the earlier sessions let it."""
    plan = replace(
        killed.plan,
        simulated=simulated,
        subject=replace(killed.plan.subject, subject_id=animal),
        pumps=(replace(PUMP, url=url),),
    )
    nothing: Any = None
    face_unfinished_sessions(Bench(plan, nothing, killed.clock, killed.bench, 1.0, None, nothing), close=quick)


@pytest.mark.parametrize(("animal", "url"), [("M1 ", "other port"), ("m2", PUMP.url)])
def test_R53_a_run_with_the_same_animal_or_pump_is_refused_until_a_person_has_answered(
    tmp_path: Path, animal: str, url: str
) -> None:
    killed = Killed(tmp_path, 60.0)

    with pytest.raises(UnfinishedSession, match="STOP confirmed") as refused:
        start_of(killed, animal=animal, url=url)
    assert "--decision" in str(refused.value)

    (open_,) = sessions.unfinished()
    assert "STOP confirmed" in open_.found
    sessions.answered(open_.session, by="A. Vet", decision="the rest tomorrow", wall_ns=1)
    start_of(killed, animal=animal, url=url)


def test_R53_a_run_with_another_animal_on_other_pumps_stops_what_was_left_and_goes_on(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0)

    start_of(killed, animal="m2", url="other port")

    at_ul = killed.true_ul()
    killed.wait(20.0)
    assert killed.true_ul() == at_ul
    assert sessions.unfinished(), "it still waits for its person"


def test_a_simulated_run_touches_no_pump_of_a_real_session(tmp_path: Path) -> None:
    killed = Killed(tmp_path, 60.0, pump=replace(PUMP, watchdog_s=0))

    start_of(killed, animal="m1", url=PUMP.url, simulated=True)

    before = killed.true_ul()
    killed.wait(10.0)
    assert killed.true_ul() > before
    assert sessions.unfinished()[0].found == ""


# ---- the commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def unplugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Killed:
    """A session whose pump is on a port that is not there any more, and a runtime directory of this test's own."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv(RUNTIME_DIR_VARIABLE, str(runtime))
    killed = Killed(tmp_path, 60.0)
    (listed,) = sessions.unfinished()
    gone = (replace(PUMP, url=str(tmp_path / "no-such-port")),)
    sessions.opened(listed.session, listed.session_dir, "m1", gone, killed.clock.wall_ns())
    monkeypatch.setattr("acquisition.service.reconcile.reconcile.__kwdefaults__", {"close": quick})
    return killed


def command(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    return result.exit_code, result.output


def test_R53_unfinished_sessions_are_listed_and_touched_by_no_listing(unplugged: Killed) -> None:
    code, text = command("unfinished")

    assert code == ExitCode.UNFINISHED
    assert f"UNFINISHED: {unplugged.session_dir.name}, animal m1" in text
    assert sessions.unfinished()[0].found == ""


def test_R53_R34_a_pump_that_cannot_be_asked_has_to_be_looked_at_by_the_person_who_answers(unplugged: Killed) -> None:
    name = unplugged.session_dir.name
    by = ("--by", "A. Vet", "--decision", "nothing more")

    asked = command("reconcile", name)
    blind = command("reconcile", name, *by)
    wrong = command("reconcile", name, *by, "--stands", "other")
    looked = command("reconcile", name, *by, "--stands", "drug")

    assert asked[0] == ExitCode.UNFINISHED
    assert "could not be asked" in asked[1]
    assert blind[0] == ExitCode.NOT_CONFIRMED_STOPPED
    assert "--stands drug" in blind[1]
    assert wrong[0] == ExitCode.REFUSED_INPUT
    assert (looked[0], sessions.unfinished()) == (ExitCode.OK, ())
    assert command("unfinished")[0] == ExitCode.OK
    assert unplugged.booked_ul() == 8.0, "what nobody could ask counts with its whole target"


def test_R53_a_decision_has_a_name_and_a_name_decides_something(unplugged: Killed) -> None:
    name = unplugged.session_dir.name

    assert command("reconcile", name, "--by", "A. Vet")[0] == ExitCode.REFUSED_INPUT
    assert command("reconcile", name, "--decision", "go on")[0] == ExitCode.REFUSED_INPUT
    assert command("reconcile", "another")[0] == ExitCode.REFUSED_INPUT
    assert sessions.unfinished()


class Unplugged:
    """A computer without that port."""

    simulated = True

    def open(self, url: str, settings: LineSettings) -> Transport:
        raise PortMissing("there is no such port", port=url)


def test_R53_the_window_is_told_session_animal_pumps_and_command(unplugged: Killed) -> None:
    name = unplugged.session_dir.name

    (before,) = for_the_window()
    command("reconcile", name)
    (asked,) = for_the_window()

    assert f"{name}, animal m1" in before.what
    assert "drug on " in before.so_what
    assert "MAY STILL RUN" in before.so_what
    assert before.command == f"amperfuse reconcile {name}"
    assert "MAY STILL RUN" not in asked.so_what
    assert "drug IS NOT KNOWN TO STAND STILL" in asked.so_what
    command("reconcile", name, "--by", "A. Vet", "--decision", "nothing more", "--stands", "drug")
    assert for_the_window() == ()


def test_R53_a_register_that_cannot_be_read_is_shown_in_the_window_as_the_danger_it_is(unplugged: Killed) -> None:
    path, _anchor = book_place("register", "sessions")
    path.write_bytes(path.read_bytes()[:-20])

    (shown,) = for_the_window()

    assert "NOBODY CAN TELL" in shown.what
    assert unplugged.session_dir.name not in shown.command


def test_R53_gui_hands_what_is_unfinished_to_the_window(unplugged: Killed, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def window(_operator: str, unfinished: LookForUnfinished) -> int:
        seen.extend(one.command for one in unfinished())
        return 0

    monkeypatch.setattr(experiments, "open_window", window)
    monkeypatch.setattr(experiments, "need_window", lambda _instead: None)

    assert command("gui")[0] == ExitCode.OK
    assert seen == [f"amperfuse reconcile {unplugged.session_dir.name}"]


@pytest.mark.parametrize("at_s", [60.0, 180.0, 400.0])
def test_R53_R54_anaesthesia_that_the_book_refused_is_in_it_after_a_crash_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_s: float
) -> None:
    def refuse(*_args: object) -> int:
        raise BookUnwritable("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(AnimalBook, "intend", refuse)
        killed = Killed(tmp_path, at_s, pump=replace(PUMP, role="anaesthetic_maintenance"))
    assert killed.booked_ul() == 0.0
    assert killed.true_ul() > 1.0, "it ran all the same"

    for _again in range(2):
        killed.reconcile()

        true_ul = killed.true_ul()
        assert true_ul - 0.01 <= killed.booked_ul() <= (10.0 if at_s > 60.0 else true_ul + 0.01)
