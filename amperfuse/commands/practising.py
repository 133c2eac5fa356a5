"""``practise``: a live dry run in the window, of a lesson or of one's own protocol, with nothing plugged in.

Knows lessons by name and what a person is told before and after. The engine and its window are those of a real run;
only the instruments, the animal and the pace of time are simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from acquisition.recording.session_data import SessionData, read_session
from acquisition.service.discovery import NoEngine, find_engine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineOptions, start_engine
from amperfuse.commands.display import need_window
from amperfuse.commands.experiments import demo_files, show_window
from amperfuse.commands.options import DEFAULT_OUT, Out, Seed
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe
from drivers import registry

PREFIX = "lesson-"
LESSON_SPEED = 10.0


@dataclass(frozen=True)
class _Session:
    """What is practised: files, presets, and the lesson if it is one."""

    protocol: Path
    rig: Path
    presets: tuple[str, ...]
    lesson: Any = None


@for_people
def practise(  # noqa: PLR0917 - a command's options
    what: Annotated[
        str, typer.Argument(metavar="[LESSON|PROTOCOL]", help="A lesson by name, or a protocol with --rig.")
    ] = "",
    rig: Annotated[
        Path | None, typer.Option("--rig", metavar="RIG", help="With a protocol: its rig; every port is simulated.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=1000.0, help="Times real time.")] = LESSON_SPEED,
    seed: Seed = 1,
    preset: Annotated[list[str] | None, typer.Option(metavar="NAME", help="As for 'rehearse'. Repeat.")] = None,
    fault: Annotated[list[str] | None, typer.Option(metavar="SPEC", help="As for 'rehearse'. Repeat.")] = None,
    out: Out = DEFAULT_OUT,
) -> None:
    """Practise a run in the window: start, inject, notice a fault, stop, recover. Without a word, lists the lessons."""
    if not what:
        for line in lesson_list():
            say(line)
        return
    chosen = _chosen(what, rig, tuple(preset or ()))
    need_window("A lesson needs a window; 'amperfuse rehearse' runs the same without one.")
    _refuse_second_engine()
    if chosen.lesson is not None:
        tell(f"SIMULATED lesson: {chosen.lesson.title.removeprefix('Lesson: ')}\n{chosen.lesson.lesson.task}")
    tell("SIMULATED: starting an engine on simulated instruments ...")
    options = EngineOptions(
        chosen.protocol,
        chosen.rig,
        out.absolute(),
        speed=speed,
        seed=seed,
        faults=tuple(fault or ()),
        presets=chosen.presets,
        practise=True,
    )
    record = start_engine(options)
    show_window()
    for line in after_lines(read_session(record.session_dir), chosen.lesson):
        say(line)


def lesson_list() -> list[str]:
    """Return a line for each lesson."""
    names = [name for name in registry.presets().names() if name.startswith(PREFIX)]
    width = max(map(len, names), default=0) - len(PREFIX)
    lines = [f"{name.removeprefix(PREFIX):<{width}}  {_load(name).title.removeprefix('Lesson: ')}" for name in names]
    return [*lines, "", "amperfuse practise LESSON opens a window on it; SIMULATED, no port is opened."]


def after_lines(data: SessionData, lesson: Any) -> list[str]:
    """Return what happened in a practised session and, of a lesson, what there was to notice and to do."""
    from analysis.debrief import debrief_lines  # noqa: PLC0415 - loads what 'stop' must not wait for

    lines = ["SIMULATED: what happened", *(f"  {safe(line)}" for line in debrief_lines(data))]
    if lesson is None:
        return lines
    faults = [f"{one.fault} after the mark {one.mark!r}" for one in lesson.faults_at_marks]
    faults += [f"the line of {pump} was not filled" for pump in lesson.not_primed]
    hidden = f"What was simulated: {', '.join(faults) or f'sensor {lesson.sensor}, animal {lesson.animal}'}"
    return [
        *lines, "", hidden, "", "What there was to notice:", *(f"  - {text}" for text in lesson.lesson.notice),
        "What to do about it:", *(f"  - {text}" for text in lesson.lesson.do),
    ]  # fmt: skip


def _chosen(what: str, rig: Path | None, presets: tuple[str, ...]) -> _Session:
    if rig is not None:
        return _Session(Path(what), rig, presets)
    name = what if what.startswith(PREFIX) else f"{PREFIX}{what}"
    if name not in registry.presets().names():
        known = ", ".join(one.removeprefix(PREFIX) for one in registry.presets().names() if one.startswith(PREFIX))
        raise Ended(
            f"There is no lesson {safe(what)!r}; there are: {known}. A protocol of your own needs its --rig.",
            ExitCode.REFUSED_INPUT,
        )
    protocol = Path(str(resources.files("amperfuse").joinpath("data", "practice-protocol.toml")))
    return _Session(protocol, demo_files()[1], (name, *presets), _load(name))


def _load(name: str) -> Any:
    return registry.presets().load(name)


def _refuse_second_engine() -> None:
    try:
        running = find_engine()
    except NoEngine:
        return
    kind = "a simulated session" if running.simulated else "a REAL session"
    raise Ended(
        f"An engine runs {kind} already. 'amperfuse gui' opens its window; end it before you practise.",
        ExitCode.ENGINE_RUNNING,
    )
