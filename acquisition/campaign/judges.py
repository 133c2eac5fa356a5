"""What must hold in every trial, whatever goes wrong in it: one judge per rule, with the requirement it stands for.

Knows the simulated truth and what the engine said. Does not know how a trial was run. A judge returns what is wrong, or
an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from acquisition.campaign.trial import Trial
from acquisition.campaign.witness import ENGINE_DIED, Account
from acquisition.events import EventKind
from drivers.clock import NS_PER_S

QUANTISATION = 0.005
"""What a pump's few digits may make of a volume (R09)."""
_ROUNDING_UL = 1e-6
_RUN_BYTES = {"new-era": "RUN", "harvard-ultra": "irun", "chemyx": "start", "harvard-22": "RUN", "wpi-micro4": "'G"}
"""How RUN looks on each line, from the references: written here once more, so that no driver can hide one."""
_NOTICED_AFTER_S = 4.5
"""A line that is dead for so long while a pump infuses must be an alarm (R35: 3 s), and so must a stall (R23)."""
_HEARD_LATE_S = 0.3
"""RUN may have been heard before the engine says that it went out, by no more than this."""
_FLOW_S = 1.0
"""Start and reply latency: no look at a pump is newer than this (R26)."""
_OWN_RATE = ("drug:speed", "drug:brown-out", "drug:keypad")
_RECORDER_STALE_S = 3.0
_UNORDERED = re.compile(r"drug:(?:keypad@.*=start|brown-out@.*=(?:target|rate))")
_SEEN_AND_STOPPED_S = 2.5
"""A question every 0.5 s, one that is lost, the STOP; and the second of flow that R26 allows before it is an alarm."""
_STOP_S = 1.5
"""Until the engine has looked, and the STOP is confirmed."""
_DEAF = {"pump-lost", "pump-unknown", "line-quality", "start-unclear", "not-confirmed-stopped"}
_RESET = {"pump-reset", "stopped-early", *_DEAF}
_STALLED = {"pump-stall", "pump-alarm", "not-infusing", "delivery-deviates", "delivery-wrong", "stopped-early"}
_NO_STOP_ARRIVES = ("drug:cut", "drug:unplug", "drug:swap", "drug:babble", "drug:baud")
_NOISY = {"foreign-traffic", *_DEAF}
_EXPECTED = {
    "cut": _DEAF, "unplug": _DEAF, "power-cycle": _RESET, "stall": _STALLED,
    "empty": _STALLED, "brown-out": _RESET, "echo": _NOISY, "babble": _NOISY, "baud": _NOISY, "swap": _DEAF,
}  # fmt: skip
_FAULT = re.compile(
    r"drug:(?P<kind>cut|unplug|power-cycle|stall|empty|brown-out|echo|babble|baud|swap)@(?P<at>[\d.]+)s"
    r"(?:\+(?P<for>[\d.]+)s)?(?:=stat)?"
)
_DEFAULT_S = {"cut": 10.0, "power-cycle": 1.0, "babble": 10.0, "brown-out": 1.0, "swap": 5.0}
"""Without a duration; others are for good."""
_SEEN_AT_ONCE = ("power-cycle", "brown-out")


@dataclass(frozen=True)
class Violation:
    """A rule that was broken."""

    rule: str
    text: str


def judge(trial: Trial, account: Account) -> list[Violation]:
    """Return everything that is wrong with a trial, in the order of the rules."""
    return [Violation(rule, text) for rule, look in RULES.items() if (text := look(trial, account))]


def _tolerance_ul(trial: Trial, account: Account) -> float:
    return account.counter_step_ul * len(trial.infusions) + QUANTISATION * trial.planned_ul + _ROUNDING_UL


def _by_hand_ul(trial: Trial) -> float:
    """Return what a hand at the pump's front, or a pump that changes its own target, may add to the plan.

    Nobody ordered it, and no program can keep it from beginning: it must be seen and stopped within this time.
    """
    if not any(_UNORDERED.fullmatch(fault) for fault in trial.faults):
        return 0.0
    return max(infusion.rate_ul_per_min for infusion in trial.infusions) / 60.0 * _SEEN_AND_STOPPED_S


def _no_defect(trial: Trial, account: Account) -> str:
    if account.crash:
        return account.crash
    if any(act.deed == "program-error" for act in trial.acts):
        return ""  # it is one, made on purpose
    if "program-defect" in account.alarms():
        traces = [e.text for e in account.witness.events if e.kind is EventKind.SYSTEM and "Traceback" in e.text]
        return traces[0] if traces else "a defect was reported"
    return ""


def _it_ends(trial: Trial, account: Account) -> str:
    if not account.outcome:
        return f"the session has not ended after {account.duration_s:.0f} s" + ", nor by STOP" * account.fetched
    if account.fetched and not (trial.maintenance and "not-infusing" in account.alarms()):
        return "somebody had to come and end it"  # who maintains anaesthesia waits for one: nobody else may end it
    return ""


