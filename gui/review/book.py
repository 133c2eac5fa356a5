"""Annotations in the window: from the card to the book and back, and what others add meanwhile.

Knows the order of things. Has a worker of its own: an annotation is on the disk while a report is still being written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gui.palette import Palette
from gui.presenters.review.annotations import AnnotationLine, Draft, annotation_lines
from gui.presenters.review.tracks import added_bars
from gui.presenters.text import plain
from gui.review.session import Added, Stamp, add, read_added
from gui.review.work import Worker
from gui.widgets.review.annotate import AnnotateActions, AnnotateCard
from gui.widgets.review.traces import ReviewTraces


@dataclass(frozen=True)
class BookParts:
    """What is injected."""

    session: Path
    worker: Worker
    wall_ns: Callable[[], int]
    blanks_changed: Callable[[], None]
    """Is told when other stretches are measured than before."""


class AnnotationDesk:
    """One card, the traces on which annotations are drawn, and the book."""

    def __init__(self, parts: BookParts, palette: Palette, traces: ReviewTraces) -> None:
        self._parts, self._traces = parts, traces
        self.card = AnnotateCard(palette, AnnotateActions(self.add, self.show, traces.choose))
        self._stamp: Stamp | None = None
        self._looking = False
        self._broken = ""

    def look_again(self) -> None:
        """Look whether somebody added an annotation, here or elsewhere."""
        if not self._looking:
            self._looking = True
            job = partial(read_added, self._parts.session, self._stamp)
            self._parts.worker.submit(job, self._show, self._book_broken)

    def _show(self, added: Added | None) -> None:
        self._looking = False
        if added is None:
            return
        self._stamp, self._broken = added.stamp, ""
        self.card.show_lines(annotation_lines(added.annotations))
        bars = added_bars(added.annotations)
        if {bar for bar in bars if bar.blank} != {bar for bar in self._traces.added if bar.blank}:
            self._parts.blanks_changed()
        self._traces.show_added(bars)

    def _book_broken(self, why: str) -> None:
        self._looking = False
        if why != self._broken:  # said once: it would wipe away every other answer
            self._broken = why
            self.card.tell(f"The annotations cannot be trusted: {plain(why)}", "alarm")

    def add(self, draft: Draft) -> None:
        """Add an annotation to the book."""
        job = partial(add, self._parts.session, draft, self._parts.wall_ns())
        self._parts.worker.submit(job, lambda made: self._added(made.number), self._not_added)

    def _added(self, number: int) -> None:
        self.card.added()
        self.card.tell(f"✓ Annotation {number} is in the book.", "good")
        self.look_again()

    def _not_added(self, why: str) -> None:
        self.card.tell(f"Nothing was added: {plain(why)}", "alarm")

    def show(self, line: AnnotationLine) -> None:
        """Choose the stretch of an annotation, and look there where it is not in view."""
        self._traces.choose((line.start_s, line.end_s))
        view = self._traces.view
        if not view.left_s <= line.start_s <= line.end_s <= view.right_s:
            self._traces.look(view.showing(line.start_s, line.end_s))
