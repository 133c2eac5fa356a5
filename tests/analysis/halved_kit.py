"""A session in memory whose truth is known: ten responses of 2 µM, a drug at minute 50, ten of half that."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from acquisition.events import Event, EventKind
from acquisition.plan import ChannelSetup, MarkStep
from acquisition.recording.frames import CloseRecord
from acquisition.recording.records import SessionHeader, StreamSpec
from acquisition.recording.session_data import InfusionData, SessionData, StreamData
from analysis.review import Recording
from tests.analysis.response_accuracy import event
from tests.analysis.session_kit import CHANNELS, a_plan

HZ, MINUTES, ARRIVED_MIN = 2, 100, 50
SLOPE = 7e-12
EVIL = "<script>x</script>\x1b[2J"


def recording(
    path: Path,
    *,
    sentinel_of_active: float = 1.0,
    name: str = "halved",
    closed: bool = True,
    simulated: bool = True,
    started_wall_ns: int = 0,
    glutamate: ChannelSetup = CHANNELS[0],
) -> Recording:
    """Return a session in memory: stimuli every 5 minutes, both sites with a common wave, a drug that halves.

    The glutamate site is set up as told; its true slope is 7 pA/µM.
    """
    t_s = np.arange(MINUTES * 60 * HZ) / HZ
    rng = np.random.default_rng(5)
    shape = event(np.arange(0.0, 90.0, 1.0 / HZ))
    glutamate_um = np.full(len(t_s), 3.3)
    onsets_s = np.arange(150.0, MINUTES * 60 - 100, 300.0)
    for onset_s in onsets_s:
        first = round(onset_s * HZ)
        glutamate_um[first : first + len(shape)] += (2.0 if onset_s < ARRIVED_MIN * 60 else 1.0) * shape
    common_a = 60e-12 * (np.sin(t_s / 900.0) + (t_s > 4000))
    active_a = SLOPE * glutamate_um + common_a + rng.normal(0, 0.5e-12, len(t_s))
    sentinel_a = sentinel_of_active * common_a + rng.normal(0, 0.5e-12, len(t_s))
    t_ns = (t_s * 1e9).astype(np.int64)
    spec = StreamSpec(
        "stat",
        ("glu", "null"),
        ("glutamate", "sentinel"),
        (glutamate.sensitivity_a_per_um, None),
        1.0 / HZ,
        0.7,
        (1e-7, 1e-7),
    )
    plan = replace(
        a_plan(name, (glutamate, CHANNELS[1])), steps=tuple(MarkStep(n + 1, f"KCl ({n + 1} of 20)") for n in range(20))
    )
    header = SessionHeader(
        session_id="s-1",
        simulated=simulated,
        started_ns=0,
        started_wall_ns=started_wall_ns,
        software="amperfuse test",
        plan_sha256=plan.sha256,
        plan=asdict(plan),
        streams=(spec,),
        pumps=("drug",),
        seed=4,
    )
    given_ul = np.clip(t_s - (ARRIVED_MIN * 60 - 100), 0, 120) / 6
    arrived_ul = np.clip(t_s - ARRIVED_MIN * 60, 0, 120) / 6
    zero = np.zeros_like(t_s)
    data = SessionData(
        header=header,
        streams={"stat": StreamData(spec, t_ns, np.column_stack([active_a, sentinel_a]),
                                    np.zeros((len(t_s), 2), np.uint8), np.arange(len(t_s)),
                                    np.ones(len(t_s), np.int64), t_ns)},
        infusions={"drug": InfusionData("drug", t_ns, zero, zero, zero, given_ul, given_ul, zero, arrived_ul)},
        events=(
            Event(EventKind.NOTE, 60 * 10**9, 0, EVIL, f"moved {EVIL}"),
            *(Event(EventKind.MARK, round(s * 1e9), 0, "conductor", f"KCl ({n + 1} of 20)")
              for n, s in enumerate(onsets_s)),
        ),
        close=CloseRecord(t_ns=int(t_ns[-1]), wall_ns=0, outcome="finished", records=1, events=1, chain_head="c" * 64)
        if closed else None,
        last_sequence=1,
        problem="",
    )  # fmt: skip
    return Recording(path, data)
