"""What the documentation shows is there: its tables and links are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acquisition.service.exit_codes import MEANING
from amperfuse.cli import app

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_every_exit_code_is_in_the_table() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    rows = [f"| {int(code)} | {code.name} | {text} |" for code, text in MEANING.items()]
    assert [row for row in rows if row not in page] == []
    assert len(re.findall(r"^\| \d+ \|", page, re.MULTILINE)) == len(rows)


def test_every_command_is_in_the_table() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    names = {command.name or (command.callback and command.callback.__name__) for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}
    names = {str(name).replace("_", "-") for name in names}
    assert set(re.findall(r"^\| `amperfuse ([\w-]+)", page, re.MULTILINE)) == names


def test_the_readme_shows_the_two_commands_of_start_py() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```console\n(.*?)\n```", readme)
    assert shown == ["python3 start.py demo", "python3 start.py test"]
    assert shown[1] in (ROOT / ".ci/run").read_text(encoding="utf-8")


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_and_image_leads_somewhere(page: str) -> None:
    links = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert missing == []


def test_the_index_leads_to_every_page() -> None:
    docs = ROOT / "docs"
    linked = {(docs / link).resolve() for link in LINK.findall((docs / "index.md").read_text(encoding="utf-8"))}
    pages = {page for page in docs.rglob("*.md") if page.parent.name != "decisions"} - {docs / "index.md"}
    assert sorted(str(page.relative_to(docs)) for page in pages - linked) == []
