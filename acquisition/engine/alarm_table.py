"""Every alarm there is, in one table: how urgent, what happened, what it means, what to do (R45).

Knows priorities and texts, for somebody who has been awake since five and has an animal on the table: short, first the
fact, then the action. Does not know how an alarm is detected, latched, shown or sounded. ``docs/reference/alarms.md``
shows it; a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.messages import Priority


@dataclass(frozen=True)
class AlarmText:
    """One row of the table. ``{detail}`` and ``{instrument}`` are filled in."""

    priority: Priority
    what: str
    so_what: str
    do_what: str


_GO_TO_PUMP = "Go to the pump, press STOP on it, clamp the line."
_CHECK_ANIMAL = "Check the animal. Read the delivered volume here, decide what is still to be given."

TABLE: dict[str, AlarmText] = {
    "not-confirmed-stopped": AlarmText(
        "high", "{instrument} is NOT CONFIRMED STOPPED: {detail}", "It may still be infusing.", _GO_TO_PUMP
    ),
    "pump-unknown": AlarmText(
        "high",
        "{instrument} does not answer: {detail}",
        "Whether it runs is unknown. It ends at its armed target at the latest, with a watchdog sooner.",
        _GO_TO_PUMP,
    ),
    "pump-lost": AlarmText(
        "high",
        "The line to {instrument} is gone: {detail}",
        "Whether it runs is unknown. It ends at its armed target at the latest, with a watchdog sooner.",
        _GO_TO_PUMP + " Then plug it in again; it stays stopped.",
    ),
    "pump-reset": AlarmText(
        "high",
        "{instrument} lost power or was reset: {detail}",
        "The infusion ended there; what came after the last reading is counted as uncertain.",
        _CHECK_ANIMAL + " It is not started again by itself.",
    ),
    "pump-stall": AlarmText(
        "high",
        "{instrument} reports a stall",
        "The line is blocked or the syringe is at its end. Pressure may release as an unwanted bolus.",
        "Take the line off the animal before you release the pressure. Then look for the kink or clot.",
    ),
    "pump-alarm": AlarmText(
        "high", "{instrument} reports: {detail}", "The infusion has ended.", _CHECK_ANIMAL + " Look at the pump."
    ),
    "pump-watchdog": AlarmText(
        "high",
        "{instrument} stopped itself: it heard nothing from us for too long",
        "The infusion has ended early.",
        _CHECK_ANIMAL + " Look for what held the computer up.",
    ),
    "unexpected-motion": AlarmText(
        "high",
        "{instrument} moves although nothing was started: {detail}",
        "Somebody used its keys, or it restarted by itself. It was told to stop.",
        "Look at the pump. Check the animal.",
    ),
    "over-delivery": AlarmText(
        "high",
        "{instrument} has given more than it should: {detail}",
        "Wrong syringe setting or a pump fault. It was told to stop.",
        "Check the animal. Clamp the line. Do not use this pump again before it was checked.",
    ),
    "delivery-deviates": AlarmText(
        "medium",
        "{instrument} does not deliver as ordered: {detail}",
        "The dose arrives faster or slower than planned.",
        "Compare syringe, rate and display of the pump.",
    ),
    "delivery-wrong": AlarmText(
        "high",
        "{instrument} delivers far less than ordered: {detail}",
        "The dose is not what was planned. An experimental infusion was told to stop.",
        "Compare syringe, rate and display of the pump. Check the animal.",
    ),
    "not-infusing": AlarmText(
        "medium",
        "{instrument} was started and its counter does not advance: {detail}",
        "Nothing reaches the animal, or the pump has stalled.",
        "Look at the pump: is the pusher at the plunger, is the clutch closed?",
    ),
    "stopped-early": AlarmText(
        "medium",
        "{instrument} stopped before its target: {detail}",
        "Somebody used its keys, or it stopped by itself. The plan waits.",
        _CHECK_ANIMAL + " Then continue with the next step, or end.",
    ),
    "start-failed": AlarmText(
        "medium",
        "The infusion did not start: {detail}",
        "Nothing was given in this step. The plan waits.",
        "Remove the cause, then continue with the next step, or end.",
    ),
    "start-unclear": AlarmText(
        "medium",
        "{instrument} did not answer to RUN: {detail}",
        "It may or may not be running; it is being asked. RUN is not repeated.",
        "Watch the pump until the state is clear.",
    ),
    "settings-differ": AlarmText(
        "high",
        "{instrument} holds other settings than were sent: {detail}",
        "It was not started, and was told to stop.",
        "Check syringe diameter and units on the pump, then start a new session.",
    ),
    "dose-book": AlarmText(
        "high",
        "The animal's dose book cannot be written: {detail}",
        "No new infusion is started. What is not in the book counts with its whole target in later sessions.",
        "Make room on the disk or mend it. The recording has its own account and goes on.",
    ),
    "missed": AlarmText(
        "medium",
        "An infusion was missed: {detail}",
        "The computer was busy or asleep at its time. It is not caught up on. The plan waits.",
        "Decide whether the experiment still makes sense; continue with the next step, or end.",
    ),
    "clock-jump": AlarmText(
        "high",
        "The engine stood still: {detail}",
        "Pumps with a watchdog have stopped themselves. All were told to stop.",
        _CHECK_ANIMAL + " Switch off sleep and updates on this computer.",
    ),
    "lag": AlarmText(
        "medium",
        "The engine was held up: {detail}",
        "More of this and a pump's watchdog will stop it.",
        "Close other programs on this computer.",
    ),
    "not-connected": AlarmText(
        "high",
        "{instrument} could not be connected: {detail}",
        "The session cannot start; the engine goes on trying.",
        "Check cable, power and the rig file.",
    ),
    "self-test": AlarmText(
        "high",
        "{instrument} failed its self-test: {detail}",
        "It will not be started.",
        "Check the pump, then start a new session.",
    ),
    "no-watchdog": AlarmText(
        "medium",
        "{instrument} has no watchdog of its own",
        "If this computer fails, it goes on until its armed target.",
        'Stay beside it while it infuses. If that is accepted, its rig entry says so: watchdog = "0 s".',
    ),
    "foreign-traffic": AlarmText(
        "high",
        "Somebody else talks on the line of {instrument}: {detail}",
        "Another program, or another instrument, is on this port. The pump was told to stop.",
        "Close the other program. Check the pump and the animal.",
    ),
    "line-quality": AlarmText(
        "low",
        "The line to {instrument} is noisy: {detail}",
        "Questions are repeated; it still answers.",
        "Check cable.",
    ),
    "sensor-lost": AlarmText(
        "high",
        "The line to {instrument} is gone: {detail}",
        "Nothing is recorded from it. No infusion is started meanwhile.",
        "Plug it in again; it resumes by itself.",
    ),
    "channel-lost": AlarmText(
        "high",
        "{instrument} lacks a channel: {detail}",
        "Nothing is recorded from that channel; the others go on.",
        "Check its cable and electrode; it is tried again by itself.",
    ),
    "sensor-silent": AlarmText(
        "high",
        "{instrument} sends no samples: {detail}",
        "Nothing is recorded from it. No infusion is started meanwhile.",
        "Check its cable and power.",
    ),
    "sensor-error": AlarmText(
        "medium",
        "{instrument} reports an error: {detail}",
        "Its measurement is being started again.",
        "Check electrodes and cables if it comes back.",
    ),
    "samples-missing": AlarmText(
        "medium",
        "{instrument} lost samples: {detail}",
        "The gap is marked in the recording; nothing is filled in.",
        "If it repeats, close other programs and check the cable.",
    ),
    "saturated": AlarmText(
        "medium",
        "{instrument} is saturated: {detail}",
        "The true current is larger than what is recorded.",
        "Check the reference electrode, or choose a larger current range.",
    ),
    "other-range": AlarmText(
        "medium",
        "{instrument} measures in another range than was set: {detail}",
        "The values are right, but their resolution and their limit are those of the other range.",
        "Check that no other program talks to it; start the measurement again.",
    ),
    "flat-line": AlarmText(
        "low",
        "{instrument} shows a flat line: {detail}",
        "A living sensor has a background current: it is likely disconnected.",
        "Check headstage and plug; if they are well, the current range is far too large.",
    ),
    "cell-not-off": AlarmText(
        "medium",
        "{instrument} did not confirm that its cell is off: {detail}",
        "The electrodes may still be at their potential.",
        "Unplug the electrodes before you touch the wiring.",
    ),
    "recorder-failing": AlarmText(
        "high",
        "The recording cannot be written: {detail}",
        "No infusion is started. Experimental ones were told to stop; maintained anaesthesia goes on.",
        "Free disk space, or check the disk. What was stored is safe.",
    ),
    "recorder-slow": AlarmText(
        "medium",
        "The disk is slow: {detail}",
        "Nothing is lost yet; the memory buffer fills.",
        "Close other programs that use the disk.",
    ),
    "waiting": AlarmText(
        "low",
        "A person is wanted: {detail}",
        "The plan does not go on by itself.",
        "Check the animal. Then continue with the next step, or end.",
    ),
    "signal-threshold": AlarmText(
        "medium",
        "{detail}",
        "You wanted to be told. Nothing was started, stopped or held.",
        "Look at the trace and at the animal.",
    ),
    "signal-hold": AlarmText(
        "medium",
        "{detail}",
        "No further experimental infusion begins. One that was being started ends at its target; anaesthesia goes on.",
        "Look at the trace and at the animal. Continue where the plan waits, or end.",
    ),
    "nobody-watching": AlarmText(
        "medium",
        "Nobody watches the experiment ({detail})",
        "A running infusion ends at its target. No experimental one starts; maintained anaesthesia goes on as planned.",
        "Open the window: amperfuse gui. Check the animal, then continue where the plan waits, or end.",
    ),
    "unattended": AlarmText(
        "low",
        "Infusions start with nobody watching ({detail})",
        "If the animal is unwell, a line is loose or a mouse wakes, nobody sees it.",
        "Look after the animal. 'amperfuse gui' opens the window.",
    ),
    "may-sleep": AlarmText(
        "medium",
        "This computer may go to sleep: {detail}",
        "A computer that sleeps records nothing. Pumps with a watchdog stop; nothing is caught up on.",
        "Switch off sleep and updates in its settings, and leave the lid open. Then acknowledge.",
    ),
    "no-sound": AlarmText(
        "medium",
        "A window cannot sound alarms: {detail}",
        "Alarms are shown and flash, but nobody hears them.",
        "Connect a loudspeaker and press Test alarms, or stay in sight of the screen.",
    ),
    "engine-lost": AlarmText(
        "high",
        "The window lost the engine since {detail}",
        "All values are old. A pump ends at its armed target at the latest, with a watchdog sooner.",
        "If a pump may be running, go to the pump: press STOP on it, clamp the line.",
    ),
    "program-defect": AlarmText(
        "high",
        "A defect of the program: {detail}",
        "Pumps were told to stop before this message.",
        "Check the animal and the pumps. Keep the session folder and report it.",
    ),
}
