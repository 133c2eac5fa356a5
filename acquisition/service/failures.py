"""What an error means for the person who started something: which sentence, which exit code.

Knows every error that is expected to reach the front, in one list. Whatever is not in it is a mistake of the program.
"""

from __future__ import annotations

from dataclasses import dataclass

from acquisition.client import EngineLost, OtherVersion
from acquisition.experiment.problems import RefusedInput
from acquisition.recording.records import RecordingFailed
from acquisition.service.discovery import EngineAlreadyRunning, NoEngine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineDidNotStart, UnfinishedSession
from drivers import errors
from drivers.registry import UnknownName

_INSTRUMENT_HELP = {
    errors.PortMissing: "Check the cable and the name of the port: 'amperfuse ports' lists those of this computer.",
    errors.PortBusy: "Close the other program that uses it, or give each instrument of the rig a port of its own.",
    errors.ReplayDiverged: "The program does not say what it said when this was recorded: compare with the named line.",
    errors.PortLost: "Check cable and power. If a pump was infusing, look at the pump now.",
    errors.WrongInstrument: "Compare the rig with what is plugged in; 'amperfuse identify URL' tells what answers.",
    errors.ReplyTimeout: "Check power, cable, baud rate and address of the instrument.",
    errors.GarbledReply: "Check baud rate and address; is another kind of instrument on this port?",
    errors.DeviceReset: "The instrument was switched off or reset: its run state is gone.",
}


@dataclass(frozen=True)
class Failure:
    """What to tell, and the code to end with."""

    text: str
    code: ExitCode


def explain(error: BaseException) -> Failure | None:
    """Return what to tell about an expected error; None for a mistake of the program."""
    if isinstance(error, errors.DriverError):
        helps = [text for kind, text in _INSTRUMENT_HELP.items() if isinstance(error, kind)]
        return Failure("\n".join([str(error), *helps[:1]]), ExitCode.INSTRUMENT)
    if isinstance(error, EngineDidNotStart):
        return Failure(str(error), error.code)
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", ExitCode.INTERRUPTED)
    codes: dict[type[BaseException], ExitCode] = {
        RefusedInput: ExitCode.REFUSED_INPUT,
        UnknownName: ExitCode.REFUSED_INPUT,
        NoEngine: ExitCode.NO_ENGINE,
        EngineAlreadyRunning: ExitCode.ENGINE_RUNNING,
        EngineLost: ExitCode.ENGINE_LOST,
        OtherVersion: ExitCode.REFUSED_COMMAND,
        RecordingFailed: ExitCode.RECORDING_FAILED,
        UnfinishedSession: ExitCode.UNFINISHED,
    }
    for kind, code in codes.items():
        if isinstance(error, kind):
            return Failure(str(error), code)
    return None
