"""Primitives of a self-contained page: escaped text, tables, lists, figures, and the frame around them.

Nothing on a page is loaded from elsewhere and nothing on it runs: no scripts, and a policy in its head that forbids
both. Text of files and devices enters only through ``text``. Does not know what a page is about.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from analysis.sections import Column, Section
from analysis.spelled import spelled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_SHARE = re.compile(r"([0-9]+) %")
STYLE = """
:root{--ink:#111827;--dim:#4b5563;--edge:#d1d5db;--soft:#f3f4f6;--good:#00704f;--bad:#b3261e;--warn:#8a5a00;--sim:#d55e00}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink);background:#fff;
max-width:1180px;margin:0 auto;padding:20px 24px 48px}
h1{font-size:24px;margin:0 0 2px} h2{font-size:17px;margin:30px 0 6px}
p{margin:4px 0} .dim{color:var(--dim)}
.simulated{background:repeating-linear-gradient(135deg,#fdeee3 0 14px,#fbe0cd 14px 28px);color:#7a3300;font-weight:700;
letter-spacing:.08em;padding:6px 12px;border-radius:6px;margin-bottom:18px}
.verdict{border-left:8px solid var(--good);background:#eef7f3;padding:10px 16px;border-radius:4px;margin:16px 0}
.verdict.bad{border-color:var(--bad);background:#fdf0ef}
.verdict strong{font-size:20px;color:var(--good)} .verdict.bad strong{color:var(--bad)}
ul{margin:6px 0 0;padding-left:20px} li{margin:2px 0}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13.5px;min-width:40%}
th,td{text-align:left;vertical-align:top;padding:4px 12px 4px 0;border-bottom:1px solid var(--edge)}
th{color:var(--dim);font-weight:600;white-space:nowrap} td{overflow-wrap:anywhere}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.share{display:block;height:4px;margin-top:2px;background:var(--soft);width:90px;margin-left:auto}
.share i{display:block;height:4px;background:var(--good)} .share i.near{background:var(--warn)}
.share i.over{background:var(--bad)}
figure{margin:10px 0;overflow-x:auto} figure img,figure svg{width:100%;max-width:1000px;height:auto}
figcaption{color:var(--dim);font-size:13px}
footer{margin-top:36px;color:var(--dim);font-size:12.5px;border-top:1px solid var(--edge);padding-top:8px;
overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0}h2{break-after:avoid}tr,figure{break-inside:avoid}}
"""


def text(foreign: str) -> str:
    """Return foreign text as it may stand anywhere between tags or in a quoted attribute."""
    return escape(spelled(foreign), quote=True)


def paragraph(words: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def bullets(sentences: Sequence[str]) -> str:
    """Return a list; nothing for none."""
    return f"<ul>{''.join(f'<li>{text(sentence)}</li>' for sentence in sentences)}</ul>" if sentences else ""


def verdict(words: str, why: Sequence[str], *, good: bool) -> str:
    """Return the box with the one sentence that counts, and what stands against it."""
    return f'<div class="verdict{"" if good else " bad"}"><strong>{text(words)}</strong>{bullets(why)}</div>'


def section(shown: Section) -> str:
    """Return a section: heading, table, notes; nothing for an empty one."""
    if shown.is_empty:
        return ""
    table = ""
    if shown.rows:
        heads = "".join(f"<th{_kind(column)}>{text(column.name)}</th>" for column in shown.columns)
        rows = "".join(_row(row, shown.columns) for row in shown.rows)
        table = f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    notes = "".join(paragraph(note, "dim") for note in shown.notes) if shown.rows else bullets(shown.notes)
    return f"<section><h2>{text(shown.title)}</h2>{table}{notes}</section>"


def figure_svg(figure: Figure, caption: str, name: str) -> str:
    """Return a matplotlib figure as inline SVG; ``name`` keeps the marks inside it apart from those of others.

    The same figure gives the same bytes: no date in it.
    """
    import matplotlib as mpl  # noqa: PLC0415 - takes long to load, and not every page has figures

    drawn = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :]
    given = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))  # some are made from addresses in memory
    own = {mark: f"{name}-{number}" for number, mark in enumerate(given)}
    inside = re.sub(r'(\bid="|xlink:href="#|url\(#)([^")]+)', lambda found: found[1] + own.get(found[2], found[2]), svg)
    return f"<figure>{inside}<figcaption>{text(caption)}</figcaption></figure>"


def figure_png(png: bytes, caption: str) -> str:
    """Return a picture, kept in the page itself."""
    coded = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{text(caption)}" src="data:image/png;base64,{coded}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def page(title: str, parts: Sequence[str], *, simulated: bool, footer: Sequence[str] = ()) -> str:
    """Return a whole page from parts that are HTML already; a simulated one says so in its title and on its top."""
    band = '<div class="simulated">SIMULATED: no animal, no instrument. Nothing here was measured.</div>'
    feet = "".join(paragraph(line) for line in footer)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{'SIMULATED: ' if simulated else ''}{text(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>{band if simulated else ''}<h1>{text(title)}</h1>\n"
        + "\n".join(part for part in parts if part)
        + f"\n<footer>{feet}</footer></body></html>\n"
    )


def _row(row: Sequence[str], columns: Sequence[Column]) -> str:
    cells = (f"<td{_kind(column)}>{text(cell)}{_bar(cell)}</td>" for cell, column in zip(row, columns, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _kind(column: Column) -> str:
    return ' class="n"' if column.number else ""


def _bar(cell: str) -> str:
    """Return a bar below a cell that is nothing but a share."""
    share = _SHARE.fullmatch(cell)
    if share is None:
        return ""
    percent = int(share[1])
    how = "over" if percent > 100 else "near" if percent >= 90 else ""
    return f'<span class="share"><i class="{how}" style="width:{min(percent, 100)}%"></i></span>'
