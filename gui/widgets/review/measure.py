"""The card on which a person chooses how to measure. It shows what is offered and tells what stands in its boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.presenters.review.measuring import (
    DIRECTIONS,
    NO_DRUG,
    NO_SENTINEL,
    NOTHING_TAKEN_OFF,
    Chosen,
    Offer,
    stimulus_texts,
    usual,
)
from gui.presenters.text import Tone, plain
from gui.widgets.plain import PlainLabel, button, row, set_tooltip
from gui.widgets.review.annotate import box
from gui.widgets.review.choice import Choice
from gui.widgets.review.toolbar import reachable

NUMBER_PX = 54


@dataclass(frozen=True)
class MeasureActions:
    """What the card asks for."""

    measure: Callable[[Chosen], None]
    save: Callable[[], None]
    report: Callable[[Chosen], None]
    open_report: Callable[[], None]


class MeasureCard(QFrame):
    """Site, sentinel, stimulus, drug; windows of a response; stretches of the effect."""

    def __init__(self, actions: MeasureActions) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - Qt's property takes any value
        self._actions = actions
        self._offer: Offer | None = None
        self.channel = Choice("site to measure")
        self.sentinel = Choice("what is taken off the site")
        self.stimulus = Choice("mark at which release is evoked")
        self.drug = Choice("pump whose first arrival parts before and after")
        self.direction = Choice("where a response points")
        self.direction.addItems([text for _value, text in DIRECTIONS])
        self.baseline = pair("baseline of a response, s after the stimulus")
        self.search = pair("where the peak is looked for, s after the stimulus")
        self.until = number("end of a response, s after the stimulus")
        self.smoothing = number("mean before picking, s")
        self.before = pair("stretch before, min after the drug's arrival")
        self.after = pair("stretch after, min after the drug's arrival")
        self.measure_button = reachable(button("Measure", "Key: Ctrl+Enter", main=True), "measure")
        self.reset = reachable(button("As usual", "What a report without options takes"), "settings as usual")
        self.save = reachable(button("Save table …", "The table of responses as CSV"), "save the table")
        self.report = reachable(
            button("Write report", "report.html and report.pdf with these settings, in the session's folder, as "
                   "'amperfuse report' writes them"), "write the report")  # fmt: skip
        self.open_report = reachable(button("Open report", "Shows it in the browser"), "open the report")
        self.answer = PlainLabel(tone="dim")
        self.answer.setWordWrap(True)
        self.channel.currentIndexChanged.connect(self._offer_sentinels)
        self.measure_button.clicked.connect(self.measure)
        self.reset.clicked.connect(self.as_usual)
        self.save.clicked.connect(actions.save)
        self.report.clicked.connect(lambda: actions.report(self.chosen()))
        self.open_report.clicked.connect(actions.open_report)
        for part in (self.save, self.open_report):
            part.setEnabled(False)
        self._lay_out()
        self.setEnabled(False)

    def _lay_out(self) -> None:
        form = QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(6)
        form.setColumnStretch(1, 1)
        lines: list[tuple[str, QWidget | QHBoxLayout]] = [
            ("Site", self.channel),
            ("Taken off it", self.sentinel),
            ("Stimulus", self.stimulus),
            ("Drug's pump", self.drug),
            ("Response", self.direction),
            ("Baseline", spaced(self.baseline, "s from stimulus")),
            ("Peak within", spaced(self.search, "s from stimulus")),
            ("Ends", spaced((self.until,), "s from stimulus")),
            ("Mean", spaced((self.smoothing,), "s, before picking; 0: none")),
            ("Before", spaced(self.before, "min from arrival")),
            ("After", spaced(self.after, "min from arrival")),
        ]
        for place, (name, part) in enumerate(lines):
            form.addWidget(PlainLabel(name, tone="dim"), place, 0)
            if isinstance(part, QWidget):
                form.addWidget(part, place, 1)
            else:
                form.addLayout(part, place, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(10)
        layout.addLayout(form)
        layout.addLayout(row(self.measure_button, self.reset, 1))
        layout.addLayout(row(self.save, self.report, self.open_report, 1))
        layout.addWidget(self.answer)
        layout.addStretch(1)

    def show_offer(self, offer: Offer) -> None:
        """Offer what a recording has; boxes that were filled in keep what still can be chosen."""
        before = self.chosen() if self._offer is not None else usual(offer)
        self._offer = offer
        self.channel.blockSignals(True)  # noqa: FBT003 - Qt's own
        fill(self.channel, [plain(name) for name in offer.channels])
        fill(self.stimulus, [plain(text) for text in stimulus_texts(offer)])
        fill(self.drug, [NO_DRUG, *(plain(name) for name in offer.pumps)])
        self.channel.blockSignals(False)  # noqa: FBT003 - Qt's own
        self.show_chosen(before)
        self.setEnabled(bool(offer.stimuli and offer.channels))
        if not offer.stimuli:
            self.tell("There is no mark in this recording: nothing was evoked that could be measured.", "dim")

    def as_usual(self) -> None:
        """Take what a report without options takes."""
        if self._offer is not None:
            self.show_chosen(usual(self._offer))

    def show_chosen(self, chosen: Chosen) -> None:
        """Put settings into the boxes."""
        if self._offer is None:
            return
        place(self.channel, self._offer.channels, chosen.channel)
        self._offer_sentinels()
        place(self.sentinel, self._taken_off(), chosen.sentinel)
        place(self.stimulus, [text for text, _times in self._offer.stimuli], chosen.stimulus)
        place(self.drug, ["", *self._offer.pumps], chosen.drug)
        place(self.direction, [value for value, _text in DIRECTIONS], chosen.direction)
        for boxes, texts in (
            (self.baseline, chosen.baseline), (self.search, chosen.search), (self.before, chosen.before),
            (self.after, chosen.after), ((self.until,), (chosen.until,)), ((self.smoothing,), (chosen.smoothing,)),
        ):  # fmt: skip
            for one, text in zip(boxes, texts, strict=True):
                one.setText(text)

    def chosen(self) -> Chosen:
        """Return what stands in the boxes."""
        offer = self._offer
        if offer is None:
            return Chosen("", "", "", "")
        return Chosen(
            stimulus=at(self.stimulus, [text for text, _times in offer.stimuli]),
            drug=at(self.drug, ["", *offer.pumps]),
            channel=at(self.channel, offer.channels),
            sentinel=at(self.sentinel, self._taken_off()),
            baseline=texts_of(self.baseline),
            search=texts_of(self.search),
            until=self.until.text(),
            direction=at(self.direction, [value for value, _text in DIRECTIONS]),
            smoothing=self.smoothing.text(),
            before=texts_of(self.before),
            after=texts_of(self.after),
        )

    def _taken_off(self) -> tuple[str, ...]:
        if self._offer is None:
            return ()
        return (*self._offer.beside.get(at(self.channel, self._offer.channels), ()), NO_SENTINEL)

    def _offer_sentinels(self) -> None:
        if self._offer is None:
            return
        offered = self._taken_off()
        fill(self.sentinel, [NOTHING_TAKEN_OFF if name == NO_SENTINEL else plain(name) for name in offered])
        usually = self._offer.sentinels.get(at(self.channel, self._offer.channels), NO_SENTINEL)
        place(self.sentinel, offered, usually)

    def measure(self) -> None:
        """Ask for a measurement with what stands in the boxes."""
        if self.isEnabled() and self.measure_button.isEnabled():
            self._actions.measure(self.chosen())

    def be_busy(self, what: str) -> None:
        """Take nothing more until ``be_done``."""
        for part in (self.measure_button, self.report):
            part.setEnabled(False)
        self.tell(what, "busy")

    def be_done(self, text: str, tone: Tone) -> None:
        """Say what became of it and take the next."""
        for part in (self.measure_button, self.report):
            part.setEnabled(True)
        self.tell(text, tone)

    def tell(self, text: str, tone: Tone) -> None:
        """Say something below the buttons."""
        self.answer.show_text(text, tone)


def number(name: str) -> QLineEdit:
    """Return a box for one number."""
    made = box(name, "", 12)
    made.setFixedWidth(NUMBER_PX)
    made.setAlignment(Qt.AlignmentFlag.AlignRight)
    set_tooltip(made, name[0].upper() + name[1:])
    return made


def pair(name: str) -> tuple[QLineEdit, QLineEdit]:
    """Return boxes for from and to."""
    return number(f"{name}: from"), number(f"{name}: to")


def spaced(boxes: tuple[QLineEdit, ...], unit: str) -> QHBoxLayout:
    """Return number boxes with what they count."""
    parts: list[QWidget | int] = []
    for one in boxes:
        parts += [PlainLabel("to", tone="dim"), one] if parts else [one]
    return row(*parts, PlainLabel(unit, tone="dim"), 1, spacing=6)


def texts_of(boxes: tuple[QLineEdit, QLineEdit]) -> tuple[str, str]:
    """Return what stands in two boxes."""
    return boxes[0].text().strip(), boxes[1].text().strip()


def fill(made: QComboBox, texts: list[str]) -> None:
    """Offer these."""
    made.clear()
    made.addItems(texts)


def place(made: QComboBox, values: tuple[str, ...] | list[str], value: str) -> None:
    """Choose a value, or the first one."""
    made.setCurrentIndex(list(values).index(value) if value in values else 0)


def at(made: QComboBox, values: tuple[str, ...] | list[str]) -> str:
    """Return the chosen value; empty where nothing can be chosen."""
    row_ = made.currentIndex()
    return values[row_] if 0 <= row_ < len(values) else ""
