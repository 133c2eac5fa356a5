"""The fault matrix: every fault that was thought of, and the one alarm by which a person hears of it (R45).

Knows rows, alarms, and why some faults raise none. Does not know how a fault is detected. Where a fault has two faces
(too fast, too slow) it has two rows. ``docs/reference/alarms.md`` shows it; tests compare, and raise what they can.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One row: what happens, and ``alarm`` of the table of alarms, or ``silent``: why none is raised."""

    what: str
    alarm: str = ""
    silent: str = ""


MATRIX: dict[str, Fault] = {
    "L1": Fault("a reply is lost, three times running", "pump-unknown"),
    "L2": Fault("RUN, or the reply to it, is lost", "start-unclear"),
    "L3": Fault("a reply comes twice", silent="it is dropped by its order on the line; the raw bytes are recorded"),
    "L4": Fault("a corrupted byte, with a checksum", "line-quality"),
    "L5": Fault("a corrupted byte, without a checksum, in a setting", "settings-differ"),
    "L6": Fault("part of a frame is missing", "line-quality"),
    "L7": Fault("a reply is late", "line-quality"),
    "L8": Fault("the own bytes come back", "foreign-traffic"),
    "L9": Fault("babble without end", "foreign-traffic"),
    "L10": Fault("unplugged", "pump-lost"),
    "L11": Fault("plugged in again under the same name", "pump-lost"),
    "L12": Fault("plugged in again: another instrument answers there", "not-connected"),
    "L13": Fault("the wrong instrument on the port", "not-connected"),
    "L14": Fault("a second program on the port", "foreign-traffic"),
    "L15": Fault("baud rate or parity changed at the pump", "pump-unknown"),
    "D1": Fault("the pump loses power while it infuses", "pump-reset"),
    "D2": Fault("a brown-out: settings kept, counter at zero", "pump-reset"),
    "D3": Fault("a brown-out: settings corrupted", "settings-differ"),
    "D4": Fault("stall or occlusion", "pump-stall"),
    "D5": Fault("the pump runs on after STOP", "not-confirmed-stopped"),
    "D6 fast": Fault("the pump runs too fast", "over-delivery"),
    "D6 slow": Fault("the pump runs too slowly, by more than 5 %", "delivery-wrong"),
    "D6 slightly": Fault("the pump runs a little too slowly", "delivery-deviates"),
    "D6 not at all": Fault("the pump says it infuses and does not move", "not-infusing"),
    "D7 stopped": Fault("somebody stops the pump at its front", "stopped-early"),
    "D7 started": Fault("somebody starts the pump at its front", "unexpected-motion"),
    "D8": Fault("the pump refuses a setting or RUN", "start-failed"),
    "D9": Fault("the syringe is empty, or a limit switch ends the travel", "pump-stall"),
    "H1": Fault(
        "the window hangs, and no other person's window or terminal is there",
        "nobody-watching",
    ),
    "H2": Fault(
        "the window is killed, and no other person's window or terminal is there",
        "nobody-watching",
    ),
    "H3": Fault("the engine is killed", "engine-lost"),
    "H4": Fault("the whole computer dies", silent="nothing is left that could raise it; the next start asks a person"),
    "H5": Fault("the computer sleeps", "clock-jump"),
    "H6": Fault("the engine is held up for seconds", "lag"),
    "H7": Fault("a defect of the program", "program-defect"),
    "R1": Fault("the disk is full", "recorder-failing"),
    "R2": Fault("writing fails", "recorder-failing"),
    "R3": Fault("the disk is slow", "recorder-slow"),
    "R4": Fault("the file is locked by another program", "recorder-failing"),
    "R5": Fault("a crash while writing", silent="nothing runs that could raise it; 'recover' tells what was found"),
    "S1": Fault("the potentiostat is unplugged", "sensor-lost"),
    "S1 silent": Fault("the potentiostat falls silent", "sensor-silent"),
    "S2": Fault("samples are lost", "samples-missing"),
    "S3": Fault("a channel saturates", "saturated"),
    "S3 flat": Fault("a channel is a flat line", "flat-line"),
    "S4": Fault(
        "a potentiostat's clock drifts or begins anew",
        silent="a new epoch is an event; drift is told from the recorded pairs of counter and clock, and harms no pump",
    ),
    "T1": Fault("the wall clock steps", silent="nothing is scheduled by it; both clocks are in every event"),
    "T2": Fault("summer time begins or ends", silent="nothing is scheduled by it; times are UTC with their offset"),
    "T3": Fault(
        "the computer's clock is wrong at the start",
        silent="a session does not start with a clock that cannot be true; nothing that runs depends on it",
    ),
    "U1": Fault("Start is pressed twice", silent="the second press is refused with a sentence: one infusion only"),
    "U2": Fault("STOP at any time", silent="it is no fault: it wins, and an alarm comes only if it is not confirmed"),
    "U3": Fault("a second engine for the same pumps", silent="it is refused at its start, with a message"),
    "C1": Fault(
        "the protocol is edited after the session began", silent="what was accepted runs; the file is not read"
    ),
    "C2": Fault("a wrong or old configuration", silent="the file is refused whole, with its line, before a session"),
    "C3": Fault("an instrument package of somebody else raises an error", "program-defect"),
}
