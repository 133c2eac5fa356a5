"""What a container's entries add up to: in it, in syringes and lines, in animals, wasted; and what is missing.

Knows the kinds of entry of a substance log and their arithmetic, in whole nanolitres. An infusion whose outcome is not
known counts as an interval from nothing to its whole target. ``drawn = delivered + wasted + returned + still in
syringes and lines`` (safety.md 3.4). Does not know files or the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acquisition.books.chain import BookBroken, Entry
from acquisition.events import Scalar

FIRST = "opened"
BY_HAND = frozenset({"diluted", "drawn", "wasted", "returned", "counted", "explained"})
"""Kinds that a person writes, and may therefore void by a correction."""
KINDS = BY_HAND | {FIRST, "delivering", "delivered", "corrected"}
TOLERANCE = 0.02
"""Of what was drawn: how far a session may be from closing before a reason is asked for [P]."""
TOLERANCE_NL = 2000
"""The same, at least: what stays in a needle's hub [P]."""


@dataclass(frozen=True)
class Delivery:
    """One infusion from this container. Volumes in nL; ``least_nl`` and ``most_nl`` differ while nobody knows."""

    number: int
    session: str
    pump: str
    animal: str
    least_nl: int
    most_nl: int


@dataclass(frozen=True)
class Balance:
    """Where everything is. All volumes in nL."""

    opened_nl: int
    in_container_nl: int
    drawn_nl: int
    returned_nl: int
    wasted_from_syringe_nl: int
    wasted_from_container_nl: int
    diluted_nl: int
    miscounted_nl: int
    """Sum of the differences that physical counts found: negative when something was missing."""
    deliveries: tuple[Delivery, ...]
    explained_nl: int
    """What a named person gave a reason for, of what was drawn."""

    @property
    def delivered_least_nl(self) -> int:
        """What certainly left syringes by a pump."""
        return sum(one.least_nl for one in self.deliveries)

    @property
    def delivered_most_nl(self) -> int:
        """The same, at worst."""
        return sum(one.most_nl for one in self.deliveries)

    @property
    def open_most_nl(self) -> int:
        """What of the drawn is not accounted for, if pumps gave as little as is certain. Below 0: a draw is missing."""
        gone = self.wasted_from_syringe_nl + self.returned_nl + self.explained_nl
        return self.drawn_nl - gone - self.delivered_least_nl

    @property
    def open_least_nl(self) -> int:
        """The same, if the pumps gave as much as is possible."""
        return self.open_most_nl - (self.delivered_most_nl - self.delivered_least_nl)

    @property
    def tolerance_nl(self) -> int:
        """How far from nothing ``open`` may be."""
        return max(TOLERANCE_NL, round(TOLERANCE * self.drawn_nl))

    @property
    def closes(self) -> bool:
        """Whether what was drawn is accounted for: nothing is left in syringes and lines, nothing is missing."""
        return self.open_least_nl <= self.tolerance_nl and self.open_most_nl >= -self.tolerance_nl


def balance(entries: Iterable[Entry]) -> Balance:
    """Return where everything is after these entries. Raises BookBroken for an entry that makes no sense."""
    entries = list(entries)
    void = {number(e, "corrects") for e in entries if e.data.get("kind") == "corrected"}
    sums = dict.fromkeys(("drawn", "returned", "syringe", "container", "diluted", "miscounted", "explained"), 0)
    opened_nl = in_container_nl = 0
    running: dict[int, Delivery] = {}
    for entry in entries:
        kind = entry.data.get("kind")
        if kind not in KINDS:
            raise BookBroken(f"entry {entry.number} of a substance log is of no known kind; a newer version wrote it?")
        if entry.number in void or kind == "corrected":
            continue
        if kind == "delivering":
            running[entry.number] = _delivery(entry)
        elif kind == "delivered":
            _settle(running, entry)
        elif kind == FIRST:
            opened_nl = in_container_nl = number(entry, "volume_nl")
        else:
            in_container_nl += _by_hand(entry, str(kind), in_container_nl, sums)
    return Balance(
        opened_nl=opened_nl,
        in_container_nl=in_container_nl,
        drawn_nl=sums["drawn"],
        returned_nl=sums["returned"],
        wasted_from_syringe_nl=sums["syringe"],
        wasted_from_container_nl=sums["container"],
        diluted_nl=sums["diluted"],
        miscounted_nl=sums["miscounted"],
        deliveries=tuple(running.values()),
        explained_nl=sums["explained"],
    )


def _by_hand(entry: Entry, kind: str, in_container_nl: int, sums: dict[str, int]) -> int:
    """Add what a person wrote to its sum; return by how much the container's content changes."""
    volume_nl = number(entry, "volume_nl")
    if kind == "counted":
        difference_nl = volume_nl - in_container_nl
        sums["miscounted"] += difference_nl
        return difference_nl
    if kind == "explained":
        sums["explained"] += volume_nl
        return 0
    if kind == "wasted":
        source = "container" if entry.data.get("source") == "container" else "syringe"
        sums[source] += volume_nl
        return -volume_nl if source == "container" else 0
    sums[kind] += volume_nl
    return volume_nl if kind == "returned" else -volume_nl


def _delivery(entry: Entry) -> Delivery:
    data = entry.data
    whose = (str(data.get("session")), str(data.get("pump")), str(data.get("animal")))
    return Delivery(entry.number, *whose, 0, number(entry, "volume_nl"))


def _settle(running: dict[int, Delivery], entry: Entry) -> None:
    intent = number(entry, "delivery")
    if intent not in running:
        raise BookBroken(f"entry {entry.number} of a substance log settles a delivery that is not there")
    one, least_nl = running[intent], number(entry, "volume_nl")
    running[intent] = Delivery(
        one.number, one.session, one.pump, one.animal, least_nl, least_nl + number(entry, "uncertain_nl")
    )


def number(entry: Entry | Mapping[str, Scalar], key: str) -> int:
    """Return a whole number that is not negative. Raises BookBroken."""
    value = (entry.data if isinstance(entry, Entry) else entry).get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        where = f"entry {entry.number}" if isinstance(entry, Entry) else "an entry"
        raise BookBroken(f"{where} of a substance log has no {key}; restore it from your backup")
    return value
