"""Keeps an archiver process alive beside an engine: starts it, listens to it, restarts it, ends it.

Knows processes, not HDF5. Nothing that happens to the archiver reaches the experiment: ``state`` never blocks and
never raises. Time is real time even on a rig that runs faster: the archiver is a real process.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from acquisition.recording.recorder import ArchiverState
from drivers.clock import NS_PER_S, Clock, SystemClock
from drivers.os_support import detached_process_options

LOG_NAME = "archiver.log"
BEHIND_NS = 10 * NS_PER_S
HUNG_NS = 120 * NS_PER_S
"""No sign of life for so long: killed and restarted. [M] HDF5 on torn metadata can sleep practically for ever."""
FIRST_DELAY_NS = NS_PER_S // 2
HUNG_AT_END_NS = 20 * NS_PER_S
"""Once the journal is closed nobody waits longer for an archiver that says nothing: a fresh one needs seconds."""
LONGEST_DELAY_NS = 60 * NS_PER_S
"""A full disk may be freed hours later: a fruitless restart once a minute costs nothing and is never given up."""
_CLOSED_WELL = 0
_CLOSING = b"closing"


@dataclass
class ArchiverProcess:
    """One archiver with its restarts. Call ``state`` now and then: it is also what looks after the process."""

    session_dir: Path
    clock: Clock = field(default_factory=SystemClock)
    command: tuple[str, ...] = (sys.executable, "-m", "acquisition.recording.archiver")
    restarts: int = field(default=0, init=False)
    records: int = field(default=0, init=False)
    """Records the archiver has taken, as it said last."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _listener: threading.Thread | None = field(default=None, init=False, repr=False)
    _heard_ns: int = field(default=0, init=False)
    _restart_ns: int | None = field(default=None, init=False)
    _fruitless: int = field(default=0, init=False)
    _heard_anything: bool = field(default=False, init=False)
    _finishing: bool = field(default=False, init=False)
    _closing: bool = field(default=False, init=False)
    """The archiver brings the file into its closed form: minutes of silence are in order."""
    _done: bool = field(default=False, init=False)
    _ended: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start the process. What it complains about goes to ``archiver.log`` in the session's folder."""
        self._heard_ns = self.clock.now_ns()
        self._restart_ns = None
        self._heard_anything = False
        self._closing = False
        try:
            with (self.session_dir / LOG_NAME).open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                    [*self.command, str(self.session_dir)],
                    stdin=subprocess.PIPE,  # closes when the engine dies, however it dies: the archiver then ends
                    stdout=subprocess.PIPE,
                    stderr=log,
                    **detached_process_options(),  # Ctrl-C in the engine's terminal is not meant for the archiver
                )
        except OSError:  # a full disk refuses the log, a full process table the process
            self._plan_restart()
            return
        self._listener = threading.Thread(
            target=self._listen, args=(self._process,), name="archiver-listen", daemon=True
        )
        self._listener.start()

    def state(self) -> ArchiverState:
        """Look after the process and say how it is.

        "behind" after 10 s without a sign of life; "dead" between restarts, which become rarer while they are
        fruitless, down to one a minute; "done" when the file is closed; "off" before ``start`` and after ``close``.
        """
        if self._done:
            return "done"
        if self._ended:
            return "off"
        return self._state_between() if self._process is None else self._state_of(self._process)

    def _state_between(self) -> ArchiverState:
        if self._restart_ns is not None and self.clock.now_ns() >= self._restart_ns:
            self.start()
            return "dead" if self._process is None else "running"
        return "dead" if self._heard_ns else "off"

    def _state_of(self, process: subprocess.Popen[bytes]) -> ArchiverState:
        if (code := process.poll()) is not None:
            self._reap(process)
            if code == _CLOSED_WELL:
                self._done = True
                return "done"
            self._plan_restart()
            return "dead"
        silent_ns = self.clock.now_ns() - self._heard_ns
        if silent_ns > (HUNG_AT_END_NS if self._finishing and not self._closing else HUNG_NS):
            process.kill()  # reaped at the next look: waiting here could hang the engine on a sick disk
        return "behind" if silent_ns > BEHIND_NS else "running"

    @property
    def pid(self) -> int | None:
        """Return the process id; None while none runs."""
        return None if self._process is None else self._process.pid

    def finish(self, timeout_s: float) -> bool:
        """Wait until the file of a closed journal is closed too; tell whether it is. Restarts as needed."""
        end_ns = self.clock.now_ns() + round(timeout_s * NS_PER_S)
        self._fruitless = 0
        self._finishing = True
        if self._process is None and not self._done and not self._ended:
            self.start()
        while (state := self.state()) not in ("done", "off") and self.clock.now_ns() < end_ns:
            self.clock.sleep_until_ns(min(end_ns, self.clock.now_ns() + NS_PER_S // 20))
        return state == "done"

    def close(self) -> None:
        """End the process at once and reap it; the file stays as it is, for ``recover``. May be called twice."""
        self._ended = True
        self._restart_ns = None
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # in the hands of a disk that does not answer
                self._process.wait(5.0)
            self._reap(self._process)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        with process.stdout as lines:
            for line in lines:
                self._closing = self._closing or line.strip() == _CLOSING
                with contextlib.suppress(ValueError):
                    self.records = int(line)
                    self._heard_anything = True
                self._heard_ns = self.clock.now_ns()

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        if self._listener is not None:
            self._listener.join(1.0)
        if process.stdin is not None:
            process.stdin.close()

    def _plan_restart(self) -> None:
        if self._heard_anything:
            self._fruitless = 0
        delay_ns = min(LONGEST_DELAY_NS, FIRST_DELAY_NS * 2 ** min(self._fruitless, 10))
        self._restart_ns = self.clock.now_ns() + delay_ns
        self._fruitless += 1
        self.restarts += 1
