"""What nobody but a person can judge before a start: numbers far from the last ones, an animal that nobody knows (R03),
a clock that is behind the books (T3), a syringe that holds more than was drawn for it.

Pure. A slip of ten can lie well within every limit; what it cannot do is look like last time. Both numbers are shown in
words, because a decimal point is read over and "five point zero" is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from acquisition.experiment.number_words import in_words
from acquisition.plan import InfuseStep, Known, PastDose, Plan, PumpSetup
from drivers.clock import NS_PER_S

FACTOR = 5.0
"""R03: from here on a change is asked about again."""
BEHIND_ALLOWED_NS = 60 * NS_PER_S
"""A clock that was set right by a minute after an entry is no wrong clock [P]."""
DRAWN_TOLERANCE = 0.02
"""How much less may have been drawn than is loaded: what a scale of a barrel can tell [P]."""
SAME_OCCASION_S = 24 * 3600.0
"""Infusions that began so long before the last one belong to it."""


@dataclass(frozen=True)
class Doubt:
    """Something found in files and books that a person must accept by name."""

    item_id: str
    what: str
    so_what: str
    do_what: str


def doubts_about(plan: Plan, last_run: Sequence[Known], animals: Sequence[str]) -> tuple[Doubt, ...]:
    """Return what must be accepted by name before this plan is started on a real animal.

    ``last_run``: the infusions of this protocol when it was started last; ``animals``: those with a dose book.
    """
    found = list(_unknown_animal(plan, animals))
    for setup in plan.animal_pumps:
        found += _jumps(plan, setup, _last_doses(plan, setup), "animal", f"{plan.subject.subject_id} got last")
        found += _jumps(plan, setup, last_run, "protocol", f'"{plan.name}" said when it was started last')
    return tuple(found)


def clock_behind(wall_ns: int, newest_entry_ns: int | None) -> tuple[Doubt, ...]:
    """Return the doubt about a wall clock that has not come to the newest entry of the books; none without an entry.

    Both are UTC, ns since 1970. A doubt and no refusal, because it may be the entry that is wrong: a clock that was
    ahead for one session must not bar the animal from the next. The sentence names no time of now, so that a name
    given for it holds.
    """
    if newest_entry_ns is None or wall_ns >= newest_entry_ns - BEHIND_ALLOWED_NS:
        return ()
    when = datetime.fromtimestamp(newest_entry_ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M UTC")
    doubt = Doubt(
        "clock-behind",
        f"The books were last written to at {when}, and the computer's clock has not come that far.",
        "One of the two times is wrong. Doses that seem still to come count as given just now; by a clock that is "
        "behind, older doses count longer than they have to, and this session stands before earlier ones.",
        "Look at date, time and time zone of the computer. If they are wrong, end this session and set them; if the "
        "clock was wrong when that was written, accept it by name.",
    )
    return (doubt,)


def too_little_drawn(pumps: Sequence[PumpSetup], in_syringes_ul: Mapping[str, float]) -> tuple[Doubt, ...]:
    """Return the doubt about every container from which less was drawn than its pumps hold.

    ``in_syringes_ul``: by the container's name as the pumps say it. A primed line was filled from the syringe.
    """
    found = []
    for container, drawn_ul in in_syringes_ul.items():
        filled = [pump for pump in pumps if pump.container == container]
        held_ul = sum(pump.loaded_ul + (pump.line_dead_volume_ul if pump.primed else 0.0) for pump in filled)
        if drawn_ul < held_ul * (1 - DRAWN_TOLERANCE):
            names = ", ".join(pump.name for pump in filled)
            found.append(
                Doubt(
                    f"drawn:{container}",
                    f"By its log {max(drawn_ul, 0.0):g} uL of {container} are in syringes and lines, but {names} "
                    f"should hold {held_ul:g} uL.",
                    "Either the substance log lacks a draw, or the syringe was filled from something else.",
                    "Look at the bottle. End this session, write the draw (amperfuse container draw) and start again; "
                    "or accept it by name and write it afterwards.",
                )
            )
    return tuple(found)


def _last_doses(plan: Plan, setup: PumpSetup) -> list[Known]:
    same = [dose for dose in plan.history if _same_drug(dose, setup) and dose.route == setup.route]
    last_s = min((dose.started_ago_s for dose in same), default=0.0)
    return [dose.known for dose in same if dose.started_ago_s <= last_s + SAME_OCCASION_S]


def _same_drug(dose: PastDose, setup: PumpSetup) -> bool:
    """Blinded syringes are compared with each other, whatever is in them: a doubt about one must not tell."""
    return dose.drug == setup.drug if not setup.code else bool(dose.code)


@dataclass(frozen=True)
class _Quantity:
    name: str
    unit: str
    words: str

    def of(self, known: Known) -> float:
        """Return the number, 0 where it is not known."""
        concentration = known.concentration_mg_per_ml or 0.0
        values = {
            "volume": known.volume_ul,
            "rate": known.rate_ul_per_min,
            "concentration": concentration,
            "amount": concentration * known.volume_ul,
        }
        return values[self.name]


_QUANTITIES = (
    _Quantity("volume", "uL", "microlitres"),
    _Quantity("rate", "uL/min", "microlitres per minute"),
    _Quantity("concentration", "mg/mL", "milligrams per millilitre"),
    _Quantity("amount", "ug", "micrograms"),
)


def _jumps(plan: Plan, setup: PumpSetup, before: Sequence[Known], source: str, who: str) -> Iterator[Doubt]:
    new = [setup.known(s) for s in plan.steps if isinstance(s, InfuseStep) and s.pump == setup.name]
    same = [known for known in before if any((known.drug, known.form) == (one.drug, one.form) for one in new[:1])]
    for quantity in _QUANTITIES:
        olds = [value for known in same if (value := quantity.of(known)) > 0]
        pairs = [(value, _nearest(value, olds)) for known in new if olds and (value := quantity.of(known)) > 0]
        far = [(value, old) for value, old in pairs if _ratio(value, old) >= FACTOR]
        if far:
            value, old = max(far, key=lambda pair: _ratio(*pair))
            yield _jump(setup, quantity, value, old, source, who)


def _ratio(one: float, other: float) -> float:
    return max(one, other) / min(one, other)


def _nearest(value: float, olds: Sequence[float]) -> float:
    return min(olds, key=lambda old: _ratio(value, old))


def _jump(  # noqa: PLR0917 - the parts of one sentence
    setup: PumpSetup, quantity: _Quantity, value: float, old: float, source: str, who: str
) -> Doubt:
    more = "as much" if value > old else "less"
    factor = f"{_ratio(value, old):.3g} times {more}"
    drug = setup.drug or "solution"
    return Doubt(
        f"jump:{setup.name}:{quantity.name}:{source}",
        f"The {quantity.name} of {drug} in {setup.name} is {in_words(value)} {quantity.words} ({value:.4g} "
        f"{quantity.unit}); {who} {in_words(old)} {quantity.words} ({old:.4g} {quantity.unit}). That is {factor}.",
        "A slip of the decimal point or of a unit looks like this; the limits may allow it, the animal may not.",
        "Compare both numbers with your notes. If it is a slip, end this session and correct the protocol; if it is "
        "meant, accept it by name.",
    )


def _unknown_animal(plan: Plan, animals: Sequence[str]) -> Iterator[Doubt]:
    name = plan.subject.subject_id
    if plan.history or not plan.animal_pumps:
        return
    bare = {_bare(animal): animal for animal in animals if animal != name}
    like = bare.get(_bare(name)) or next(iter(get_close_matches(name, list(animals), n=1, cutoff=0.75)), "")
    known = f' There is a book of "{like}".' if like and like != name else ""
    yield Doubt(
        "animal",
        f'Nothing is known here to have been given to "{name}" before.{known}',
        "Under another spelling its earlier doses count in no limit: it could get too much.",
        "If this is its first infusion, accept it by name. If not, end this session and correct the id there.",
    )


def _bare(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
