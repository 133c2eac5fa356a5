"""How long the window of a recording takes: ``python benchmarks/review_window.py [SESSION]``.

Without SESSION the demo is rehearsed first: 2 hours, four channels at 10 Hz, two infusions. Prints how long it takes
from the start of a process until the recording is drawn, from the making of the window on, what of that is reading, and
how long one step of zooming, of scrolling and of the pointer takes, drawing included; without a display. Processor time
stands beside, for machines that are busy. The libraries are in the file cache: the first opening after a start of the
computer takes longer. Asserts nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
REPEATS, STEPS = 7, 40
OPENED = """
import sys, time
from pathlib import Path
from gui.review.app import application, open_review
app = application()
made = time.time(), time.process_time()
window = open_review(Path(sys.argv[1]), "benchmark")
window.resize(1600, 1000)
window.show()
while window.opened is None:
    app.processEvents()
    time.sleep(0.001)
window.traces.draw()
app.processEvents()
print(time.time(), time.process_time(), *made)
"""


def session() -> Path:
    """Return the recording to look at."""
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    from acquisition.experiment.compile import load_experiment  # noqa: PLC0415 - the same
    from amperfuse.commands.experiments import demo_files  # noqa: PLC0415 - brings the engine
    from amperfuse.rehearsing import Wanted, rehearse_with_papers  # noqa: PLC0415 - the same

    out = Path(tempfile.mkdtemp(prefix="amperfuse-benchmark-"))
    return rehearse_with_papers(
        Wanted(load_experiment(*demo_files()), out, 1), lambda _done, _text: None
    ).result.session_dir


def opening_ms(folder: Path) -> tuple[float, float, float, float]:
    """Return how long a new process takes until the recording is drawn, in all and from the making of the window on.

    Each as time and as processor time, ms.
    """
    began = time.time()
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", OPENED, str(folder)], check=True, capture_output=True, text=True
    )
    at_s, cpu_s, made_at_s, made_cpu_s = map(float, done.stdout.split())
    return (at_s - began) * 1e3, cpu_s * 1e3, (at_s - made_at_s) * 1e3, (cpu_s - made_cpu_s) * 1e3


def step_ms(act: Callable[[int], object]) -> str:
    """Return the median time of one step, drawn, and the processor time of a step, in words."""
    from gui.app import application  # noqa: PLC0415 - Qt only where it is measured

    took, used_s = [], time.process_time()
    for number in range(STEPS):
        began = time.perf_counter()
        act(number)
        application().processEvents()
        took.append((time.perf_counter() - began) * 1e3)
    used_ms = (time.process_time() - used_s) / STEPS * 1e3
    return f"{statistics.median(took):.1f} ms; processor {used_ms:.1f} ms"


def main() -> None:
    """Measure and print."""
    folder = session()
    columns = list(zip(*(opening_ms(folder) for _unused in range(REPEATS)), strict=True))
    for what, wall_ms, cpu_ms in (("process started", *columns[:2]), ("window made", *columns[2:])):
        print(f"{what} to recording drawn: median {statistics.median(wall_ms):.0f} ms, longest {max(wall_ms):.0f} ms; "
              f"processor {statistics.median(cpu_ms):.0f} ms")  # fmt: skip
    from gui.review.app import open_review  # noqa: PLC0415 - after the processes were measured
    from gui.review.session import open_session  # noqa: PLC0415 - the same

    began = time.perf_counter()
    read = open_session(folder)
    print(f"  of that reading the journal: {(time.perf_counter() - began) * 1e3:.0f} ms, "
          f"{len(read.lines.channels)} channels, {read.lines.end_s / 3600:.1f} h")  # fmt: skip
    window = open_review(folder, "benchmark")
    window.resize(1600, 1000)
    window.show()
    while window.opened is None:
        step_ms(lambda _number: time.sleep(0.001))
    traces = window.traces

    def draw(zoom: float, move: float) -> None:
        traces.view = traces.view.zoomed(zoom).moved(move)
        traces.draw()

    print(f"one step of zooming, of the whole recording: {step_ms(lambda _n: draw(0.95, 0.0))}")
    scrolled = step_ms(lambda _n: draw(1.0, 0.02))
    print(f"one step of scrolling, {traces.view.width_s / 60:.0f} min in view: {scrolled}")
    width = traces.glass.width()
    moved = step_ms(lambda number: traces.glass.point(traces.glass.seconds(width * number / STEPS)))
    print(f"one step of the pointer: {moved}")
    window.close()


if __name__ == "__main__":
    main()
