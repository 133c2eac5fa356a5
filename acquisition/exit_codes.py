"""What the number means that a command ends with. Knows the numbers and one sentence for each, nothing else.

The table in ``docs/reference/commands.md`` is compared with this file by a test.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command or the engine ended. ``meaning`` is for people."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    OK = 0, "Done as asked."
    INTERNAL_ERROR = 1, "A mistake in Amperfuse itself. Set AMPERFUSE_DEBUG=1 to see where; please report it."
    REFUSED_INPUT = 2, "Wrong usage, or a protocol, rig or limits file was refused. Nothing was started."
    INSTRUMENT = 3, "An instrument is missing, busy, wrong, or does not answer. No infusion was started."
    NOT_CONFIRMED_STOPPED = 4, "STOP was sent, but at least one pump did not confirm that it stands. Look at the pump."
    VERIFICATION_FAILED = 5, "The recording does not pass its checks, or could not be recovered whole."
    NO_ENGINE = 6, "No engine is running, so there was nothing to ask or to stop."
    ENGINE_RUNNING = 7, "An engine is already running for this user; only one may hold pumps."
    MISSING_LIBRARY = 8, "A system library or a display is missing; the message names the package to install."
    NO_GO = 9, "The rehearsal says no: the report lists what went wrong."
    RECORDING_FAILED = 10, "The recording could not be written: disk full, read-only, or lost."
    ENGINE_LOST = 11, "The engine ended or stopped answering. Look at the pumps, then run status and recover."
    REFUSED_COMMAND = 12, "The engine is running and refused the command; the message says what would allow it."
    INTERRUPTED = 130, "Interrupted with Ctrl-C or a signal; pumps were told to stop first."
