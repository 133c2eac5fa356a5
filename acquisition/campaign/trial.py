"""One trial as data: an experiment, its faults and what a person does meanwhile. Made from a seed, kept as JSON.

Knows what may be drawn and how a trial is written down, so that a failing one replays and can be shrunk. Does not know
how it is run or what is wrong with what comes out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Family = Literal["new-era", "harvard-ultra", "chemyx"]
Deed = Literal[
    "stop", "start", "continue", "finish", "recorder-hangs", "disk-full", "book-full", "machine-sleeps",
    "write-error", "file-locked", "disk-slow", "clock-forward", "clock-back", "program-error", "engine-dies",
]  # fmt: skip
DRAWN: tuple[Deed, ...] = get_args(Deed)[:8]
"""What chance may choose; the others are for the scenarios of the fault matrix."""
FAMILIES: tuple[Family, ...] = get_args(Family)
MAX_JSON_BYTES = 100_000
_STRONG = ("cut", "unplug", "power-cycle", "stall")
_WEAK = ("drop", "delay", "duplicate", "garble")
_FIRST_ACCIDENT = 4
"""From here on a deed is nobody's, and lasts."""
_SENSOR_SHARE = 0.15
"""Share of trials with a potentiostat: its samples cost more than all the rest."""
_LONG_SHARE = 0.1
"""Share of trials whose infusion outlasts every timeout of the program."""
_RUN_S: dict[Family, float] = {"new-era": 0.58, "harvard-ultra": 0.38, "chemyx": 1.27}
"""When RUN goes out, if nothing is in its way: where a lost answer matters most."""
_PATTERN_SHARE = 0.3
_SENSOR_READY_S = 1.0
_AT_RUN_SHARE = 0.3
_LEAST_UL: dict[Family, float] = {"new-era": 0.01, "harvard-ultra": 0.01, "chemyx": 0.4}
"""What each pump takes for this syringe at least."""
_MAINTENANCE_SHARE = 0.15


@dataclass(frozen=True)
class Act:
    """What a person does at a time, or what befalls the computer, and for how long."""

    t_s: float
    deed: Deed
    for_s: float = 0.0


@dataclass(frozen=True)
class Infusion:
    """One infuse step."""

    volume_ul: float
    rate_ul_per_min: float


@dataclass(frozen=True)
class Trial:
    """Everything that decides how a trial goes."""

    seed: int
    family: Family
    watchdog_s: int
    maintenance: bool
    sensor: bool
    infusions: tuple[Infusion, ...]
    faults: tuple[str, ...]
    acts: tuple[Act, ...] = ()

    @property
    def planned_ul(self) -> float:
        """Return the volume of all infusions."""
        return sum(infusion.volume_ul for infusion in self.infusions)

    def to_json(self) -> str:
        """Return the trial as text that ``from_json`` reads back."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def draw(seed: int) -> Trial:
    """Return the trial of a seed. Each seed turns a random subset of fault kinds on (swarm testing)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(8,)))
    family = FAMILIES[int(rng.integers(len(FAMILIES)))] if rng.random() < 0.5 else "new-era"
    sensor = bool(rng.random() < _SENSOR_SHARE)
    long = bool(rng.random() < _LONG_SHARE)
    infusions = tuple(_infusion(rng, family, long=long) for _ in range(1 + int(not long and rng.random() < 0.3)))
    run_s = _RUN_S[family] + (_SENSOR_READY_S if sensor else 0.0)
    times = _Times(run_s, run_s + 2.0 + sum(60.0 * i.volume_ul / i.rate_ul_per_min for i in infusions))
    kinds = [kind for kind in (*_STRONG, *_WEAK) if rng.random() < 0.4]
    faults = [_fault(rng, kinds, times, sensor=sensor) for _ in range(int(rng.integers(0, 5)))] if kinds else []
    if rng.random() < _PATTERN_SHARE:
        faults = _nasty(rng, times)
    if sensor:
        faults.append(f"stat:drop@{times.any(rng)}s+{_hundredths(rng, 0.2, 3.0)}s")
    acts = [_act(rng, times) for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1])))]
    if long and rng.random() < 0.5:
        acts.append(Act(_hundredths(rng, 1.0, 4.0), "recorder-hangs", 14.0))
    return Trial(
        seed=seed,
        family=family,
        watchdog_s=int(rng.choice([0, 2, 5])) if family == "new-era" else 0,
        maintenance=bool(rng.random() < _MAINTENANCE_SHARE),
        sensor=sensor,
        infusions=infusions,
        faults=tuple(faults),
        acts=tuple(sorted(acts, key=lambda act: act.t_s)),
    )


