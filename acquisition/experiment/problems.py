"""What is wrong with a file that somebody wrote, said so that they can mend it: file, line, field, sentence.

Knows how to read a small text file safely (X1), how to turn TOML and schema errors into sentences, and how to carry
all problems of a file at once. Does not know what any field means.
"""

from __future__ import annotations

import hashlib
import stat
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from acquisition.experiment.toml_lines import Key, key_lines

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing to mend. ``line`` counts from 1; 0 where no line can be named."""

    file: str
    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        place = self.file + (f", line {self.line}" if self.line else "")
        return f"{place}: {self.field}: {self.sentence}" if self.field else f"{place}: {self.sentence}"


class RefusedInput(Exception):
    """Input was refused and nothing was started; carries every problem that was found."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type[RefusedInput], tuple[tuple[Problem, ...]]]:
        """Let it cross from a worker process with its problems."""
        return type(self), (self.problems,)


@dataclass(frozen=True)
class Source:
    """Where values came from: the file's name for people, its hash, and the line of every key."""

    file: str
    sha256: str
    lines: Mapping[tuple[Key, ...], int] = field(default_factory=dict, repr=False)
    text: str = field(default="", repr=False)

    def problem(self, path: tuple[Key, ...], sentence: str) -> Problem:
        """Return a problem at ``path``, at the line of its nearest known parent."""
        known = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.lines), ())
        return Problem(self.file, self.lines.get(known, 0), field_text(path), sentence)


def field_text(path: tuple[Key, ...]) -> str:
    """Return a path for people: steps[2].infuse.rate, counting from 1 as people do."""
    text = ""
    for key in path:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{printable(key)}"
    return text.removeprefix(".")


def printable(text: str, limit: int = 60) -> str:
    """Return text from a file with everything that is not printable escaped, cut to ``limit`` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def did_you_mean(word: str, known: list[str] | tuple[str, ...]) -> str:
    """Return ', did you mean "x"?' or the list of what is known."""
    close = get_close_matches(word, known, n=1)
    return f' Did you mean "{close[0]}"?' if close else f" Known here: {', '.join(known)}."


def read_toml(path: Path) -> tuple[dict[str, Any], Source]:
    """Read a TOML file that somebody wrote: regular, UTF-8, at most 1 MB and 20 levels deep. Raises RefusedInput."""
    name = printable(str(path), 300)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RefusedInput([Problem(name, 0, "", "this is not a regular file; give the path of a TOML file.")])
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise RefusedInput([Problem(name, 0, "", "there is no such file; check the path.")]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RefusedInput([Problem(name, 0, "", f"the file cannot be read: {reason}.")]) from None
    return parse_toml(data, name)


def parse_toml(data: bytes, name: str) -> tuple[dict[str, Any], Source]:
    """Parse the bytes of a TOML file called ``name``. Raises RefusedInput."""
    if len(data) > MAX_BYTES:
        raise RefusedInput([Problem(name, 0, "", f"the file is larger than {MAX_BYTES // 1_000_000} MB.")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RefusedInput([Problem(name, line, "", "this is not UTF-8 text; save the file as UTF-8.")]) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RefusedInput([_syntax_problem(name, text, str(error))]) from None
    except (RecursionError, ValueError):
        raise RefusedInput(
            [Problem(name, 0, "", f"nested deeper than {MAX_DEPTH} levels, or a huge number.")]
        ) from None
    if _deeper_than(values, MAX_DEPTH):
        raise RefusedInput([Problem(name, 0, "", f"the file is nested deeper than {MAX_DEPTH} levels.")])
    return values, Source(name, hashlib.sha256(data).hexdigest(), key_lines(text), text)


def _syntax_problem(name: str, text: str, error: str) -> Problem:
    reason, _, place = error.partition(" (at ")
    line = place.removeprefix("line ").partition(",")[0]
    number = int(line) if line.isdigit() else text.count("\n") + 1
    hint = ' Quantities are text in quotes, like rate = "0.5 uL/min".' if "value" in reason else ""
    return Problem(name, number, "", f"this is not valid TOML: {printable(reason, 200)}.{hint}")


def _deeper_than(value: object, levels: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper_than(child, levels - 1) for child in children)


def validated(model: type[Model], values: Mapping[str, Any], source: Source) -> Model:
    """Return ``values`` as ``model``, or raise RefusedInput with every problem in words."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise RefusedInput(list(_in_words(error, model, source))) from None


def _in_words(error: ValidationError, model: type[BaseModel], source: Source) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=True):
        path = tuple(detail["loc"])
        kind, given = detail["type"], detail.get("input")
        if kind == "extra_forbidden":
            sentence = "this key is not known." + did_you_mean(str(path[-1]), _keys_at(model, path[:-1]))
        elif kind == "missing":
            sentence = "this is missing and must be given."
        elif kind == "value_error":
            sentence = f"{detail['ctx']['error']}."
        elif kind in ("literal_error", "enum"):
            wanted = detail["ctx"]["expected"].replace("'", '"')
            sentence = f"read {printable(repr(given))}, expected {wanted}."
        else:
            words = detail["msg"].removeprefix("Input ").replace("should be", "this should be", 1)
            sentence = f"read {printable(repr(given))}; {words}."
        yield source.problem(path, sentence)


def _keys_at(model: type[BaseModel], path: tuple[Key, ...]) -> list[str]:
    """Return the keys that may stand at ``path`` of a schema."""
    annotation: Any = model
    for key in path:
        fields = _model_in(annotation)
        if isinstance(key, str) and fields is not None and key in fields.model_fields:
            annotation = fields.model_fields[key].annotation
        elif get_args(annotation):  # a table with free names, or a list
            annotation = get_args(_without_none(annotation))[-1]
    found = _model_in(annotation)
    return list(found.model_fields) if found is not None else []


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    inner = _without_none(annotation)
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def relative_path(text: str) -> PurePath:
    r"""Return a path from a file, which must be plain and relative (X4): ``\\host\share`` would leak credentials.

    Raises ValueError.
    """
    if "\\" in text or text.startswith("/") or ":" in text or "\0" in text or not text.strip():
        raise ValueError(f'read "{printable(text)}"; write a path relative to this file, with forward slashes')
    return PurePath(text)
