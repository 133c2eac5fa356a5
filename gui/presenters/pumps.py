"""One pump as a card: a state word that can be read from across the room, and numbers that carry their age."""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.messages import EngineState, PumpView
from gui.presenters.text import NOTHING, NS_PER_S, Tone, age, digits, duration, plain, rate, time_of_day, volume

STALE_AFTER_S = 3.0
"""R52: older values are greyed and labelled."""


@dataclass(frozen=True)
class PumpCard:
    """The texts of one pump's card."""

    name: str
    subtitle: str
    symbol: str
    word: str
    tone: Tone
    since: str
    delivered: str
    target: str
    progress: float
    """Confirmed by the pump, 0..1 of the target."""
    progress_estimated: float
    """With what it has probably delivered since its last reply."""
    facts: tuple[tuple[str, str], ...]
    """Caption and value."""
    warning: str
    age: str
    stale: bool


def pump_card(pump: PumpView, state: EngineState, silent_s: float, *, engine_gone: bool) -> PumpCard:
    """Return the card; ``silent_s`` is how long (real seconds) ago the engine itself was heard.

    The age of a value is engine time up to the last state plus real time since; on a real rig both are the same clock.
    Without the engine no state word stands as if it were true now.
    """
    age_s = None if pump.confirmed_ns is None else (state.now_ns - pump.confirmed_ns) / NS_PER_S + max(silent_s, 0.0)
    stale = engine_gone or age_s is None or age_s > STALE_AFTER_S
    symbol, word, tone = _state(pump)
    if engine_gone:
        symbol, word, tone = "?", f"LAST SEEN {word}", "warn"
    elif stale and tone == "good":
        tone = "dim"  # what is old does not look alive (R52)
    return PumpCard(
        name=plain(pump.name),
        subtitle=" · ".join(plain(part) for part in (pump.drug or "no drug", pump.model) if part),
        symbol=symbol,
        word=word,
        tone=tone,
        since=_since(pump, state),
        delivered=digits(pump.delivered_ul),
        target=f"of {volume(pump.target_ul)}" if pump.target_ul > 0 else "no target armed",
        progress=_share(pump.delivered_ul, pump.target_ul),
        progress_estimated=_share(pump.estimated_ul, pump.target_ul),
        facts=_facts(pump),
        warning=_warning(pump, stale=stale),
        age=_age_text(age_s, stale=stale),
        stale=stale,
    )


def _state(pump: PumpView) -> tuple[str, str, Tone]:
    if pump.stop_confirmed is False:
        return "✕", "NOT CONFIRMED STOPPED", "alarm"
    if pump.link == "connecting":
        return "…", "CONNECTING", "busy"
    if pump.link == "lost" or pump.unknown_since_ns is not None or pump.motion == "unknown":
        return "?", "UNKNOWN", "alarm"
    if pump.stop_confirmed and pump.motion in {"stopped", "paused"}:
        return "■", "STOPPED", "normal"
    words: dict[str, tuple[str, str, Tone]] = {
        "infusing": ("▶", "INFUSING", "good"),
        "stopped": ("■", "STOPPED", "normal"),
        "paused": ("❙❙", "PAUSED", "normal"),
        "withdrawing": ("◀", "WITHDRAWING", "warn"),
        "purging": ("▶▶", "PURGING", "warn"),
        "waiting": ("…", "WAITING", "busy"),
    }
    return words.get(pump.motion, ("?", plain(pump.motion).upper(), "alarm"))


def _since(pump: PumpView, state: EngineState) -> str:
    if pump.stop_confirmed is False:
        return "go to the pump: press STOP, clamp the line"
    if pump.unknown_since_ns is not None:
        return f"since {time_of_day(state.wall_ns - (state.now_ns - pump.unknown_since_ns))}"
    if pump.link == "lost":
        return "the line to the pump is lost"
    if not pump.stop_confirmed:
        return ""
    # A New Era pump is paused by the first STP; its own START key would go on with the infusion.
    return "stop confirmed; the pump calls it paused" if pump.motion == "paused" else "stop confirmed by the pump"


def _facts(pump: PumpView) -> tuple[tuple[str, str], ...]:
    remaining = max(pump.target_ul - pump.estimated_ul, 0.0) if pump.target_ul > 0 else None
    left = ""
    if remaining is not None and pump.motion == "infusing" and pump.rate_ul_per_min > 0:
        left = f" · {duration(remaining / pump.rate_ul_per_min * 60)}"
    dose = NOTHING if pump.dose_mg_per_kg is None else f"{digits(pump.dose_mg_per_kg)} mg/kg"
    return (
        ("Rate", rate(pump.rate_ul_per_min) if pump.rate_ul_per_min > 0 else NOTHING),
        ("Remaining", f"{volume(remaining)}{left}"),
        ("Dose, session", dose),
        ("Volume, session", volume(pump.session_ul)),
        ("Not confirmed, at most", volume(pump.session_uncertain_ul)),
        ("In syringe", volume(pump.remaining_in_syringe_ul)),
        ("Pump watchdog", f"{pump.watchdog_s} s" if pump.watchdog_s else "none"),
    )


def _warning(pump: PumpView, *, stale: bool) -> str:
    """Return a warning when more is uncertain than what an infusion delivers between two replies anyway."""
    between_replies_ul = pump.rate_ul_per_min * STALE_AFTER_S / 60.0 if pump.motion == "infusing" and not stale else 0.0
    if pump.session_uncertain_ul > between_replies_ul:
        return f"▲ up to {volume(pump.session_uncertain_ul)} more may have been delivered, not confirmed"
    return ""


def _age_text(age_s: float | None, *, stale: bool) -> str:
    if age_s is None:
        return "never confirmed"
    return f"OLD VALUES · confirmed {age(age_s)}" if stale else f"confirmed {age(age_s)}"


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0
