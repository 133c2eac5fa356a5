"""Passes the pre-flight where nothing is real: has pumps checked, ticks and accepts what a person would have to see.

Only for simulated sessions. What is refused stays refused. Works through the same commands as people.
"""

from __future__ import annotations

from collections.abc import Callable

from acquisition.messages import Accept, Command, PreflightItem, RunChecks

NAME = "stand-in (SIMULATED)"
_CHECKED = ("self-test", "watchdog")


def commands(items: tuple[PreflightItem, ...], number: Callable[[], int]) -> list[Command]:
    """Return what to tell the engine now; nothing when nothing is left that a stand-in may do."""
    waits = [item for item in items if item.level in ("warning", "tick") and item.blocks]
    found: list[Command] = [Accept(request=number(), item_id=item.item_id, by=NAME) for item in waits]
    refused = {item.item_id.partition(":")[0] for item in items if item.level == "refused"}
    if not refused.isdisjoint(_CHECKED):
        found.append(RunChecks(request=number()))
    return found
