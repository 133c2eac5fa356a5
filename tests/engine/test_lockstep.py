"""Who has a turn while another waits, in one thread on virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field

from acquisition.host.lockstep import LockstepClock, LockstepHost
from tests.engine.kit import seconds


@dataclass
class Worker:
    """Has one turn, at a time, and waits a while in it."""

    name: str
    clock: LockstepClock
    log: list[str]
    at_ns: int
    takes_ns: int
    hurried: bool = False
    long: bool = False
    done: bool = field(default=False)

    def next_due_ns(self) -> int | None:
        return None if self.done else self.at_ns

    def next_is_long(self) -> bool:
        return self.long

    def step(self, now_ns: int) -> None:
        self.done = True
        self.log.append(f"{self.name} begins")
        self.clock.sleep_until_ns(now_ns + self.takes_ns)
        self.log.append(f"{self.name} ends at {self.clock.now_ns() / 1e9:g}")


def lived(*workers: tuple[str, float, float, bool, bool]) -> list[str]:
    clock, log = LockstepClock(), list[str]()
    actors = [Worker(name, clock, log, seconds(at), seconds(takes), *how) for name, at, takes, *how in workers]
    LockstepHost(clock, actors, lambda: all(actor.done for actor in actors)).run()
    return log


def test_nothing_long_begins_while_a_pump_waits_so_its_deadlines_hold() -> None:
    pump, finding, reading = ("pump", 0.0, 0.4, True, False), ("find", 0.1, 9.0, False, True), ("read", 0.2, 0.0)
    assert lived(pump, finding, (*reading, False, False)) == [
        "pump begins", "read begins", "read ends at 0.2", "pump ends at 0.4", "find begins", "find ends at 9.4",
    ]  # fmt: skip


def test_a_pump_has_its_turns_while_something_long_waits_and_two_long_ones_begin_together() -> None:
    log = lived(("find", 0.0, 9.0, False, True), ("other", 1.0, 1.0, False, True), ("stop", 1.5, 0.1, True, False))
    assert log == [
        "find begins", "other begins", "stop begins", "stop ends at 1.6", "other ends at 2", "find ends at 9",
    ]  # fmt: skip


def test_a_pump_is_never_kept_waiting_by_the_rule() -> None:
    log = lived(("poll", 0.0, 0.4, True, False), ("stop", 0.1, 0.1, True, True))
    assert log == ["poll begins", "stop begins", "stop ends at 0.2", "poll ends at 0.4"]
