"""What must hold in every trial, whatever goes wrong in it: one judge per rule, with the requirement it stands for.

Knows the simulated truth and what the engine said. Does not know how a trial was run. A judge returns what is wrong, or
an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from acquisition.campaign.trial import Trial
from acquisition.campaign.witness import Account
from acquisition.events import EventKind
from drivers.clock import NS_PER_S

QUANTISATION = 0.005
"""What a pump's few digits may make of a volume (R09)."""
_ROUNDING_UL = 1e-6
_RUN_BYTES = {"new-era": "RUN", "harvard-ultra": "irun", "chemyx": "start"}
"""How RUN looks on each line, from the references: written here once more, so that no driver can hide one."""
_NOTICED_AFTER_S = 4.5
"""A line that is dead for so long while a pump infuses must be an alarm (R35: 3 s), and so must a stall (R23)."""
_HEARD_LATE_S = 0.3
"""RUN may have been heard before the engine says that it went out, by no more than this."""
_RECORDER_STALE_S = 3.0
_STOP_S = 1.5
"""Until the engine has looked, and the STOP is confirmed."""
_DEAF = {"pump-lost", "pump-unknown", "line-quality", "start-unclear", "not-confirmed-stopped"}
_RESET = {"pump-reset", "stopped-early", *_DEAF}
_STALLED = {"pump-stall", "pump-alarm", "not-infusing", "delivery-deviates", "delivery-wrong", "stopped-early"}
_EXPECTED = {"cut": _DEAF, "unplug": _DEAF, "power-cycle": _RESET, "stall": _STALLED}
_FAULT = re.compile(r"drug:(?P<kind>cut|unplug|power-cycle|stall)@(?P<at>[\d.]+)s(?:\+(?P<for>[\d.]+)s)?")
_DEFAULT_S = {"cut": 10.0, "power-cycle": 1.0, "unplug": float("inf"), "stall": float("inf")}


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


def _no_defect(_trial: Trial, account: Account) -> str:
    if account.crash:
        return account.crash
    if "program-defect" in account.alarms():
        traces = [e.text for e in account.witness.events if e.kind is EventKind.SYSTEM and "Traceback" in e.text]
        return traces[0] if traces else "a defect was reported"
    return ""


def _it_ends(_trial: Trial, account: Account) -> str:
    return "" if account.outcome else f"the session has not ended after {account.duration_s:.0f} s"


def _no_overdose(trial: Trial, account: Account) -> str:
    allowed_ul = trial.planned_ul + _tolerance_ul(trial, account)
    if account.true_ul <= allowed_ul:
        return ""
    return f"{account.true_ul:.6g} uL left the syringe, {trial.planned_ul:.6g} uL were planned"


def _stopped_stays_stopped(_trial: Trial, account: Account) -> str:
    true_at, events = account.witness.true_at, account.witness.events
    for at in account.pump_events("stop confirmed"):
        later = next((n for n in range(at + 1, len(events)) if events[n].kind is EventKind.INTENT), None)
        until_ul = account.true_ul if later is None else true_at[later]
        if until_ul > true_at[at] + _ROUNDING_UL:
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


def _runs_as_ordered(_trial: Trial, account: Account) -> str:
    """A target that is reached sooner than the ordered rate allows was given at another rate, or was another target."""
    least_s = begun_s = 0.0
    for event in account.witness.events:
        what = event.data.get("what") if event.kind is EventKind.PUMP else None
        if event.kind is EventKind.INTENT:
            target_ul, rate = (float(str(event.data[key])) for key in ("target_ul", "rate_ul_per_min"))
            least_s = target_ul / rate * 60.0 * (1.0 - 2 * QUANTISATION) - _HEARD_LATE_S
        elif what == "run":
            begun_s = event.t_ns / NS_PER_S
        elif what == "target reached" and event.t_ns / NS_PER_S - begun_s < least_s:
            return f"the target was reached after {event.t_ns / NS_PER_S - begun_s:.2f} s, expected {least_s:.2f} s"
    return ""


def _every_run_is_booked(trial: Trial, account: Account) -> str:
    runs, booked = len(account.pump_events("run")), len(account.book.worst_ul)
    book_failed = trial.maintenance and any(act.deed == "book-full" for act in trial.acts)
    return "" if runs <= booked or book_failed else f"RUN went out {runs} times, {booked} of them in the dose book"


def _ledger_never_under(trial: Trial, account: Account) -> str:
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
    if any(act.deed == "machine-sleeps" for act in trial.acts):  # then times are others
        return ""
    alarms = account.alarms()
    strong = [found for fault in trial.faults if (found := _FAULT.fullmatch(fault)) is not None]
    for found in strong if len(strong) == 1 else ():
        kind, at_s = found["kind"], float(found["at"])
        end_s = at_s + (float(found["for"]) if found["for"] else _DEFAULT_S[kind])
        needed_s = 0.1 if kind == "power-cycle" else _NOTICED_AFTER_S
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
    deaf = not trial.watchdog_s and any(fault.startswith(("drug:cut", "drug:unplug")) for fault in trial.faults)
    if trial.maintenance or deaf or any(act.deed == "machine-sleeps" for act in trial.acts):
        return ""
    for act in trial.acts:
        if act.deed not in ("recorder-hangs", "disk-full"):
            continue
        allowed_s = max(trial.watchdog_s, _RECORDER_STALE_S) + _STOP_S
        if (over_s := _overlap_s(account, act.t_s + allowed_s, act.t_s + act.for_s)) > 0:
            return f"{act.deed} at {act.t_s} s, and it infused for another {allowed_s + over_s:.1f} s"
    return ""


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
