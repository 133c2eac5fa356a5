"""Draws the trial of a seed: an experiment, what goes wrong in it, and what a person does meanwhile.

Knows what is likely to deceive a program: faults around the moment of RUN, patterns that chance alone seldom meets,
and every row of the fault matrix. When RUN goes out is not a number in here: a trial without faults is run and asked,
so that an aim stays an aim when the program takes longer to get ready.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

import numpy as np

from acquisition.campaign.run import run
from acquisition.campaign.scenarios import SCENARIOS, Scenario
from acquisition.campaign.trial import (
    FAMILIES,
    SENSORS,
    Act,
    Deed,
    Family,
    Infusion,
    SensorFamily,
    Trial,
)
from acquisition.events import EventKind
from drivers.clock import NS_PER_S

_STRONG = ("cut", "unplug", "power-cycle", "stall")
_WEAK = ("drop", "delay", "duplicate", "garble", "truncate")
_DEEDS: dict[Deed, float] = {
    "stop": 0.4, "start": 0.1, "continue": 0.1, "finish": 0.05,
    "recorder-hangs": 0.12, "disk-full": 0.08, "book-full": 0.05, "machine-sleeps": 0.1,
}  # fmt: skip
_COMMANDS = ("stop", "start", "continue", "finish")
_SENSOR_SHARE = 0.12
"""Share of trials with a potentiostat: its samples cost more than all the rest."""
_LONG_SHARE = 0.1
"""Share of trials whose infusion outlasts every timeout of the program."""
_NEW_ERA_SHARE = 0.5
_METHODSCRIPT_SHARE = 0.6
_MATRIX_SHARE = 0.25
"""Share of trials that are a row of the fault matrix, at another time and often beside other faults."""
_PATTERN_SHARE = 0.4
_DIGIT = 3
"""Number of the pattern in which a digit changes on its way: where there is a checksum, it only comes to nothing."""
_AT_RUN_SHARE = 0.3
_MAINTENANCE_SHARE = 0.15
_LEAST_UL: dict[Family, float] = {
    "new-era": 0.01, "harvard-ultra": 0.01, "chemyx": 0.4, "harvard-22": 0.1, "wpi-micro4": 0.01,
}  # fmt: skip
"""What each pump takes for its syringe at least."""
_DIGITS = {"harvard-22": 1}
"""Digits of a volume in uL that a pump keeps, where they are fewer than 3."""
_RATES: dict[Family, tuple[float, ...]] = {"chemyx": (3.0,), "harvard-22": (1.0, 3.0), "wpi-micro4": (0.3, 1.2)}
_SLOW_ROWS = ("D3", "D5", "D6 fast", "D6 slow", "D6 slightly", "D6 not at all", "S1 silent", "L14", "D7 started")
"""These show only after a time: their infusions last as long as the scenario's, and others are shortened."""
_BY_HAND = ("D7 started", "D3")
"""How much these may add is bounded as long as the line lives: nothing else goes wrong beside them."""
_AT_RUN: dict[str, tuple[float, str]] = {
    "L2": (0.02, "drug:drop@{}s+1.8s"),
    "L5": (0.25, "drug:garble@{}s+0.2s=digit"),
    "D8": (0.3, "drug:refuse@{}s"),
}
"""Rows that are about the moment of RUN: how long before it, at most, and what."""
_TIME = re.compile(r"@([\d.]+)s")


