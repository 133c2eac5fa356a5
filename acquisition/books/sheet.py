"""A substance log as a sheet to print and sign, and as a table.

Knows how entries and their balance are told to people on paper. Signature lines stay blank. It is an aid, not the
record that the law asks for (safety.md 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from acquisition.books.balance import Balance, balance, number
from acquisition.books.chain import Entry
from acquisition.books.containers import NL_PER_UL, Label, label_of
from acquisition.safe_csv import Cell, csv_text
from drivers.clock import NS_PER_S

COLUMNS = (
    "No.", "Time (UTC)", "What", "Volume (uL)", "Substance (mg)", "In container (uL)", "Animal", "Session or purpose",
    "By", "Witness",
)  # fmt: skip
WORDS = {
    "opened": "opened with",
    "drawn": "drawn into a syringe",
    "wasted": "wasted",
    "returned": "put back",
    "counted": "counted",
    "explained": "explained",
    "diluted": "taken for a dilution",
    "corrected": "correction",
    "delivering": "given by a pump",
}
AID = (
    "An aid for the log that the law asks for, not a replacement of it. Entries are never overwritten; a struck line "
    "was voided by a later one. Given by a pump: what left the syringe; what stays in the line is booked as waste, "
    "unless the pump itself filled an empty line."
)
_STYLE = (
    "@page{size:A4 landscape;margin:12mm} body{font:10pt sans-serif} table{border-collapse:collapse;width:100%}"
    "td,th{border:1px solid #777;padding:2px 5px;text-align:left} .n{text-align:right}"
    "thead{display:table-header-group}"
    ".sign td{height:14mm;vertical-align:bottom} .void td{text-decoration:line-through} tr{page-break-inside:avoid}"
)


def rows(entries: Sequence[Entry]) -> list[list[Cell]]:
    """Return one row per entry, in the order of ``COLUMNS``; an outcome stands in its delivery's row."""
    label = label_of(list(entries))
    by_delivery = {one.number: one for one in balance(entries).deliveries}
    void = {number(e, "corrects"): e.number for e in entries if e.data.get("kind") == "corrected"}
    found: list[list[Cell]] = []
    for entry in entries:
        data, kind = entry.data, str(entry.data.get("kind"))
        if kind == "delivered":
            continue
        left_ul = balance(entries[: entry.number]).in_container_nl / NL_PER_UL
        what, volume_ul = WORDS[kind], number(entry, "volume_nl") / NL_PER_UL if kind != "corrected" else None
        if kind == "delivering":
            one = by_delivery[entry.number]
            volume_ul = one.most_nl / NL_PER_UL
            if one.least_nl != one.most_nl:
                what += f" (between {one.least_nl / NL_PER_UL:g} and {volume_ul:g} uL: its outcome is not known)"
        what += f" {data['source']}, {data['what']}" if kind == "wasted" else ""
        what += f" of entry {data['corrects']}: {data['reason']}" if kind == "corrected" else ""
        what += f" into {data['child']}" if kind == "diluted" else ""
        what += f": {data['reason']}" if kind in ("explained", "counted") and data.get("reason") else ""
        what += f" (VOID, see entry {void[entry.number]})" if entry.number in void else ""
        mg = None if volume_ul is None or label.code else volume_ul * label.strength_mg_per_ml / 1000.0
        whose = str(data.get("session") or data.get("purpose") or "")
        found.append(
            [
                entry.number,
                _when(entry.wall_ns),
                what,
                volume_ul,
                None if mg is None else float(f"{mg:.6g}"),
                left_ul,
                _text(data.get("animal")),
                whose,
                _text(data.get("by")),
                _text(data.get("witness")),
            ]
        )
    return found


def strength_text(label: Label) -> str:
    """Return the strength, or that it is sealed."""
    return "sealed" if label.code else f"{label.strength_mg_per_ml:g} mg/mL"


def as_csv(entries: Sequence[Entry]) -> str:
    """Return the log as CSV with safe cells."""
    return csv_text([COLUMNS, *rows(entries)])


def balance_lines(label: Label, now: Balance) -> list[str]:
    """Return where everything is, one sentence a line, with what a person has to do."""
    given = _between(now.delivered_least_nl, now.delivered_most_nl)
    left = _between(now.open_least_nl, now.open_most_nl)
    wasted, back, why = (_ul(n) for n in (now.wasted_from_syringe_nl, now.returned_nl, now.explained_nl))
    lines = [
        f"opened with {_ul(now.opened_nl)}; {_ul(now.in_container_nl)} in the container by this log",
        f"drawn {_ul(now.drawn_nl)} = given {given}, wasted {wasted}, put back {back}, explained {why}, open {left}",
    ]
    if now.diluted_nl or now.wasted_from_container_nl:
        lines.append(
            f"taken for dilutions {_ul(now.diluted_nl)}, wasted from the container {_ul(now.wasted_from_container_nl)}"
        )
    if now.miscounted_nl:
        lines.append(f"physical counts differed from the log by {now.miscounted_nl / NL_PER_UL:+g} uL in all")
    if now.closes:
        lines.append(f"closes within {_ul(now.tolerance_nl)}")
    elif now.open_most_nl < -now.tolerance_nl:
        lines.append(f"DOES NOT CLOSE: more was given than was drawn. Write the missing draw from {label.container}.")
    else:
        lines.append(
            "OPEN: write what was wasted (syringe, line, priming) or put back; what cannot be found, explain by name."
        )
    return lines


def as_html(entries: Sequence[Entry]) -> str:
    """Return the log as a page to print and sign; nothing in it is loaded from elsewhere."""
    label, now = label_of(list(entries)), balance(entries)
    facts = [
        ("Container", label.container + (f", diluted from {label.parent}" if label.parent else "")),
        ("Substance", f"{label.substance} {label.form}".strip()),
        ("Schedule", label.schedule),
        ("Strength", strength_text(label)),
        ("Lot, expiry", f"{label.lot}, {label.expires.isoformat()}"),
        ("Registrant", label.registrant),
    ]
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    body = "".join(_html_row(row) for row in rows(entries))
    told = "".join(f"<li>{escape(line)}</li>" for line in balance_lines(label, now))
    about = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in facts)
    signs = "".join(f"<td>{name}</td>" for name in ("Responsible person, date", "Second person, date", "Witness, date"))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Substance log {escape(label.container)}'
        f"</title><style>{_STYLE}</style></head><body><h1>Substance log: {escape(label.container)}</h1>"
        f"<table>{about}</table><p>{escape(AID)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<h2>Balance</h2><ul>{told}</ul><table class="sign"><tr>{signs}</tr></table>'
        f"<p>Entries 1 to {entries[-1].number}; hash of the last one {entries[-1].sha256}</p></body></html>\n"
    )


def _html_row(row: list[Cell]) -> str:
    cells = "".join(
        f'<td class="n">{cell:g}</td>'
        if isinstance(cell, float)
        else f"<td>{escape(str(cell if cell is not None else ''))}</td>"
        for cell in row
    )
    return f'<tr class="void">{cells}</tr>' if "(VOID" in str(row[2]) else f"<tr>{cells}</tr>"


def _ul(volume_nl: int) -> str:
    return f"{volume_nl / NL_PER_UL:g} uL"


def _between(least_nl: int, most_nl: int) -> str:
    return _ul(least_nl) if least_nl == most_nl else f"{least_nl / NL_PER_UL:g} to {_ul(most_nl)}"


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _when(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")
