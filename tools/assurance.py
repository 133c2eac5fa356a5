"""Makes the assurance table: which test shows which promise, and which hazard the promise answers.

``python -m tools.assurance`` writes ``docs/reference/assurance.md`` from ``docs/assurance/requirements.toml`` and from
the names of the tests, which are read, not run. Knows numbers in names (R20, X1) and the four ways a promise can be
shown; does not know what any test does.
"""

# ruff: noqa: INP001 - a script of the project, not a package
from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "docs" / "assurance" / "requirements.toml"
PAGE = ROOT / "docs" / "reference" / "assurance.md"
WHERE = ("tests", "drivers/compliance", "examples")
"""Folders with tests. Instruments by others bring tests of their own, which are theirs to count."""

How = Literal["test", "bench", "procedure", "open"]
_NUMBER = re.compile(r"R\d{2}|X\d{1,2}")  # R1 and the like are rows of the fault matrix, not requirements
_KEYS = {"text", "hazards", "how", "note", "bench", "partly"}
_HEAD = """\
# Assurance

What Amperfuse promises, which hazard each promise answers, and how it is shown. Made by `python -m tools.assurance`
from [requirements.toml](../assurance/requirements.toml) and from the names of the tests: do not edit it by hand. A test
fails when a promise loses its last test, a hazard has no promise, or this page says something that is not so.

A working document of an open project, not a certificate; Amperfuse is not a medical device. A green test shows that the
program does this against simulated instruments; what only a bench can show is named.
"""


@dataclass(frozen=True)
class Promise:
    """One requirement or threat."""

    number: str
    text: str
    hazards: tuple[str, ...]
    how: How
    note: str = ""
    bench: str = ""
    partly: bool = False


@dataclass(frozen=True)
class Case:
    """Hazards and promises, as the data file has them."""

    hazards: Mapping[str, str]
    requirements: tuple[Promise, ...]
    threats: tuple[Promise, ...]

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Return requirements and threats."""
        return (*self.requirements, *self.threats)


@dataclass(frozen=True)
class Proof:
    """One test and the numbers in its name."""

    file: str
    name: str
    numbers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return what the name says, without its numbers."""
        words = [word for word in self.name.removeprefix("test_").split("_") if word not in self.numbers]
        return " ".join(words)