def _no_overdose(trial: Trial, account: Account) -> str:
    allowed_ul = trial.planned_ul + _by_hand_ul(trial) + _tolerance_ul(trial, account)
    if account.true_ul <= allowed_ul:
        return ""
    return f"{account.true_ul:.6g} uL left the syringe, {trial.planned_ul:.6g} uL were planned"


def _stopped_stays_stopped(trial: Trial, account: Account) -> str:
    true_at, events = account.witness.true_at, account.witness.events
    for at in account.pump_events("stop confirmed"):
        later = next((n for n in range(at + 1, len(events)) if events[n].kind is EventKind.INTENT), None)
        until_ul = account.true_ul if later is None else true_at[later]
        if until_ul > true_at[at] + _by_hand_ul(trial) + _ROUNDING_UL:
            return f"{until_ul - true_at[at]:.6g} uL came after the STOP confirmed at {_seconds(account, at):.3f} s"
    return ""


def _no_run_without_intent(trial: Trial, account: Account) -> str:
    events = account.witness.events
    intents = sum(event.kind is EventKind.INTENT for event in events)
    on_disk = sum(events[at].kind is EventKind.INTENT for at in account.witness.committed)
    allowed = intents if trial.maintenance else on_disk  # maintained anaesthesia does not end because a disk is full
    runs = 0
    for event in events:
        if event.kind is EventKind.WIRE:
            runs += sum(_is_run(trial, line) for line in event.text.splitlines())
    return "" if runs <= allowed else f"RUN was sent {runs} times for {allowed} intents"


def _is_run(trial: Trial, line: str) -> bool:
    _offset, _, rest = line.partition(" ")
    return rest.startswith("out ") and _RUN_BYTES[trial.family] in rest


def _runs_as_ordered(trial: Trial, account: Account) -> str:
    """Nothing comes faster than ordered: no target too soon, and at no look more than rate and time allow."""
    if any(fault.startswith(_OWN_RATE) for fault in trial.faults) or _slept(trial):
        return ""  # the motor itself does not do what it was told and says
    rate_ul_per_s = least_s = before_ul = 0.0
    begun_s: float | None = None
    for at, event in enumerate(account.witness.events):
        what = event.data.get("what") if event.kind is EventKind.PUMP else None
        if event.kind is EventKind.INTENT:
            target_ul, rate = (float(str(event.data[key])) for key in ("target_ul", "rate_ul_per_min"))
            rate_ul_per_s, begun_s = rate / 60.0, None
            seen_ul = target_ul - account.counter_step_ul  # the last digit of a counter may be rounded up
            least_s = seen_ul / rate_ul_per_s * (1.0 - 2 * QUANTISATION) - _HEARD_LATE_S
        elif what == "run":
            begun_s, before_ul = _seconds(account, at), account.witness.true_at[at]
        elif what is not None and begun_s is not None:
            lasted_s, came_ul = _seconds(account, at) - begun_s, account.witness.true_at[at] - before_ul
            if what == "target reached" and lasted_s < least_s:
                return f"the target was reached after {lasted_s:.2f} s, expected {least_s:.2f} s"
            if came_ul > rate_ul_per_s * (lasted_s + _FLOW_S) * (1.0 + QUANTISATION) + account.counter_step_ul:
                return f"{came_ul:.6g} uL came within {lasted_s:.2f} s of RUN, at {rate_ul_per_s * 60:.6g} uL/min"
    return ""


def _every_run_is_booked(trial: Trial, account: Account) -> str:
    runs, booked = len(account.pump_events("run")), len(account.book.worst_ul)
    book_failed = trial.maintenance and any(act.deed == "book-full" for act in trial.acts)
    return "" if runs <= booked or book_failed else f"RUN went out {runs} times, {booked} of them in the dose book"


def _ledger_never_under(trial: Trial, account: Account) -> str:
    if account.outcome == ENGINE_DIED:
        return ""  # it died with the engine: the account that is left is the dose book's
    at_worst_ul = account.confirmed_ul + account.uncertain_ul
    if at_worst_ul + _tolerance_ul(trial, account) >= account.true_ul:
        return ""
    return f"the ledger says at most {at_worst_ul:.6g} uL, {account.true_ul:.6g} uL left the syringe"


def _book_never_under(trial: Trial, account: Account) -> str:
    if trial.maintenance and any(act.deed == "book-full" for act in trial.acts):
        return ""
    if account.book.total_ul + _tolerance_ul(trial, account) >= account.true_ul:
        return ""
    return f"the dose book says at most {account.book.total_ul:.6g} uL, {account.true_ul:.6g} uL left the syringe"


def _confirmed_is_true(trial: Trial, account: Account) -> str:
    if account.confirmed_ul <= account.true_ul + _tolerance_ul(trial, account):
        return ""
    return f"{account.confirmed_ul:.6g} uL count as confirmed, {account.true_ul:.6g} uL left the syringe"


