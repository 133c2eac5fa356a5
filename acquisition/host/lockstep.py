"""Runs a whole session in one thread on virtual time: rehearsals, fault campaigns and most tests.

Knows whose turn it is. While one lane waits for bytes, the others and the conductor have their turns, as they would
in threads; so a hanging exchange delays nobody, a STOP can overtake it, and the same seed gives the same bytes.
Approximate in one point: two lanes that block at once are nested, and the outer one goes on when the inner is done.
So what may take seconds (a potentiostat being found, started, switched off) is not begun inside the turn of a pump,
whose deadlines and STOP would pass meanwhile; it comes a moment later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeGuard

from drivers.clock import FOREVER_NS, NS_PER_S, VirtualClock

STUCK_STEPS = 100_000
"""So many steps without time moving on: somebody is due for ever and does nothing."""
STEPS_BETWEEN_PROGRESS = 500


class Actor(Protocol):
    """Somebody who has turns: the conductor, a lane, a stand-in for the operator."""

    def step(self, now_ns: int) -> None:
        """Do what is due."""
        ...

    def next_due_ns(self) -> int | None:
        """Return when the next turn is due; None for not by itself."""
        ...


class Considerate(Protocol):
    """An actor that says what its turns mean for others; one that does not is short and in no hurry."""

    hurried: bool
    """Its turns have deadlines that matter: nothing long may begin inside them."""

    def next_is_long(self) -> bool:
        """Tell whether its next turn may take seconds."""
        ...


def _is_considerate(actor: Actor) -> TypeGuard[Considerate]:
    return hasattr(actor, "hurried") and hasattr(actor, "next_is_long")


_Free = tuple[int, Callable[[], int | None], Callable[[], bool] | None]
"""Somebody who can have a turn: number, when it is due, and how to ask whether it is a long one, where that matters."""


def _nobody(_until_ns: int) -> None:
    """Let nobody have a turn."""


@dataclass
class LockstepClock(VirtualClock):
    """Virtual time in which a wait gives the others their turns."""

    while_waiting: Callable[[int], None] = field(default=_nobody, repr=False)
    next_turn_ns: Callable[[], int] = field(default=lambda: -1, repr=False)

    def sleep_until_ns(self, t_ns: int) -> None:
        self.while_waiting(t_ns)
        self.pass_until_ns(t_ns)

    def undisturbed_until_ns(self) -> int:
        return self.next_turn_ns()


class LockstepHost:
    """Gives each actor its turns until ``over``. Ties are broken by the order of ``actors``."""

    def __init__(self, clock: LockstepClock, actors: Sequence[Actor], over: Callable[[], bool]) -> None:
        self._clock = clock
        self._actors = tuple(actors)
        considerate = {n: a for n, a in enumerate(self._actors) if _is_considerate(a)}
        self._hurried = {number for number, actor in considerate.items() if actor.hurried}
        self._long = {number: actor.next_is_long for number, actor in considerate.items() if not actor.hurried}
        self._free_of: dict[frozenset[int], list[_Free]] = {}
        self._with: dict[tuple[frozenset[int], int], frozenset[int]] = {}
        self._busy: frozenset[int] = frozenset()
        self._free = self._free_beside(self._busy)
        self._over = over
        self._last_ns = -1
        self._steps_here = 0
        clock.while_waiting = self._while_waiting
        clock.next_turn_ns = self._next_turn_ns

    def run(self, deadline_ns: int | None = None, progress: Callable[[int], None] | None = None) -> None:
        """Run until over, or until virtual time reaches ``deadline_ns``; tell ``progress`` the time now and then."""
        steps = 0
        while not self._over():
            turn = self._next()
            if turn is None:
                raise RuntimeError("nobody has anything to do and the session is not over: it would hang")
            actor, due_ns = turn
            if deadline_ns is not None and due_ns >= deadline_ns:
                self._clock.pass_until_ns(deadline_ns)
                return
            self._turn(actor, due_ns)
            steps += 1
            if progress is not None and steps % STEPS_BETWEEN_PROGRESS == 0:
                progress(self._clock.now_ns())

    def _while_waiting(self, until_ns: int) -> None:
        while self._clock.now_ns() < until_ns:
            turn = self._next()
            if turn is None or turn[1] >= until_ns:
                return
            self._turn(*turn)

    def _next_turn_ns(self) -> int:
        turn = self._next()
        return FOREVER_NS if turn is None else turn[1]

    def _next(self) -> tuple[int, int] | None:
        best, best_ns = -1, FOREVER_NS
        for number, next_due_ns, is_long in self._free:
            due_ns = next_due_ns()
            if due_ns is not None and due_ns < best_ns and not (is_long is not None and is_long()):
                best, best_ns = number, due_ns
        return None if best < 0 else (best, best_ns)

    def _free_beside(self, busy: frozenset[int]) -> list[_Free]:
        """Return who can have a turn while these have theirs, and of whom it matters then whether it is a long one.

        What is long waits for the end of a turn that hurries. What hurries itself never waits.
        """
        if busy not in self._free_of:
            short_only = not busy.isdisjoint(self._hurried)
            self._free_of[busy] = [
                (number, actor.next_due_ns, self._long.get(number) if short_only else None)
                for number, actor in enumerate(self._actors)
                if number not in busy
            ]
        return self._free_of[busy]

    def _busy_with(self, busy: frozenset[int], number: int) -> frozenset[int]:
        """Return who has a turn once one more has; looked up from then on, in every turn."""
        self._with[busy, number] = more = busy | {number}
        self._free_beside(more)
        return more

    def _turn(self, number: int, due_ns: int) -> None:
        self._clock.pass_until_ns(due_ns)
        now_ns = self._clock.now_ns()
        self._steps_here = self._steps_here + 1 if now_ns == self._last_ns else 0
        self._last_ns = now_ns
        if self._steps_here > STUCK_STEPS:
            name = type(self._actors[number]).__name__
            raise RuntimeError(f"time stands still at {now_ns / NS_PER_S:.3f} s: {name} is due for ever")
        busy, free = self._busy, self._free
        self._busy = self._with.get((busy, number)) or self._busy_with(busy, number)
        self._free = self._free_of[self._busy]
        try:
            self._actors[number].step(now_ns)
        finally:
            self._busy, self._free = busy, free
