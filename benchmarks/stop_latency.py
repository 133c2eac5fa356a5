"""How long STOP takes until every pump has confirmed: ``python benchmarks/stop_latency.py [--presses 50]``.

A real engine in a process of its own, real doors, and four ways to press: the window's button, its key, its key under a
modal dialog, and another terminal; the last also while a window hangs in a busy loop and while the disk is full (needs
to be allowed to mount a tmpfs; left out otherwise). The pump's own answer is on the way back, so the bytes of STOP were
on the wire earlier than every number here. "terminal" is from the request of a process that is up; "command" from the
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from acquisition.client import EngineClient
from acquisition.service.discovery import EngineRecord
from acquisition.service.stop_line import stop
from tests.gui.bench import Bench
from tests.process.engine_kit import LONG, private_runtime, running_engine, write_files

COMMAND = Path(sys.executable).parent / "amperfuse"
PATIENCE_S = 30.0


def main() -> None:
    """Measure every way and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=50)
    presses = parser.parse_args().presses
    print(f"{'way':44}{'p50':>8}{'p95':>8}{'max':>8}   ms to the pump's confirmation, {presses} presses each")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="amp")))
        stack.enter_context(private_runtime())
        out = folder / "out"
        out.mkdir()
        small = stack.enter_context(small_disk(out))
        engine = stack.enter_context(running_engine(write_files(folder, LONG).options()))
        with EngineClient.connect(engine) as client:
            assert client.wait_for(lambda state: state.phase == "ready", PATIENCE_S), client.state
        report("terminal", presses, lambda: asked(engine))
        report("command, whole", min(presses, 20), command)
        report("  of it the bare interpreter", min(presses, 20), interpreter)
        window_ways(folder, presses)
        with hanging_window(folder):
            report("terminal, a window hangs", presses, lambda: asked(engine))
        if small:
            fill(out)
            report("terminal, disk full", presses, lambda: asked(engine))
            window_ways(folder, presses, ", disk full")
            (out / "ballast").unlink()
        else:
            print("disk full: left out, mounting a tmpfs is not permitted here")


def report(way: str, presses: int, press: Callable[[], None]) -> None:
    """Press so often and print one line."""
    times_ms = sorted(timed_ms(press) for _ in range(presses))
    p95 = times_ms[min(len(times_ms) - 1, int(0.95 * len(times_ms)))]
    print(f"{way:44}{statistics.median(times_ms):8.1f}{p95:8.1f}{times_ms[-1]:8.1f}", flush=True)


def timed_ms(press: Callable[[], None]) -> float:
    """Return how long a press took."""
    start = time.perf_counter()
    press()
    return (time.perf_counter() - start) * 1000.0


def asked(engine: EngineRecord) -> None:
    """Stop as another terminal does, from the request on."""
    assert stop(engine).confirmed


def command() -> None:
    """Stop by the command, from the start of its process."""
    assert subprocess.run([COMMAND, "stop"], capture_output=True, check=False).returncode == 0  # noqa: S603 - ours


def interpreter() -> None:
    """Start Python and do nothing."""
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def window_ways(folder: Path, presses: int, also: str = "") -> None:
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

    report(f"window, button{also}", presses, confirmed(lambda: bench.press_down(window.stop.button)))
    report(f"window, key{also}", presses, confirmed(lambda: bench.key(window, "F12")))
    dialog, field = bench.modal_dialog(window)
    report(f"window, key under a modal dialog{also}", presses, confirmed(lambda: bench.key(field, "F12")))
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
