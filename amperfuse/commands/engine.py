"""``status``, ``stop``, ``acknowledge`` and ``continue``: ask the running engine, from any terminal.

Knows how to word an engine's state. ``stop`` itself is ``amperfuse.stop_now``, which loads less than this.
"""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from acquisition.client import EngineClient, EngineLost
from acquisition.messages import Acknowledge, AlarmView, ChannelView, Continue, EngineState, PumpView
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import said
from amperfuse.console import Ended, for_people, say
from amperfuse.stop_now import stop_now

STATE_S = 5.0
OLD_S = 3.0
"""R52: what is older is labelled."""


@for_people
def status() -> None:
    """Show what the running engine does: phase, pumps with their age of confirmation, channels, alarms."""
    with EngineClient.connect(operator="status") as client:
        state = client.wait_for(lambda _state: True, STATE_S)
    if state is None:
        raise EngineLost(f"the engine is there but sent no state within {STATE_S:g} s")
    for line in status_lines(state):
        say(line)


def stop() -> None:
    """Stop every pump now, and tell for each one whether it confirmed that it stands."""
    if code := stop_now():
        raise typer.Exit(code)


@for_people
def acknowledge(
    alarms: Annotated[
        list[str] | None, typer.Argument(metavar="[ALARM]...", help="Ids of alarms that you saw.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who saw them; without it, the user's name.")] = "",
) -> None:
    """Acknowledge alarms by their id, as the window does; without an id, list those that wait for it."""
    who = said(by or getpass.getuser(), "--by")
    with EngineClient.connect(operator=who) as client:
        state = client.wait_for(_has_state, STATE_S)
        if state is None:
            raise EngineLost(f"the engine is there but sent no state within {STATE_S:g} s")
        if not alarms:
            for alarm in state.alarms:
                if not alarm.acknowledged:
                    say(f"{alarm.alarm_id}:{_alarm_line(alarm, state)}")
            return
        for alarm_id in alarms:
            answer = client.request(Acknowledge(request=0, alarm_id=alarm_id, by=who))
            if not answer.ok:
                raise Ended(f"{answer.text} 'amperfuse acknowledge' lists them.", ExitCode.REFUSED_COMMAND)
            say(f"{alarm_id}: {answer.text}")


@for_people
def continue_(
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out the infusion that waits, instead of beginning it.")
    ] = False,
) -> None:
    """Go on with a plan that waits for a person, as the window's button does; it may begin an infusion."""
    with EngineClient.connect(operator=getpass.getuser()) as client:
        state = client.wait_for(_has_state, STATE_S)
        if state is None:
            raise EngineLost(f"the engine is there but sent no state within {STATE_S:g} s")
        waiting = next((step for step in state.steps if step.number == state.held_on), None)
        if waiting is None:
            raise Ended("No step of the plan waits for a person. 'amperfuse status' tells.", ExitCode.REFUSED_COMMAND)
        answer = client.request(Continue(request=0, step=waiting.number, skip=leave_out))
    if not answer.ok:
        raise Ended(f"Step {waiting.number}, {waiting.label}: {answer.text}", ExitCode.REFUSED_COMMAND)
    say(f"{'SIMULATED ' if state.simulated else ''}step {waiting.number}, {waiting.label}: {answer.text}")


def _has_state(_state: EngineState) -> bool:
    return True


def status_lines(state: EngineState) -> list[str]:
    """Return the state in lines for people."""
    marks = ["SIMULATED"] if state.simulated else []
    marks += [f"{state.rate:g} times real time"] if state.rate != 1.0 else []
    since_min = (state.now_ns - state.session_started_ns) / 60e9
    lines = [
        f"{state.phase}: {state.phase_text or state.plan_name}" + (f"  [{', '.join(marks)}]" if marks else ""),
        f"  subject {state.subject}, plan {state.plan_name}, {since_min:.1f} min since the start",
        f"  session {state.session_dir}",
    ]
    lines.append(f"  {_watch_line(state)}")
    lines += [_pump_line(pump, state.now_ns, state.rate) for pump in state.pumps]
    lines += [_channel_line(channel, state.now_ns) for channel in state.channels]
    running = [step for step in state.steps if step.state == "running"]
    lines += [f"  step {step.number} of {len(state.steps)}: {step.label}" for step in running]
    recorder = state.recorder
    trouble = f", FAILING: {recorder.failing}" if recorder.failing else ""
    lines.append(f"  recorded {recorder.records} records, archiver {recorder.archiver}{trouble}")
    lines += [_alarm_line(alarm, state) for alarm in state.alarms]
    if state.audio_paused_until_ns is not None:
        left_s = max(0.0, (state.audio_paused_until_ns - state.now_ns) / 1e9 / state.rate)
        lines.append(f"  sound of alarms paused, {left_s:.0f} s left")
    return lines


def _watch_line(state: EngineState) -> str:
    here = f"watched by {', '.join(state.watched_by)}" if state.watched_by else "NOBODY WATCHES"
    if state.unattended_by:
        return f"UNATTENDED, as {state.unattended_by} decided; {here}"
    return here if state.watched_by else f"{here}: no experimental infusion starts"


def _alarm_line(alarm: AlarmView, state: EngineState) -> str:
    facts = ["still active" if alarm.active else "cause is gone"]
    facts += ["acknowledged"] if alarm.acknowledged else []
    latest_s = (state.now_ns - (alarm.latest_ns or alarm.raised_ns)) / 1e9
    facts += [f"{alarm.count} times, last {latest_s:.0f} s ago" if alarm.count > 1 else f"{latest_s:.0f} s ago"]
    where = f" {alarm.instrument}" if alarm.instrument else ""
    return f"  ALARM {alarm.priority}{where} ({', '.join(facts)}): {alarm.what} {alarm.so_what} {alarm.do_what}"


def _pump_line(pump: PumpView, now_ns: int, rate: float) -> str:
    age = "never confirmed"
    if pump.confirmed_ns is not None:
        age_s = (now_ns - pump.confirmed_ns) / 1e9
        age = f"{'OLD VALUES, ' if age_s > OLD_S * rate else ''}confirmed {age_s:.1f} s ago"
    stop_state = {None: "", True: ", STOP confirmed", False: ", NOT CONFIRMED STOPPED"}[pump.stop_confirmed]
    dose = f" = {pump.dose_mg_per_kg:.3f} mg/kg" if pump.dose_mg_per_kg is not None else ""
    return (
        f"  pump {pump.name}: {pump.motion} ({age}{stop_state}), {pump.link}, {pump.rate_ul_per_min:g} µL/min, "
        f"{pump.delivered_ul:.2f} of {pump.target_ul:.2f} µL, session {pump.session_ul:.2f} µL{dose}"
        + (f", may be {pump.session_uncertain_ul:.2f} µL more" if pump.session_uncertain_ul else "")
    )


def _channel_line(channel: ChannelView, now_ns: int) -> str:
    if channel.last_current_a is None or channel.last_t_ns is None:
        return f"  channel {channel.name}: {channel.link}, no samples yet"
    slope = channel.sensitivity_a_per_um
    apparent = f" = {channel.last_current_a / slope:.2f} µM" if slope else ""
    return (
        f"  channel {channel.name}: {channel.link}, {channel.last_current_a * 1e9:.3f} nA{apparent}, "
        f"{(now_ns - channel.last_t_ns) / 1e9:.1f} s ago, {channel.samples} samples, {channel.gaps} gaps"
    )
