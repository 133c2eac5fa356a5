"""A short recorded session, written by the real recorder, for what reads recordings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from acquisition.events import Event, EventKind, Scalar
from acquisition.plan import (
    ChannelSetup,
    InfuseStep,
    MarkStep,
    Plan,
    PotentiostatSetup,
    PumpSetup,
    Subject,
    WaitStep,
)
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import InfusionRow, SessionHeader, StreamSpec
from drivers.capabilities import SampleBlock
from drivers.clock import NS_PER_S, VirtualClock

RATE_UL_PER_MIN, VOLUME_UL = 2.0, 20.0
START_S, END_S, MINUTES = 600, 1200, 40
GAP = (9000, 9300)
SUBJECT = Subject("m1", "mouse", "F", "P12W", 25.0, "2026-01-01")
PUMP = PumpSetup(
    name="drug", driver="new-era", url="sim://new-era", address=0, expected_model="", expected_serial_number="",
    syringe="1 mL", diameter_mm=4.699, syringe_volume_ul=1000.0, watchdog_s=5, line_dead_volume_ul=5.0, drug="ketamine",
    concentration_mg_per_ml=2.0, route="iv_infusion", role="experimental", loaded_ul=600.0, primed=True,
)  # fmt: skip
CHANNELS = (
    ChannelSetup("glu", "we1", "glutamate", 1e-7, 7e-12),
    ChannelSetup("null", "we2", "sentinel", 1e-7, None),
)


def a_plan(name: str = "Ketamine at a trickle", channels: tuple[ChannelSetup, ...] = CHANNELS) -> Plan:
    stat = PotentiostatSetup("stat", "methodscript", "sim://emstat", "", "", 0.7, 0.1, channels)
    steps = (
        WaitStep(1, "baseline", START_S),
        InfuseStep(2, "ketamine", "drug", VOLUME_UL, RATE_UL_PER_MIN, 1.6),
        MarkStep(3, "end of infusion"),
        WaitStep(4, "washout", MINUTES * 60 - END_S),
    )
    return Plan(
        name=name, description="", simulated=True, subject=SUBJECT, pumps=(PUMP,), potentiostats=(stat,), steps=steps,
        protocol_sha256="a" * 64, rig_sha256="b" * 64, limits_sha256="c" * 64, warnings=("soft limit passed",),
    )  # fmt: skip


def write_session(
    directory: Path,
    *,
    simulated: bool = True,
    close: bool = True,
    name: str = "Ketamine at a trickle",
    channels: tuple[ChannelSetup, ...] = CHANNELS,
    minutes: int = MINUTES,
) -> Plan:
    """Record 40 minutes, or fewer, of two channels at 10 Hz with one gap, one infusion, a mark, a note and an alarm."""
    plan, clock = a_plan(name, channels), VirtualClock()
    spec = StreamSpec("stat", ("glu", "null"), ("glutamate", "sentinel"), (7e-12, None), 0.1, 0.7, (1e-7, 1e-7))
    header = SessionHeader(
        "20260101-090000",
        simulated,
        0,
        clock.wall_ns(),
        "amperfuse test",
        plan.sha256,
        asdict(plan),
        (spec,),
        ("drug",),
        4,
    )
    recorder = InlineRecorder.create(directory, header, clock)
    rng = np.random.default_rng(1)

    def say(kind: EventKind, at_s: float, text: str, **data: Scalar) -> None:
        t_ns = round(at_s * NS_PER_S)
        recorder.event(Event(kind, t_ns, clock.start_wall_ns + t_ns, "conductor", text, data))

    for second in range(minutes * 60):
        clock.sleep_until_ns((second + 1) * NS_PER_S)
        index = np.arange(second * 10, second * 10 + 10, dtype=np.int64)
        index = index[(index < GAP[0]) | (index >= GAP[1])]
        if len(index):
            effect = 1.5 * np.clip((index / 10 - START_S - 150) / 300, 0, 1)
            glu = (25 + effect + rng.normal(0, 0.3, len(index))) * 7e-12
            null = rng.normal(1.2e-10, 2e-12, len(index))
            flags = np.zeros((len(index), 2), np.uint8)
            recorder.samples(
                SampleBlock(
                    "stat",
                    0,
                    0,
                    NS_PER_S // 10,
                    spec.channels,
                    index,
                    np.column_stack([glu, null]),
                    flags,
                    clock.now_ns(),
                )
            )
        flowing_min = min(max(second - START_S, 0), END_S - START_S) / 60
        flowing = RATE_UL_PER_MIN if START_S <= second < END_S else 0.0
        given = flowing_min * RATE_UL_PER_MIN
        arrived = RATE_UL_PER_MIN if given > 5.0 and flowing else 0.0
        recorder.infusion(
            InfusionRow("drug", clock.now_ns(), flowing, flowing, arrived, given, given, 0.0, max(0.0, given - 5))
        )
    say(EventKind.STEP, 0, "baseline began", step=1, state="running")
    say(EventKind.STEP, START_S, "baseline is over", step=1, state="done")
    say(EventKind.STEP, START_S, "ketamine began", step=2, state="running")
    say(EventKind.STEP, END_S, "ketamine is over", step=2, state="done")
    say(EventKind.STEP, END_S, "washout began", step=4, state="running")
    say(EventKind.NOTE, 700, "animal | moved\x1b[2J")
    say(EventKind.ALARM, 900, "samples are missing", alarm="gap", priority="medium", change="raised")
    if close:
        recorder.close("closed")
    return plan
