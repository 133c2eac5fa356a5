"""``amperfuse stop``: the one command that must be quick. Loads nothing but what STOP needs, and talks plainly.

Knows what to tell a person whether the pumps confirmed or not. Works while the window, and even the engine's
conductor, hangs.
"""

from __future__ import annotations

import sys

from acquisition.service.discovery import EngineRecord, NoEngine, find_engine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.stop_line import StopNotHeard, stop
from amperfuse.plain_text import safe

NOT_CONFIRMED = """NOT CONFIRMED STOPPED. Do this now, in this order:
  1. Press the STOP key on the pump itself, or switch it off.
  2. If that is not possible at once, clamp or disconnect the line to the animal.
  3. Read the delivered volume on the pump's display and write it down; the recording counts the worst case."""


def stop_now() -> ExitCode:
    """Stop every pump, say for each whether it confirmed that it stands, and return the exit code."""
    try:
        record = find_engine()
        stopped = stop(record)
    except (NoEngine, PermissionError) as error:
        _tell(str(error))
        return ExitCode.NO_ENGINE
    except StopNotHeard as error:
        _tell(f"{error}\n{NOT_CONFIRMED}\n{_how_to_end(record)}")
        return ExitCode.NOT_CONFIRMED_STOPPED
    except KeyboardInterrupt:
        _tell(f"interrupted\n{NOT_CONFIRMED}")
        return ExitCode.INTERRUPTED
    mark = "SIMULATED " if record.simulated else ""
    for name, confirmed in stopped.pumps:
        sys.stdout.write(f"{mark}{safe(name)}: {'confirmed stopped' if confirmed else 'NOT CONFIRMED'}\n")
    sys.stdout.flush()
    _tell(stopped.text if stopped.confirmed else f"{stopped.text}\n{NOT_CONFIRMED}")
    return ExitCode.OK if stopped.confirmed else ExitCode.NOT_CONFIRMED_STOPPED


def _tell(text: str) -> None:
    sys.stderr.write(safe(text, lines=True) + "\n")
    sys.stderr.flush()


def _how_to_end(record: EngineRecord) -> str:
    return (
        f"Only when the pumps stand: end the engine, process {record.pid}, with your system's task manager, "
        f"then run: {record.after_a_crash}"
    )
