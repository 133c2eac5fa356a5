"""The table ``[readout]`` of cohort and study files: which channels, marks and stretches give an effect.

Knows how it is written, and what it asks for that a rig and a protocol do not have. How it is read out of a recording
is known to ``analysis.evoked``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from acquisition.experiment.compile import Experiment
from acquisition.experiment.fields import DurationOrZeroS, DurationS, Name, SaidText, Table
from acquisition.experiment.problems import Problem, Source, did_you_mean, printable
from acquisition.experiment.toml_lines import Key
from acquisition.plan import InfuseStep, MarkStep, without_rounds
from analysis.evoked import EffectStretch, Readout


class StretchTable(Table):
    """A stretch after the drug first reached the animal."""

    label: SaidText
    after: DurationOrZeroS
    until: DurationS


class ReadoutTable(Table):
    """What is read from a session; the first stretch is the one that counts."""

    channel: SaidText
    sentinel: SaidText
    stimulus: SaidText
    drug: Name
    baseline: DurationS
    stretches: Annotated[list[StretchTable], Field(min_length=1, max_length=8)]


def readout_of(table: ReadoutTable) -> Readout:
    """Return what the analysis reads by."""
    stretches = tuple(EffectStretch(one.label, one.after, one.until) for one in table.stretches)
    return Readout(table.channel, table.sentinel, table.stimulus, table.drug, table.baseline, stretches)


def stretch_problems(table: ReadoutTable, source: Source) -> Iterator[Problem]:
    """Say what contradicts itself within ``[readout]``."""
    for number, stretch in enumerate(table.stretches):
        if stretch.until <= stretch.after:
            yield source.problem(("readout", "stretches", number, "until"), "a stretch must end after it begins.")
        if stretch.label in [one.label for one in table.stretches[:number]]:
            yield source.problem(("readout", "stretches", number, "label"), "two stretches have this label.")


def readout_problems(
    table: ReadoutTable, experiment: Experiment, named_at: Mapping[str, tuple[Key, ...]], source: Source
) -> Iterator[Problem]:
    """Say what is asked for that a rig and a protocol do not have; ``named_at``: where the file names the two."""
    plan = experiment.plan
    channels = {f"{p.name}.{c.name}": c for p in plan.potentiostats for c in p.channels}
    for key in ("channel", "sentinel"):
        if (name := getattr(table, key)) not in channels:
            hint = did_you_mean(name, list(channels))
            text = f'there is no channel "{printable(name)}" in {experiment.rig.source.file}.{hint}'
            yield source.problem(("readout", key), text)
    if table.channel.partition(".")[0] != table.sentinel.partition(".")[0]:
        yield source.problem(("readout", "sentinel"), "channel and sentinel must be of one instrument.")
    if table.channel in channels and channels[table.channel].sensitivity_a_per_um is None:
        yield source.problem(named_at["rig"], f'channel "{table.channel}" has no sensitivity in the rig.')
    if not any(isinstance(step, InfuseStep) and step.pump == table.drug for step in plan.steps):
        text = f'no step of the protocol infuses from "{table.drug}", the pump of [readout] drug.'
        yield source.problem(named_at["protocol"], text)
    wanted = table.stimulus.strip().casefold()
    marks = [without_rounds(step.label) for step in plan.steps if isinstance(step, MarkStep)]
    if wanted not in [mark.strip().casefold() for mark in marks]:
        text = f'no step of the protocol is the mark "{printable(table.stimulus)}" of [readout] stimulus.'
        yield source.problem(named_at["protocol"], text)
