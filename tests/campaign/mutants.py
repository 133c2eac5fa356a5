"""Safety rules broken on purpose, one at a time: the campaign must notice each of them.

``python -m tests.campaign.mutants [--seeds N]`` looks for the first seed that catches each one. Knows the places in the
program where a rule is kept; nothing outside the tests ever breaks one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from acquisition.campaign.draw import draw
from acquisition.campaign.judges import judge
from acquisition.campaign.run import run
from acquisition.engine.book_keeper import BookKeeper
from acquisition.engine.conductor import Conductor
from acquisition.engine.lane_messages import Run, Started, StopConfirmed
from acquisition.engine.ledger import PumpLedger
from acquisition.engine.parts import Desk
from acquisition.engine.pump_desk import PumpDesk
from acquisition.engine.pump_facts import PumpFacts
from acquisition.engine.pump_lane import PumpLane
from acquisition.engine.recorder_watch import RecorderWatch
from acquisition.engine.sensor_desk import SensorDesk
from acquisition.recording.records import RecordingFailed
from drivers.chemyx.driver import ChemyxPump
from drivers.errors import DriverError
from drivers.harvard_22.driver import Harvard22Pump
from drivers.harvard_ultra.driver import HarvardUltraPump
from drivers.new_era.driver import NewEraPump
from drivers.wpi_micro4.driver import Micro4Pump

Patch = pytest.MonkeyPatch
PUMPS: tuple[Any, ...] = (NewEraPump, ChemyxPump, HarvardUltraPump, Harvard22Pump, Micro4Pump)


def blind_retry(patch: Patch) -> None:
    """RUN is sent again when its answer is lost."""
    honest = PumpLane._run

    def twice(self: PumpLane, request: Run) -> None:
        armed = self._armed_token
        honest(self, request)
        if self._must_ask and armed == request.token:
            with_retry(self)

    def with_retry(self: PumpLane) -> None:
        try:
            status = self._pump.start()
        except DriverError:
            return
        self.report(Started(0, status))

    patch.setattr(PumpLane, "_run", twice)


def no_stop_confirmation(patch: Patch) -> None:
    """STOP counts as confirmed once it was sent, whatever came back."""

    def send(self: PumpLane) -> None:
        generation = self.slot.begin()
        last = getattr(self, "_mutant_status", None)
        with suppress(DriverError):
            last = self._pump.status()
        if last is not None:
            self.report(StopConfirmed(generation, last))
        self.slot.end(generation)

    patch.setattr(PumpLane, "_stop", send)


def resume_after_reset(patch: Patch) -> None:
    """A pump that lost power is started again by itself."""

    def resume(self: PumpDesk, why: str, now_ns: int) -> None:
        self.desk.alarms.on("pump-reset", now_ns, self.name, why)
        infusion = self.ledger.current
        if infusion is None:
            return
        try:
            self.lane._pump.program(infusion.program)
            self.lane._pump.start()
        except DriverError:
            return

    patch.setattr(PumpDesk, "_was_reset", resume)


def resets_ignored(patch: Patch) -> None:
    """A reset is not noticed: no alarm, nothing booked."""
    patch.setattr(PumpDesk, "_was_reset", lambda self, why, now_ns: None)


def keep_alive_always(patch: Patch) -> None:
    """Questions to a pump are always allowed, and a recording that stands still is nobody's business."""
    patch.setattr(RecorderWatch, "earned_until_ns", lambda self, schedule_ns, recorder_counts: 1 << 62)
    patch.setattr(Conductor, "_guard_recording", lambda self, now_ns: self.recorder_watch.look(now_ns))


def ledger_not_persisted(patch: Patch) -> None:
    """Nothing is written into the animal's dose book."""
    patch.setattr(BookKeeper, "intend", lambda self, pump, step, program, wall_ns: None)
    patch.setattr(BookKeeper, "opened", lambda self, number, ledger: None)


def ledger_believes_the_last_look(patch: Patch) -> None:
    """What a pump may have given since it was last heard is not counted."""
    honest = PumpLedger.end

    def end(self: PumpLedger, now_ns: int, *, confirmed: bool, may_go_on: bool = False) -> None:
        honest(self, now_ns, confirmed=True, may_go_on=may_go_on)

    patch.setattr(PumpLedger, "end", end)


