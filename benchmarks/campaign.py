"""How many trials of the fault campaign one core runs in a second: ``python benchmarks/campaign.py [SEEDS]``.

A short schedule is one infusion of up to 8 s by one pump, with whatever faults and deeds its seed draws, and no
potentiostat: some 10 s of virtual time, in which pump and program exchange some 70 questions and answers. Prints trials
per second of those, of all trials as ``amperfuse campaign`` draws them, and virtual seconds per real second; each is
the best of several rounds, because another program on the core only ever makes one slower. Measures processor time.
Asserts that no rule is broken, nothing about time.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence

from acquisition.campaign.draw import draw
from acquisition.campaign.judges import judge
from acquisition.campaign.run import run
from acquisition.campaign.trial import Trial

SEEDS = 200
ROUNDS = 5
SHORT_S = 8.0


def is_short(trial: Trial) -> bool:
    """Tell whether a trial is a short schedule."""
    (first, *others) = trial.infusions
    return not others and not trial.sensor and first.lasting_s <= SHORT_S


def per_second(trials: Sequence[Trial]) -> tuple[float, float]:
    """Return trials per second of processor time, and the virtual seconds of one, on average."""
    best_s, virtual_s = float("inf"), 0.0
    for _round in range(ROUNDS):
        gc.collect()
        gc.disable()  # as the campaign itself does, between its own collections
        begun_s, virtual_s = time.process_time(), 0.0
        for trial in trials:
            account = run(trial)
            virtual_s += account.duration_s
            assert not judge(trial, account), f"seed {trial.seed} breaks a rule"
        best_s = min(best_s, time.process_time() - begun_s)
        gc.enable()
    return len(trials) / best_s, virtual_s / len(trials)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    drawn = [draw(seed) for seed in range(1, count + 1)]
    for name, trials in (("short schedules", [t for t in drawn if is_short(t)]), ("all as drawn", drawn)):
        rate, virtual_s = per_second(trials)
        size = f"{len(trials)} trials of {virtual_s:.1f} virtual seconds"
        print(f"{name}: {rate:.0f} per second on one core ({size}, {rate * virtual_s:.0f} times real time)")


if __name__ == "__main__":
    main()
