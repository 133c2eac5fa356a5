"""The plan: what a protocol and a rig come to, fixed to the last number before anything moves.

Immutable, hashed, and free of text quantities: every number has its unit in its name. Knows nothing of files,
instruments' bytes or time of day. Made by ``acquisition.experiment.compile``; checked by the gatekeeper; run by the
schedule.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from drivers.capabilities import OptionValue

Role = Literal["experimental", "anaesthetic_maintenance"]
Route = Literal["iv_bolus", "iv_infusion", "ip", "sc", "im", "icv", "intracerebral", "bench"]
ROUTES: tuple[Route, ...] = get_args(Route)
ChannelRole = Literal["glutamate", "sentinel", "other"]
_ROUNDS = re.compile(r"(?: \([0-9]+ of [0-9]+\))+", re.ASCII)


def without_rounds(label: str) -> str:
    """Return a step's text as the protocol has it: without the " (2 of 3)" that each round of a repeat adds."""
    rounds = list(_ROUNDS.finditer(label))
    return label[: rounds[-1].start()] if rounds and rounds[-1].end() == len(label) else label


@dataclass(frozen=True)
class Subject:
    """The animal."""

    subject_id: str
    species: str
    sex: Literal["M", "F", "U"]
    age: str
    """ISO 8601 duration, for example "P12W"."""
    weight_g: float
    weighed_on: str
    """ISO date."""
    description: str = ""


@dataclass(frozen=True)
class PastDose:
    """What the animal was given before this session, at worst (``acquisition.books.animal``)."""

    started_ago_s: float
    """Before the plan was made."""
    ended_ago_s: float
    volume_ul: float
    drug: str
    drug_form: str
    concentration_mg_per_ml: float | None
    route: Route
    rate_ul_per_min: float = 0.0
    """As ordered; 0 where no one ordered it."""
    code: str = ""
    sealed: str = ""
    """As in ``PumpSetup``."""

    @property
    def known(self) -> Known:
        """Return it as it can be told later."""
        rest = (self.volume_ul, self.rate_ul_per_min)
        return Known(*_told(self), *rest)


@dataclass(frozen=True)
class Known:
    """One infusion as it can be told later: what a new one is compared with (R03)."""

    drug: str
    form: str
    concentration_mg_per_ml: float | None
    volume_ul: float
    rate_ul_per_min: float
    """0: not known."""


BLINDED = "a blinded syringe"
"""The drug of every blinded infusion, where it is compared with another: what differs between two says nothing of their
content."""


@dataclass(frozen=True)
class PumpSetup:
    """One pump with its syringe, what is in it, and where its line ends."""

    name: str
    driver: str
    url: str
    address: int
    expected_model: str
    """Prefix the model text must have; empty accepts any model of the family."""
    expected_serial_number: str
    syringe: str
    diameter_mm: float
    syringe_volume_ul: float
    watchdog_s: int
    """0: none wanted."""
    line_dead_volume_ul: float
    drug: str
    """Empty for vehicle or stimulus solutions without a dose; of a blinded syringe its label ("blinded K7Q")."""
    concentration_mg_per_ml: float | None
    route: Route
    role: Role
    loaded_ul: float
    primed: bool
    drug_form: str = ""
    """Salt or base: the form that concentration and doses of this pump are given in."""
    container: str = ""
    """The container that the syringe was filled from; its substance log is kept. Empty: none is."""
    baud: int | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    code: str = ""
    """What stands on a blinded syringe; empty where everybody may know what is in it."""
    sealed: str = ""
    """What is truly in a blinded one, unreadable: ``acquisition.books.contents`` opens it for the limits alone."""

    def known(self, step: InfuseStep) -> Known:
        """Return one of its infusions as it can be told later."""
        return Known(*_told(self), step.volume_ul, step.rate_ul_per_min)


def _told(solution: PumpSetup | PastDose) -> tuple[str, str, float | None]:
    """Return drug, form and strength as they are compared with those of another time."""
    if solution.code:
        return BLINDED, "", None
    return solution.drug, solution.drug_form, solution.concentration_mg_per_ml


@dataclass(frozen=True)
class ChannelSetup:
    """One working electrode."""

    name: str
    electrode: str
    role: ChannelRole
    range_a: float
    sensitivity_a_per_um: float | None
    """Slope of the calibration; None leaves the channel in amperes."""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    calibrated_on: str = ""
    """ISO date; empty where nobody has said."""
    calibration_max_age_d: float = 7.0
    """[P]: an older calibration must be accepted by name."""
    probe: str = ""
    """The probe whose history gives the slope; empty where the rig gives it, or nobody does."""
    site: str = ""
    """Name of the site in that history."""
    stays_in_amperes: str = ""
    """Why the probe's history gives none."""
    sentinel: str = ""
    """Channel of the same instrument that is taken off this glutamate site; empty where there is none, or several."""
    slope_low_a_per_um: float | None = None
    """Lower end of the sensitivity's 95 % interval; None where the rig gives a bare number."""
    slope_high_a_per_um: float | None = None
    sentinel_gain: float | None = None
    """What ``sentinel`` is multiplied with before it is subtracted; None: not calibrated."""
    calibration: str = ""
    """The probe's calibration as it is filed (``acquisition.books.probes.FiledCalibration``, JSON), so that a recording
    can say what its micromolars rest on; empty without one."""

    def calibration_fault(self, today: date) -> str:
        """Return why this electrode's concentrations are not to be trusted unseen; empty where nothing speaks against.

        The one place that judges a calibration.
        """
        if self.sensitivity_a_per_um is None:
            why = f" ({self.stays_in_amperes})" if self.stays_in_amperes else ""
            return f"none, it is recorded in amperes only{why}"
        if not self.calibrated_on:
            return "nobody has said of which day its sensitivity is"
        age_d = (today - date.fromisoformat(self.calibrated_on)).days
        if age_d < 0:
            return f"dated {self.calibrated_on}, which is still to come"
        if age_d > self.calibration_max_age_d:
            return f"{age_d} days old, more than {self.calibration_max_age_d:g}"
        return ""


