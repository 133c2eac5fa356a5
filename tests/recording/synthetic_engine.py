"""A process that records like an engine and says what was acknowledged, for tests that kill it.

``python -m tests.recording.synthetic_engine FOLDER BLOCKS PAUSE_MS [archiver]``
"""

# ruff: noqa: T201 - a command that prints

from __future__ import annotations

import sys
from pathlib import Path

from acquisition.recording.archiver_process import ArchiverProcess
from acquisition.recording.recorder import Recorder
from drivers.clock import SystemClock
from tests.recording.synthetic import block, event, header, infusion

STOP_NAME = "stop"
"""A file of this name in the folder ends the recording in the ordinary way."""


def main(folder: Path, blocks: int, pause_ms: int, *, with_archiver: bool) -> None:
    clock = SystemClock()
    recorder = Recorder.create(folder, header(), clock)
    archiver = ArchiverProcess(folder)
    if with_archiver:
        archiver.start()
    for number in range(blocks):
        if (folder / STOP_NAME).exists():
            break
        recorder.samples(block(number))
        recorder.infusion(infusion(number))
        if number % 10 == 0:
            recorder.commit(event(number), 30.0)
        else:
            recorder.event(event(number))
        archiver.state()
        print(recorder.progress(), archiver.records, archiver.pid or 0, flush=True)
        clock.sleep_until_ns(clock.now_ns() + pause_ms * 1_000_000)
    recorder.close()
    print(recorder.progress(), archiver.records, "closed", flush=True)
    if with_archiver:
        print("archived" if archiver.finish(120.0) else "not archived", flush=True)
        archiver.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), with_archiver="archiver" in sys.argv[4:])
