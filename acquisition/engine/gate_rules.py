"""Conditions that hold for the start of a plan as for every infusion in it: plan, clock, pump, alarms, recording.

Pure: each rule looks at a snapshot and names every cause that stands in the way. The gatekeeper refuses with them, and
the pre-flight shows the same ones beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator

from acquisition.engine.gate_facts import Cause, PumpSnapshot, Snapshot
from acquisition.experiment.limits import Limits
from acquisition.messages import AlarmView
from acquisition.plan import Plan, PumpSetup

FRESH_S = 3.0
"""A pump's last reply may be this old; after 3 s of silence its state is unknown (R35)."""
RECORDER_PROGRESS_S = 3.0
"""The recorder must have acknowledged a write within this time. [A]: two of its half-second syncs with margin."""
DISK_FACTOR = 2.0
"""Free space must be at least this many times the need of the rest of the session (R21)."""
SELF_TEST_S = 600.0
"""R18: no RUN when the last self-test is older."""


def plan_intact(snapshot: Snapshot, plan: Plan, limits: Limits) -> Iterator[Cause]:
    """Plan and limits are those that were accepted, and nothing simulated is mixed with anything real (R11, R24)."""
    again = "Finish this session and load the protocol again."
    if plan.sha256 != snapshot.accepted_plan_sha256:
        yield Cause("The plan in memory is not the plan that was accepted.", again)
    if limits.sha256 != plan.limits_sha256:
        yield Cause("The limits in memory are not those the plan was checked against.", again)
    if plan.simulated != snapshot.simulated or any(pump.simulated != plan.simulated for pump in snapshot.pumps):
        yield Cause("Simulated and real instruments are mixed, or the plan was made for the other kind.", again)


def clock(snapshot: Snapshot) -> Iterator[Cause]:
    """The engine did not stand still, unacknowledged."""
    if not snapshot.clock_sound:
        yield Cause(
            "The computer's clock jumped or the computer slept.", "Look at the pumps, then acknowledge the clock alarm."
        )


def wall_clock(snapshot: Snapshot) -> Iterator[Cause]:
    """The wall clock can be true (T3).

    Asked before a plan starts, never after: a clock that is set changes nothing that runs (T1), least of all the next
    portion of an anaesthetic.
    """
    if snapshot.clock_doubt:
        yield Cause(snapshot.clock_doubt, "Set date and time of the computer, then start again.")


def pump_identified(pump: PumpSnapshot | None, setup: PumpSetup) -> Iterator[Cause]:
    """The pump is there and is the one of the rig file (R19)."""
    if pump is None or pump.link != "online":
        yield Cause(f"Pump {setup.name} is not online.", f"Check power and cable of pump {setup.name}.")
    elif not pump.identity_matched:
        yield Cause(
            f"The instrument that answers as pump {setup.name} has not been identified as the one in the rig file.",
            "Check that the right pump is on this port.",
        )


def pump_still(snapshot: Snapshot, setup: PumpSetup) -> Iterator[Cause]:
    """A pump that is there is known to stand still, by a fresh reply, without an alarm of its own."""
    pump = snapshot.pump(setup.name)
    if pump is None or pump.link != "online":
        return
    if pump.stop_confirmed is False:
        yield Cause(
            f"Pump {setup.name} is NOT CONFIRMED STOPPED.", "Go to the pump, press its stop key, clamp the line."
        )
    if not pump.motion.is_still or pump.infusing_step is not None:
        doing = f"busy with step {pump.infusing_step}" if pump.infusing_step is not None else pump.motion.value
        yield Cause(f"Pump {setup.name} is not known to stand still ({doing}).", f"Stop pump {setup.name}.")
    if pump.confirmed_ns is None or snapshot.now_ns - pump.confirmed_ns > FRESH_S * 1e9:
        yield Cause(
            f"Pump {setup.name} has not answered for {FRESH_S:g} s.", f"Check power and cable of pump {setup.name}."
        )
    if pump.alarm:
        yield Cause(f"Pump {setup.name} reports an alarm.", "Find its cause at the pump and acknowledge the alarm.")