@dataclass(frozen=True)
class _Times:
    """When things happen in a trial without faults."""

    run_s: float
    over_s: float

    def any(self, rng: np.random.Generator) -> float:
        """Return some time of the trial; many are around the moment when RUN goes out."""
        if rng.random() < _AT_RUN_SHARE:
            return round(float(rng.uniform(self.run_s - 0.3, self.run_s + 0.06)), 3)
        return round(float(rng.uniform(0.1, self.over_s)), 3)


def _hundredths(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 2)


def _infusion(rng: np.random.Generator, family: Family, *, long: bool) -> Infusion:
    rate = float(rng.choice([0.3, 1.0, 3.0])) if family != "chemyx" else 3.0
    lasting_s = float(rng.uniform(20.0, 30.0)) if long else float(rng.uniform(2.0, 8.0))
    return Infusion(round(max(rate / 60.0 * lasting_s, _LEAST_UL[family]), 3), rate)


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


def _nasty(rng: np.random.Generator, times: _Times) -> list[str]:
    """Return one of the patterns that are known to deceive programs: chance alone seldom meets them."""
    which = int(rng.choice(4, p=[0.2, 0.15, 0.15, 0.5]))
    if which == 3:  # a digit of a setting becomes another on its way
        return [f"drug:garble@{round(times.run_s - float(rng.uniform(0.0, 0.3)), 3)}s=digit"]
    if which == 0:  # RUN was heard, its answer is lost
        return [f"drug:drop@{round(times.run_s + float(rng.uniform(-0.012, 0.02)), 3)}s=in"]
    if which == 1:  # a setting is lost on its way
        return [f"drug:drop@{round(times.run_s - float(rng.uniform(0.0, 0.3)), 3)}s=out"]
    begins_s = round(times.run_s + float(rng.uniform(0.2, 2.0)), 2)
    lasting_s = _hundredths(rng, 1.5, 6.0)  # a power-cycle behind a dead line, and the answer that tells of it is lost
    return [
        f"drug:cut@{begins_s}s+{lasting_s}s",
        f"drug:power-cycle@{round(begins_s + 0.3, 2)}s+{round(lasting_s - 1.0, 2)}s",
        f"drug:drop@{round(begins_s + lasting_s, 2)}s=in",
    ]


def _act(rng: np.random.Generator, times: _Times) -> Act:
    deed = DRAWN[int(rng.choice(len(DRAWN), p=[0.4, 0.1, 0.1, 0.05, 0.12, 0.08, 0.05, 0.1]))]
    return Act(times.any(rng), deed, _hundredths(rng, 0.5, 15.0) if DRAWN.index(deed) >= _FIRST_ACCIDENT else 0.0)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _ActFile(_Strict):
    t_s: Annotated[float, Field(ge=0, le=3600)]
    deed: Deed
    for_s: Annotated[float, Field(ge=0, le=3600)] = 0.0


class _InfusionFile(_Strict):
    volume_ul: Annotated[float, Field(gt=0, le=1000)]
    rate_ul_per_min: Annotated[float, Field(gt=0, le=1000)]


class _TrialFile(_Strict):
    seed: Annotated[int, Field(ge=0)]
    family: Family
    watchdog_s: Annotated[int, Field(ge=0, le=255)]
    maintenance: bool
    sensor: bool
    infusions: Annotated[list[_InfusionFile], Field(min_length=1, max_length=20)]
    faults: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=50)]
    acts: Annotated[list[_ActFile], Field(max_length=50)]


def from_json(text: str) -> Trial:
    """Read a trial. Raises ValueError that says what is wrong."""
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"this is larger than {MAX_JSON_BYTES} bytes and no trial")
    try:
        found: dict[str, Any] = _TrialFile.model_validate_json(text).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"this is no trial of a campaign: {place}: {first['msg']}") from error
    found["infusions"] = tuple(Infusion(**infusion) for infusion in found["infusions"])
    found["acts"] = tuple(Act(**act) for act in found["acts"])
    found["faults"] = tuple(found["faults"])
    return Trial(**found)
