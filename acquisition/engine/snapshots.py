"""Turns what the engine knows into the two pictures others look at: the gatekeeper's facts and the clients' state.

Knows how to copy, nothing more: no rule lives here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from acquisition.engine.clock_check import clock_doubt
from acquisition.engine.gatekeeper import PumpSnapshot, Snapshot
from acquisition.engine.parts import Desk
from acquisition.engine.pump_desk import PumpDesk
from acquisition.engine.sensor_desk import SensorDesk
from acquisition.messages import ChannelView, EngineState, Phase, PreflightItem, PumpView, RecorderView
from acquisition.plan import InfuseStep, StableStep
from drivers.capabilities import Motion
from drivers.clock import NS_PER_S

if TYPE_CHECKING:
    from acquisition.engine.conductor import Conductor

BYTES_PER_SAMPLE = 40
"""Generous: journal and HDF5 copy of one sample of one channel, with index, flags and time."""
BYTES_PER_S = 4000
"""Generous: infusion rows, raw pump bytes and events."""


def gate_snapshot(engine: Conductor, now_ns: int) -> Snapshot:
    """Return the facts of this moment for ``gatekeeper.decide``.

    Ages are handed over in real time: a simulated rig that runs faster must not look silent because of it.
    """
    desk = engine.desk
    step = engine.schedule.current
    progressed_ns = engine.recorder_watch.progressed_ns
    return Snapshot(
        now_ns=now_ns,
        phase=engine.phase,
        accepted_plan_sha256=engine.accepted_sha256,
        current_step=step.number if step is not None else None,
        simulated=engine.simulated,
        pumps=tuple(_pump_facts(pump, desk, engine.simulated, now_ns) for pump in engine.pumps.values()),
        past=tuple(past for pump in engine.pumps.values() for past in pump.ledger.past_infusions(now_ns)),
        alarms=desk.alarms.views(),
        recorder=desk.sink.view(),
        recorder_progressed_ns=None if progressed_ns is None else _real(now_ns, progressed_ns, desk.slack),
        disk_need_bytes=disk_need_bytes(engine),
        attended=engine.attendance.allows_start(now_ns),
        preflight=engine.preflight.facts(now_ns),
        session_s=(now_ns - engine.session_started_ns) / NS_PER_S,
        clock_doubt=clock_doubt(desk.clock.wall_ns()),
        clock_sound=not any(view.alarm_id == "clock-jump" for view in desk.alarms.views()),
    )


def _real(now_ns: int, t_ns: int, slack: float) -> int:
    return now_ns - round((now_ns - t_ns) / slack)


def _pump_facts(pump: PumpDesk, desk: Desk, simulated: bool, now_ns: int) -> PumpSnapshot:
    infusion = pump.ledger.current
    return PumpSnapshot(
        name=pump.name,
        link=pump.link,
        simulated=simulated,
        identity_matched=pump.ready,
        motion=pump.motion,
        stop_confirmed=pump.stop_confirmed,
        confirmed_ns=None if pump.status is None else _real(now_ns, pump.status.received_ns, desk.slack),
        alarm=pump.status is not None and pump.status.alarm is not None,
        watchdog_armed=pump.watchdog,
        self_tested_ns=None if pump.self_tested_ns is None else _real(now_ns, pump.self_tested_ns, desk.slack),
        infusing_step=None if infusion is None else infusion.step,
        read_back=pump.read_back,
    )


def disk_need_bytes(engine: Conductor) -> int:
    """Return what the whole plan will write at most, twice over for the live copy."""
    plan = engine.desk.plan
    samples_per_s = sum(len(p.channels) / p.interval_s for p in plan.potentiostats)
    return round((samples_per_s * BYTES_PER_SAMPLE + BYTES_PER_S) * max(plan.duration_s, 600.0))


def engine_state(engine: Conductor, now_ns: int, rate: float) -> EngineState:
    """Return the full copy for clients."""
    desk = engine.desk
    plan = desk.plan
    preflight = engine.preflight.items(now_ns)
    return EngineState(
        now_ns=now_ns,
        wall_ns=now_ns + desk.clock.wall_ns() - desk.clock.now_ns(),
        rate=rate,
        simulated=engine.simulated,
        session_id=engine.session_id,
        session_dir=engine.session_dir,
        plan_name=plan.name,
        plan_sha256=engine.accepted_sha256,
        subject=plan.subject.subject_id,
        phase=engine.phase,
        phase_text=_against_a_start(preflight) or engine.phase_text,
        session_started_ns=engine.session_started_ns,
        plan_started_ns=engine.schedule.started_ns,
        plan_duration_s=plan.duration_s,
        pumps=tuple(pump_view(pump, engine.simulated, now_ns) for pump in engine.pumps.values()),
        channels=tuple(view for sensor in engine.sensors.values() for view in channel_views(sensor)),
        steps=engine.schedule.views,
        held_on=engine.schedule.held_on,
        held_before=engine.schedule.held_before,
        watched_by=engine.attendance.present(now_ns),
        unattended_by=engine.attendance.unattended_by,
        preflight=preflight,
        alarms=desk.alarms.views(),
        audio_paused_until_ns=desk.alarms.audio_paused_until_ns,
        recorder=_recorder(desk),
    )


def _against_a_start(preflight: Sequence[PreflightItem]) -> str:
    """Return what a ready session waits for; empty where it could be started, or is not ready."""
    blocking = [item for item in preflight if item.blocks]
    if not blocking or any(item.item_id == "session" for item in blocking):
        return ""
    lines = (
        "1 line of the pre-flight stands" if len(blocking) == 1 else f"{len(blocking)} lines of the pre-flight stand"
    )
    return f"Recording. {lines} against a start ('amperfuse preflight')"


def _recorder(desk: Desk) -> RecorderView:
    view = desk.sink.view()
    return (
        view if view.failing or not desk.recording_error else view.model_copy(update={"failing": desk.recording_error})
    )


def pump_view(pump: PumpDesk, simulated: bool, now_ns: int) -> PumpView:
    """Return one pump as a screen shows it."""
    ledger, infusion = pump.ledger, pump.ledger.current
    last = infusion or next((past for past in reversed(ledger.past) if not past.into_waste), None)
    armed = infusion.program if infusion is not None else pump.read_back
    return PumpView(
        name=pump.name,
        model=pump.identity.model if pump.identity else "",
        link=pump.link,
        simulated=simulated,
        motion=pump.motion.value,
        stop_confirmed=_stop_shown(pump),
        unknown_since_ns=pump.unknown_since_ns,
        drug=pump.setup.drug,
        rate_ul_per_min=armed.rate_ul_per_min if armed else 0.0,
        target_ul=armed.target_ul if armed else (last.target_ul if last else 0.0),
        delivered_ul=last.counter_ul if last else 0.0,
        estimated_ul=ledger.estimated_ul(now_ns) if infusion is not None else (last.counter_ul if last else 0.0),
        session_ul=ledger.confirmed_ul,
        session_uncertain_ul=ledger.uncertain_ul(now_ns),
        dose_mg_per_kg=ledger.dose_mg_per_kg,
        remaining_in_syringe_ul=ledger.remaining_ul(now_ns),
        confirmed_ns=pump.status.received_ns if pump.status else None,
        watchdog_s=pump.setup.watchdog_s if pump.watchdog else 0,
    )


def _stop_shown(pump: PumpDesk) -> bool | None:
    """A STOP that was confirmed is history once the pump has been started again."""
    return None if pump.stop_confirmed and pump.motion is Motion.INFUSING else pump.stop_confirmed


def channel_views(sensor: SensorDesk) -> Sequence[ChannelView]:
    """Return the channels of one potentiostat as a screen shows them."""
    guard = sensor.guard
    return [
        ChannelView(
            name=channel.name,
            instrument=sensor.name,
            role=channel.role,
            link=sensor.link,
            interval_s=sensor.setup.interval_s,
            sensitivity_a_per_um=channel.sensitivity_a_per_um,
            slope_low_a_per_um=channel.slope_low_a_per_um,
            slope_high_a_per_um=channel.slope_high_a_per_um,
            sentinel=channel.sentinel,
            sentinel_gain=channel.sentinel_gain,
            last_current_a=guard.last_current_a.get(channel.name),
            last_t_ns=guard.last_t_ns,
            flags=guard.last_flags.get(channel.name, 0),
            samples=guard.samples,
            gaps=sensor.gaps,
        )
        for channel in sensor.setup.channels
    ]


def _waits_for(engine: Conductor) -> str:
    step = engine.schedule.current
    if step is None:
        return "Waits for a person"
    where = "before step" if engine.schedule.held_before else "at step"
    why = ", nobody watched" if engine.schedule.held_before else ""
    if engine.schedule.held_before and engine.signal_hold.by:
        why = f", {'; '.join(engine.signal_hold.by)}"
    if isinstance(step, StableStep):
        why = f", {step.channel} is not steady"
    return f"Waits for a person {where} {step.number}{why}: {step.label}"


def _runs(engine: Conductor) -> str:
    step = engine.schedule.current
    if isinstance(step, InfuseStep) and engine.schedule.infusing is None:
        return f"Step {step.number} does not run, the plan lets its time pass: {step.label}"
    return f"Step {step.number}: {step.label}" if step is not None else ""


def phase_text(engine: Conductor) -> str:
    """Return what the engine does or waits for, for people."""
    phase: Phase = engine.phase
    if phase == "connecting":
        waiting = [unit.name for unit in engine.units if not unit.ready]
        return f"Waiting for {', '.join(waiting)}"
    if phase == "holding":
        return _waits_for(engine)
    if phase == "running":
        return _runs(engine)
    if phase == "stopping":
        open_pumps = [pump for pump in engine.pumps.values() if pump.stop_confirmed is False]
        overdue = [pump.name for pump in open_pumps if pump.stop_overdue]
        if overdue:
            return f"NOT CONFIRMED STOPPED: {', '.join(overdue)}"
        return f"STOP sent, waiting for confirmation: {', '.join(pump.name for pump in open_pumps)}"
    texts: dict[Phase, str] = {
        "ready": "Recording. The plan starts once nothing of the pre-flight stands against it",
        "stopped": "STOP ended the plan. Recording goes on",
        "finished": "The plan is through. Recording goes on",
        "closing": "Closing the files",
    }
    return texts[phase]
