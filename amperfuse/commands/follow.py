"""Follows a running session on a terminal until it ends, ends one, and stops the pumps when the person presses Ctrl-C.

Knows how a session's end is told. Draws nothing but one bar.
"""

from __future__ import annotations

import getpass
import itertools
import threading
from collections.abc import Callable
from typing import Annotated

import typer

from acquisition.client import EngineClient, EngineLost
from acquisition.messages import ATTEND_S, Continue, EngineState, EventNotice, Finish, Report, StepView, Stop
from acquisition.recording.session_data import read_session
from acquisition.service.discovery import EngineRecord, find_engine
from acquisition.service.exit_codes import ExitCode
from acquisition.wire_facts import STOP_TIMEOUT_S
from amperfuse.console import Ended, for_people, progress_bar, say, tell
from amperfuse.rehearsing import write_papers
from drivers import os_support

LOOK_S = 0.25
END_S = 180.0
TOLD = ("step", "mark", "alarm", "session", "connection")
WAITS_FOR_YOU = (
    "Nothing is started yet: the pre-flight waits for you. In another terminal: 'amperfuse preflight'. The plan starts "
    "BY ITSELF as soon as its last line is settled: connect the animal before you accept that one."
)


Ask = Callable[[StepView, str], None]
"""Asks a person at the terminal to do what a step says, and returns when it is done; the second is a mark before it."""


def follow(record: EngineRecord, ask: Ask | None = None) -> None:
    """Show what the engine does until the session is closed. Raises Ended with what went wrong.

    ``ask``: each operator's step is asked for here and then continued, instead of waiting for another terminal.
    """
    lost = threading.Event()
    mark = "SIMULATED " if record.simulated else ""
    client = EngineClient.connect(
        record,
        operator=getpass.getuser(),
        on_report=lambda report: _tell_event(report, mark),
        on_lost=lambda _why: lost.set(),
    )
    with client:
        try:
            _show_progress(client, lost, ask)
        except KeyboardInterrupt:
            _stop_and_finish(client, lost)
            raise
    _wait_for_end(record)
    outcome = _tell_end(record)
    if outcome != "finished":
        raise Ended(f"The plan did not run through: {outcome}.", ExitCode.ENDED_EARLY)


@for_people
def finish(
    *,
    discard: Annotated[bool, typer.Option("--discard", help="Give up records that the disk does not take.")] = False,
) -> None:
    """End the session of the running engine, as Finish in the window does. Refused while a plan or a pump runs."""
    record, lost = find_engine(), threading.Event()
    with EngineClient.connect(record, operator=getpass.getuser(), on_lost=lambda _why: lost.set()) as client:
        answer = client.request(Finish(request=0, discard=discard))
        if not answer.ok:
            raise Ended(answer.text, ExitCode.REFUSED_COMMAND)
        tell("closing the files ...")
        if not lost.wait(END_S):
            raise EngineLost(f"the engine did not end within {END_S:g} s; 'amperfuse status' tells what it does")
    _wait_for_end(record)
    _tell_end(record)


def _tell_event(report: Report, mark: str) -> None:
    if isinstance(report, EventNotice) and report.kind in TOLD:
        tell(f"{mark}{report.text}", style="bold red" if report.kind == "alarm" else "")


def _show_progress(client: EngineClient, lost: threading.Event, ask: Ask | None) -> None:
    with progress_bar() as bar:
        asked: set[int] = set()
        task, said = bar.add_task("session", total=1.0, note=""), False
        for look in itertools.count():
            if look % round(ATTEND_S / LOOK_S) == 0:
                client.attend()  # who started it here is taken to be there; see the decision on unattended runs
            if lost.wait(LOOK_S):
                return
            state = client.state
            if state is not None:
                if not said and waits_for_a_person(state):
                    said = True
                    tell(WAITS_FOR_YOU, style="bold")
                mark = "SIMULATED " if state.simulated else ""
                bar.update(task, completed=_done(state), note=f"{mark}{state.phase}: {state.phase_text}")
                step = operator_step(state)
                if ask is not None and step is not None and step.number not in asked:
                    asked.add(step.number)
                    bar.stop()
                    ask(step, mark)
                    bar.start()
                    answer = client.request(Continue(request=0, step=step.number))
                    if not answer.ok:
                        tell(f"{mark}step {step.number}: {answer.text}", style="bold red")


def operator_step(state: EngineState) -> StepView | None:
    """Return the operator's step that the plan waits at; None when it waits for nobody, or for another reason."""
    waiting = next((step for step in state.steps if step.number == state.held_on), None)
    return waiting if waiting is not None and waiting.kind == "operator" else None


def waits_for_a_person(state: EngineState) -> bool:
    """Tell whether a real plan is held up by its pre-flight; a simulated one has a stand-in."""
    return not state.simulated and state.phase == "ready" and any(item.blocks for item in state.preflight)


def _done(state: EngineState) -> float:
    if state.plan_started_ns is None or state.plan_duration_s <= 0:
        return 0.0
    return min(1.0, (state.now_ns - state.plan_started_ns) / 1e9 / state.plan_duration_s)


def _stop_and_finish(client: EngineClient, lost: threading.Event) -> None:
    tell("stopping the pumps ...")
    try:
        answer = client.request(Stop(request=0, reason="Ctrl-C at the terminal"), STOP_TIMEOUT_S)
        tell(answer.text, style="" if answer.confirmed else "bold red")
        finish = client.request(Finish(request=0))
    except EngineLost as error:
        raise Ended(f"{error}: NOT CONFIRMED STOPPED, look at the pump", ExitCode.NOT_CONFIRMED_STOPPED) from error
    if not answer.confirmed:
        raise Ended(answer.text, ExitCode.NOT_CONFIRMED_STOPPED)
    if not finish.ok:
        raise Ended(f"{finish.text} The engine goes on: 'amperfuse status'.", ExitCode.REFUSED_COMMAND)
    lost.wait(END_S)


def _wait_for_end(record: EngineRecord) -> None:
    """Give the engine, which hung up on its clients as its last act, the time to be gone."""
    for _ in range(int(10.0 / LOOK_S)):
        if not os_support.process_alive(record.pid):
            return
        threading.Event().wait(LOOK_S)


def _tell_end(record: EngineRecord) -> str:
    """Leave the papers of a closed session, tell where it is, return its outcome. Raises Ended if it is not closed."""
    data = read_session(record.session_dir)
    if data.close is None:
        raise Ended(
            f"The engine is gone and did not close its session. Look at the pumps, then run: {record.after_a_crash}",
            ExitCode.ENGINE_LOST,
        )
    write_papers(data, record.session_dir)
    say(f"{'SIMULATED ' if record.simulated else ''}session {record.session_dir}: {data.close.outcome}")
    return data.close.outcome
