"""Measuring in the window: from the boxes to the worker and back to the results. Knows the order, measures nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.review import Recording
from gui.presenters.review.lines import ChannelLine, Lines, measured_line
from gui.presenters.review.measuring import Chosen, Offer
from gui.presenters.text import plain
from gui.review.measure import measure, offer, save_table, write_page
from gui.review.work import Worker
from gui.widgets.review.measure import MeasureActions, MeasureCard

if TYPE_CHECKING:
    from analysis.remeasure import Measured

BLANKED = "A stretch was blanked, or is measured again: press Measure to take that into account."


@dataclass(frozen=True)
class DeskParts:
    """What is injected. ``ask_save`` returns where a file is to go, "" for nowhere."""

    session: Path
    worker: Worker
    ask_save: Callable[[str], str]
    open_page: Callable[[str], None]
    show: Callable[[Measured, ChannelLine], None]
    """Shows what was found, and what it was measured on."""


class MeasuringDesk:
    """One card of settings, the recording that is open, the last result."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        self.card = MeasureCard(MeasureActions(self.measure, self.save, self.report, self.open_report))
        self.recording: Recording | None = None
        self.found: Measured | None = None
        self._lines: Lines | None = None
        self._page = ""

    def take(self, recording: Recording, lines: Lines) -> None:
        """Offer what this recording has."""
        self.recording, self._lines = recording, lines
        self._parts.worker.submit(partial(offer, recording), self._offered, self._failed)

    def _offered(self, offered: Offer) -> None:
        self.card.show_offer(offered)
        if self.found is not None:
            self.card.tell("The recording was read again: press Measure to measure what is new.", "warn")

    def blanks_changed(self) -> None:
        """Say that the result is older than what people say about artefacts."""
        if self.found is not None:
            self.card.tell(BLANKED, "warn")

    def measure(self, chosen: Chosen) -> None:
        """Measure as chosen."""
        if self.recording is not None:
            self.card.be_busy("measuring …")
            self._parts.worker.submit(partial(measure, self.recording, chosen), self._measured, self._failed)

    def _measured(self, found: Measured) -> None:
        self.found = found
        self.card.save.setEnabled(True)
        missing = sum(value != value for value in found.responses.amplitude_um.tolist())  # noqa: PLR0124 - NaN
        count = len(found.responses.onset_s) - missing
        self.card.be_done(f"✓ {count} response{'' if count == 1 else 's'} measured.", "good")
        of = next(one for one in (self._lines.channels if self._lines else ()) if one.name == found.site.channel.name)
        name = found.site.channel.name.partition(".")[2]
        taken_off = "" if found.site.sentinel is None else f" − {found.site.sentinel.name.partition('.')[2]}"
        line = measured_line(f"{name}{taken_off}", of, found.site.channel.breaks, found.trace, found.unit)
        self._parts.show(found, line)

    def save(self) -> None:
        """Save the table of the last result where a person says."""
        if self.found is None or self.recording is None:
            return
        name = f"responses-{self.found.site.channel.name}.csv".replace("/", "_")
        where = self._parts.ask_save(str(self._parts.session / name))
        if where:
            job = partial(save_table, self.recording, self.found, Path(where))
            self._parts.worker.submit(job, self._saved, self._failed)

    def _saved(self, path: Path) -> None:
        self.card.tell(f"✓ The table is in {plain(str(path))}", "good")

    def report(self, chosen: Chosen) -> None:
        """Write the report with what stands in the boxes."""
        if self.recording is not None:
            self.card.be_busy("writing the report: figures take some seconds …")
            job = partial(write_page, self.recording, chosen, self._parts.session)
            self._parts.worker.submit(job, self._reported, self._failed)

    def _reported(self, written: list[Path]) -> None:
        self._page = str(written[0])
        self.card.open_report.setEnabled(True)
        self.card.be_done(f"✓ {' and '.join(plain(str(path)) for path in written)}", "good")

    def open_report(self) -> None:
        """Show the report in the browser."""
        if self._page:
            self._parts.open_page(self._page)

    def _failed(self, why: str) -> None:
        self.card.be_done(f"✕ {plain(why[:1].upper() + why[1:])}.", "alarm")
