"""The slips that people make, each caught before a pump moves: by the files, by a person's look, or by the pre-flight.

The rig file names real ports; behind them is the simulated bench, so that what moved can be looked up. Everything
between files and bytes is what a real run uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acquisition.books import approvals
from acquisition.books.places import BOOKS_DIR_VARIABLE
from acquisition.engine.session import Session
from acquisition.experiment.limits_file import load_limits
from acquisition.experiment.number_words import in_words
from acquisition.experiment.problems import RefusedInput
from acquisition.host.lockstep import LockstepClock, LockstepHost
from acquisition.host.preflight_stand_in import commands
from acquisition.host.rehearsal import describe_world
from acquisition.messages import Accept, Answer, Attend, MoveIntoWaste, PreflightItem, ReadScale, Start
from acquisition.recording.recorder import InlineRecorder
from acquisition.service.assembly import Bench, assemble, prepare
from acquisition.service.launch import EngineOptions
from drivers import registry
from drivers.clock import NS_PER_S, SystemClock
from drivers.transport import LineSettings, Transport
from tests.engine.kit import MemoryPublisher

RIG = """\
[rig]
name = "bench"

[pumps.ket]
driver = "new-era"
url = "/dev/serial/by-id/ket"
syringe = "hamilton-1001"
line_dead_volume = "8 uL"

[pumps.saline]
driver = "new-era"
url = "/dev/serial/by-id/saline"
syringe = "hamilton-1001"
line_dead_volume = "8 uL"
address = 1
"""
PROTOCOL = """\
[protocol]
name = "ketamine, slow"

[subject]
id = "M1"
species = "mouse"
sex = "F"
age = "P12W"
weight = "25 g"
weighed = "{today}"

[pumps.ket]
drug = "ketamine"
form = "hydrochloride"
concentration = "5 mg/mL"
route = "iv_infusion"
loaded = "600 uL"
primed = true

[pumps.saline]
route = "iv_infusion"
loaded = "600 uL"
primed = true

