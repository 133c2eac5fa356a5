"""What STOP says about itself, from the press to the pump's own word.

A press is answered on the screen at once. "Confirmed" is said only when the engine says that every pump confirmed;
silence, refusal and a lost engine all end in the sentence that sends a person to the pump (R33).
"""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.messages import Answer, EngineState
from gui.presenters.text import NS_PER_S, Tone, plain

ANSWER_DUE_S = 3.5
"""The engine answers within 3 s; half a second for the way."""
BY_HAND = "go to the pump, press STOP on it, clamp the line"


@dataclass(frozen=True)
class StopPress:
    """The last press of STOP in this window. ``pressed_ns`` is the window's own clock."""

    request: int
    pressed_ns: int
    answer: Answer | None = None
    known: EngineState | None = None
    """The newest state when the answer came: only a later one, or that of another session, can say otherwise."""


@dataclass(frozen=True)
class StopStatus:
    """The lines under the button."""

    headline: str
    detail: str
    tone: Tone


CONFIRMED = StopStatus("■ CONFIRMED STOPPED", "every pump says it stands still", "good")


def stop_status(press: StopPress | None, state: EngineState | None, ticks_ns: int, *, connected: bool) -> StopStatus:
    """Return what to show now."""
    if not connected:
        return StopStatus("STOP MAY NOT REACH THE ENGINE", f"By hand: {BY_HAND}", "alarm")
    unconfirmed = [plain(pump.name) for pump in state.pumps if pump.stop_confirmed is False] if state else []
    if press is not None and press.answer is None and ticks_ns - press.pressed_ns <= ANSWER_DUE_S * NS_PER_S:
        return StopStatus("STOP sent", "waiting for confirmation by the pump", "warn")
    if press is not None and not _failed(press) and not _is_later(state, press.known):
        return CONFIRMED
    if unconfirmed or _failed(press):
        names = f"{', '.join(unconfirmed)}: " if unconfirmed else ""
        return StopStatus("NOT CONFIRMED STOPPED", f"{names}{BY_HAND}", "alarm")
    if state is not None and _stop_holds(state) and (press is not None or _anyone_stopped(state)):
        return CONFIRMED
    return StopStatus("", "stops every pump at once, no question asked", "dim")


def _is_later(state: EngineState | None, known: EngineState | None) -> bool:
    """Tell whether a state was made after the one that was known. The clocks of two engines are not comparable."""
    if state is None or known is None:
        return state is not None
    return state.session_id != known.session_id or state.now_ns > known.now_ns


def _failed(press: StopPress | None) -> bool:
    """Tell whether the press came to nothing: no answer in time, refused, or not confirmed."""
    return press is not None and (press.answer is None or not press.answer.ok or press.answer.confirmed is not True)


def _stop_holds(state: EngineState) -> bool:
    return all(pump.link == "online" and pump.motion in {"stopped", "paused"} for pump in state.pumps)


def _anyone_stopped(state: EngineState) -> bool:
    return any(pump.stop_confirmed is True for pump in state.pumps)
