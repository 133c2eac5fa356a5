"""A calibration in a protocol file: whose probe, which beaker, and the steps in which something is pipetted into it.

Knows what the tables mean and into which ordinary steps an addition unrolls: a person is told what to pipette, says
when, the recording is marked at that moment, and the plateau is waited for. Does not know what is computed from it
(``analysis.calibration``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from acquisition.experiment import quantities
from acquisition.experiment.fields import DurationS, MolarityOrZeroUm, SaidText, Table, VolumeUl
from acquisition.experiment.problems import Problem, Source
from acquisition.experiment.toml_lines import Key
from acquisition.experiment.weighing import NO_ANIMAL

Analyte = Literal["glutamate", "ascorbate", "dopamine", "peroxide", "buffer"]
Phase = Literal["before", "after"]
SHORTEST_PLATEAU_S = 40.0
"""What is read of a plateau by default: 15 s to settle, 20 s of level, 5 s before the next addition [A]."""


class BeakerTable(Table):
    """The table [calibration]."""

    probe: SaidText
    phase: Phase
    """Before or after the probe was in an animal."""
    beaker: VolumeUl


class AddTable(Table):
    """One addition: what, how much, how strong, and how long its plateau is recorded."""

    analyte: Analyte
    volume: VolumeUl
    stock: MolarityOrZeroUm
    plateau: DurationS = 60.0

    @property
    def text(self) -> str:
        """Return it for people, such as "40 uL of glutamate, stock 20 mM"."""
        volume = quantities.format_quantity(self.volume, quantities.VOLUME)
        unit = "mM" if self.stock >= 1000.0 else "uM"
        stock = quantities.format_quantity(self.stock, quantities.MOLARITY, unit)
        return f"{volume} of {self.analyte}" + ("" if self.analyte == "buffer" else f", stock {stock}")

    @property
    def told(self) -> str:
        """Return what the person at the beaker is asked to do."""
        return f"Take up {self.text}. Press Continue at the moment you pipette it into the beaker"


@dataclass(frozen=True)
class Beaker:
    """A calibration of a protocol. ``additions`` are by the number of the step that marks each, in order."""

    probe: str
    phase: Phase
    beaker_ul: float
    additions: tuple[tuple[int, AddTable], ...]


def mark_of(add: AddTable, others: Sequence[AddTable]) -> str:
    """Return the mark of an addition: its analyte, or all of it where that analyte is added in different ways."""
    alike = all((o.volume, o.stock) == (add.volume, add.stock) for o in others if o.analyte == add.analyte)
    return add.analyte if alike else add.text


def beaker_problems(
    table: BeakerTable | None, species: str, adds: Sequence[tuple[tuple[Key, ...], AddTable]], source: Source
) -> Iterator[Problem]:
    """Say what is wrong with a calibration as a whole; ``adds`` with their places in the file."""
    if table is None:
        for path, _ in adds[:1]:
            sentence = "an addition needs the table [calibration]: probe, phase and beaker."
            yield source.problem((*path, "add"), sentence)
        return
    if species != NO_ANIMAL:
        sentence = f'a calibration is done in a beaker: write species = "{NO_ANIMAL}" under [subject].'
        yield source.problem(("subject", "species"), sentence)
    if sum(add.analyte == "glutamate" for _, add in adds) < 2:
        yield source.problem(("calibration",), "add glutamate at least twice: one step gives no line.")
    for path, add in adds:
        if add.analyte != "buffer" and add.stock == 0:
            yield source.problem((*path, "add", "stock"), f"a stock of {add.analyte} has a strength above zero.")
        if add.plateau < SHORTEST_PLATEAU_S:
            sentence = f"a plateau shorter than {SHORTEST_PLATEAU_S:g} s cannot be read."
            yield source.problem((*path, "add", "plateau"), sentence)


def beaker_presets(beaker: Beaker | None) -> dict[str, Any]:
    """Return what a simulation of this protocol needs by itself; presets that a person names go before it."""
    return {"scenario": simulated_beaker(beaker)} if beaker else {}


def simulated_beaker(beaker: Beaker) -> dict[str, Any]:
    """Return the scenario, as presets have it, in which somebody pipettes this protocol's additions at their marks."""
    adds = [add for _, add in beaker.additions]
    poured = {mark_of(add, adds): add for add in adds}
    return {
        "kind": "scenario",
        "title": f"The beaker of the calibration of {beaker.probe}",
        "beaker": {
            "volume_ml": beaker.beaker_ul / 1000.0,
            "additions": [
                {"mark": mark, "analyte": add.analyte, "volume_ul": add.volume, "stock_mm": add.stock / 1000.0}
                for mark, add in poured.items()
            ],
        },
    }
