"""The presets that come with the program, by name; entry point ``presets`` of ``amperfuse.presets``.

Knows where the TOML files are and how one builds on another (``based_on``). Does not know what the numbers do.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sim_devices.presets.animal import AnimalPreset
from sim_devices.presets.scenario import ScenarioPreset
from sim_devices.presets.sensor import SensorPreset
from sim_devices.presets.text import as_toml

__all__ = ["SCHEMAS", "animal", "as_toml", "load", "merged", "names", "scenario", "sensor", "text"]
Preset = AnimalPreset | SensorPreset | ScenarioPreset
SCHEMAS: dict[str, type[Preset]] = {"animal": AnimalPreset, "sensor": SensorPreset, "scenario": ScenarioPreset}
DEFAULT_ANIMAL = "awake-mouse"
DEFAULT_SENSOR, WIRE_SENSOR = "array", "wire"
_P = TypeVar("_P", bound=Preset)


@functools.cache
def names() -> dict[str, str]:
    """Return the kind of every preset by its name, sorted by kind and name."""
    found: dict[str, str] = {}
    for kind in SCHEMAS:
        folder = files("sim_devices.presets") / f"{kind}s"
        found |= dict.fromkeys(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")), kind)
    return found


def text(name: str) -> str:
    """Return a preset's file as it is. Raises ValueError for a name that there is not."""
    if name not in names():
        raise ValueError(f"there is no preset {name!r}; 'amperfuse presets' lists them: {', '.join(names())}")
    return (files("sim_devices.presets") / f"{names()[name]}s" / f"{name}.toml").read_text("utf-8")


def merged(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a preset's values laid over those of the preset it is based on. Raises ValueError for unknown names."""
    base = values.get("based_on")
    if not base:
        return {key: _frozen(value) for key, value in values.items()}
    if names().get(str(base)) != values.get("kind"):
        raise ValueError(f"based_on: there is no {values.get('kind')} preset {base!r}")
    whole = _over(merged(tomllib.loads(text(str(base)))), values)
    return {key: _frozen(value) for key, value in whole.items()}


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        mine = both.get(key)
        both[key] = _over(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return both


def animal(given: str | Mapping[str, Any]) -> AnimalPreset:
    """Return an animal by its preset's name or by its values. Raises ValueError."""
    return _preset(AnimalPreset, given)


def sensor(given: str | Mapping[str, Any]) -> SensorPreset:
    """Return a sensor by its preset's name or by its values. Raises ValueError."""
    return _preset(SensorPreset, given)


def scenario(given: str | Mapping[str, Any]) -> ScenarioPreset:
    """Return a scenario by its preset's name or by its values. Raises ValueError."""
    return _preset(ScenarioPreset, given)


def load(name: str) -> Preset:
    """Return a preset of any kind by its name. Raises ValueError."""
    return _named(name)


def _preset(schema: type[_P], given: str | Mapping[str, Any]) -> _P:
    found: BaseModel = _named(given) if isinstance(given, str) else _checked(schema, given)
    if not isinstance(found, schema):
        raise ValueError(  # noqa: TRY004 - somebody named a preset of another kind
            f"{given!r} is the preset of a {names()[str(given)]}, and that is not what is wanted here"
        )
    return found


@functools.cache
def _named(name: str) -> Preset:
    values = tomllib.loads(text(name))
    found = _checked(SCHEMAS[names()[name]], values)
    assert isinstance(found, AnimalPreset | SensorPreset | ScenarioPreset)  # noqa: S101 - narrows a type
    return found


def _checked(schema: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    try:
        return schema.model_validate(merged(values))
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise ValueError(f"this is no {schema.__name__}: {found}") from None


def _frozen(value: Any) -> Any:
    """Return TOML's lists as the tuples that the strict schemas take."""
    if isinstance(value, dict):
        return {key: _frozen(below) for key, below in value.items()}
    return tuple(_frozen(below) for below in value) if isinstance(value, list | tuple) else value
