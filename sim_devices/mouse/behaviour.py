"""What the animal does, and what that does to ascorbate, dopamine, temperature and the cable.

Knows sleep and wakefulness, arousal (by itself, by a hand, by an infusion) and movement. Does not know drugs,
glutamate release or sensors. One step is one second; what happens in a second is felt after it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim_devices.mouse.history import KEPT_S, History
from sim_devices.presets.parameter import Table, choice, number

MOST_RESTLESS = 5.0
"""How many times as often an animal moves at full arousal."""
ASLEEP = 0.1
"""The same while it sleeps [A]."""
_DRAWN_AT_ONCE = 256


class Behaviour(Table):
    """A freely moving mouse; science.md 2.5, 4.2, 4.3."""

    state: Literal["awake", "anaesthetised"] = choice(
        "awake", "A", "anaesthetised: no sleep, no arousal, no movement, whatever is done to it"
    )
    sleep_wake_swing_um: float = number(0.9, 0.0, 3.0, "uM", "S", "glutamate, up awake and down asleep; Naylor")
    swing_time_s: float = number(300.0, 30.0, 3600.0, "s", "A", "time constant of the swing")
    episode_low_min: float = number(10.0, 1.0, 120.0, "min", "S", "shortest episode of sleep or wakefulness")
    episode_high_min: float = number(30.0, 1.0, 240.0, "min", "S", "longest episode")
    arousals_per_h: float = number(
        4.0, 0.0, 60.0, "1/h", "A", "arousals by itself while awake, half as strong as a hand"
    )
    handling_arousal: float = number(1.0, 0.0, 1.0, "1", "A", "arousal by an injection by hand")
    infusion_arousal: float = number(0.3, 0.0, 1.0, "1", "S", "arousal by an infusion, vehicle too; Wakabayashi 2012")
    arousal_time_s: float = number(180.0, 10.0, 3600.0, "s", "A", "decay of arousal")
    ascorbate_um: float = number(250.0, 100.0, 1000.0, "uM", "S", "at rest; BMC Neurosci 2007 8:32")
    ascorbate_arousal_um: float = number(750.0, 0.0, 900.0, "uM", "S", "more at full arousal; BMC Neurosci 2007 8:32")
    ascorbate_lag_s: float = number(30.0, 1.0, 600.0, "s", "A", "of ascorbate and dopamine behind arousal")
    ascorbate_wander_um: float = number(50.0, 0.0, 200.0, "uM", "A", "slow wander, SD")
    ascorbate_wander_s: float = number(600.0, 10.0, 7200.0, "s", "A", "its correlation time")
    dopamine_um: float = number(0.01, 0.0, 5.0, "uM", "U", "at rest")
    dopamine_arousal_um: float = number(0.1, 0.0, 5.0, "uM", "A", "more at full arousal")
    temperature_c: float = number(37.0, 30.0, 41.0, "degC", "A", "brain, at rest")
    temperature_arousal_c: float = number(2.0, 0.0, 4.0, "degC", "S", "more at full arousal; 1 to 4, PMC3656767")
    temperature_lag_s: float = number(300.0, 30.0, 3600.0, "s", "A", "of temperature behind arousal")
    motion_per_min: float = number(1.0, 0.0, 5.0, "1/min", "A", "movements that tug at the cable, awake and calm")


@dataclass(frozen=True)
class Burst:
    """One movement."""

    onset_s: float
    duration_s: float
    strength: float
    """Lognormal around 1; what it does to a current, the sensor says."""
    number: int


class Condition:
    """State of one animal on the grid of seconds; ``advance`` adds one, ``at`` returns any known one."""

    def __init__(self, parameters: Behaviour, rng: np.random.Generator, motion_rng: np.random.Generator) -> None:
        p = self.parameters = parameters
        self._awake_possible = p.state == "awake"
        self._rng = rng
        self._motion = _Motion(p.motion_per_min if self._awake_possible else 0.0, motion_rng)
        self._normals: list[float] = []
        self._awake, self._until_s = True, 0.0
        self._arousal = self._felt = self._wander = self._swing = 0.0
        self._warmth = 0.0
        self._calmer = math.exp(-1.0 / p.arousal_time_s)  # of each second; the same all along
        self._feels, self._warms = -math.expm1(-1.0 / p.ascorbate_lag_s), -math.expm1(-1.0 / p.temperature_lag_s)
        self._wanders = keep = math.exp(-1.0 / p.ascorbate_wander_s)
        self._strays = math.sqrt(1.0 - keep * keep)
        self._swings = -math.expm1(-1.0 / p.swing_time_s)
        self._series = {name: History(value) for name, value in self._now().items()}

    @property
    def seconds(self) -> int:
        """Return how many seconds are known."""
        return len(self._series["swing_um"]) - 1

    def advance(self, disturbance: float) -> None:
        """Live through one more second in which this much happened to the animal (0 to 1)."""
        second = self.seconds + 1
        if self._awake_possible:
            self._sleep_or_wake(second)
            self._arousal = min(1.0, self._arousal * self._calmer + disturbance + self._itself())
            self._motion.second(second, (1.0 if self._awake else ASLEEP) + (MOST_RESTLESS - 1.0) * self._arousal)
        self._felt += (self._arousal - self._felt) * self._feels
        self._warmth += (self._arousal - self._warmth) * self._warms
        self._wander = self._wanders * self._wander + self._strays * self._normal()
        for name, value in self._now().items():
            self._series[name].append(value)

    def at(self, name: str, second: int) -> float:
        """Return ``swing_um``, ``ascorbate_um``, ``dopamine_um`` or ``temperature_c`` at the start of ``second``."""
        return self._series[name][second]

    def bursts(self, second: int) -> list[Burst]:
        """Return the movements during ``second``."""
        return self._motion.during(second)

    def _now(self) -> dict[str, float]:
        p = self.parameters
        ascorbate = p.ascorbate_um + p.ascorbate_wander_um * self._wander + p.ascorbate_arousal_um * self._felt
        return {
            "swing_um": self._swing,
            "ascorbate_um": min(1000.0, max(100.0, ascorbate)),
            "dopamine_um": p.dopamine_um + p.dopamine_arousal_um * self._felt,
            "temperature_c": p.temperature_c + p.temperature_arousal_c * self._warmth,
        }

    def _sleep_or_wake(self, second: int) -> None:
        p = self.parameters
        while second > self._until_s:
            self._awake = not self._awake if self._until_s else True
            self._until_s += 60.0 * float(
                self._rng.uniform(p.episode_low_min, max(p.episode_low_min, p.episode_high_min))
            )
        target = p.sleep_wake_swing_um if self._awake else -p.sleep_wake_swing_um
        self._swing += (target - self._swing) * self._swings

    def _itself(self) -> float:
        """Return an arousal without a cause, now and then; one draw per second, asleep or not."""
        chance = self._normal()
        expected = self.parameters.arousals_per_h / 3600.0
        return 0.5 if self._awake and _below(chance, expected) else 0.0

    def _normal(self) -> float:
        if not self._normals:
            self._normals = self._rng.standard_normal(_DRAWN_AT_ONCE).tolist()
        return self._normals.pop()


def _below(normal: float, probability: float) -> bool:
    """Tell whether a standard normal falls into a tail of this probability."""
    return 0.5 * math.erfc(normal / math.sqrt(2.0)) < probability


class _Motion:
    """Movements: candidates at the highest rate, of which those stay that the moment's restlessness allows."""

    def __init__(self, per_min: float, rng: np.random.Generator) -> None:
        self._per_s = per_min / 60.0 * MOST_RESTLESS
        self._rng = rng
        self._next_s = math.inf
        if per_min:
            self._next_s = float(rng.exponential(1.0 / self._per_s))
        self._bursts: list[Burst] = []
        self._onsets_s: list[float] = []
        self._drawn = 0

    def second(self, second: int, restlessness: float) -> None:
        """Draw the movements that begin in ``second``."""
        while self._next_s < second + 1:
            keep, size, length = self._rng.random(), self._rng.standard_normal(), self._rng.uniform(0.2, 2.0)
            if keep < min(1.0, restlessness / MOST_RESTLESS):
                self._bursts.append(Burst(self._next_s, float(length), math.exp(0.6 * float(size)), self._drawn))
                self._onsets_s.append(self._next_s)
                self._drawn += 1
            self._next_s += float(self._rng.exponential(1.0 / self._per_s))
        if len(self._onsets_s) > _DRAWN_AT_ONCE and self._onsets_s[_DRAWN_AT_ONCE] < second - KEPT_S:
            del self._bursts[:_DRAWN_AT_ONCE], self._onsets_s[:_DRAWN_AT_ONCE]

    def during(self, second: int) -> list[Burst]:
        """Return those that are on at some time during ``second``."""
        if not self._onsets_s:
            return []
        return self._bursts[bisect_left(self._onsets_s, second - 2.0) : bisect_left(self._onsets_s, second + 1)]
