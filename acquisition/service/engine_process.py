"""The engine as a process: one session from start to closed files, its clients, its archiver, its signals and its log.

Knows the order of beginning and ending. Signals stop the pumps first and then end the session; a defect in any thread
stops the pumps before it is told. Decides nothing about the experiment.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Listener
from pathlib import Path

from acquisition.books import sessions
from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.engine.session import Session
from acquisition.host.threads import ThreadHost
from acquisition.messages import Answer, Finish
from acquisition.recording.archiver_process import ArchiverProcess
from acquisition.recording.recorder import ArchiverState, Recorder
from acquisition.recording.recorder_core import RecorderCore
from acquisition.recording.records import RecordingFailed, SessionHeader
from acquisition.service import discovery
from acquisition.service.assembly import ask_who_is_there, assemble, face_unfinished_sessions, prepare
from acquisition.service.attendant import Attendant
from acquisition.service.discovery import EngineRecord
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineOptions
from acquisition.service.log_lines import SafeFormatter
from acquisition.service.publisher import ClientPublisher
from acquisition.service.server import EngineServer
from acquisition.service.signals import SignalWatch
from drivers import os_support
from drivers.clock import NS_PER_S, Clock, SystemClock
from drivers.stay_awake import Awake, stay_awake

log = logging.getLogger("amperfuse")

LOOK_S = 0.2
STOP_WAIT_S = 6.0
CLOSE_WAIT_S = 30.0
ARCHIVE_WAIT_S = 120.0
"""Bringing a whole day's file into its closed form; the journal is closed and safe by then."""
LOG_NAME, CRASH_NAME = "engine.log", "engine-crash.txt"


@dataclass
class Archiving:
    """The archiver and its last known state: looked after by the main thread, read by the conductor's."""

    process: ArchiverProcess | None = None
    state: ArchiverState = "off"

    def record(self, session_dir: Path, header: SessionHeader, clock: Clock) -> Recorder:
        """Create the journal, then start the archiver that follows it (``session.RecorderFactory``)."""
        recorder = Recorder(RecorderCore.create(session_dir, header, clock), lambda: self.state)
        recorder.start()
        self.process = ArchiverProcess(session_dir)
        self.process.start()
        return recorder

    def look_after(self) -> None:
        """Restart it if it died."""
        if self.process is not None:
            self.state = self.process.state()

    def finish(self) -> bool:
        """Wait until the file is in its closed form; tell whether it is."""
        if self.process is None:
            return True
        try:
            return self.process.finish(ARCHIVE_WAIT_S)
        finally:
            self.process.close()


@dataclass
class Ending:
    """Why and how the process ends."""

    signalled: str = ""
    code: ExitCode = ExitCode.OK
    asked_to_close: bool = False
    defects: list[str] = field(default_factory=list)


def run_engine(options: EngineOptions) -> ExitCode:
    """Run one session until it is closed; return the exit code.

    Raises RefusedInput, DriverError, EngineAlreadyRunning, RecordingFailed before anything was started.
    """
    directory = discovery.runtime_dir()
    with ExitStack() as cleanup:
        cleanup.enter_context(discovery.only_engine(directory))
        bench = prepare(options)
        face_unfinished_sessions(bench)
        ask_who_is_there(bench)
        publisher, archiving = ClientPublisher(), Archiving()
        session = assemble(bench, options, archiving.record, publisher)
        cleanup.callback(_keep_log(session))
        ending = Ending()
        host = ThreadHost(session.conductor, session.lanes, bench.clock, bench.rate)
        _guard_against_defects(session, ending)
        cleanup.callback(_obey_signals(session, ending).close)
        _keep_awake(session, cleanup)
        host.start()
        server = _open_door(directory, session, publisher, cleanup)
        log.info("session %s, process %d", session.session_dir, os.getpid())
        _attend(session, host, archiving, options, ending)
        _close(session, host, archiving, ending)
        server.close()
        return ending.code


def _keep_awake(session: Session, cleanup: ExitStack, ask: Callable[[], Awake] = stay_awake) -> None:
    """Keep the computer awake for a real session, and say where that cannot be had (R55). A simulated one may sleep."""
    if session.conductor.simulated:
        return
    awake = ask()
    cleanup.callback(awake.release)
    if awake.trouble:
        desk = session.conductor.desk
        desk.alarms.on("may-sleep", desk.clock.now_ns(), detail=awake.trouble)


def _open_door(directory: Path, session: Session, publisher: ClientPublisher, cleanup: ExitStack) -> EngineServer:
    family = os_support.ipc_family()
    address = os_support.ipc_address(directory, f"engine-{os.getpid()}")
    key_file = discovery.new_key(directory)
    record = EngineRecord(
        pid=os.getpid(),
        address=address,
        family=family,
        key_file=key_file,
        session_dir=session.session_dir.resolve(),
        simulated=session.conductor.simulated,
    )
    server = EngineServer(Listener(address, family, backlog=16), record.read_key(), session.conductor, publisher)
    server.start()
    discovery.publish(record, directory)
    cleanup.callback(discovery.withdraw, directory, os.getpid())
    return server


