"""A preset as TOML with unit, range, mark and meaning beside every number; also what a recording keeps of it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from sim_devices.presets.parameter import Parameter, parameters


def as_toml(preset: BaseModel, *, beside: bool = True) -> str:
    """Return every value of a preset, defaults and bases included; ``beside``: with unit, range, mark and meaning."""
    marked = {parameter.path: parameter for parameter in parameters(preset)}
    return "\n".join(_lines(preset, "", marked if beside else {})) + "\n"


def _lines(table: BaseModel, at: str, marked: dict[str, Parameter]) -> Iterator[str]:
    below = []
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            below.append((f"[{at}{name}]", value, f"{at}{name}."))
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            below += [(f"[[{at}{name}]]", one, f"{at}{name}.") for one in value]
        elif value is not None:
            yield f"{name} = {_value(value)}{_comment(marked.get(at + name))}"
    for header, value, path in below:
        yield f"\n{header}"
        yield from _lines(value, path, marked)


def _comment(parameter: Parameter | None) -> str:
    if parameter is None:
        return ""
    facts = [text for text in (parameter.unit if parameter.unit != "1" else "", parameter.range_text) if text]
    return f"  # {'; '.join([*facts, f'[{parameter.mark}] {parameter.says}'])}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, str):
        return '"' + "".join(_escaped(c) for c in value) + '"'
    return repr(value)


def _escaped(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() else f"\\u{ord(c):04x}"