@dataclass(frozen=True)
class PotentiostatSetup:
    """One potentiostat with its channels."""

    name: str
    driver: str
    url: str
    """Several ports of one instrument are separated by a blank."""
    expected_model: str
    expected_serial_number: str
    potential_v: float
    interval_s: float
    channels: tuple[ChannelSetup, ...]
    baud: int | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)


@dataclass(frozen=True)
class InfuseStep:
    """Infuse ``volume_ul`` at ``rate_ul_per_min``, both as the pump's format holds them."""

    number: int
    label: str
    pump: str
    volume_ul: float
    rate_ul_per_min: float
    dose_mg_per_kg: float | None
    kind: Literal["infuse"] = "infuse"

    @property
    def duration_s(self) -> float:
        """Return how long it takes."""
        return self.volume_ul / self.rate_ul_per_min * 60.0


@dataclass(frozen=True)
class WaitStep:
    """Let time pass."""

    number: int
    label: str
    duration_s: float
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True)
class StableStep:
    """Wait until a channel's current drifts no faster than told, over a whole stretch; or else a person decides.

    Counts as no time in the plan: what follows may come at once, and limits are checked for that.
    """

    number: int
    label: str
    channel: str
    """INSTRUMENT.CHANNEL."""
    slope_a_per_min: float
    over_s: float
    at_most_s: float
    kind: Literal["stable"] = "stable"


@dataclass(frozen=True)
class OperatorStep:
    """Wait until a person says go on."""

    number: int
    label: str
    kind: Literal["operator"] = "operator"


@dataclass(frozen=True)
class MarkStep:
    """Write a mark into the recording."""

    number: int
    label: str
    kind: Literal["mark"] = "mark"


Step = InfuseStep | WaitStep | StableStep | OperatorStep | MarkStep


WatchAction = Literal["mark", "alarm", "hold"]
"""What follows when a signal crosses: a mark alone, an alarm too, or that no experimental infusion begins either."""


@dataclass(frozen=True)
class SignalWatch:
    """A threshold on one channel. Never starts an infusion."""

    name: str
    channel: str
    """INSTRUMENT.CHANNEL."""
    told: str
    """The threshold as its author wrote it."""
    enter_a: float
    leave_a: float
    """It counts as back below (or above) this: hysteresis."""
    above: bool
    dwell_s: float
    baseline_s: float | None
    """Changes from the running baseline over so long are watched; None: the current itself."""
    then: WatchAction


@dataclass(frozen=True)
class SteadyRule:
    """A channel that must drift no faster than told, over a whole stretch, before the plan starts."""

    channel: str
    """INSTRUMENT.CHANNEL."""
    slope_a_per_min: float
    over_s: float


@dataclass(frozen=True)
class Plan:
    """Everything a run needs, fixed. ``steps`` are flat (repeats unrolled) and run one after the other."""

    name: str
    description: str
    simulated: bool
    subject: Subject
    pumps: tuple[PumpSetup, ...]
    potentiostats: tuple[PotentiostatSetup, ...]
    steps: tuple[Step, ...]
    protocol_sha256: str
    rig_sha256: str
    limits_sha256: str
    warnings: tuple[str, ...] = ()
    """Soft limits that were overridden, with name and reason, and other things the operator must see."""
    history: tuple[PastDose, ...] = ()
    """What earlier sessions gave this animal; counts in every limit with a window."""
    watches: tuple[SignalWatch, ...] = ()
    must_be_steady: tuple[SteadyRule, ...] = ()

    @property
    def sha256(self) -> str:
        """Return the hash of every number in the plan; checked again before each RUN (R11)."""
        text = json.dumps(vars(self), sort_keys=True, allow_nan=False, default=vars)  # ``asdict`` copies everything
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def duration_s(self) -> float:
        """Return the planned length; waiting for a person or a baseline counts as zero."""
        return sum(step.duration_s for step in self.steps if isinstance(step, InfuseStep | WaitStep))

    @property
    def patience_s(self) -> float:
        """Return how long the plan may wait for baselines on top of its length."""
        return sum(step.at_most_s for step in self.steps if isinstance(step, StableStep))

    @property
    def animal_pumps(self) -> tuple[PumpSetup, ...]:
        """Return the pumps whose lines end in an animal."""
        return tuple(pump for pump in self.pumps if pump.route != "bench")

    def known_infusions(self) -> tuple[Known, ...]:
        """Return what is infused into an animal, each different infusion once."""
        setups = {setup.name: setup for setup in self.animal_pumps}
        steps = [step for step in self.steps if isinstance(step, InfuseStep) and step.pump in setups]
        return tuple(dict.fromkeys(setups[step.pump].known(step) for step in steps))

    def pump(self, name: str) -> PumpSetup:
        """Return the pump called ``name``."""
        return next(pump for pump in self.pumps if pump.name == name)