def zero_is_zero(patch: Patch) -> None:
    """A counter that stands at zero after answers were lost is believed."""
    patch.setattr(PumpDesk, "_counter_went_back", lambda self, status: False)
    patch.setattr(PumpDesk, "_zero_is_doubtful", lambda self, status: False)


def intent_not_on_disk(patch: Patch) -> None:
    """RUN does not wait for the disk, nor for a disk that takes nothing."""

    def commit(self: Desk, event: Any, timeout_s: float) -> None:
        with suppress(RecordingFailed):
            self.sink.event(event)
        self.tell(event)

    patch.setattr(Desk, "commit", commit)


def silence_is_no_alarm(patch: Patch) -> None:
    """A pump that does not answer is not UNKNOWN, and nobody is told."""
    patch.setattr(PumpFacts, "_watch_silence", lambda self, now_ns: None)
    patch.setattr(PumpDesk, "_poll_failed", lambda self, what, now_ns: None)
    patch.setattr(PumpDesk, "_lost", lambda self, what, now_ns: None)


def gaps_not_told(patch: Patch) -> None:
    """Samples are missing and no gap is recorded."""
    patch.setattr(SensorDesk, "_gap", lambda self, gap, now_ns: None)


def no_target(patch: Patch) -> None:
    """The pump is given ten times the target, and what it holds is not compared: the engine's clock must stop it."""
    for driver in PUMPS:
        honest = driver.program

        def unlimited(self: Any, program: Any, honest: Callable[..., Any] = honest) -> Any:
            honest(self, replace(program, target_ul=10.0 * program.target_ul))
            return program

        patch.setattr(driver, "program", unlimited)


def no_read_back(patch: Patch) -> None:
    """What the pump was told is not compared with what it holds, and a setting that was not taken passes."""
    for driver in PUMPS:
        honest = driver.program

        def deaf(self: Any, program: Any, honest: Callable[..., Any] = honest) -> Any:
            try:
                return honest(self, program)
            except DriverError:
                return self.quantised(program)

        patch.setattr(driver, "program", deaf)


def crash_on_the_infusion_path(patch: Patch) -> None:
    """An exception on the infusion path ends the engine's step without a STOP and without a word."""

    def step(self: Conductor, now_ns: int) -> None:
        self._step(now_ns)
        self._last_step_ns = now_ns

    def broken(self: PumpDesk, what: Any, now_ns: int) -> None:
        raise KeyError("mutant")

    patch.setattr(Conductor, "step", step)
    patch.setattr(PumpDesk, "_stop_failed", broken)


MUTANTS: tuple[Callable[[Patch], None], ...] = (
    blind_retry,
    no_stop_confirmation,
    resume_after_reset,
    resets_ignored,
    keep_alive_always,
    ledger_not_persisted,
    ledger_believes_the_last_look,
    zero_is_zero,
    intent_not_on_disk,
    silence_is_no_alarm,
    gaps_not_told,
    no_target,
    no_read_back,
    crash_on_the_infusion_path,
)


@dataclass(frozen=True)
class Catch:
    """How a mutant was caught."""

    seed: int
    rule: str
    text: str


@contextmanager
def broken(mutant: Callable[[Patch], None]) -> Iterator[None]:
    """Break one rule meanwhile."""
    with Patch.context() as patch:
        mutant(patch)
        yield


def caught_by(mutant: Callable[[Patch], None], seed: int) -> Catch | None:
    """Return how this seed catches the mutant, None if it does not."""
    trial = draw(seed)
    with broken(mutant):
        violations = judge(trial, run(trial))
    return Catch(seed, violations[0].rule, violations[0].text) if violations else None


def first_catch(mutant: Callable[[Patch], None], seeds: range) -> Catch | None:
    """Return the first seed that catches the mutant."""
    return next((catch for seed in seeds if (catch := caught_by(mutant, seed)) is not None), None)


def main() -> int:
    """Look for the first seed of each mutant; end with 1 if one is not caught."""
    count = int(sys.argv[sys.argv.index("--seeds") + 1]) if "--seeds" in sys.argv else 200
    missed = 0
    for mutant in MUTANTS:
        catch = first_catch(mutant, range(1, count + 1))
        missed += catch is None
        told = "NOT CAUGHT" if catch is None else f"seed {catch.seed}: {catch.rule}: {catch.text[:90]}"
        sys.stdout.write(f"{mutant.__name__:34} {told}\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