def pump_tested(snapshot: Snapshot, setup: PumpSetup) -> Iterator[Cause]:
    """Identity, a STOP that was confirmed and the watchdog's setting were proved a short while ago (R18)."""
    pump = snapshot.pump(setup.name)
    if pump is None or pump.link != "online":
        return
    tested_ns = pump.self_tested_ns
    if tested_ns is None or snapshot.now_ns - tested_ns > SELF_TEST_S * 1e9:
        when = "has not passed its self-test" if tested_ns is None else "passed its self-test more than 10 min ago"
        yield Cause(
            f"Pump {setup.name} {when}: nobody knows that a STOP would reach it.",
            "Run the checks ('amperfuse preflight --check', or Run checks in the window).",
        )


def alarms_against(snapshot: Snapshot, plan: Plan, setup: PumpSetup) -> Iterator[AlarmView]:
    """Yield the high alarms that speak against starting this pump."""
    others = {pump.name for pump in plan.pumps} - {setup.name}
    maintenance = setup.role == "anaesthetic_maintenance"
    for alarm in snapshot.alarms:
        # An experimental infusion that no electrode sees is a dose for nothing (S1); maintained anaesthesia goes on.
        ours = alarm.instrument == setup.name or (alarm.instrument not in others and not maintenance)
        if ours and alarm.priority == "high" and (alarm.active or not alarm.acknowledged):
            yield alarm


def alarm_cause(alarm: AlarmView) -> Cause:
    """Return an alarm as what stands in the way."""
    return Cause(
        f"High alarm: {alarm.what}",
        f"{alarm.do_what} Then acknowledge the alarm (in the window, or 'amperfuse acknowledge').",
    )


def pump_ready(snapshot: Snapshot, setup: PumpSetup) -> Iterator[Cause]:
    """Everything that must be known of a pump before a byte that changes something goes to it."""
    pump = snapshot.pump(setup.name)
    yield from pump_identified(pump, setup)
    yield from pump_still(snapshot, setup)


def recording(snapshot: Snapshot) -> Iterator[Cause]:
    """What is measured and given reaches the disk (R21)."""
    recorder = snapshot.recorder
    if recorder.failing:
        yield Cause(f"The recording does not write: {recorder.failing}", "Make room on the disk or mend it.")
    elif (
        snapshot.recorder_progressed_ns is None
        or snapshot.now_ns - snapshot.recorder_progressed_ns > RECORDER_PROGRESS_S * 1e9
    ):
        yield Cause(f"Nothing has been recorded for {RECORDER_PROGRESS_S:g} s.", "Check the disk of the session.")
    if recorder.queue_fill >= 0.5:
        yield Cause(
            f"The recorder is behind: its queue is {recorder.queue_fill:.0%} full.", "Wait until it has caught up."
        )


def disk(snapshot: Snapshot) -> Iterator[Cause]:
    """The disk holds twice what the plan will write (R21)."""
    free_bytes = snapshot.recorder.disk_free_bytes
    if free_bytes is None or free_bytes < DISK_FACTOR * snapshot.disk_need_bytes:
        free = "unknown" if free_bytes is None else f"{free_bytes / 1e6:.0f} MB"
        need = f"{DISK_FACTOR * snapshot.disk_need_bytes / 1e6:.0f} MB"
        yield Cause(f"Free disk space is {free}; this session wants {need}.", "Make room on the disk.")


def attended(snapshot: Snapshot) -> Iterator[Cause]:
    """Somebody would see what happens (R53)."""
    if not snapshot.attended:
        yield Cause(
            "Nobody watches: no window and no following terminal of a person was heard lately.",
            "Open the window ('amperfuse gui') and continue there.",
        )
