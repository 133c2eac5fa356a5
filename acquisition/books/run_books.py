"""The books that one session writes to as one: the animal's, and the log of every container a pump was filled from.

Knows in which order they are written, so that a crash between two of them leaves too much on an account, never too
little. An infusion stands in both with the number that it has in the other, so that a person settles it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from acquisition.books.animal import AnimalBook
from acquisition.books.chain import BookUnwritable
from acquisition.books.containers import ContainerBook
from acquisition.books.places import same_name
from acquisition.events import Scalar
from acquisition.plan import PumpSetup
from drivers.capabilities import PumpProgram


def open_logs(pumps: Iterable[PumpSetup], session_id: str, today: date) -> dict[str, ContainerBook]:
    """Take the log of every container that a pump names; pumps filled from one bottle share its log.

    Raises ContainerRefused, BookUnwritable, BookBroken; then none is held.
    """
    opened: dict[str, ContainerBook] = {}
    by_pump: dict[str, ContainerBook] = {}
    try:
        for pump in pumps:
            if not pump.container:
                continue
            name = same_name(pump.container)
            if name not in opened:
                opened[name] = ContainerBook.open(pump.container, session_id)
            opened[name].check(pump.drug, pump.drug_form, pump.concentration_mg_per_ml, today)
            by_pump[pump.name] = opened[name]
    except BaseException:
        for log in opened.values():
            log.close()
        raise
    return by_pump


@dataclass
class RunBooks:
    """The open books of a session. Raises BookUnwritable, BookBroken. ``logs``: by the name of the pump."""

    animal: AnimalBook
    logs: Mapping[str, ContainerBook]
    _running: dict[int, tuple[ContainerBook, int]] = field(default_factory=dict, init=False)
    _refused: dict[tuple[str, float], int] = field(default_factory=dict, init=False)
    """Deliveries in a log whose intent the animal's book refused: the next try takes them up, a log is not flooded."""
    _half: dict[str, tuple[int, float]] = field(default_factory=dict, init=False)
    """By pump: what nobody ordered and the log has already, while the animal's book has not."""

    @property
    def head(self) -> str:
        """Return number and hash of the last entry of the animal's book."""
        return self.animal.head

    def intend(self, pump: PumpSetup, step: int, program: PumpProgram, wall_ns: int) -> int:
        """Write that an infusion is about to start, in the container's log first."""
        log = self.logs.get(pump.name)
        if log is None:
            return self.animal.intend(pump, step, program, wall_ns)
        key = (pump.name, program.target_ul)
        refused = self._refused.get(key)
        delivery = refused or log.intend(pump.name, self.animal.animal, program.target_ul, wall_ns)
        also: dict[str, Scalar] = {"container": log.container, "delivery": delivery}
        try:
            number = self.animal.intend(pump, step, program, wall_ns, also)
        except BookUnwritable:
            if refused is None:
                self._refused[key] = delivery
                with suppress(BookUnwritable):  # RUN does not go out: nothing was taken
                    log.settle(delivery, 0.0, 0.0, wall_ns)
            raise
        if refused is not None:
            log.settle(delivery, 0.0, program.target_ul, wall_ns)
            del self._refused[key]
        self._running[number] = (log, delivery)
        return number

    def settle(self, intent: int, given_ul: float, uncertain_ul: float, wall_ns: int) -> None:
        """Write what came of an intent; may be called again after it failed."""
        if (running := self._running.get(intent)) is not None:
            log, delivery = running
            log.settle(delivery, given_ul, uncertain_ul, wall_ns)
            del self._running[intent]
        self.animal.settle(intent, given_ul, uncertain_ul, wall_ns)

    def unordered(self, pump: PumpSetup, volume_ul: float, wall_ns: int) -> None:
        """Write what a pump gave by its own keys; may be called again after it failed, with no less."""
        if (log := self.logs.get(pump.name)) is not None:
            if pump.name not in self._half:
                self._half[pump.name] = (log.intend(pump.name, self.animal.animal, volume_ul, wall_ns), 0.0)
            delivery, told_ul = self._half[pump.name]
            if volume_ul != told_ul:
                log.settle(delivery, volume_ul, 0.0, wall_ns)
                self._half[pump.name] = (delivery, volume_ul)
        self.animal.unordered(pump, volume_ul, wall_ns)
        self._half.pop(pump.name, None)

    def wasted(self, pump: PumpSetup, volume_ul: float, by: str, wall_ns: int) -> None:
        """Write what a pump moved into waste; only the log of its container counts that."""
        if (log := self.logs.get(pump.name)) is not None and volume_ul > 0:
            log.wasted(volume_ul, by, wall_ns)

    def close(self) -> None:
        """Give all books back."""
        self.animal.close()
        for log in {id(log): log for log in self.logs.values()}.values():
            log.close()
