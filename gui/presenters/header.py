"""The top of the window: which session, what it does, whether the engine is still heard, how recording goes."""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.messages import EngineState, Phase, RecorderView
from gui.presenters.text import NOTHING, NS_PER_S, Tone, age, plain, size, stamp, time_of_day

SILENT_AFTER_S = 3.0
SYNC_LATE_AFTER_S = 3.0
DISK_LOW_BYTES = 2_000_000_000
"""Less free disk than this is shown as a warning. [P] our choice; the engine's own alarm decides."""

_PHASES: dict[Phase, tuple[str, Tone]] = {
    "connecting": ("CONNECTING", "busy"),
    "ready": ("READY", "normal"),
    "running": ("RUNNING", "good"),
    "holding": ("WAITING FOR YOU", "warn"),
    "stopping": ("STOPPING", "warn"),
    "stopped": ("STOPPED", "warn"),
    "finished": ("PLAN FINISHED", "normal"),
    "closing": ("CLOSING", "busy"),
}


@dataclass(frozen=True)
class Header:
    """The texts of the top bar."""

    plan: str
    session: str
    """Subject and session."""
    phase: str
    phase_tone: Tone
    phase_text: str
    elapsed: str
    simulated: str
    """Empty on a real rig."""
    recorder: str
    recorder_detail: str
    recorder_tone: Tone
    connection: str
    connection_tone: Tone
    clock: str
    """The engine's time of day."""
    watch: str = ""
    """Who watches, for the engine: whether infusions may start."""
    watch_detail: str = ""
    watch_tone: Tone = "dim"


def header(state: EngineState | None, now_ns: int, silent_s: float, *, connected: bool) -> Header:
    """Return the top bar; ``now_ns`` is engine time, ``silent_s`` real seconds since the engine was last heard."""
    connection, connection_tone = _connection(state, silent_s, connected=connected)
    if state is None:
        return Header(
            plan=NOTHING,
            session="",
            phase="NO STATE YET",
            phase_tone="dim",
            phase_text="",
            elapsed=stamp(0),
            simulated="",
            recorder=NOTHING,
            recorder_detail="",
            recorder_tone="dim",
            connection=connection,
            connection_tone=connection_tone,
            clock="",
        )
    word, tone = _PHASES[state.phase]
    watch, watch_detail, watch_tone = _watch(state)
    recorder, detail, recorder_tone = _recorder(state.recorder, state.now_ns, state.rate)
    return Header(
        plan=plain(state.plan_name),
        session=f"{plain(state.subject)} · {plain(state.session_id)}",
        phase=word,
        phase_tone=tone,
        phase_text=plain(state.phase_text),
        elapsed=stamp((now_ns - state.session_started_ns) / NS_PER_S),
        simulated=_simulated(state),
        recorder=recorder,
        recorder_detail=detail,
        recorder_tone=recorder_tone,
        connection=connection,
        connection_tone=connection_tone,
        watch=watch,
        watch_detail=watch_detail,
        watch_tone=watch_tone,
        clock=f"engine's clock {time_of_day(state.wall_ns + (now_ns - state.now_ns))}",
    )


def lost_banner(since: str) -> str:
    """Return what stands across the window when the engine is gone; ``since`` is hh:mm:ss of this computer."""
    return (
        f"The window lost the engine since {since}. All values below are old. "
        "If a pump may be running, go to the pump: press STOP on it, clamp the line."
    )


def is_old(silent_s: float, *, connected: bool) -> bool:
    """Tell whether everything on the screen has to be greyed (R52)."""
    return not connected or silent_s > SILENT_AFTER_S


def title(state: EngineState | None) -> str:
    """Return the title bar, which also says what closing does."""
    if state is None:
        return "Amperfuse"
    simulated = "SIMULATED · " if state.simulated else ""
    return f"{simulated}{plain(state.session_id)} · Amperfuse · closing this window stops nothing"


def _simulated(state: EngineState) -> str:
    if not state.simulated:
        return ""
    pace = "" if state.rate == 1.0 else f"   ·   {state.rate:g} × real time"
    return f"SIMULATED   ·   no real instrument, no real animal{pace}"


def _connection(state: EngineState | None, silent_s: float, *, connected: bool) -> tuple[str, Tone]:
    if not connected:
        return ("✕ engine lost", "alarm") if state is not None else ("… looking for the engine", "busy")
    if silent_s > SILENT_AFTER_S:
        return f"✕ engine silent {silent_s:.0f} s", "alarm"
    return "● engine connected", "good"


def _watch(state: EngineState) -> tuple[str, str, Tone]:
    names = ", ".join(map(plain, state.watched_by))
    here = f"here: {names}" if names else "nobody is here"
    if state.unattended_by:
        return "▲ UNATTENDED", f"{here}; by {plain(state.unattended_by)}", "warn"
    if not names:
        return "▲ NOBODY HERE", "no infusion starts", "warn"
    return "● watched", names, "good"


def _recorder(view: RecorderView, now_ns: int, rate: float) -> tuple[str, str, Tone]:
    if view.failing:
        return "✕ NOT RECORDING", plain(view.failing), "alarm"
    synced_s = (
        None if view.synced_ns is None else (now_ns - view.synced_ns) / NS_PER_S / rate
    )  # disks are not simulated
    parts = [
        "not on disk yet" if synced_s is None else f"on disk {age(synced_s)}",
        "disk space unknown" if view.disk_free_bytes is None else f"{size(view.disk_free_bytes)} free",
        f"NWB {view.archiver}",
    ]
    if view.queue_fill >= 0.5:
        parts.append(f"queue {view.queue_fill:.0%} full")
    worried = (
        view.queue_fill >= 0.5
        or view.archiver in {"dead", "behind"}
        or (view.disk_free_bytes is not None and view.disk_free_bytes < DISK_LOW_BYTES)
        or (synced_s is not None and synced_s > SYNC_LATE_AFTER_S)
    )
    word = "▲ RECORDING" if worried else "● RECORDING"
    return f"{word} {size(view.journal_bytes)}", " · ".join(parts), "warn" if worried else "good"