[[steps]]
infuse = {{ pump = "ket", volume = "0.2 uL", rate = "0.1 uL/min" }}
"""
SYRINGES = ("ket=hamilton-1001", "saline=hamilton-1001")
SIMULATED = {"/dev/serial/by-id/ket": "sim://new-era/ket", "/dev/serial/by-id/saline": "sim://new-era/saline"}


def today() -> date:
    return datetime.fromtimestamp(SystemClock().wall_ns() / NS_PER_S, UTC).astimezone().date()


@dataclass
class Disguised:
    """The simulated bench behind the names of real ports; ``crossed``: the two cables are swapped."""

    bench: Any
    crossed: bool = False
    opened: list[str] = field(default_factory=list)
    simulated: bool = False

    def open(self, url: str, settings: LineSettings) -> Transport:
        self.opened.append(url)
        if self.crossed:
            url = next(other for other in SIMULATED if other != url)
        found: Transport = self.bench.open(SIMULATED[url], settings)
        return found


@dataclass
class Table:
    """What stands on a person's table: two files, what they type, and the pumps."""

    folder: Path
    rig: str = RIG
    protocol: str = PROTOCOL.format(today=today())
    syringes: tuple[str, ...] = SYRINGES
    true_diameter_mm: float = 4.61
    crossed: bool = False
    answers: list[Answer] = field(default_factory=list)
    session: Session | None = None
    world: Any = None

    def options(self) -> EngineOptions:
        (self.folder / "rig.toml").write_text(self.rig, encoding="utf-8")
        (self.folder / "protocol.toml").write_text(self.protocol, encoding="utf-8")
        out = self.folder / "sessions"
        return EngineOptions(self.folder / "protocol.toml", self.folder / "rig.toml", out, syringes=self.syringes)

    def refusal(self) -> str:
        """Return why the files are refused; no port is opened then, and no folder made."""
        with pytest.raises(RefusedInput) as refused:
            prepare(self.options())
        assert not (self.folder / "sessions").exists()
        return str(refused.value)

    def begin(self) -> Table:
        """Start the engine as ``amperfuse run`` does, on virtual time, and wait until it is ready or stuck."""
        options = self.options()
        found = prepare(options)
        self.clock = LockstepClock(SystemClock().wall_ns())
        world = describe_world(found.plan)
        for name, pump in world["pumps"].items():
            pump["url"] = SIMULATED[f"/dev/serial/by-id/{name}"]
            pump["true_diameter_mm"] = self.true_diameter_mm
            pump.pop("model", None)
        self.world = registry.bench()(self.clock, world, 1, ())
        bench: Bench = replace(found, clock=self.clock, opener=Disguised(self.world, self.crossed))
        self.session = assemble(bench, options, InlineRecorder.create, MemoryPublisher())
        conductor = self.session.conductor
        self.host = LockstepHost(self.clock, (conductor, *self.session.lanes), lambda: conductor.over)
        self.run(3)
        return self

    def run(self, for_s: float) -> None:
        assert self.session is not None
        for _ in range(round(for_s * 2)):
            self.session.conductor.submit(Attend(operator="anna"), self.answers.append)
            self.host.run(self.clock.now_ns() + NS_PER_S // 2)

    def tell(self, command: Any, for_s: float = 0.5) -> Answer:
        assert self.session is not None
        self.session.conductor.submit(command, self.answers.append)
        self.run(for_s)
        return self.answers[-1]

    def do_everything_but(self, *kinds: str) -> None:
        """Check the pumps, and tick and accept every line but those of some kinds."""
        assert self.session is not None
        for command in commands(self.lines(), lambda: 0):
            if not (isinstance(command, Accept) and command.item_id.partition(":")[0] in kinds):
                self.session.conductor.submit(command, lambda _answer: None)
        self.run(9)

    def lines(self) -> tuple[PreflightItem, ...]:
        assert self.session is not None
        return self.session.conductor.preflight.items(self.clock.now_ns())

    def line(self, item_id: str) -> PreflightItem:
        return next(item for item in self.lines() if item.item_id == item_id)

    def moved_ul(self) -> float:
        return float(sum(pump["true_delivered_ul"] for pump in self.world.truth()["pumps"].values()))

    def end(self) -> None:
        if self.session is not None:
            self.session.close()
            book = self.session.conductor.desk.books.book
            if book is not None:
                book.close()  # type: ignore[attr-defined]

    def edit(self, old: str, new: str) -> Table:
        assert old in self.protocol
        self.protocol = self.protocol.replace(old, new)
        return self


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    monkeypatch.setenv(BOOKS_DIR_VARIABLE, str(tmp_path / "books"))
    limits = load_limits(None)
    approvals.approve(limits.name, limits.sha256, "Dr. Vet", SystemClock().wall_ns())
    table = Table(tmp_path)
    yield table
    table.end()


def again(table: Table) -> Table:
    """Run the protocol as it is to its end, and return the table on another day."""
    table.begin()
    table.do_everything_but()
    assert table.tell(Start(request=1), 150).ok
    assert table.moved_ul() == pytest.approx(0.2, abs=0.01)
    table.end()
    return (
        Table(table.folder / "..", protocol=table.protocol) if False else Table(table.folder, protocol=table.protocol)
    )


def refused_start(table: Table) -> str:
    answer = table.tell(Start(request=9))
    assert not answer.ok
    assert table.moved_ul() == 0.0
    return answer.text


def test_without_a_slip_the_plan_starts_and_gives_what_it_says(table: Table) -> None:
    table.begin()
    table.do_everything_but()
    assert table.tell(Start(request=1), 150).ok
    assert table.moved_ul() == pytest.approx(0.2, abs=0.01)


# ---- slips that files and options show ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slip:
    name: str
    make: Callable[[Table], object]
    words: tuple[str, ...]


SLIPS = [
    Slip(
        "another syringe than the rig's",
        lambda t: setattr(t, "syringes", ("ket=hamilton-1002", SYRINGES[1])),
        ("ket", 'you see "hamilton-1002"', "The dose would be wrong", "put the right syringe in"),
    ),
    Slip(
        "nobody looked at the syringe",
        lambda t: setattr(t, "syringes", ()),
        ("ket", "nobody has said which syringe", "Look at the barrel"),
    ),
    Slip(
        "ten times the rate, above the limit",
        lambda t: t.edit('"0.2 uL", rate = "0.1 uL/min"', '"200 uL", rate = "10 uL/min"'),
        ("hard limit", "cannot be overridden"),
    ),
    Slip(
        "mg for ug",
        lambda t: t.edit('volume = "0.2 uL"', 'dose = "400 mg/kg"'),
        ("400 mg/kg is above the hard limit", "50 mg/kg", "cannot be overridden"),
    ),
    Slip(
        "mL for uL",
        lambda t: t.edit('volume = "0.2 uL"', 'volume = "2 mL"'),
        ("need 2000 uL", "only 600 uL are loaded"),
    ),
    Slip("kg for g", lambda t: t.edit('"25 g"', '"25 kg"'), ("25000 g is no weight of a mouse", "check g and kg")),
    Slip(
        "a weight of last week",
        lambda t: t.edit(str(today()), str(today() - timedelta(days=7))),
        ("weighed 7 days ago", "weigh it again"),
    ),
    Slip(
        "an empty line",
        lambda t: t.edit(
            'loaded = "600 uL"\nprimed = true\n\n[pumps.saline]', 'loaded = "600 uL"\nprimed = false\n\n[pumps.saline]'
        ),
        ("line of pump ket is not primed", "(never air)", "Prime it and write primed = true"),
    ),
    Slip(
        "a comma for a point",
        lambda t: t.edit('"0.1 uL/min"', '"0,1 uL/min"'),
        ('read "0,1 uL/min"', "write a point"),
    ),
]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_R13_R07_R06_R17_R01_a_slip_in_files_or_options_is_refused_before_any_port_is_opened(
    table: Table, slip: Slip
) -> None:
    slip.make(table)
    said = table.refusal()
    assert [words for words in slip.words if words not in said] == []
    assert "Traceback" not in said


# ---- slips that look like an experiment -----------------------------------------------------------------------------


def test_R03_ten_times_the_last_rate_within_every_limit_asks_in_words(table: Table) -> None:
    later = again(table).edit('rate = "0.1 uL/min"', 'rate = "1 uL/min"').begin()
    later.do_everything_but("jump")
    said = refused_start(later)
    assert "The rate of ketamine in ket is one point zero microlitres per minute (1 uL/min)" in said
    assert "M1 got last zero point one microlitres per minute (0.1 uL/min). That is 10 times as much." in said
    assert '"ketamine, slow" said when it was started last zero point one' in said
    assert "If it is a slip, end this session" in said
    jumps = [item.item_id for item in later.lines() if item.item_id.startswith("jump")]
    assert jumps == ["jump:ket:rate:animal", "jump:ket:rate:protocol"]
    for jump in jumps:
        later.tell(Accept(request=2, item_id=jump, by="Anna"))
    assert later.tell(Start(request=3)).text.startswith("The plan has started")
    later.end()


def test_R03_a_tenth_of_the_concentration_and_another_animal_of_the_same_protocol(table: Table) -> None:
    later = again(table).edit('"5 mg/mL"', '"0.5 mg/mL"').edit('id = "M1"', 'id = "M-1"').begin()
    later.do_everything_but("jump", "animal")
    said = refused_start(later)
    assert "The concentration of ketamine in ket is zero point five milligrams per millilitre" in said
    assert "That is 10 times less." in said
    assert 'Nothing is known here to have been given to "M-1" before. There is a book of "M1".' in said
    later.end()


def test_R03_the_same_again_asks_nothing(table: Table) -> None:
    later = again(table).begin()
    assert not [item for item in later.lines() if item.item_id.startswith(("jump", "animal"))]
    later.end()


def test_R03_a_slip_that_was_noticed_does_not_become_the_custom(table: Table) -> None:
    slipped = again(table).edit('rate = "0.1 uL/min"', 'rate = "1 uL/min"').begin()
    slipped.end()
    later = Table(table.folder, protocol=slipped.protocol).begin()
    assert "jump:ket:rate:protocol" in {item.item_id for item in later.lines()}
    later.end()


def test_R15_a_wrong_syringe_that_was_named_by_rote_is_seen_on_its_own_scale(table: Table) -> None:
    table.true_diameter_mm = 14.57  # ten times the volume per millimetre: a 10 mL syringe of the same family
    table.begin()
    table.do_everything_but("scale")
    table.tell(MoveIntoWaste(request=1, pump="ket", by="Anna", line_is_off=True), 30)
    moved_ul = table.moved_ul()
    table.tell(ReadScale(request=2, pump="ket", by="Anna", seen_ul=round(moved_ul)))
    answer = table.tell(Start(request=3))
    assert not answer.ok
    assert table.moved_ul() == moved_ul, "nothing but the scale check moved, and that into waste"
    assert "ket counted 33.4 uL into waste, Anna saw 334 uL on the scale: 10 times as much" in answer.text
    assert "This is not the syringe of the rig file, or it slips" in answer.text


def test_R19_swapped_cables_of_pumps_with_addresses_are_found_by_their_addresses(table: Table) -> None:
    table.crossed = True
    table.begin()
    table.run(5)
    said = refused_start(table)
    for pump in ("ket", "saline"):
        assert f"Pump {pump} is not online." in said
        assert f"Check power and cable of pump {pump}" in said


def test_R19_swapped_cables_that_nothing_can_tell_must_be_looked_at(table: Table) -> None:
    table.rig = table.rig.replace("address = 1\n", "")
    table.crossed = True
    table.begin()
    table.do_everything_but("which-pump")
    said = refused_start(table)
    assert "The cable of ket goes to the pump with ketamine, not to that of saline." in said
    assert "see which plunger moves" in said
    assert "Give each pump an address of its own" in said
    moved = table.tell(MoveIntoWaste(request=2, pump="ket", by="Anna", line_is_off=True), 30)
    assert moved is not None
    truth = table.world.truth()["pumps"]
    assert (truth["ket"]["true_delivered_ul"], round(truth["saline"]["true_delivered_ul"], 1)) == (0.0, 33.4)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5.0, "five point zero"), (0.05, "zero point zero five"), (0.1, "zero point one"), (12.5, "twelve point five"),
        (150.0, "one hundred fifty point zero"), (1234.5, "one thousand two hundred thirty-four point zero"),
        (0.0, "zero point zero"), (99.0, "ninety-nine point zero"), (0.00012, "zero point zero zero zero one two"),
    ],
)  # fmt: skip
def test_R03_numbers_are_told_in_words(value: float, words: str) -> None:
    assert in_words(value) == words
