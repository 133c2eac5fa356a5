"""The page of a rehearsal: the report with its figures in one file that can be printed, mailed and kept.

Knows the order of the page. Its words are those of the terminal, its primitives those of every page.
"""

from __future__ import annotations

from analysis import page
from analysis.rehearsal.course import Course
from analysis.rehearsal.facts import RehearsalReport
from analysis.rehearsal.figure import CAPTION, report_figure
from analysis.rehearsal.words import about, sections, verdict

AGAINST = "What stands against it"
PLOT_CAPTION = "What was recorded: every channel, rate and cumulative dose of every pump."


def as_page(report: RehearsalReport, course: Course, plot_png: bytes = b"") -> str:
    """Return the page; ``plot_png`` is the plot of the recording, left out if empty."""
    shown = [found for found in sections(report) if found.title != AGAINST]  # it stands in the box already
    first, rest = shown[:1], shown[1:]
    parts = [
        page.paragraph(about(report), "dim"),
        page.verdict(verdict(report), report.reasons, good=report.go),
        *map(page.section, first),
        page.figure_svg(report_figure(report, course), CAPTION, "report"),
        *map(page.section, rest),
        page.figure_png(plot_png, PLOT_CAPTION) if plot_png else "",
    ]
    footer = (
        f"Session {report.session_dir}; {report.software}; seed {report.seed}; plan {report.plan_sha256}",
        f"Fingerprint {report.fingerprint}: the same files, seed and faults give the same.",
    )
    return page.page(f"Rehearsal: {report.protocol}", parts, simulated=report.simulated, footer=footer)
