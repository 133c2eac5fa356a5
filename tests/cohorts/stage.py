"""What one rehearsal did to its world, and when: cells switched, samples taken, plungers driven, marks told.

None of it hangs on the seed: the same protocol on the same rig does the same at the same moments to every animal. So
one rehearsal through bytes says what all other animals of its arm are to be given (``tests.cohorts.bypass``). Computes
no current.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from acquisition.events import EventKind
from amperfuse.cohorts.cohort_file import Arm
from amperfuse.rehearsing import Wanted, run_once
from analysis.review import Recording, open_recording
from sim_devices.firmware.emstat.cell import ELECTRODE, Cell
from sim_devices.models.front_end import FrontEnd
from sim_devices.models.plunger import SyringePlunger
from sim_devices.models.world import World


@dataclass(frozen=True)
class Converter:
    """How one electrode's current becomes a number on the wire."""

    integration_ns: int
    limit_a: float
    under_a: float
    near_a: float
    step_a: float
    """The quantum of the current range."""


@dataclass(frozen=True)
class Trace:
    """The samples of one electrode."""

    front_end: str
    electrode: int
    t_ns: NDArray[np.int64]
    converter: Converter


@dataclass(frozen=True)
class Stage:
    """Everything that a rehearsal does to its world, and the recording that it left."""

    world: Mapping[str, Any]
    start_ns: int
    marks: tuple[tuple[str, int], ...]
    drives: Mapping[str, tuple[tuple[float, int], ...]]
    """Speeds of each pump's plunger, mm/min, and from when on."""
    switched_on: Mapping[str, tuple[float, int]]
    """By front end: potential, V, and when."""
    traces: tuple[Trace, ...]
    """In the order of the recording's channels."""
    recording: Recording


class _Seen:
    """What the spies have noted."""

    def __init__(self) -> None:
        self.worlds: dict[int, World] = {}
        self.marks: list[tuple[str, int]] = []
        self.drives: dict[int, list[tuple[float, int]]] = {}
        self.switched: dict[int, list[tuple[bool, float, int]]] = {}
        self.samples: dict[tuple[int, int], list[int]] = {}
        self.cells: dict[int, Cell] = {}


def staged(arm: Arm, seed: int, folder: Path) -> Stage:
    """Rehearse one animal of an arm through bytes into ``folder`` and return what that did to its world.

    Raises ValueError where the rehearsal does something that the bypass has no words for.
    """
    with _spies() as seen:
        result = run_once(Wanted(arm.experiment, folder, seed, presets=arm.presets), folder, lambda _done, _text: None)
    if len(seen.worlds) != 1:
        raise ValueError(f"a rehearsal has one world, not {len(seen.worlds)}")
    (world,) = seen.worlds.values()
    if world.scenario is not None and (world.scenario.beaker or world.scenario.injections or world.scenario.faults):
        raise ValueError("the bypass knows stimuli at marks only: no beaker, no injections by hand, no faults")
    names = {id(front_end): name for name, front_end in world._front_ends.items()}
    pumps = {id(infusion.plunger): name for name, infusion in world._infusions.items()}
    traces = (
        Trace(names[which], electrode, np.array(t_ns, np.int64), _converter(seen.cells[which], electrode))
        for (which, electrode), t_ns in seen.samples.items()
    )
    return Stage(
        world=world.world,
        start_ns=world.start_ns,
        marks=tuple(seen.marks),
        drives={pumps[which]: tuple(speeds) for which, speeds in seen.drives.items()},
        switched_on={names[which]: _on_once(states) for which, states in seen.switched.items()},
        traces=tuple(sorted(traces, key=lambda trace: (trace.front_end, trace.electrode))),
        recording=_marks_only(open_recording(result.session_dir)),
    )


def _converter(cell: Cell, electrode: int) -> Converter:
    ranging = cell._ranging[electrode]
    if not ranging.low == ranging.high == ranging.index or not cell.quantise:
        raise ValueError("the bypass knows a converter in one range that quantises")
    scale = cell._scales[ranging.index]
    return Converter(cell.integration_ns, scale.limit_a, scale.under_a, scale.near_a, scale.step_a)


def _on_once(states: list[tuple[bool, float, int]]) -> tuple[float, int]:
    """Return potential and time of the one time the cell came on."""
    on = [(potential_v, now_ns) for is_on, potential_v, now_ns in states if is_on]
    if len(on) != 1:
        raise ValueError(f"the bypass knows a cell that comes on once, not {len(on)} times")
    return on[0]


def _marks_only(recording: Recording) -> Recording:
    """Return the recording without the events that no read-out looks at: tens of thousands of answered questions."""
    marks = tuple(event for event in recording.data.events if event.kind is EventKind.MARK)
    return Recording(recording.path, replace(recording.data, events=marks))


@contextmanager
def _spies() -> Iterator[_Seen]:
    seen = _Seen()

    def mark(self: World, text: str, now_ns: int) -> None:
        seen.marks.append((text, now_ns))

    def plunger(self: World, name: str) -> None:
        seen.worlds[id(self)] = self

    def drive(self: SyringePlunger, speed_mm_per_min: float, now_ns: int) -> None:
        seen.drives.setdefault(id(self), []).append((speed_mm_per_min, now_ns))

    def set_cell(self: FrontEnd, on: bool, potential_v: float, now_ns: int) -> None:
        seen.switched.setdefault(id(self), []).append((on, potential_v, now_ns))

    def measure(self: Cell, kind: str, t_ns: int, *, late: bool = False) -> None:
        which = id(self.front_end)
        seen.cells[which] = self
        seen.samples.setdefault((which, ELECTRODE[kind]), []).append(t_ns)

    with ExitStack() as stack:
        for owner, spy in (
            (World, mark),
            (World, plunger),
            (SyringePlunger, drive),
            (FrontEnd, set_cell),
            (Cell, measure),
        ):
            stack.enter_context(patch.object(owner, spy.__name__, _beside(spy, getattr(owner, spy.__name__))))
        yield seen


def _beside(spy: Callable[..., None], real: Callable[..., Any]) -> Callable[..., Any]:
    def both(*args: Any, **kwargs: Any) -> Any:
        spy(*args, **kwargs)
        return real(*args, **kwargs)

    return both
