"""How long STOP takes until every pump has confirmed: ``python benchmarks/stop_latency.py [--presses 50]``.

A real engine in a process of its own, real doors, and four ways to press: the window's button, its key, its key under a
modal dialog, and another terminal; the last also while a window hangs in a busy loop and while the disk is full (needs
to be allowed to mount a tmpfs; left out otherwise). Two times of each press, when the bytes of STOP went out,
from the raw bytes in the journal (to the millisecond, on the wall clock that both processes read), and when whoever
pressed was told that the pump has confirmed. "terminal" is from the request of a process that is up; "command" from the
start of ``amperfuse stop``, with the bare interpreter's own start beside it. Prints p50, p95 and the longest, ms;
asserts only that every STOP was confirmed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from acquisition.client import EngineClient
from acquisition.events import EventKind
from acquisition.recording.session_data import SessionData, read_session
from acquisition.recording.wire_log import wire_records
from acquisition.service.discovery import EngineRecord
from acquisition.service.stop_line import stop
from tests.gui.bench import Bench
from tests.process.engine_kit import LONG, private_runtime, running_engine, write_files

COMMAND = Path(sys.executable).parent / "amperfuse"
PATIENCE_S = 30.0
SETTLE_S = 5.0


def main() -> None:
    """Measure every way and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=50)
    presses = parser.parse_args().presses
    times = Times()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amp")))
        stack.enter_context(private_runtime())
        out = folder / "out"
        out.mkdir()
        small = stack.enter_context(small_disk(out))
        engine = stack.enter_context(running_engine(write_files(folder, LONG).options()))
        with EngineClient.connect(engine) as client:
            assert client.wait_for(lambda state: state.phase == "ready", PATIENCE_S), client.state
        times.take("terminal", presses, lambda: asked(engine))
        times.take("command, whole", min(presses, 20), command)
        times.take("  of it the bare interpreter", min(presses, 20), interpreter)
        window_ways(times, folder, presses)
        with hanging_window(folder):
            times.take("terminal, a window hangs", presses, lambda: asked(engine))
        if small:
            fill(out)
            times.take("terminal, disk full", presses, lambda: asked(engine))
            window_ways(times, folder, presses, ", disk full")
            (out / "ballast").unlink()
        else:
            print("disk full: left out, mounting a tmpfs is not permitted here")
        with EngineClient.connect(engine) as client:
            client.wait_for(lambda _state: False, SETTLE_S)  # the recorder catches up with what the disk refused
        times.show(read_session(engine.session_dir))


@dataclass
class Times:
    """When each way was pressed and told."""

    told: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """(pressed, told), ns of the wall clock."""

    def take(self, way: str, presses: int, press: Callable[[], None]) -> None:
        """Press so often."""
        for _ in range(presses):
            pressed_ns = time.time_ns()
            press()
            self.told.setdefault(way, []).append((pressed_ns, time.time_ns()))

    def show(self, data: SessionData) -> None:
        """Print a line for each way; the journal knows when the bytes went out."""
        out_ns = sorted(
            record.t_ns + event.wall_ns - event.t_ns
            for event in data.events
            if event.kind is EventKind.WIRE
            for record in wire_records(event)
            if record.direction == "out" and b"STP" in record.data
        )
        print(f"{'':44}{'STOP on the wire, ms':>26}{'':6}{'told that it stands, ms':>26}")
        print(f"{'way':44}{'p50':>8}{'p95':>9}{'max':>9}{'':6}{'p50':>8}{'p95':>9}{'max':>9}")
        for way, pairs in self.told.items():
            wire_ms = [
                (out_ns[at] - pressed_ns) / 1e6
                for pressed_ns, told_ns in pairs
                if (at := bisect_left(out_ns, pressed_ns - 1_000_000)) < len(out_ns) and out_ns[at] <= told_ns
            ]
            told_ms = [(told_ns - pressed_ns) / 1e6 for pressed_ns, told_ns in pairs]
            print(f"{way:44}{_spread(wire_ms)}{'':6}{_spread(told_ms)}   {len(wire_ms)} of {len(pairs)} seen")


def _spread(times_ms: list[float]) -> str:
    if not times_ms:
        return f"{'-':>8}{'-':>9}{'-':>9}"
    ordered = sorted(times_ms)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{statistics.median(ordered):8.1f}{p95:9.1f}{ordered[-1]:9.1f}"


def asked(engine: EngineRecord) -> None:
    """Stop as another terminal does, from the request on."""
    assert stop(engine).confirmed


def command() -> None:
    """Stop by the command, from the start of its process."""
    assert subprocess.run([COMMAND, "stop"], capture_output=True, check=False).returncode == 0  # noqa: S603 - ours


def interpreter() -> None:
    """Start Python and do nothing."""
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def window_ways(times: Times, folder: Path, presses: int, also: str = "") -> None:
    """Measure button, key, and key under a modal dialog of one window."""
    bench = Bench(folder / "window.ini")
    window = bench.open_on_engine()
    wait(bench, lambda: window.mirror.state is not None)

    def confirmed(press: Callable[[], None]) -> Callable[[], None]:
        def whole() -> None:
            window.operator.press = None
            press()
            wait(bench, lambda: window.operator.press is not None and window.operator.press.answer is not None)
            answer = window.operator.press and window.operator.press.answer
            assert answer is not None
            assert answer.confirmed

        return whole

    times.take(f"window, button{also}", presses, confirmed(lambda: bench.press_down(window.stop.button)))
    times.take(f"window, key{also}", presses, confirmed(lambda: bench.key(window, "F12")))
    dialog, field = bench.modal_dialog(window)
    times.take(f"window, key under a modal dialog{also}", presses, confirmed(lambda: bench.key(field, "F12")))
    dialog.close()
    bench.close()


def wait(bench: Bench, condition: Callable[[], bool]) -> None:
    """Let the window live until something is so."""
    end = time.perf_counter() + PATIENCE_S
    while not condition():
        assert time.perf_counter() < end, "nothing came"
        bench.app.processEvents()
        time.sleep(0.0005)


@contextmanager
def hanging_window(folder: Path) -> Iterator[None]:
    """Keep a window in a busy loop."""
    program = (
        "from tests.gui.window_process import block; import sys; from pathlib import Path; "
        "from gui.app import application, open_window; from gui.link import ClientLink; application(); "
        "w = open_window(ClientLink('t')); w.show(); print('up', flush=True); block(Path(sys.argv[1]))"
    )
    released = folder / "released"
    with subprocess.Popen([sys.executable, "-c", program, str(released)], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            yield
        finally:
            released.touch()
            process.kill()


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Put a disk of its own under the sessions; tell whether that was permitted."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)]
    permitted = subprocess.run(mount, capture_output=True, check=False).returncode == 0  # noqa: S603 - ours
    try:
        yield permitted
    finally:
        if permitted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607 - ours


def fill(folder: Path) -> None:
    """Take all the room that is left."""
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            return


if __name__ == "__main__":
    main()
