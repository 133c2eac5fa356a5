"""An animal's seconds in which nobody does anything to it: ``Animal.advance`` without arrivals, many seconds at a time.

The same draws and the same arithmetic in the same order as ``sim_devices.mouse.behaviour`` and ``.animal``, to the last
bit, with the series put together at the end; an hour costs some milliseconds. Knows no pumps and no people.
"""

from __future__ import annotations

from array import array
from math import inf
from typing import Any

import numpy as np

from sim_devices.mouse.animal import RECEPTORS, Animal
from sim_devices.mouse.behaviour import _DRAWN_AT_ONCE, ASLEEP, MOST_RESTLESS, Condition, _below
from sim_devices.mouse.history import KEPT_S, History

RARE, FAR_OUT = 0.02, 2.0
"""A chance as rare as this needs a normal deviate beyond so many SD: others need not be looked up."""


def live_quietly(animal: Animal, until_s: int) -> None:
    """Let an animal live up to this second with nothing given, asked or done; raises ValueError beyond its memory."""
    seconds = until_s - animal.seconds
    if seconds <= 0:
        return
    if until_s >= 2 * KEPT_S:
        raise ValueError("an animal remembers some hours only")
    _behave(animal._condition, seconds)
    multipliers = array("d", [animal._release.multiplier]) * seconds
    if animal._moved:
        multipliers = array("d", (_release(animal) for _ in range(seconds)))
    swings_um = animal._condition._series["swing_um"]._values[-seconds:]
    _append(animal.glutamate._multipliers, multipliers)
    _append(animal.glutamate._swings_um, swings_um)


def _release(animal: Animal) -> float:
    """Return M a second later."""
    body, blockades = animal._body, animal._blockades
    body.step({})
    for blockade in blockades.values():
        blockade.step({})
    ampa, a1, nmda = (blockades[receptor].occupancy for receptor in RECEPTORS)
    return animal._release.step(body.effect_mg_per_kg, body.hnk_effect_mg_per_kg, ampa, a1, nmda)


def _behave(c: Condition, seconds: int) -> None:
    """Add so many seconds without a disturbance to an animal's condition."""
    p, begin = c.parameters, c.seconds + 1
    expected = p.arousals_per_h / 3600.0
    looked_up = FAR_OUT if expected < RARE else -inf
    felt, warmth, wander, swing = (np.empty(seconds) for _ in range(4))
    awake_possible, motion, normals = c._awake_possible, c._motion, c._normals
    for number in range(seconds):
        second = begin + number
        if awake_possible:
            c._sleep_or_wake(second)
            if not normals:
                normals = c._rng.standard_normal(_DRAWN_AT_ONCE).tolist()
            chance = normals.pop()
            itself = 0.5 if chance > looked_up and c._awake and _below(chance, expected) else 0.0
            c._arousal = min(1.0, c._arousal * c._calmer + 0.0 + itself)
            if motion._next_s < second + 1:
                motion.second(second, (1.0 if c._awake else ASLEEP) + (MOST_RESTLESS - 1.0) * c._arousal)
        c._felt += (c._arousal - c._felt) * c._feels
        c._warmth += (c._arousal - c._warmth) * c._warms
        if not normals:
            normals = c._rng.standard_normal(_DRAWN_AT_ONCE).tolist()
        c._wander = c._wanders * c._wander + c._strays * normals.pop()
        felt[number], warmth[number], wander[number], swing[number] = c._felt, c._warmth, c._wander, c._swing
    c._normals = normals
    ascorbate_um = p.ascorbate_um + p.ascorbate_wander_um * wander + p.ascorbate_arousal_um * felt
    _append(c._series["swing_um"], swing)
    _append(c._series["ascorbate_um"], np.clip(ascorbate_um, 100.0, 1000.0))
    _append(c._series["dopamine_um"], p.dopamine_um + p.dopamine_arousal_um * felt)
    _append(c._series["temperature_c"], p.temperature_c + p.temperature_arousal_c * warmth)


def _append(series: History, values: Any) -> None:
    series._values.frombytes(np.asarray(values, np.float64).tobytes())
    series.last = float(values[-1])
