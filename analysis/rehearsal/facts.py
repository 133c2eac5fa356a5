"""The facts of one rehearsal's report, as values. What is SIMULATED and what the engine believed stand side by side.

Times are seconds on the plan's clock (0: the plan was started) unless a name says otherwise; None: not known or not
reached. Knows no words, no layout and no file; ``docs/reference/rehearsal-report.md`` tells every field.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMAT = 1
"""Rises when a field of ``rehearsal.json`` changes its meaning or goes."""


@dataclass(frozen=True)
class LevelsAt:
    """What the simulated animal held at one moment."""

    plasma_mg_per_l: float
    brain_mg_per_kg: float
    tonic_glutamate_um: float
    release: float
    """Neuronal release, 1 without drug."""


@dataclass(frozen=True)
class StepFact:
    """One step, as planned and as run."""

    number: int
    kind: str
    label: str
    pump: str
    planned_start_s: float
    planned_end_s: float
    started_s: float | None
    ended_s: float | None
    state: str
    """done, aborted, missed, running (had not ended), not begun."""
    planned_ul: float | None
    confirmed_ul: float | None
    uncertain_ul: float | None
    """What may have been given beyond that."""
    at_end: LevelsAt | None


@dataclass(frozen=True)
class PumpFact:
    """One pump: what was to leave it, what it counted, what really left it."""

    pump: str
    solution: str
    route: str
    loaded_ul: float
    planned_ul: float
    confirmed_ul: float
    uncertain_ul: float
    waste_ul: float
    true_delivered_ul: float | None
    """None for a replayed pump, from which nothing flows."""
    true_at_animal_ul: float | None
    left_ul: float
    """In the syringe at the end, at worst."""
    empty_in_s: float | None
    """How long the rest lasts at the plan's last rate; None where no infusion is planned."""
    refills: int
    """Refills that the plan needs with what is loaded."""
    further_runs: int | None
    """How many more whole runs of this plan the rest is enough for."""


@dataclass(frozen=True)
class DoseFact:
    """One drug by one route, mg per kg of the animal, in the plan's own form of the drug."""

    drug: str
    form: str
    route: str
    animal: str
    planned_mg_per_kg: float
    confirmed_mg_per_kg: float
    uncertain_mg_per_kg: float
    true_mg_per_kg: float | None
    """What reached the animal."""
    effect_modelled: bool
    """Whether this drug by this route has an effect in the simulated animal."""


@dataclass(frozen=True)
class LimitFact:
    """One limit that the plan touches, and how close it comes; earlier sessions count where the limit says so."""

    limit_id: str
    quantity: str
    drug: str
    routes: tuple[str, ...]
    window: str
    unit: str
    soft: float
    hard: float
    planned: float
    given: float | None
    """As run, uncertain volume counted as given; None if nothing was infused."""
    soft_percent: float
    """Of the plan."""
    hard_percent: float
    given_hard_percent: float | None
    source: str
    mark: str


@dataclass(frozen=True)
class LevelFact:
    """The course of one predicted level."""

    name: str
    unit: str
    before: float
    """Mean before the first infusion, at most over ten minutes."""
    lowest: float
    lowest_at_s: float
    highest: float
    highest_at_s: float
    end: float


@dataclass(frozen=True)
class AlarmFact:
    """One alarm that would sound."""

    alarm_id: str
    priority: str
    instrument: str
    what: str
    so_what: str
    do_what: str
    first_s: float
    step: int | None
    """The step that ran then; None before and after the plan."""
    times: int
    on_at_end: bool


@dataclass(frozen=True)
class ChannelFact:
    """What was recorded of one channel."""

    channel: str
    instrument: str
    samples: int
    missing: int
    """Not recorded, or recorded as not a number."""
    flagged: int
    """Recorded, with a flag: overload, underload, timing."""


@dataclass(frozen=True)
class DiskFact:
    """What a session like this needs of the disk."""

    measured_bytes: int
    measured_s: float
    bytes_per_h: float
    planned_need_bytes: int
    """For the planned duration, waits for a baseline at their longest, at the measured rate."""
    free_bytes: int
    enough: bool
    """Free space is at least twice the need, as a start demands it."""


@dataclass(frozen=True)
class Change:
    """One number or word that differs with the faults."""

    what: str
    without: str
    with_faults: str


@dataclass(frozen=True)
class Difference:
    """The same rehearsal, same seed, without the faults given."""

    go_without: bool
    outcome_without: str
    changes: tuple[Change, ...]
    alarms_added: tuple[str, ...]
    alarms_gone: tuple[str, ...]


@dataclass(frozen=True)
class RunFact:
    """One of several rehearsals with different seeds."""

    seed: int
    go: bool
    outcome: str
    reasons: tuple[str, ...]
    true_mg_per_kg: dict[str, float]
    """By drug and route."""
    glutamate_change_percent: float | None
    """Of the tonic level: from before the first infusion to where it was farthest from that."""
    lowest_release: float | None
    alarms: tuple[str, ...]
    """Ids of all that sounded."""
    missing_samples: int


@dataclass(frozen=True)
class SpreadRow:
    """One number over all seeds."""

    what: str
    unit: str
    lowest: float
    median: float
    highest: float


@dataclass(frozen=True)
class Spread:
    """Several seeds: other animals, other noise, other chances."""

    runs: tuple[RunFact, ...]
    rows: tuple[SpreadRow, ...]
    alarms: dict[str, int]
    """Alarm id to the number of runs in which it sounded."""

    @property
    def go(self) -> int:
        """Return how many said go."""
        return sum(run.go for run in self.runs)


@dataclass(frozen=True)
class RehearsalReport:
    """Everything that a rehearsal found."""

    go: bool
    reasons: tuple[str, ...]
    """What stands against it; empty for a go."""
    outcome: str
    protocol: str
    animal: str
    species: str
    weight_g: float
    seed: int
    faults: tuple[str, ...]
    presets: tuple[str, ...]
    software: str
    session_dir: str
    fingerprint: str
    plan_sha256: str
    planned_s: float
    ran_s: float | None
    """From the start of the plan to the end of its last step; None if it was never started."""
    recorded_s: float
    warnings: tuple[str, ...]
    steps: tuple[StepFact, ...]
    pumps: tuple[PumpFact, ...]
    doses: tuple[DoseFact, ...]
    limits: tuple[LimitFact, ...]
    """The closest first."""
    levels: tuple[LevelFact, ...]
    """Empty where no animal is simulated."""
    alarms: tuple[AlarmFact, ...]
    channels: tuple[ChannelFact, ...]
    disk: DiskFact
    difference: Difference | None = None
    spread: Spread | None = None
    blinded: tuple[str, ...] = ()
    """Codes of blinded syringes, those of earlier sessions too: of what they hold no dose, share or level is told."""
    format: int = FORMAT
    simulated: bool = True