def _attend(session: Session, host: ThreadHost, archiving: Archiving, options: EngineOptions, ending: Ending) -> None:
    """Wait until the session is over, looking after what no thread of its own looks after."""
    clock = SystemClock()
    attendant = Attendant(session.conductor, options.autostart, options.finish_when_done, options.unattended_by)
    deadline_ns: int | None = None
    while not host.wait_over(LOOK_S):
        archiving.look_after()
        now_ns = clock.now_ns()
        if not ending.signalled:
            attendant.look(now_ns)
            continue
        if deadline_ns is None:
            log.warning("%s: pumps were told to stop, the session ends", ending.signalled)
            deadline_ns = now_ns + round((STOP_WAIT_S + CLOSE_WAIT_S) * NS_PER_S)
        _ask_to_close(session, ending, waited=now_ns > deadline_ns - round(CLOSE_WAIT_S * NS_PER_S))
        if now_ns > deadline_ns:
            log.error("the session did not close within %g s", STOP_WAIT_S + CLOSE_WAIT_S)
            return


def _ask_to_close(session: Session, ending: Ending, *, waited: bool) -> None:
    """Ask for the end of the session once the pumps have confirmed, or when that has been waited for long enough."""
    if ending.asked_to_close or not (session.conductor.stop_confirmed() or waited):
        return
    ending.asked_to_close = True

    def answered(answer: Answer) -> None:
        ending.asked_to_close = answer.ok

    session.conductor.submit(Finish(request=0, discard=True), answered)  # a signal is an order


def _close(session: Session, host: ThreadHost, archiving: Archiving, ending: Ending) -> None:
    still = session.conductor.stop_confirmed()
    stuck = host.join()
    if stuck:
        log.error("threads that did not end: %s", ", ".join(stuck))
    if host.defect:
        ending.defects.append(host.defect)
    try:
        session.close()
        if not archiving.finish():
            log.error("session.nwb is not closed; the journal is: run 'amperfuse recover %s'", session.session_dir)
    except RecordingFailed as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence is for people; where in the program it was is not
        ending.code = ExitCode.RECORDING_FAILED
    if still and session.conductor.over and not session.conductor.unsafe and ending.code is ExitCode.OK:
        _note_closed(session)
    if not still:
        ending.code = ExitCode.NOT_CONFIRMED_STOPPED
    elif ending.defects:
        ending.code = ExitCode.INTERNAL_ERROR
    elif ending.signalled and ending.code is ExitCode.OK:
        ending.code = ExitCode.INTERRUPTED
    log.info("session %s: %s, exit code %d", session.session_dir, session.conductor.outcome or "cut short", ending.code)


def _note_closed(session: Session) -> None:
    """Take the session off the list of those that a person must look at. What cannot be written stays on it."""
    if session.conductor.simulated:
        return
    try:
        sessions.closed(session.conductor.session_id, SystemClock().wall_ns())
    except (BookBroken, BookUnwritable) as error:
        log.error("the register of sessions was not written, the next start will ask about this one: %s", error)  # noqa: TRY400 - the sentence is for people


# ---- signals, defects, log ------------------------------------------------------------------------------------------


def _obey_signals(session: Session, ending: Ending) -> SignalWatch:
    def stop(name: str) -> None:
        session.conductor.emergency_stop(f"the engine received {name}")
        ending.signalled = ending.signalled or name

    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal does not end an experiment
    return SignalWatch(stop)


def _guard_against_defects(session: Session, ending: Ending) -> None:
    """Stop the pumps first when a thread dies of something nobody expected (R44), then write it down."""

    def in_thread(arguments: threading.ExceptHookArgs) -> None:
        session.conductor.emergency_stop("a thread of the engine died")
        name = arguments.thread.name if arguments.thread else "?"
        ending.defects.append(f"{name}: {arguments.exc_value}")
        error = arguments.exc_value or arguments.exc_type()
        log.critical("thread %s died", name, exc_info=error)

    threading.excepthook = in_thread


def _keep_log(session: Session) -> _LogKeeper:
    return _LogKeeper(session.session_dir, simulated=session.conductor.simulated)


class _LogKeeper:
    """Writes the engine's log and crash dump beside the recording until called."""

    def __init__(self, session_dir: Path, *, simulated: bool) -> None:
        mark = "SIMULATED " if simulated else ""
        self._handler = logging.FileHandler(session_dir / LOG_NAME, encoding="utf-8")
        self._handler.setFormatter(SafeFormatter(f"%(asctime)s {mark}%(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)
        logging.getLogger().setLevel(logging.INFO)
        self._crash_path = session_dir / CRASH_NAME
        self._crash = self._crash_path.open("w", encoding="utf-8")
        faulthandler.enable(self._crash)

    def __call__(self) -> None:
        if sys.__stderr__ is not None:
            faulthandler.enable(sys.__stderr__)
        self._crash.close()
        if self._crash_path.stat().st_size == 0:
            with suppress(OSError):
                self._crash_path.unlink()
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
