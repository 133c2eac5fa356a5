"""What a rehearsal is to simulate, as a person named it: presets of the program, and files of one's own like them.

Knows how a preset is chosen and what is wrong with a file. What presets hold, the simulator says, through
``drivers.registry``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acquisition.experiment.problems import Problem, RefusedInput, did_you_mean, printable, read_toml, validated
from drivers import registry

OPTION = "--preset"


def read_presets(words: Sequence[str]) -> dict[str, Any]:
    """Return ``animal``, ``sensor`` and ``scenario`` as chosen: a name each, or the checked values of a TOML file.

    Raises RefusedInput for a name that there is not, two of a kind, and everything that is wrong in a file.
    """
    chosen: dict[str, Any] = {}
    for word in words:
        kind, preset = _file(Path(word)) if word.endswith(".toml") else _name(word)
        if kind in chosen:
            raise RefusedInput([Problem(OPTION, 0, "", f'two of one kind: "{printable(word)}" is another {kind}.')])
        chosen[kind] = preset
    return chosen


def _name(word: str) -> tuple[str, str]:
    names = registry.presets().names()
    if word not in names:
        hint = did_you_mean(word, list(names))
        sentence = f'there is no preset "{printable(word)}".{hint} A file of your own ends in .toml.'
        raise RefusedInput([Problem(OPTION, 0, "", sentence)])
    return names[word], word


def _file(path: Path) -> tuple[str, Mapping[str, Any]]:
    values, source = read_toml(path)
    shelf = registry.presets()
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in shelf.SCHEMAS:
        raise RefusedInput([source.problem(("kind",), f"say which it is: {', '.join(shelf.SCHEMAS)}.")])
    try:
        whole = shelf.merged(values)
    except ValueError as error:
        raise RefusedInput([source.problem(("based_on",), f"{error}.")]) from None
    checked = validated(shelf.SCHEMAS[kind], whole, source)
    return kind, checked.model_dump()
