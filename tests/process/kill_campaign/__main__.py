"""Kills engine, window or both, on real ports in real time: ``python -m tests.process.kill_campaign``.

``[--kills 200] [--seed 1] [--jobs 4]``. Several laboratories at once, ten kills in each; what is wrong is printed, and
the folder of that laboratory is kept.
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from drivers.clock import NS_PER_S, SystemClock
from tests.process.kill_campaign.trials import Kills, one_laboratory

PER_LABORATORY = 10


def main() -> int:
    """Run the campaign; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.process.kill_campaign")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4, help="laboratories at once")
    options = parser.parse_args()
    clock, began_ns, total = SystemClock(), SystemClock().now_ns(), Kills()
    sizes = [PER_LABORATORY] * (options.kills // PER_LABORATORY)
    sizes += [options.kills % PER_LABORATORY] if options.kills % PER_LABORATORY else []
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        running = {
            pool.submit(one_laboratory, 1000 * options.seed + number, kills): number
            for number, kills in enumerate(sizes)
        }
        for finished in as_completed(running):
            done, kept = finished.result()
            total.lives += done.lives
            total.wrong += [f"laboratory {running[finished]} (kept in {kept}): {wrong}" for wrong in done.wrong]
            print(f"laboratory {running[finished]}:", *(life.text for life in done.lives), *done.wrong, sep="\n  ")
            print(f"{(clock.now_ns() - began_ns) / NS_PER_S:.0f} s: {total.text()}", flush=True)
    print(*total.wrong, f"{total.text()} in {(clock.now_ns() - began_ns) / NS_PER_S:.0f} s", sep="\n")
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
