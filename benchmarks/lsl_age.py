"""How old a sample is when a reader of LSL gets it: ``python benchmarks/lsl_age.py [--samples 200]``.

A SIMULATED engine and ``amperfuse lsl`` in processes of their own, read by an inlet on this computer. Prints the ages
of samples in the recording's own time, ms, and the share of one processor that the streaming process takes; asserts
nothing. The age holds the potentiostat's own packing and the engine's reading ten times a second: 100 ms and more. The
offset of a simulated engine's clock comes by message, so that up to some milliseconds are missing from it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from acquisition.lsl.outlets import source_id
from acquisition.recording.session_data import read_session
from drivers.clock import NS_PER_S, SystemClock
from tests.lsl import kit
from tests.process.engine_kit import private_runtime, running_engine, write_files

TICKS_PER_S = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200)
    wanted = parser.parse_args().samples
    lsl, clock = kit.lsl_here(), SystemClock()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amp")))
        stack.enter_context(private_runtime())
        engine = stack.enter_context(running_engine(write_files(folder).options()))
        command = [sys.executable, "-m", "amperfuse", "lsl", "--this-computer"]
        streaming = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))  # noqa: S603 - our own
        stack.callback(streaming.terminate)
        reader = kit.inlet(lsl, source_id(read_session(engine.session_dir).header, "samples:stat"))
        began_ns, before_s = clock.now_ns(), processor_s(streaming.pid)
        ages_ms = []
        for _ in range(wanted):
            _values, t_s = reader.pull_sample(kit.WITHIN_S)
            ages_ms.append((lsl.local_clock() - t_s) * 1e3)
        share = (processor_s(streaming.pid) - before_s) / ((clock.now_ns() - began_ns) / NS_PER_S)
    ages_ms.sort()
    print(
        f"SIMULATED, 10 Hz, {wanted} samples: age {ages_ms[0]:.0f} to {ages_ms[-1]:.0f} ms, "
        f"median {statistics.median(ages_ms):.0f} ms; streaming takes {share:.1%} of a processor"
    )


def processor_s(pid: int) -> float:
    """Return the processor time of a process, s (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


if __name__ == "__main__":
    main()
