"""Asks a New Era pump for its counters; in Basic mode, where nothing shows a broken digit, until two answers agree.

Knows what a counter can have done between two questions, from motion and rate. Does not know how a question is put.
Safe mode, which an armed watchdog brings with it, has a checksum: there one answer will do.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Motion
from drivers.clock import NS_PER_S
from drivers.errors import GarbledReply
from drivers.new_era import codec
from drivers.new_era.link import Answer, PumpLink

_CONFLICTS: Final = 4  # further questions until two answers in a row agree
_SURPLUS: Final = 1.02  # crystals, and the steps of the motor

Counters = Answer[codec.Dispensed]


def ask_counters(link: PumpLink, *, urgent: bool = False) -> Counters:
    """Return motion and counters, true between ``asked_ns`` and ``received_ns``. ``urgent``: after a stop, where one
    that may still move is stopped again, and what it counted is not asked for twice.

    Raises GarbledReply if no two answers agree, and what ``PumpLink.ask`` raises.
    """
    answer = link.ask("DIS", codec.parse_dispensed, urgent=urgent)
    for _try in range(_CONFLICTS):
        if link.safe or (urgent and not answer.reply.motion.is_still):
            return answer
        before = answer
        answer = link.ask("DIS", codec.parse_dispensed, urgent=urgent)
        if _agree(before, answer, _rate_ul_per_min(link, answer.reply.motion, urgent=urgent)):
            return Answer(answer.reply, answer.value, before.asked_ns, answer.received_ns)
        link.rate_ul_per_min = None  # somebody may have changed it at the pump
    raise GarbledReply("the counters change with every answer", port=link.url, command="DIS")


def _rate_ul_per_min(link: PumpLink, motion: Motion, *, urgent: bool) -> float:
    """Return how fast the counters may rise: the rate the pump was seen to hold; told twice if it was not set by us."""
    if motion.is_still or motion is Motion.WAITING:
        return 0.0
    if link.rate_ul_per_min is None:
        first, second = (link.ask("RAT", codec.parse_rate, urgent=urgent).value for _time in range(2))
        if first != second:
            raise GarbledReply("the rate changes with every answer", port=link.url, command="RAT")
        link.rate_ul_per_min = first
    return link.rate_ul_per_min


def _agree(before: Counters, after: Counters, rate_ul_per_min: float) -> bool:
    """Tell whether the pump can have got from one answer to the other: what is not driven stays as it is."""
    if before.reply.motion is not after.reply.motion:
        return False
    step_ul = max(before.value.step_ul, after.value.step_ul)
    between_s = (after.received_ns - before.asked_ns) / NS_PER_S
    most_ul = _SURPLUS * rate_ul_per_min * between_s / 60.0 + step_ul
    infused_ul = after.value.infused_ul - before.value.infused_ul
    withdrawn_ul = after.value.withdrawn_ul - before.value.withdrawn_ul
    motion = after.reply.motion
    if motion is Motion.PURGING:  # at a speed of its own
        return True
    return (infused_ul == 0.0 or (motion is Motion.INFUSING and 0.0 < infused_ul <= most_ul)) and (
        withdrawn_ul == 0.0 or (motion is Motion.WITHDRAWING and 0.0 < withdrawn_ul <= most_ul)
    )
