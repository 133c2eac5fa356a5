"""What the number means that a command ends with. Knows the numbers and one sentence for each, nothing else.

The table in ``docs/reference/commands.md`` is compared with this file by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class ExitCode(IntEnum):
    """How a command or the engine ended."""

    OK = 0
    INTERNAL_ERROR = 1
    REFUSED_INPUT = 2
    INSTRUMENT = 3
    NOT_CONFIRMED_STOPPED = 4
    VERIFICATION_FAILED = 5
    NO_ENGINE = 6
    ENGINE_RUNNING = 7
    MISSING_LIBRARY = 8
    NO_GO = 9
    RECORDING_FAILED = 10
    ENGINE_LOST = 11
    REFUSED_COMMAND = 12
    ENDED_EARLY = 13
    UNFINISHED = 14
    INCOMPLETE = 15
    INTERRUPTED = 130


MEANING: Mapping[ExitCode, str] = MappingProxyType(
    {
        ExitCode.OK: "Done as asked.",
        ExitCode.INTERNAL_ERROR: "A mistake in Amperfuse itself. Set AMPERFUSE_DEBUG=1 to see where; please report it.",
        ExitCode.REFUSED_INPUT: "Wrong usage, or a file or value was refused. Nothing was started.",
        ExitCode.INSTRUMENT: "An instrument is missing, busy, not the expected one, or does not answer.",
        ExitCode.NOT_CONFIRMED_STOPPED: "STOP was not heard, or a pump did not confirm it. Look at the pump.",
        ExitCode.VERIFICATION_FAILED: "A recording does not pass its checks, or could not be recovered whole.",
        ExitCode.NO_ENGINE: "No engine is running: there was nothing to ask, and nothing to stop.",
        ExitCode.ENGINE_RUNNING: "An engine is already running for this user; only one may hold pumps.",
        ExitCode.MISSING_LIBRARY: "A system library or a display is missing; the message names the package.",
        ExitCode.NO_GO: "The rehearsal, or the pre-flight, says no; its list says why.",
        ExitCode.RECORDING_FAILED: "The recording could not be written: disk full, read-only or lost.",
        ExitCode.ENGINE_LOST: "The engine ended or stopped answering. Look at the pumps, then recover the session.",
        ExitCode.REFUSED_COMMAND: "The engine runs and refused the command; the message says what would allow it.",
        ExitCode.ENDED_EARLY: "The plan was stopped before its end; pumps confirmed, the recording is closed.",
        ExitCode.UNFINISHED: "An earlier real session was not closed and waits for a person's decision.",
        ExitCode.INCOMPLETE: "A study has animals to do still: places to give, sessions missing or not whole.",
        ExitCode.INTERRUPTED: "Interrupted by Ctrl-C. --headless stops its pumps first; a window only closes.",
    }
)
