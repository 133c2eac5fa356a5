"""How many trials of the fault campaign one core runs in a second: ``python benchmarks/campaign.py [SEEDS]``.

A short schedule is one infusion of up to 8 s by one pump, with whatever faults and deeds its seed draws, and no
potentiostat: nearly half of what is drawn, some 10 s of virtual time, in which pump and program exchange some 75
questions and answers. The goal is 100 of those a second. Also told is what ``amperfuse campaign`` reaches with all it
draws: long infusions, two in a row, potentiostats, half an hour of a sleeping computer.

Measured is all that the command does with a seed: it is drawn, built, run to its end and judged, what it reached is
counted, and its rubbish is cleared away. Each number is the best of several rounds, because another program on the core
only ever makes one slower, and is processor time, because it may also take the core away. Asserts that no rule is
broken, nothing about time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from acquisition.campaign.campaign import run_seeds
from acquisition.campaign.draw import draw
from acquisition.campaign.run import run
from acquisition.campaign.trial import Trial

SEEDS = 200
ROUNDS = 5
SHORT_S = 8.0
GOAL_PER_S = 100


def is_short(trial: Trial) -> bool:
    """Tell whether a trial is a short schedule."""
    (first, *others) = trial.infusions
    return not others and not trial.sensor and first.lasting_s <= SHORT_S


def per_second(seeds: Sequence[int]) -> float:
    """Return trials per second of processor time."""
    best_s = float("inf")
    for _round in range(ROUNDS):
        begun_s = time.process_time()
        result = run_seeds(seeds)
        best_s = min(best_s, time.process_time() - begun_s)
        assert not result.failures, f"seeds {sorted(result.failures)} break a rule"
    return len(seeds) / best_s


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    drawn = {seed: draw(seed) for seed in range(1, count + 1)}
    short = [seed for seed, trial in drawn.items() if is_short(trial)]
    for name, seeds in ((f"short schedules (goal: {GOAL_PER_S})", short), ("all as drawn", list(drawn))):
        virtual_s = sum(run(drawn[seed]).duration_s for seed in seeds) / len(seeds)  # also warms up
        rate = per_second(seeds)
        size = f"{len(seeds)} trials of {virtual_s:.1f} virtual seconds"
        print(f"{name}: {rate:.0f} per second on one core ({size}, {rate * virtual_s:.0f} times real time)")


if __name__ == "__main__":
    main()
