"""Which alarm is to be heard when (R47, R48, R50), and how its banner flashes. No Qt, no sound card.

Knows priorities, intervals, the pause of the sound and the test of the alarms. Does not know what a tone sounds like
(``gui.tones``) nor who plays it. All times are the window's own: ears live in real time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from acquisition.messages import AUDIO_PAUSE_S, AlarmView, EngineState, Priority
from gui.presenters.text import NS_PER_S, duration

AGAIN_S: dict[Priority, float] = {"high": 5.0, "medium": 10.0, "low": 20.0}
"""Least time from the beginning of one call to the next; high and medium go on until acknowledged, low calls once. [P]
within the ranges of IEC 60601-1-8 [M]."""
REMIND_S = 120.0
"""A high alarm that was acknowledged while its cause is still there calls once so often: it has no permanent mute."""
FLASH_S: dict[Priority, float] = {"high": 0.5, "medium": 1.6}
"""Length of one flash: 2 and 0.6 a second; never three a second or more (R48), low ones do not flash."""
TEST_PLAN: tuple[tuple[float, Priority], ...] = ((0.0, "low"), (1.2, "medium"), (3.4, "high"))
TEST_S = 7.0
TEST_TEXT = "Do you hear 1, 3 and 2 × 5 tones?"


@dataclass(frozen=True)
class Hearing:
    """What decides over the sound at one moment."""

    alarms: tuple[AlarmView, ...]
    engine_lost: bool
    paused: bool


class SoundDesk:
    """Says which call to sound now. ``step`` is called at every frame."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        """Per alarm, when it was last raised, as far as it has been called."""
        self._called_ns: dict[Priority, int] = {}
        self._reminded_ns: int | None = None
        self._test_since_ns: int | None = None
        self._test_done = 0

    def begin_test(self, ticks_ns: int) -> None:
        """Call all three priorities, one after the other; an alarm that comes meanwhile takes precedence."""
        self._test_since_ns, self._test_done = ticks_ns, 0

    def testing(self, ticks_ns: int) -> bool:
        """Tell whether the test is on."""
        return self._test_since_ns is not None and ticks_ns - self._test_since_ns < TEST_S * NS_PER_S

    def step(self, hearing: Hearing, ticks_ns: int) -> Priority | None:
        """Return the call to begin now, if any."""
        waiting, news = self._waiting(hearing)
        if waiting == "high" and not hearing.paused:
            self._test_since_ns = None
        if hearing.paused or self.testing(ticks_ns):
            self._called_ns.clear()  # what waits calls at once afterwards
            return self._test(ticks_ns)
        if waiting is not None:
            return self._call(waiting, ticks_ns, at_once=waiting in news)
        self._called_ns.pop("high", None)
        self._called_ns.pop("medium", None)
        if "low" in news:
            return self._call("low", ticks_ns, at_once=False)
        return self._reminder(hearing, ticks_ns)

    def _waiting(self, hearing: Hearing) -> tuple[Priority | None, set[Priority]]:
        """Return the worst priority that waits for a person, and those in which something is new.

        A high or medium alarm that comes again while it waits keeps its rhythm, else a flood would be one long noise.
        """
        calling = [alarm for alarm in hearing.alarms if not alarm.acknowledged]
        latest = {alarm.alarm_id: alarm.latest_ns or alarm.raised_ns for alarm in calling}
        again = {
            a.alarm_id for a in calling if a.priority == "low" and self._known.get(a.alarm_id) != latest[a.alarm_id]
        }
        news = {a.priority for a in calling if a.alarm_id not in self._known or a.alarm_id in again}
        self._known = latest
        loud = {alarm.priority for alarm in calling}
        if hearing.engine_lost:
            loud.add("high")
        return ("high" if "high" in loud else "medium" if "medium" in loud else None), news

    def _call(self, priority: Priority, ticks_ns: int, *, at_once: bool) -> Priority | None:
        last_ns = self._called_ns.get(priority)
        if not at_once and last_ns is not None and ticks_ns - last_ns < AGAIN_S[priority] * NS_PER_S:
            return None
        self._called_ns[priority] = ticks_ns
        if priority == "high":
            self._reminded_ns = ticks_ns
        return priority

    def _reminder(self, hearing: Hearing, ticks_ns: int) -> Priority | None:
        if not any(alarm.priority == "high" and alarm.active for alarm in hearing.alarms):
            self._reminded_ns = None
            return None
        if self._reminded_ns is None:
            self._reminded_ns = ticks_ns
        if ticks_ns - self._reminded_ns < REMIND_S * NS_PER_S:
            return None
        self._reminded_ns = ticks_ns
        return "high"

    def _test(self, ticks_ns: int) -> Priority | None:
        if self._test_since_ns is None or self._test_done >= len(TEST_PLAN):
            return None
        after_s, priority = TEST_PLAN[self._test_done]
        if ticks_ns - self._test_since_ns < after_s * NS_PER_S:
            return None
        self._test_done += 1
        return priority


def engine_lost_alarm(state: EngineState | None, *, old: bool) -> bool:
    """Tell whether a lost engine is an alarm: not before there was one, nor after a session that ended as it should."""
    if state is None or not old:
        return False
    return state.phase != "closing" or any(pump.stop_confirmed is False for pump in state.pumps)


def is_lit(priority: Priority, ticks_ns: int, *, seen: bool) -> bool:
    """Tell whether a flashing banner is in its bright half now; what a person has seen stands still."""
    if seen or priority not in FLASH_S:
        return False
    period_ns = round(FLASH_S[priority] * NS_PER_S)
    return ticks_ns % period_ns < period_ns // 2


@dataclass
class OwnPause:
    """The pause of a window that has lost its engine: there is nobody to ask, and nobody to agree with."""

    until_ns: int = 0

    def left_s(self, ticks_ns: int, *, engine_gone: bool) -> float:
        """Return what is left; a pause ends when the engine is back, since then the engine's counts."""
        if not engine_gone:
            self.until_ns = 0
        return max(0.0, (self.until_ns - ticks_ns) / NS_PER_S)

    def toggle(self, ticks_ns: int) -> None:
        """Begin a pause, or end it."""
        self.until_ns = 0 if self.until_ns > ticks_ns else ticks_ns + AUDIO_PAUSE_S * NS_PER_S


def pause_left_s(state: EngineState | None, engine_now_ns: int) -> float:
    """Return the real seconds that are left of the engine's pause; 0 when alarms sound."""
    if state is None or state.audio_paused_until_ns is None:
        return 0.0
    return max(0.0, (state.audio_paused_until_ns - engine_now_ns) / NS_PER_S / state.rate)


def pause_text(left_s: float) -> str:
    """Return what stands on the button of the pause."""
    if left_s <= 0:
        return "Pause sound"
    return f"Sound paused, {duration(math.ceil(left_s))} left"
