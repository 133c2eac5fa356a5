"""The report as a PDF: the sections and figures of the page, on paper.

Knows fpdf2 and the fonts that matplotlib brings (DejaVu: µ, ², ± and most scripts). Text of files and devices is
spelled out (``analysis.spelled``) and drawn, never interpreted. The same report gives the same bytes: the date in the
file is that of the session.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import matplotlib as mpl
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from matplotlib.figure import Figure

from analysis.sections import Section
from analysis.spelled import spelled

FONT = "DejaVu"
MARGIN_MM = 14
TINY, SMALL, PLAIN, HEAD, TITLE = 6.5, 7.5, 9.5, 12.0, 16.0
Colour = tuple[int, int, int]
INK: Colour = (17, 24, 39)
GREY: Colour = (75, 85, 99)
EDGE: Colour = (209, 213, 219)
WARN: Colour = (179, 38, 30)
GOOD: Colour = (0, 112, 79)
SIM: Colour = (122, 51, 0)
BAND = "SIMULATED: no animal, no instrument. Nothing here was measured."
LONGEST_CELL = 600
WIDEST_WORD_MM, WIDEST_MM, PADDED_MM = 30.0, 90.0, 3.4
"""Of a column: a longer word is broken, a longer cell is folded; what stands left and right of a text."""


class Paper(FPDF):
    """A4 with a foot on every page, and SIMULATED in it where so."""

    def __init__(self, foot: str, *, simulated: bool, made: datetime) -> None:
        super().__init__(format="A4")
        self._foot = ("SIMULATED: nothing here was measured.  " if simulated else "") + spelled(foot)
        fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
        self.add_font(FONT, "", fonts / "DejaVuSans.ttf")
        self.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 4)
        self.set_creation_date(made)
        self.add_page()

    def footer(self) -> None:
        """Write the foot."""
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, "", TINY)
        self.set_text_color(*GREY)
        self.cell(0, 4, f"{self._foot}   page {self.page_no()}")

    def write_lines(
        self, text: str, size: float, *, bold: bool = False, colour: tuple[int, int, int] = (17, 24, 39)
    ) -> None:
        """Write a paragraph."""
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.47, spelled(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def write_section(self, section: Section) -> None:
        """Write heading, table and notes; nothing for an empty section."""
        if section.is_empty:
            return
        if self.will_page_break(24):
            self.add_page()
        self.ln(4)
        self.write_lines(section.title, HEAD, bold=True)
        if section.rows:
            self._write_table(section)
        for note in section.notes:
            self.write_lines(note, SMALL, colour=GREY)

    def write_figure(self, figure: Figure, caption: str) -> None:
        """Place a figure over the whole width, on a page of its own if it does not fit on this one."""
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=170, metadata={"Software": None})
        width_in, height_in = figure.get_size_inches()
        height_mm = min(self.epw * height_in / width_in, self.eph - 20)
        if self.will_page_break(height_mm + 10):
            self.add_page()
        self.ln(2)
        self.image(drawn, w=min(self.epw, height_mm * width_in / height_in))
        self.write_lines(caption, SMALL, colour=GREY)

    def _widths(self, section: Section) -> tuple[float, ...]:
        """Return the widths of a table's columns, mm: no word is broken that is not long, the rest by need."""
        self.set_font(FONT, "B", SMALL)
        cells = [_column(section, place) for place in range(len(section.columns))]
        words = [[word for one in column for word in one.split() or [""]] for column in cells]
        least = [PADDED_MM + min(WIDEST_WORD_MM, max(map(self.get_string_width, them))) for them in words]
        wanted = [PADDED_MM + min(WIDEST_MM, max(map(self.get_string_width, column))) for column in cells]
        more = [max(0.0, want - need) for want, need in zip(wanted, least, strict=True)]
        left_mm = max(0.0, self.epw - sum(least))
        share = left_mm / sum(more) if sum(more) else 0.0
        return tuple(need + extra * share for need, extra in zip(least, more, strict=True))

    def _write_table(self, section: Section) -> None:
        widths = self._widths(section)  # measures in bold, so before the font is chosen
        self.set_font(FONT, "", SMALL)
        self.set_text_color(*INK)
        self.set_draw_color(*EDGE)
        self.set_line_width(0.15)
        aligned = tuple("RIGHT" if column.number else "LEFT" for column in section.columns)
        with self.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES, text_align=aligned, col_widths=widths, line_height=3.6,
            padding=(0.6, 1.2),
            width=self.epw, align="LEFT",
        ) as table:  # fmt: skip
            for cells in (tuple(column.name for column in section.columns), *section.rows):
                row = table.row()
                for cell in cells:
                    row.cell(spelled(cell)[:LONGEST_CELL])


def _column(section: Section, place: int) -> list[str]:
    return [
        spelled(cell)[:LONGEST_CELL] for cell in (section.columns[place].name, *(row[place] for row in section.rows))
    ]


def as_pdf(  # noqa: PLR0917 - the parts of a paper, in their order
    title: str,
    about: str,
    doubts: Sequence[str],
    shown: Sequence[Section],
    figures: Sequence[tuple[Figure, str]],
    foot: str,
    *,
    simulated: bool,
    made: datetime,
    found: tuple[str, Sequence[str]] = ("", ()),
) -> bytes:
    """Return the PDF. Figures follow the first section; ``made`` is the date that the file bears.

    ``found``: a heading and sentences that stand above everything but the doubts.
    """
    paper = Paper(foot, simulated=simulated, made=made)
    paper.set_title(spelled(title))
    if simulated:
        paper.write_lines(BAND, PLAIN, bold=True, colour=SIM)
    paper.write_lines(title, TITLE, bold=True)
    paper.write_lines(about, PLAIN, colour=GREY)
    for doubt in doubts:
        paper.write_lines(f"! {doubt}", PLAIN, colour=WARN)
    if found[1]:
        paper.ln(2)
        paper.write_lines(found[0], HEAD, bold=True, colour=GOOD)
        for sentence in found[1]:
            paper.write_lines(f"• {sentence}", PLAIN)
    for section in shown[:1]:
        paper.write_section(section)
    for figure, caption in figures:
        paper.write_figure(figure, caption)
    for section in shown[1:]:
        paper.write_section(section)
    return bytes(paper.output())
