"""One animal of an arm without the wire: the recording that its rehearsal would leave, in a tenth of a second.

The same animal, sensors and noise (``sim_devices.mouse``, ``sim_devices.models``) get what a rehearsal of the arm gives
them at the moments at which it does (``tests.cohorts.stage``); what the converter would print and the driver would read
goes into a recording in memory, for the same read-out as any other. That it is what the bytes bring is shown by
``tests.cohorts.test_bypass``. Measures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.review import Recording
from drivers.methodscript.package import decode_package
from sim_devices.firmware.emstat.packages import encode
from sim_devices.models.electrode import sensitivity_left
from sim_devices.models.grid import SAMPLE_NS, SECOND_NS
from sim_devices.models.world import World
from sim_devices.mouse.animal import Animal
from tests.cohorts.quiet import live_quietly
from tests.cohorts.stage import Converter, Stage
from tests.cohorts.swift import RUN_IN_S, Array, Electrodes, Seconds, Tissue

BEFORE_S, AFTER_S = 39, 62
"""What the read-out looks at around a stimulus (``ResponseWindow``), and a second or two."""
_LIMIT, _UNDER, _NEAR = 2, 4, 8


@dataclass(frozen=True)
class Bypassed:
    """What one animal's rehearsal would leave, and what the read-out must not know."""

    recording: Recording
    release: Array
    """Release that each stimulus would evoke if it did as its animal does on average: M, run-down; shape (stimuli,)."""
    sensitivity: Array
    """What ageing left of the first sensor's sensitivity when each response was seen; shape (stimuli,)."""


