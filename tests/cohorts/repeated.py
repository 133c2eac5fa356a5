"""Hundreds of simulated cohorts, analysed blind: how often intervals cover the truth, and tests find what is not there.

``python -m tests.cohorts.repeated --kind vehicle|study|competing [--cohorts 500] [--jobs 1] --out DIR`` simulates them
without the wire, after two animals of each protocol have shown that the bytes bring the very same samples. It leaves
``animals-KIND.jsonl`` (one cohort a line; a run that was cut short goes on behind the last one), ``KIND.json`` and
``KIND.txt`` in DIR. Set OPENBLAS_NUM_THREADS=1: the matrices are small. Computes nothing by itself.
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cohorts.judged import judged, report
from tests.cohorts.kinds import KINDS, Kept, Repeats, prepared, readout_of_example

_repeats: list[Repeats] = []
"""In a worker: what it simulates."""


def main() -> None:
    """Simulate what is missing, judge everything that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--cohorts", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    kept = asked.out / f"animals-{asked.kind}.jsonl"
    simulate(asked.kind, asked.cohorts, asked.jobs, kept)
    cohorts = [animals for _number, animals in zip(range(asked.cohorts), cohorts_in(kept), strict=False)]
    found = judged(asked.kind, cohorts, readout_of_example())
    text = report(found)
    (asked.out / f"{asked.kind}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (asked.out / f"{asked.kind}.txt").write_text(text, encoding="utf-8")
    print(text)


def simulate(kind: str, cohorts: int, jobs: int, kept: Path) -> None:
    """Append the cohorts that are not there yet, in order, each whole or not at all."""
    there = _without_torn_end(kept)
    if there >= cohorts:
        return
    with TemporaryDirectory(prefix="repeated-") as folder:
        repeats, compared = prepared(kind, Path(folder))
    print(f"{compared['samples']} samples of {compared['animals']} animals are the same through bytes and without")
    with kept.open("a", encoding="utf-8") as file:
        for number, animals in enumerate(_shared_out(repeats, range(there, cohorts), jobs), start=there):
            file.write(json.dumps({"cohort": number, "animals": animals}) + "\n")
            file.flush()


def cohorts_in(kept: Path) -> Iterator[list[Kept]]:
    """Yield the animals of every cohort that is kept, in order."""
    with kept.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            cohort = json.loads(line)
            if cohort["cohort"] != number:
                raise ValueError(f"{kept}: line {number + 1} holds cohort {cohort['cohort']}")
            yield cohort["animals"]


def _without_torn_end(kept: Path) -> int:
    """Return how many cohorts are kept; a last line that was cut short is taken away."""
    if not kept.exists():
        return 0
    data = kept.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        kept.write_bytes(whole)
    return whole.count(b"\n")


def _shared_out(repeats: Repeats, numbers: range, jobs: int) -> Iterator[list[Kept]]:
    if jobs == 1:
        yield from map(repeats.cohort, numbers)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin, initargs=(repeats,)) as pool:
        yield from pool.map(_cohort, numbers)


def _begin(repeats: Repeats) -> None:
    _repeats.append(repeats)


def _cohort(number: int) -> list[Kept]:
    return list(_repeats[0].cohort(number))


if __name__ == "__main__":
    main()