def read_case(path: Path = DATA) -> Case:
    """Read the data file. Raises ValueError for a key, a hazard or a way that is not known."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    hazards = {str(name): str(text) for name, text in values["hazards"].items()}
    promises = {part: tuple(_promises(values[part], hazards)) for part in ("requirements", "threats")}
    return Case(hazards, promises["requirements"], promises["threats"])


def _promises(values: Mapping[str, Mapping[str, Any]], hazards: Mapping[str, str]) -> Iterator[Promise]:
    for number, entry in values.items():
        unknown = [*(set(entry) - _KEYS), *(set(entry["hazards"]) - set(hazards))]
        if unknown or entry["how"] not in get_args(How) or not entry["hazards"]:
            raise ValueError(f"{number}: not known: {unknown or entry['how']}, or no hazard is named")
        if entry["how"] != "test" and not entry.get("note"):
            raise ValueError(f"{number}: what has no test needs a note that says why")
        yield Promise(number, **{**entry, "hazards": tuple(entry["hazards"])})


def read_proofs(root: Path = ROOT) -> tuple[Proof, ...]:
    """Return every test under ``root`` with a number in its name, in order of files and lines."""
    found: list[Proof] = []
    for folder in WHERE:
        for path in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    numbers = tuple(word for word in node.name.split("_") if _NUMBER.fullmatch(word))
                    if numbers:
                        found.append(Proof(path.relative_to(root).as_posix(), node.name, numbers))
    return tuple(found)


def faults(case: Case, proofs: tuple[Proof, ...]) -> list[str]:
    """Return what is wrong with the case: promises without their test, hazards without a promise, unknown numbers."""
    shown = {number for proof in proofs for number in proof.numbers}
    known = {promise.number for promise in case.promises}
    answered = {hazard for promise in case.promises for hazard in promise.hazards}
    return [
        *(f"{p.number} has no test: {p.text}" for p in case.promises if p.how == "test" and p.number not in shown),
        *(
            f"{p.number} is said to be open and has a test: is it kept now, or partly?"
            for p in case.promises
            if p.how == "open" and (p.number in shown) is not p.partly
        ),
        *(f"hazard {name!r} is answered by no promise" for name in case.hazards if name not in answered),
        *(f"{p.file}: {p.name} names {n}, which is not known" for p in proofs for n in p.numbers if n not in known),
    ]


def page(case: Case, proofs: tuple[Proof, ...]) -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_open(case), *_counts(case), *_hazards(case), *_shown(case, proofs)]) + "\n"


def _open(case: Case) -> Iterator[str]:
    yield "## Not kept yet"
    yield ""
    for promise in case.promises:
        if promise.how == "open":
            yield f"- **{promise.number}** {promise.text} *{promise.note}*"
    yield ""
    yield "## Not by a test alone"
    yield ""
    for promise in case.promises:
        if promise.how in ("bench", "procedure"):
            yield f"- **{promise.number}** ({promise.how}) {promise.text} *{promise.note}*"
        elif promise.bench:
            yield f"- **{promise.number}** (bench, besides its tests) {promise.bench}"
    yield ""


def _counts(case: Case) -> Iterator[str]:
    yield "## Numbers"
    yield ""
    for name, promises in (("requirements", case.requirements), ("threats", case.threats)):
        ways = [f"{sum(p.how == way for p in promises)} {way}" for way in get_args(How)]
        yield f"- {len(promises)} {name}: {', '.join(ways)}"
    yield ""


def _hazards(case: Case) -> Iterator[str]:
    yield "## Hazards"
    yield ""
    yield "| hazard | what happens | answered by |"
    yield "|---|---|---|"
    for name, text in case.hazards.items():
        answers = ", ".join(p.number for p in case.promises if name in p.hazards)
        yield f"| {name} | {text} | {answers} |"
    yield ""


def _shown(case: Case, proofs: tuple[Proof, ...]) -> Iterator[str]:
    for title, promises in (("Requirements", case.requirements), ("Threats", case.threats)):
        yield f"## {title}"
        yield ""
        for promise in promises:
            yield f"### {promise.number}: {promise.text}"
            yield ""
            yield f"Answers: {', '.join(promise.hazards)}. Shown by: {promise.how}." + (
                f" {promise.note}" if promise.note else ""
            )
            yield ""
            yield from _tests(promise, proofs)


def _tests(promise: Promise, proofs: tuple[Proof, ...]) -> Iterator[str]:
    files: dict[str, list[str]] = {}
    for proof in proofs:
        if promise.number in proof.numbers:
            files.setdefault(proof.file, []).append(proof.sentence)
    for file, sentences in sorted(files.items()):
        yield f"- `{file}`: {'; '.join(sentences)}"
    if files:
        yield ""


def stale(written: str, case: Case, proofs: tuple[Proof, ...]) -> list[str]:
    """Return what a written page says that is not so. A test that is newer than the page is no lie and may be missing.

    So people who add tests side by side need not all write the page; who changes a promise or a name must.
    """
    (text, said), (text_now, said_now) = _split(written), _split(page(case, proofs))
    gone = [f"{number}: no test in {file} says: {sentence}" for number, file, sentence in sorted(said - said_now)]
    bare = sorted({number for number, _file, _sentence in said_now} - {number for number, _file, _sentence in said})
    changed = [f"this is not, or no longer, in the data: {line}" for line in text if line not in set(text_now)]
    missing = [f"this is missing: {line}" for line in text_now if line not in set(text)]
    return [*gone, *changed, *missing, *(f"{number}: none of its tests is on the page" for number in bare)]


def _split(written: str) -> tuple[list[str], set[tuple[str, str, str]]]:
    """Return the lines of a page without its tests, and its tests as (number, file, sentence)."""
    text: list[str] = []
    said: set[tuple[str, str, str]] = set()
    number = ""
    for line in written.splitlines():
        if heading := re.match(r"### ([RX]\d+): ", line):
            number = heading[1]
        if evidence := re.fullmatch(r"- `(tests/|drivers/|examples/)([^`]*)`: (.*)", line):
            said |= {(number, evidence[1] + evidence[2], sentence) for sentence in evidence[3].split("; ")}
        elif line:
            text.append(line)
    return text, said


def main() -> int:
    """Write the page; return 1 and say what is wrong with the case when something is."""
    case, proofs = read_case(), read_proofs()
    PAGE.write_text(page(case, proofs), encoding="utf-8")
    wrong = faults(case, proofs)
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
