"""Many trials, on all cores: which rule was broken by which seed, and what was met on the way.

Knows how seeds are shared out. Each worker runs its seeds by itself; results come back in any order and are the same.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context

from acquisition.campaign.coverage import Coverage
from acquisition.campaign.draw import draw
from acquisition.campaign.judges import Violation, judge
from acquisition.campaign.run import run
from acquisition.campaign.shrink import shrink
from acquisition.campaign.trial import Trial

BATCH = 25
TRIALS_BETWEEN_COLLECTIONS = 10


@dataclass
class Result:
    """What came of some seeds."""

    trials: int = 0
    failures: dict[int, list[Violation]] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)

    def merge(self, other: Result) -> None:
        """Add another part."""
        self.trials += other.trials
        self.failures.update(other.failures)
        self.coverage.merge(other.coverage)


def run_seeds(seeds: Iterable[int]) -> Result:
    """Run some seeds one after the other."""
    result = Result()
    with _rubbish_between_trials() as clear_away:
        for seed in seeds:
            trial = draw(seed)
            account = run(trial)
            result.trials += 1
            result.coverage.add(trial, account)
            if violations := judge(trial, account):
                result.failures[seed] = violations
            clear_away()
    return result


@contextmanager
def _rubbish_between_trials() -> Iterator[Callable[[], None]]:
    """Let no garbage collection begin inside a trial: it would look through the whole program, for a fifth of the time.

    A trial leaves some megabytes of parts that know each other; they go every ``TRIALS_BETWEEN_COLLECTIONS`` trials.
    """
    was_on, trials = gc.isenabled(), 0

    def clear_away() -> None:
        nonlocal trials
        trials += 1
        if trials % TRIALS_BETWEEN_COLLECTIONS == 0:
            gc.collect()

    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield clear_away
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


def run_campaign(
    seeds: Sequence[int], jobs: int, out_of_time: Callable[[], bool], progress: Callable[[int], None]
) -> Result:
    """Run seeds on ``jobs`` cores until all are done or time is up; ``progress`` is told how many are done."""
    total = Result()
    if jobs == 1:
        for batch in _batches(seeds):
            total.merge(run_seeds(batch))
            progress(total.trials)
            if out_of_time():
                break
        return total
    batches = _batches(seeds)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = set(_submit(pool, batches, 2 * jobs))
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for part in done:
                total.merge(part.result())
            progress(total.trials)
            if not out_of_time():
                running |= set(_submit(pool, batches, len(done)))
    return total


def _batches(seeds: Sequence[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(seeds)
    while batch := tuple(islice(rest, BATCH)):
        yield batch


def _submit(pool: ProcessPoolExecutor, batches: Iterator[tuple[int, ...]], count: int) -> Iterator[Future[Result]]:
    for _, batch in zip(range(count), batches, strict=False):
        yield pool.submit(run_seeds, batch)


def smallest(trial: Trial, rule: str) -> Trial:
    """Return the smallest trial that still breaks this rule."""
    return shrink(trial, lambda less: any(violation.rule == rule for violation in judge(less, run(less))))
