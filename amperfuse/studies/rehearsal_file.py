"""``rehearsal.toml``: which simulated animals stand in for those of a study, and the seed of everything random.

Knows what the file says and that nothing it names may change once something is recorded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from acquisition.experiment.fields import SaidText, Table
from acquisition.experiment.presets import read_presets
from acquisition.experiment.problems import RefusedInput, Source, read_toml, relative_path, validated
from drivers import registry

FILE_NAME = "rehearsal.toml"


class _File(Table):
    presets: Annotated[list[SaidText], Field(min_length=1, max_length=3)]
    seed: Annotated[int, Field(ge=0, lt=2**63)]


@dataclass(frozen=True)
class StandIns:
    """What is simulated in a study's rehearsal."""

    presets: dict[str, Any]
    seed: int

    @property
    def sha256(self) -> str:
        """Return the hash of every number of them."""
        values = {
            kind: registry.presets().load(given).model_dump() if isinstance(given, str) else given
            for kind, given in self.presets.items()
        }
        return hashlib.sha256(json.dumps([self.seed, values], sort_keys=True).encode()).hexdigest()


def load_stand_ins(folder: Path, presets: list[str], seed: int | None) -> StandIns:
    """Read the file in a folder; ``presets`` and ``seed`` of the command count before it. Raises RefusedInput."""
    values, source = read_toml(folder / FILE_NAME)
    file = validated(_File, values, source)
    chosen = read_presets([_beside(folder, word, source) for word in file.presets])
    return StandIns({**chosen, **read_presets(presets)}, file.seed if seed is None else seed)


def _beside(folder: Path, word: str, source: Source) -> str:
    if not word.endswith(".toml"):
        return word
    try:
        return str(folder / relative_path(word))
    except ValueError as error:
        raise RefusedInput([source.problem(("presets",), f"{error}.")]) from None
