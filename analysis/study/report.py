"""The report of a study as files: one page, one PDF and the numbers as JSON. Knows their order and names."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from analysis import page
from analysis.report.paper import as_pdf
from analysis.study.analyse import Analysis
from analysis.study.facts import Facts
from analysis.study.figure import caption, study_figure
from analysis.study.words import about, doubts, result_sentences, sections

HTML_NAME, PDF_NAME, JSON_NAME = "report.html", "report.pdf", "result.json"
FORMAT = "amperfuse study result 1"
BLIND = "Blind: which group is which is not known to this report"


def write_study_report(analysis: Analysis, facts: Facts, folder: Path) -> list[Path]:
    """Write page, PDF and JSON into ``folder``, over older ones, and return them. Raises OSError.

    Those of a blind study have names of their own: they stay as they were when groups are named later.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in (
        (HTML_NAME, as_page(analysis, facts).encode()),
        (PDF_NAME, as_paper(analysis, facts)),
        (JSON_NAME, as_json(analysis, facts).encode()),
    ):
        path = folder / (f"blind-{name}" if facts.blind else name)
        beside = path.with_name(f"{path.name}.new")
        beside.write_bytes(content)
        beside.replace(path)
        written.append(path)
    return written


def as_page(analysis: Analysis, facts: Facts) -> str:
    """Return the self-contained page."""
    shown = sections(analysis, facts)
    warned = doubts(analysis, facts)
    found = result_sentences(analysis)
    parts = [
        page.paragraph(about(analysis, facts), "dim"),
        page.verdict("Before you read on", warned, good=False) if warned else "",
        page.verdict(_head(facts), found, good=True) if found else "",
        page.section(shown[0]),
        page.figure_svg(study_figure(analysis, simulated=facts.simulated), caption(analysis), "effect"),
        *map(page.section, shown[1:]),
    ]
    return page.page(facts.title, parts, simulated=facts.simulated, footer=(_foot(facts),))


def as_paper(analysis: Analysis, facts: Facts) -> bytes:
    """Return the PDF."""
    shown = sections(analysis, facts)
    return as_pdf(
        facts.title,
        about(analysis, facts),
        doubts(analysis, facts),
        shown,
        [(study_figure(analysis, simulated=facts.simulated), caption(analysis))],
        _foot(facts),
        simulated=facts.simulated,
        made=facts.made,
        found=(_head(facts), result_sentences(analysis)),
    )


def as_json(analysis: Analysis, facts: Facts) -> str:
    """Return the numbers for scripts, six digits each; null where there is none. No animal's group while blind."""
    found = {
        "format": FORMAT,
        "study": facts.study_id,
        "simulated": facts.simulated,
        "blind": facts.blind,
        "control": analysis.control or None,
        "settings": analysis.settings.model_dump(),
        "primary": asdict(analysis.primary),
        "beside": [asdict(one) for one in analysis.beside],
        "mixed": [asdict(one) for one in analysis.mixed],
        "tonic": [asdict(one) for one in analysis.tonic],
        "tonic_contrasts": [asdict(one) for one in analysis.tonic_contrasts],
        "choices": [asdict(one) for one in analysis.varied],
        "animals": [
            {
                "code": one.code,
                "animal": facts.animals.get(one.code),
                "group": None if facts.blind else one.label,
                "log_ratio": one.log_ratio(analysis.settings.primary),
                "excluded": one.excluded,
                "excluded_after_unblinding": one.excluded_late,
            }
            for one in analysis.members
        ],
        "missing": [list(one) for one in analysis.missing],
        "warnings": doubts(analysis, facts),
        "proof": dict(facts.proof),
    }
    return json.dumps(_plain(found), allow_nan=False, ensure_ascii=True, indent=1) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _head(facts: Facts) -> str:
    return BLIND if facts.blind else "Primary outcome"


def _foot(facts: Facts) -> str:
    return f"study {facts.study_id}; {dict(facts.proof).get('software', '')}"