def draw(seed: int) -> Trial:
    """Return the trial of a seed. Each seed turns a random subset of fault kinds on (swarm testing)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(8,)))
    if rng.random() < _MATRIX_SHARE:
        return _row_of_the_matrix(rng, seed)
    family = _family(rng)
    sensor = _sensor(rng, _SENSOR_SHARE)
    nasty = int(rng.choice(4, p=[0.15, 0.15, 0.15, 0.55])) if rng.random() < _PATTERN_SHARE else None
    watchdog_s = int(rng.choice([0, 2, 5], p=[0.4, 0.4, 0.2])) if family == "new-era" and nasty != _DIGIT else 0
    long = bool(rng.random() < _LONG_SHARE)
    infusions = tuple(_infusion(rng, family, long=long) for _ in range(1 + int(not long and rng.random() < 0.3)))
    times = _times(family, watchdog_s, sensor, sum(i.lasting_s for i in infusions))
    faults = _faults(rng, times, sensor=sensor is not None)
    if nasty is not None:
        faults = _nasty(nasty, rng, times)
    if sensor:
        faults.append(f"stat:drop@{times.any(rng)}s+{_hundredths(rng, 0.2, 3.0)}s")
    acts = [_act(rng, times) for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1])))]
    if long and rng.random() < 0.6:  # nothing else goes wrong that could end the infusion before its recording must
        faults = [fault for fault in faults if fault.startswith("stat:")]
        acts = [act for act in acts if act.deed not in _COMMANDS]
        acts.append(Act(round(times.run_s + float(rng.uniform(0.5, 3.5)), 2), "recorder-hangs", 14.0))
    return Trial(
        seed=seed,
        family=family,
        watchdog_s=watchdog_s,
        maintenance=bool(rng.random() < _MAINTENANCE_SHARE),
        sensor=sensor is not None,
        sensor_family=sensor or "methodscript",
        infusions=infusions,
        faults=tuple(faults),
        acts=tuple(sorted(acts, key=lambda act: act.t_s)),
    )


@dataclass(frozen=True)
class _Times:
    """When things happen in a trial without faults."""

    settings_s: float
    """When the pump is first told its settings."""
    run_s: float
    over_s: float

    def setting(self, rng: np.random.Generator) -> float:
        """Return a time at which the pump is told its settings, or asked whether it took them."""
        return round(float(rng.uniform(self.settings_s, self.run_s)), 3)

    def any(self, rng: np.random.Generator) -> float:
        """Return some time of the trial; many are around the moment when RUN goes out."""
        if rng.random() < _AT_RUN_SHARE:
            return round(max(0.0, float(rng.uniform(self.run_s - 0.3, self.run_s + 0.06))), 3)
        if self.run_s > 2.0 and rng.random() < 0.5:  # a watchdog is proved first: most of that is silence
            return round(float(rng.uniform(self.run_s - 0.5, self.over_s)), 3)
        return round(float(rng.uniform(0.1, self.over_s)), 3)


def _times(family: Family, watchdog_s: int, sensor: SensorFamily | None, lasting_s: float) -> _Times:
    settings_s, run_s = when_run_goes_out(family, watchdog_s, sensor)
    return _Times(settings_s, run_s, run_s + 2.0 + lasting_s)


@functools.cache
def when_run_goes_out(family: Family, watchdog_s: int, sensor: SensorFamily | None) -> tuple[float, float]:
    """Return when settings and RUN go out if nothing is in the way, s. Raises RuntimeError if RUN does not."""
    infusions = (Infusion(max(0.05, _LEAST_UL[family]), _rates(family)[-1]),)
    trial = Trial(
        seed=1,
        family=family,
        watchdog_s=watchdog_s,
        maintenance=False,
        sensor=sensor is not None,
        infusions=infusions,
        faults=(),
        sensor_family=sensor or "methodscript",
    )
    account = run(trial)
    sent = account.pump_events("run")
    if not sent:
        raise RuntimeError(f"RUN never goes out in an undisturbed trial with {family}: {account.outcome}")
    events = account.witness.events
    told_ns = next(event.t_ns for event in events if event.kind is EventKind.STEP)
    return round(told_ns / NS_PER_S, 3), round(events[sent[0]].t_ns / NS_PER_S, 3)


def _family(rng: np.random.Generator) -> Family:
    if rng.random() < _NEW_ERA_SHARE:
        return "new-era"
    return FAMILIES[int(rng.integers(1, len(FAMILIES)))]


def _sensor(rng: np.random.Generator, share: float) -> SensorFamily | None:
    if rng.random() >= share:
        return None
    if rng.random() < _METHODSCRIPT_SHARE:
        return "methodscript"
    return SENSORS[int(rng.integers(1, len(SENSORS)))]


def _hundredths(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 2)


def _rates(family: Family) -> tuple[float, ...]:
    return _RATES.get(family, (0.3, 1.0, 3.0))


def _infusion(rng: np.random.Generator, family: Family, *, long: bool) -> Infusion:
    rate = float(rng.choice(_rates(family)))
    lasting_s = float(rng.uniform(20.0, 30.0)) if long else float(rng.uniform(2.0, 8.0))
    return Infusion(round(max(rate / 60.0 * lasting_s, _LEAST_UL[family]), _DIGITS.get(family, 3)), rate)


def _faults(rng: np.random.Generator, times: _Times, *, sensor: bool) -> list[str]:
    kinds = [kind for kind in (*_STRONG, *_WEAK) if rng.random() < 0.4]
    return [_fault(rng, kinds, times, sensor=sensor) for _ in range(int(rng.integers(0, 5)))] if kinds else []


def _fault(rng: np.random.Generator, kinds: list[str], times: _Times, *, sensor: bool) -> str:
    kind = str(rng.choice(kinds))
    at_s = times.any(rng)
    where = "stat" if sensor and kind != "stall" and rng.random() < 0.3 else "drug"
    if kind in _WEAK:
        if rng.random() < 0.3:
            return f"{where}:{kind}~{round(float(rng.uniform(0.005, 0.08)), 4)}"
        value = {
            "drop": f"={rng.choice(['in', 'out', 'both'])}",
            "delay": f"={int(rng.integers(100, 3000))}ms",
            "garble": f"={int(rng.integers(1, 4))}",
        }.get(kind, "")
        lasting = f"+{_hundredths(rng, 0.05, 3.0)}s" if rng.random() < 0.4 else ""
        return f"{where}:{kind}@{at_s}s{lasting}{value}"
    lasting = "" if rng.random() < 0.3 else f"+{_hundredths(rng, 0.2, 8.0)}s"
    return f"{where}:{kind}@{at_s}s{lasting}"


def _nasty(which: int, rng: np.random.Generator, times: _Times) -> list[str]:
    """Return one of the patterns that are known to deceive programs: chance alone seldom meets them."""
    if which == _DIGIT:  # a digit of a setting becomes another on its way
        return [f"drug:garble@{times.setting(rng)}s=digit"]
    if which == 0:  # RUN was heard, its answer is lost
        return [f"drug:drop@{round(times.run_s + float(rng.uniform(-0.012, 0.02)), 3)}s=in"]
    if which == 1:  # a setting is lost on its way
        return [f"drug:drop@{times.setting(rng)}s=out"]
    begins_s = round(times.run_s + float(rng.uniform(0.2, 2.0)), 2)
    lasting_s = _hundredths(rng, 1.5, 6.0)  # a power-cycle behind a dead line, and the answer that tells of it is lost
    return [
        f"drug:cut@{begins_s}s+{lasting_s}s",
        f"drug:power-cycle@{round(begins_s + 0.3, 2)}s+{round(lasting_s - 1.0, 2)}s",
        f"drug:drop@{round(begins_s + lasting_s, 2)}s=in",
    ]


def _act(rng: np.random.Generator, times: _Times) -> Act:
    deeds = tuple(_DEEDS)
    deed = deeds[int(rng.choice(len(deeds), p=list(_DEEDS.values())))]
    return Act(times.any(rng), deed, 0.0 if deed in _COMMANDS else _hundredths(rng, 0.5, 15.0))


# ---- rows of the fault matrix ---------------------------------------------------------------------------------------


def _row_of_the_matrix(rng: np.random.Generator, seed: int) -> Trial:
    """Return the scenario of a row with its faults at another time of a shorter infusion, often beside other faults."""
    scenario = SCENARIOS[int(rng.integers(len(SCENARIOS)))]
    trial = scenario.trial
    lasting_s = scenario.lasting_s if scenario.row in _SLOW_ROWS else _hundredths(rng, 7.0, 11.0)
    sensor: SensorFamily | None = "methodscript" if scenario.sensor else None
    times = _times(trial.family, trial.watchdog_s, sensor, lasting_s)
    shift_s = round(times.run_s + float(rng.uniform(0.5, 3.5)) - _begins_s(scenario), 3)
    faults = [_moved(fault, shift_s) for fault in scenario.faults]
    if scenario.row in _AT_RUN:
        before_s, fault = _AT_RUN[scenario.row]
        faults = [fault.format(round(max(0.0, times.run_s - before_s * float(rng.uniform(0.5, 1.0))), 3))]
    acts = [replace(act, t_s=round(max(0.0, act.t_s + shift_s), 3)) for act in scenario.acts]
    if scenario.row not in _BY_HAND and rng.random() < 0.4:
        faults += _faults(rng, times, sensor=scenario.sensor)
    rate = trial.infusions[0].rate_ul_per_min
    return replace(
        trial,
        seed=seed,
        maintenance=bool(rng.random() < _MAINTENANCE_SHARE),
        infusions=(Infusion(round(rate / 60.0 * lasting_s, 3), rate),),
        faults=tuple(faults),
        acts=tuple(acts),
    )


def _begins_s(scenario: Scenario) -> float:
    """Return when the first fault or deed of a scenario is."""
    at_s = [float(found[1]) for fault in scenario.faults if (found := _TIME.search(fault)) is not None]
    return min((*at_s, *(act.t_s for act in scenario.acts)), default=0.0)


def _moved(fault: str, shift_s: float) -> str:
    """Return the fault at another time; what is so from the beginning stays so."""
    found = _TIME.search(fault)
    if found is None or float(found[1]) == 0.0:
        return fault
    return _TIME.sub(f"@{round(max(0.0, float(found[1]) + shift_s), 3)}s", fault, count=1)
