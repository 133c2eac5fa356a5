"""The report of a session as files: one page and one PDF that hold everything. Knows their order and names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from analysis import page
from analysis.calibration.record_figure import CAPTION as RECORDS_CAPTION
from analysis.calibration.record_figure import records_figure
from analysis.measuring import Measuring
from analysis.plot import session_figure
from analysis.report.calibration import records
from analysis.report.figures import CAPTION, responses_figure
from analysis.report.findings import AS_USUAL, Findings, find
from analysis.report.paper import as_pdf
from analysis.report.words import about, doubts, sections
from analysis.review import Recording

PLOT_CAPTION = "The whole session: every channel, rate and cumulative dose of every pump."
HTML_NAME, PDF_NAME = "report.html", "report.pdf"


def write_report(
    recording: Recording, folder: Path, stimulus: str = "", drug: str = "", measuring: Measuring = AS_USUAL
) -> list[Path]:
    """Write page and PDF into ``folder`` and return them. Raises OSError, ValueError as ``find``."""
    findings = find(recording, stimulus, drug, measuring)
    written = []
    for name, content in (
        (HTML_NAME, as_page(recording, findings).encode()),
        (PDF_NAME, as_paper(recording, findings)),
    ):
        (folder / name).write_bytes(content)
        written.append(folder / name)
    return written


def as_page(recording: Recording, findings: Findings) -> str:
    """Return the self-contained page."""
    shown = sections(recording, findings)
    drawn = responses_figure(findings)
    rests_on = records_figure(records(recording))
    warned = doubts(recording, findings)
    parts = [
        page.paragraph(about(recording), "dim"),
        page.verdict("Before you read on", warned, good=False) if warned else "",
        page.section(shown[0]),
        page.figure_svg(session_figure(recording.data), PLOT_CAPTION, "session"),
        page.figure_svg(drawn, CAPTION, "responses") if drawn is not None else "",
        *map(page.section, shown[1:]),
        page.figure_svg(rests_on, RECORDS_CAPTION, "calibrations") if rests_on is not None else "",
    ]
    return page.page(_title(recording), parts, simulated=recording.simulated, footer=(_foot(recording),))


def as_paper(recording: Recording, findings: Findings) -> bytes:
    """Return the PDF."""
    drawn = responses_figure(findings)
    figures = [(session_figure(recording.data), PLOT_CAPTION)]
    if drawn is not None:
        figures.append((drawn, CAPTION))
    rests_on = records_figure(records(recording))
    if rests_on is not None:
        figures.append((rests_on, RECORDS_CAPTION))
    return as_pdf(
        _title(recording),
        about(recording),
        doubts(recording, findings),
        sections(recording, findings),
        figures,
        _foot(recording),
        simulated=recording.simulated,
        made=datetime.fromtimestamp(recording.data.header.started_wall_ns / 1e9, UTC),
    )


def _title(recording: Recording) -> str:
    return str(recording.data.header.plan["name"])


def _foot(recording: Recording) -> str:
    header = recording.data.header
    imported = f"; IMPORTED from {header.imported}" if header.imported else ""
    return f"{header.session_id}; {header.software}{imported}"