class Bypass:
    """An arm's animals by their seeds. ``whole``: every sample; else those so near to the marks only."""

    def __init__(self, stage: Stage, *, whole: bool = False, before_s: int = BEFORE_S, after_s: int = AFTER_S) -> None:
        self._stage, self._near_s = stage, (before_s, after_s)
        (self._stream,) = stage.recording.data.streams.values()
        number = len(self._stream.t_ns)
        if len(stage.traces) != self._stream.current_a.shape[1] or any(len(t.t_ns) < number for t in stage.traces):
            raise ValueError("the rehearsal's electrodes are not the channels of its recording")
        if not np.array_equal(np.diff(self._stream.index), np.ones(number - 1)):
            raise ValueError("samples are missing in the recording")
        taken = [(trace.t_ns[:number] - stage.start_ns) // SECOND_NS for trace in stage.traces]
        self._seconds, wanted = self._asked_for(taken, whole=whole)
        self._rows = np.flatnonzero(np.all([np.isin(seconds, wanted) for seconds in taken], axis=0))
        self._places = [
            (
                np.searchsorted(self._seconds, seconds[self._rows]),
                (trace.t_ns[self._rows] - stage.start_ns) % SECOND_NS // SAMPLE_NS,
            )
            for trace, seconds in zip(stage.traces, taken, strict=True)
        ]

    def animal(self, seed: int) -> Bypassed:
        """Return what an animal of this seed would leave."""
        stage = self._stage
        world = World(stage.world, seed, stage.start_ns)
        front_ends = {name: world.front_end(name) for name in stage.switched_on}
        living = _lived(world, stage, int(self._seconds[-1]) + 1)
        tissue = Tissue(living, self._seconds)
        electrodes = {name: Electrodes(front_ends[name], tissue, *on) for name, on in stage.switched_on.items()}
        shape = (len(self._rows), len(stage.traces))
        current_a, flags = np.empty(shape), np.empty(shape, np.uint8)
        for column, (trace, place) in enumerate(zip(stage.traces, self._places, strict=True)):
            true_a = electrodes[trace.front_end].current_a(trace.electrode, trace.converter.integration_ns)[place]
            current_a[:, column], flags[:, column] = _printed(true_a, trace.converter)
        chemistry = front_ends[stage.traces[0].front_end].sensor.chemistry
        marks_s = [(t_ns - stage.start_ns) / SECOND_NS for _, t_ns in stage.marks]
        sensitivity = np.array([sensitivity_left(chemistry, t_s + 1.0) for t_s in marks_s])
        return Bypassed(self._recording(current_a, flags), _release(living, stage), sensitivity)

    def _asked_for(self, taken: list[Seconds], *, whole: bool) -> tuple[Seconds, Seconds]:
        """Return the seconds to be computed, and those of them whose samples are wanted."""
        first, last = max(int(seconds[0]) for seconds in taken), max(int(seconds[-1]) for seconds in taken)
        begin = min(int(on_ns - self._stage.start_ns) // SECOND_NS for _, on_ns in self._stage.switched_on.values())
        if whole:
            every = np.arange(begin, last + 1)
            return every, every
        marks = [(t_ns - self._stage.start_ns) // SECOND_NS for _, t_ns in self._stage.marks]
        before_s, after_s = self._near_s
        near = [np.arange(max(first, at - before_s), min(last, at + after_s) + 1) for at in marks]
        wider = [np.arange(max(begin, one[0] - RUN_IN_S), one[-1] + 1) for one in near]
        return np.unique(np.concatenate(wider)), np.unique(np.concatenate(near))

    def _recording(self, current_a: Array, flags: NDArray[np.uint8]) -> Recording:
        rows, whole = self._rows, self._stream
        stream = replace(
            whole,
            t_ns=whole.t_ns[rows],
            current_a=current_a,
            flags=flags,
            index=whole.index[rows],
            epoch=whole.epoch[rows],
            received_ns=whole.received_ns[rows],
        )
        template = self._stage.recording
        return Recording(template.path, replace(template.data, streams={stream.spec.instrument: stream}))


def _lived(world: World, stage: Stage, until_s: int) -> Animal:
    """Let the animal of a world live so long: pumps are read while they move, and people listened to when they act."""
    moving: set[int] = set()
    for pump, speeds in stage.drives.items():
        for (speed_mm_per_min, begin_ns), (_, end_ns) in pairwise(speeds):
            if speed_mm_per_min:
                begin, end = ((t_ns - stage.start_ns) // SECOND_NS for t_ns in (begin_ns, end_ns))
                moving |= set(range(begin, end + 3))
        for speed_mm_per_min, t_ns in speeds:
            world.plunger(pump).drive(speed_mm_per_min, t_ns)
    for text, t_ns in stage.marks:
        world.mark(text, t_ns)
        moving.add((t_ns - stage.start_ns) // SECOND_NS + 1)
    for reached in sorted(moving - {0}):
        if reached <= until_s:
            live_quietly(world._animal, reached - 1)
            world._advance(reached)
    live_quietly(world._animal, until_s)
    return world._animal


def _release(animal: Animal, stage: Stage) -> Array:
    multipliers, p = animal.glutamate._multipliers, animal.glutamate.parameters
    at = [(t_ns - stage.start_ns) // SECOND_NS for _, t_ns in stage.marks]
    return np.array([multipliers[second] * (1.0 - p.run_down) ** number for number, second in enumerate(at)])


def _printed(true_a: Array, converter: Converter) -> tuple[Array, NDArray[np.uint8]]:
    """Return what the program reads of what the instrument prints of currents, and its flags."""
    size_a = np.abs(true_a)
    over, under = size_a > converter.limit_a, size_a < converter.under_a
    near = ~over & ~under & (size_a > converter.near_a)
    clipped_a = np.where(over, np.copysign(converter.limit_a, true_a), true_a)
    steps, where = np.unique(np.rint(clipped_a / converter.step_a), return_inverse=True)
    read_a = np.array([_through_text(float(number), converter.step_a) for number in steps])
    return read_a[where], np.asarray(over * _LIMIT + under * _UNDER + near * _NEAR, np.uint8)


@lru_cache(maxsize=1 << 16)
def _through_text(steps: float, step_a: float) -> float:
    package = decode_package(b"Pba" + encode(steps * step_a).encode())
    assert package is not None
    return package[0].value
