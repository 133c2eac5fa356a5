"""Watches a pump that tells a state and a counter, on a line without checksum: what is asked twice, and lost runs.

A change of the state must be said twice in a row, and a counter that is hard to believe must be confirmed. Knows how
a run shows and how its loss does. Does not know texts or units: the family hands in how both are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from drivers.errors import DeviceReset, GarbledReply
from drivers.run_account import RunAccount
from drivers.talk import Answer, Talk

_CONFLICTS: Final = 4  # questions until two answers in a row agree

S = TypeVar("S")
T = TypeVar("T")
Counter = Answer[tuple[float, float]]


class Ask(Protocol[T]):
    """Asks the pump one question, repeated as its family does."""

    def __call__(self, *, urgent: bool) -> Answer[T]: ...


@dataclass(frozen=True)
class Seen(Generic[S]):
    """One look. Volumes of the infusion written last, microlitres."""

    state: S
    is_new: bool
    """The look before saw another state."""
    infused_ul: float
    step_ul: float
    asked_ns: int
    received_ns: int
    lost: bool = False
    """The pump stands and has lost its run. Only after a stop; else DeviceReset says so."""


@dataclass
class Watch(Generic[S]):
    """What is known of one pump from its last answers."""

    link: Talk[Any]
    stopped: S
    """The only state that is taken for standing still after a stop."""
    is_running: Callable[[S], bool]
    ask_state: Ask[S]
    ask_counter: Ask[tuple[float, float]]
    """What was counted and what one count is worth, microlitres."""
    account: RunAccount = field(default_factory=RunAccount, init=False)
    """Of the infusion that was written last."""
    state: S = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.stopped

    def look(self) -> Seen[S]:
        """Ask for the state, then for the counter. Raises DeviceReset once when a run was lost."""
        first = self._agreed_state()
        counter = self.counter()
        infused_ul, step_ul = self.account.read(*counter.value, counter.received_ns)
        state, received_ns = first.value, counter.received_ns
        if self.is_running(state) and self.account.is_at_target(infused_ul):  # it should stand now: ask once more
            last = self._agreed_state()
            state, received_ns = last.value, last.received_ns
        if state == self.stopped and self.account.is_lost(infused_ul, step_ul, counter.received_ns):
            self.forget_run()
            raise DeviceReset(
                "the pump stands still and its counter went back: it was reset or lost power, its run is gone",
                port=self.link.url,
                command="status",
            )
        is_new, self.state = state != self.state, state
        self.account.moved |= self.account.open and self.is_running(state)
        self.account.seen_ul = max(self.account.seen_ul, infused_ul)
        if state == self.stopped and self.account.moved:
            self.account.open = False
        return Seen(state, is_new, infused_ul, step_ul, first.asked_ns, received_ns)

    def stopped_look(self, between: Callable[[], None] = lambda: None) -> Seen[S] | None:
        """Ask everything anew after a stop; None unless two answers say stopped. ``between`` asks for more."""
        first = self.ask_state(urgent=True)
        if first.value != self.stopped:
            return None
        between()
        counter = self.counter(urgent=True)
        last = self.ask_state(urgent=True)
        if last.value != self.stopped:
            return None
        infused_ul, step_ul = self.account.read(*counter.value, counter.received_ns)
        lost = self.account.is_lost(infused_ul, step_ul, counter.received_ns)
        if lost:
            self.forget_run()
        self.account.open, self.state = False, self.stopped
        return Seen(
            self.stopped, is_new=False, infused_ul=infused_ul, step_ul=step_ul, asked_ns=first.asked_ns,
            received_ns=last.received_ns, lost=lost,
        )  # fmt: skip

    def forget_run(self) -> None:
        """Forget a run that the pump has lost: told once."""
        self.account, self.state = RunAccount(), self.stopped

    def _agreed_state(self) -> Answer[S]:
        """Ask for the state; what is not expected must be said twice: one flipped bit makes another state of it.

        Not expected are a change, and a run that goes on when its time is over.
        """
        answer = self.ask_state(urgent=False)
        if answer.value == self.state and not (self.is_running(answer.value) and self.account.is_due(answer.asked_ns)):
            return answer
        for _try in range(_CONFLICTS):
            before, answer = answer.value, self.ask_state(urgent=False)
            if answer.value == before:
                return answer
        raise GarbledReply("the status changes with every answer", port=self.link.url, command="status")

    def counter(self, *, urgent: bool = False) -> Counter:
        """Ask for the counter; what is hard to believe is asked for again and must agree."""
        answer = self.ask_counter(urgent=urgent)
        for _try in range(_CONFLICTS):
            value, step = answer.value
            if self.account.believable(max(value - self.account.zero_ul, 0.0), step, answer.received_ns):
                return answer
            again = self.ask_counter(urgent=urgent)
            flown_ul = self.account.most_ul(again.received_ns) - self.account.most_ul(answer.asked_ns)
            if -step <= again.value[0] - value <= max(2 * flown_ul, value / 4) + step:  # also a pump that runs too fast
                return again
            answer = again
        raise GarbledReply("the counter jumps with every answer", port=self.link.url, command="status")

    def resting_counter(self) -> float:
        """Return the counter of a pump at rest, uL: said twice, since all that follows is measured from it."""
        before = self.ask_counter(urgent=False).value[0]
        for _try in range(_CONFLICTS):
            value = self.ask_counter(urgent=False).value[0]
            if value == before:
                return value
            before = value
        raise GarbledReply("the counter of a pump at rest changes", port=self.link.url, command="status")
