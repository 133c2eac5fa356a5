"""The syringe that is in a pump today, named by the person who looked at it (R13).

A rig file is used from day to day and its syringe with it; the one in the pump may be another, and within one family
the dose is then wrong by exactly 2, 2.5, 5 or 10. So a person names what is printed on the barrel for each session, and
the program compares. Knows names only: what a name means is the library's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from acquisition.experiment.problems import Problem, RefusedInput, printable
from acquisition.experiment.rig import Rig

OPTION = "--syringe"


def read_names(words: Sequence[str]) -> dict[str, str]:
    """Return pump to syringe from words like ``ket=hamilton-1001``. Raises RefusedInput."""
    named: dict[str, str] = {}
    for word in words:
        pump, sign, syringe = word.partition("=")
        if not (pump and sign and syringe) or pump in named:
            sentence = "give each pump once, with the syringe you see in it, like ket=hamilton-1001."
            raise RefusedInput([Problem(OPTION, 0, printable(word), sentence)])
        named[pump] = syringe
    return named


def check_named(rig: Rig, pumps: Collection[str], named: Mapping[str, str]) -> None:
    """Raise RefusedInput unless every one of ``pumps`` was named with the syringe that the rig says is in it."""
    if problems := list(_differences(rig, pumps, named)):
        raise RefusedInput(problems)


def _differences(rig: Rig, pumps: Collection[str], named: Mapping[str, str]) -> Iterator[Problem]:
    for pump in rig.pumps:
        if pump.name not in pumps:
            continue
        said = named.get(pump.name)
        if said is None:
            sentence = (
                "nobody has said which syringe is in it today, and the rig file may be of another day. Look at the "
                f"barrel, then add {OPTION} {pump.name}=NAME ('amperfuse syringes list' has the names)."
            )
            yield Problem(OPTION, 0, pump.name, sentence)
        elif said not in (pump.syringe, pump.syringe.removeprefix("own, ")):
            sentence = (
                f'you see "{printable(said)}" in it and the rig file says "{pump.syringe}". The dose would be wrong: '
                "put the right syringe in, or correct the rig file."
            )
            yield Problem(OPTION, 0, pump.name, sentence)
    for name in named:
        if name not in {pump.name for pump in rig.pumps}:
            yield Problem(OPTION, 0, printable(name), "the rig has no such pump.")