def _faults_have_alarms(trial: Trial, account: Account) -> str:
    """Where one strong fault hits alone. Two at once hide each other: a pump without power does not stall."""
    if account.outcome == ENGINE_DIED or any(act.deed == "machine-sleeps" for act in trial.acts):
        return ""  # nobody is left to raise one, or times are others
    alarms = account.alarms()
    strong = [found for fault in trial.faults if (found := _FAULT.fullmatch(fault)) is not None]
    for found in strong if len(strong) == 1 else ():
        kind, at_s = found["kind"], float(found["at"])
        end_s = at_s + (float(found["for"]) if found["for"] else _DEFAULT_S.get(kind, float("inf")))
        needed_s = 0.1 if kind in _SEEN_AT_ONCE else _NOTICED_AFTER_S
        if _overlap_s(account, at_s, end_s) >= needed_s and not alarms & _EXPECTED[kind]:
            return f"{found[0]} while it infused, and no alarm but {sorted(alarms) or 'none'}"
    return ""


def _overlap_s(account: Account, from_s: float, to_s: float) -> float:
    """Return the longest stretch of an infusion that lies inside a time."""
    return max((min(to_s, end) - max(from_s, begin) for begin, end in _infusing(account)), default=0.0)


def _infusing(account: Account) -> Iterable[tuple[float, float]]:
    begun: float | None = None
    for event in account.witness.events:
        what = event.data.get("what") if event.kind is EventKind.PUMP else None
        if what == "started":
            begun = event.t_ns / NS_PER_S
        elif what in ("target reached", "ended early", "stop", "stop confirmed", "reset") and begun is not None:
            yield begun, event.t_ns / NS_PER_S
            begun = None
    if begun is not None:
        yield begun, account.duration_s


def _unrecorded_is_stopped(trial: Trial, account: Account) -> str:
    """A pump of an experiment stops within its watchdog, or the engine's own 3 s, when the recording stands still.

    No STOP reaches a pump whose line is dead; without a watchdog it ends at its target.
    """
    deaf = not trial.watchdog_s and any(fault.startswith(_NO_STOP_ARRIVES) for fault in trial.faults)
    if trial.maintenance or deaf or _disobeys(trial) or any(act.deed == "machine-sleeps" for act in trial.acts):
        return ""
    for act in trial.acts:
        if act.deed not in ("recorder-hangs", "disk-full", "write-error", "file-locked"):
            continue
        allowed_s = max(trial.watchdog_s, _RECORDER_STALE_S) + _STOP_S
        over_s = _overlap_s(account, act.t_s + allowed_s, act.t_s + act.for_s)
        if over_s > 0 and account.true_ul > _true_by(account, act.t_s + allowed_s) + _ROUNDING_UL:
            return f"{act.deed} at {act.t_s} s, and it infused for another {allowed_s + over_s:.1f} s"
    return ""


def _true_by(account: Account, t_s: float) -> float:
    """Return what had left the syringe at the last event of a pump before a time: a dead line ends no infusion."""
    return max((ul for at, ul in account.witness.true_at.items() if _seconds(account, at) <= t_s), default=0.0)


def _gaps_are_told(_trial: Trial, account: Account) -> str:
    told: dict[int, int] = {}
    for event in account.witness.events:
        if event.kind is not EventKind.GAP:
            continue
        epoch, first, count = (int(str(event.data[key])) for key in ("epoch", "first_index", "count"))
        if first <= account.witness.last_index.get(epoch, -1):  # else: between two measurements, counted by nobody
            told[epoch] = told.get(epoch, 0) + count
    missing = {epoch: count for epoch, count in account.witness.holes.items() if count}
    return "" if told == missing else f"missing samples per epoch {missing}, told {told}"


def _slept(trial: Trial) -> bool:
    """Tell whether the machine slept: then times are others."""
    return any(act.deed == "machine-sleeps" for act in trial.acts)


def _disobeys(trial: Trial) -> bool:
    """Tell whether the pump itself goes on after a STOP that it has answered (D5)."""
    return any(fault.startswith("drug:runaway") for fault in trial.faults)


def _seconds(account: Account, at: int) -> float:
    return account.witness.events[at].t_ns / NS_PER_S


RULES: dict[str, Callable[[Trial, Account], str]] = {
    "R44 no defect": _no_defect,
    "R40 it ends": _it_ends,
    "R25 never more than planned": _no_overdose,
    "R34 stopped stays stopped": _stopped_stays_stopped,
    "R36 R54 no RUN without an intent on the disk": _no_run_without_intent,
    "R20 what runs is what was ordered": _runs_as_ordered,
    "R54 every RUN is in the dose book": _every_run_is_booked,
    "R35 R38 the ledger never under-counts": _ledger_never_under,
    "R54 the dose book never under-counts": _book_never_under,
    "R28 what is confirmed is true": _confirmed_is_true,
    "R45 every fault has its alarm": _faults_have_alarms,
    "R21 R42 what is not recorded is stopped": _unrecorded_is_stopped,
    "S2 no sample is missing without a gap": _gaps_are_told,
}
