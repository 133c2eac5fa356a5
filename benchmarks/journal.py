"""How much the journal costs beside the bare write of the same samples: ``python benchmarks/journal.py``.

Measures, in one run and in turn, (a) a bare ``os.write`` of the samples' bytes, (b) encoding and appending the same
block as a journal record, (c) the same with a ``sync`` after every tenth block. Prints ratios of medians, and the size
of the file over the size of the samples. Knows only the recording's public names; asserts nothing about time.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from acquisition.recording.journal import JOURNAL_NAME, JournalEncoder, JournalWriter
from acquisition.recording.records import SessionHeader, StreamSpec
from drivers.capabilities import SampleBlock

ROUNDS = 2_000
SHAPES = {"what 10 Hz on 2 channels brings in 0.1 s": (1, 2), "what fills a screen: 100 rows of 16": (100, 16)}


def block(first: int, rows: int, channels: tuple[str, ...], rng: np.random.Generator) -> SampleBlock:
    """Return one block of noise, as a driver would hand it over."""
    return SampleBlock(
        instrument="bench",
        epoch=0,
        t0_ns=0,
        interval_ns=100_000_000,
        channels=channels,
        index=np.arange(first, first + rows, dtype=np.int64),
        current_a=rng.normal(0, 2e-12, (rows, len(channels))),
        flags=np.zeros((rows, len(channels)), dtype=np.uint8),
        received_ns=first,
    )


def header(channels: tuple[str, ...]) -> SessionHeader:
    """Return a header that announces the one instrument."""
    n = len(channels)
    stream = StreamSpec("bench", channels, ("other",) * n, (None,) * n, 0.1, 0.7, (1e-9,) * n)
    return SessionHeader("benchmark", True, 0, 0, "benchmark", "", {}, (stream,), ())  # noqa: FBT003 - "simulated"


def microseconds(action: Callable[[], object]) -> float:
    """Return how long a call took."""
    start = time.perf_counter_ns()
    action()
    return (time.perf_counter_ns() - start) / 1000


def store(writer: JournalWriter, encoder: JournalEncoder, samples: SampleBlock) -> None:
    """Encode and append one block."""
    writer.append(encoder.samples(samples))


def measure(folder: Path, rows: int, columns: int) -> None:
    """Print the ratios for one shape of block."""
    channels = tuple(f"c{number}" for number in range(columns))
    rng = np.random.default_rng(0)
    encoder = JournalEncoder(header(channels))
    writer = JournalWriter.create(folder / JOURNAL_NAME, encoder.first(), None)
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    empty_size = writer.size
    raw_bytes = 0
    took_us: dict[str, list[float]] = {"bare": [], "journal": [], "synced": []}
    try:
        for number in range(ROUNDS):
            samples = block(number * rows, rows, channels, rng)
            raw = samples.current_a.tobytes()
            raw_bytes += len(raw)
            took_us["bare"].append(microseconds(partial(os.write, bare, raw)))
            took_us["journal"].append(microseconds(partial(store, writer, encoder, samples)))
            if number % 10 == 9:
                took_us["synced"].append(microseconds(writer.sync))
    finally:
        os.close(bare)
        writer.close()
    medians = {name: statistics.median(values) for name, values in took_us.items()}
    p99 = {name: statistics.quantiles(values, n=100)[98] for name, values in took_us.items()}
    print(
        f"  bare write 1.0 ({medians['bare']:.1f} us here), journal {medians['journal'] / medians['bare']:.1f}", end=""
    )
    print(f" (99th percentile {p99['journal'] / medians['bare']:.1f}), sync {medians['synced'] / medians['bare']:.0f}")
    print(f"  size over samples' own: {(writer.size - empty_size) / raw_bytes:.2f}")


def main() -> None:
    """Measure every shape in a folder of its own that is removed afterwards."""
    for title, (rows, columns) in SHAPES.items():
        print(title)
        with tempfile.TemporaryDirectory(prefix="amperfuse-benchmark-") as folder:
            measure(Path(folder), rows, columns)


if __name__ == "__main__":
    main()
