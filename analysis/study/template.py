"""The protocol of a study, with blanks: ``"@animal"``, ``"@weight"``, and for each blinded pump ``"@PUMP.code"``.

Knows where each blank must stand, and how a filled one is written. All else of the text stays as it is, comments and
lines too. Does not know what a protocol means: that is ``acquisition.experiment``.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acquisition.experiment.problems import Problem, RefusedInput, Source, printable, read_toml
from acquisition.experiment.toml_lines import Key
from analysis.study.study_file import Study

OF_A_SYRINGE = ("code", "sealed")
OF_THE_ANIMAL = {
    "@animal": ("subject", "id"),
    "@weight": ("subject", "weight"),
    "@weighed": ("subject", "weighed"),
    "@age": ("subject", "age"),
    "@sex": ("subject", "sex"),
    "@description": ("subject", "description"),
}
NEEDED = ("@animal", "@weight", "@weighed")
_BLANK = re.compile(r'"(@[a-z0-9_.-]+)"' + r"|'(@[a-z0-9_.-]+)'")


@dataclass(frozen=True)
class Template:
    """A template without problems."""

    source: Source
    asks: tuple[str, ...]
    """The blanks it has for the animal, "@animal" among them."""

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the protocol with every blank filled. Raises KeyError for one that ``values`` lack."""
        text = _BLANK.sub(lambda found: json.dumps(values[found[1] or found[2]], ensure_ascii=False), self.source.text)
        if tomllib.loads(text) != _replaced(tomllib.loads(self.source.text), values):
            raise ValueError('a blank of the template is written in an unusual way; write it like "@animal"')
        return text


def load_template(study: Study) -> Template:
    """Read the template that a study names. Raises RefusedInput with every blank that is missing or misplaced."""
    values, source = read_toml(study.template)
    syringes = {syringe_blank(p.pump, key): ("pumps", p.pump, key) for p in study.file.blinded for key in OF_A_SYRINGE}
    wanted: dict[str, tuple[Key, ...]] = {**OF_THE_ANIMAL, **syringes}
    found = dict(_blanks(values, ()))
    if problems := list(_problems(found, wanted, (*NEEDED, *syringes), source)):
        raise RefusedInput(problems)
    return Template(source, tuple(blank for blank in OF_THE_ANIMAL if blank in found.values()))


def syringe_blank(pump: str, key: str) -> str:
    """Return the blank for a blinded pump's code or sealed text."""
    return f"@{pump}.{key}"


def syringe_values(codes: Mapping[str, str], sealed: Mapping[str, str]) -> dict[str, str]:
    """Return what fills the blanks of all blinded pumps; both by pump."""
    given = {"code": codes, "sealed": sealed}
    return {syringe_blank(pump, key): given[key][pump] for pump in codes for key in OF_A_SYRINGE}


def _problems(
    found: Mapping[tuple[Key, ...], str],
    wanted: Mapping[str, tuple[Key, ...]],
    needed: Iterable[str],
    source: Source,
) -> Iterator[Problem]:
    for blank in needed:
        if found.get(wanted[blank]) != blank:
            key = wanted[blank][-1]
            yield source.problem(wanted[blank], f'this is filled in for every animal: write {key} = "{blank}" here.')
    for path, text in found.items():
        if wanted.get(text) != path:
            known = ", ".join(wanted)
            yield source.problem(path, f'"{printable(text)}" is no blank that stands here; known are {known}.')


def _blanks(value: Any, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], str]]:
    """Yield every text that begins with @, with its place."""
    if isinstance(value, str):
        if value.startswith("@"):
            yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _blanks(inner, (*path, key))


def _replaced(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return values[value] if value.startswith("@") else value
    if isinstance(value, dict):
        return {key: _replaced(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, values) for inner in value]
    return value
