"""``amperfuse stop``: the one command that must be quick. Loads nothing but what STOP needs, and talks plainly.

Knows what to tell a person whether the pumps confirmed or not. Works while the window, and even the engine's
conductor, hangs. Whatever goes wrong on the way ends in what to do by hand, and in an exit code that says so.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from acquisition.service.discovery import EngineRecord, EngineUnclear, NoEngine, find_engine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.stop_line import StopNotHeard, Stopped, stop
from amperfuse.plain_text import safe

NOT_CONFIRMED = """NOT CONFIRMED STOPPED. Do this now, in this order:
  1. Press the STOP key on the pump itself, or switch it off.
  2. If that is not possible at once, clamp or disconnect the line to the animal.
  3. Read the delivered volume on the pump's display and write it down; the recording counts the worst case."""


def stop_now() -> ExitCode:
    """Stop every pump, say for each whether it confirmed that it stands, and return the exit code."""
    record = None
    try:
        record = find_engine()
        stopped = stop(record)
    except (StopNotHeard, EngineUnclear, OSError) as error:
        how_to_end = f"\n{_how_to_end(record)}" if record is not None else ""
        return _by_hand(f"{error}{how_to_end}")
    except NoEngine as error:
        _write(sys.stderr, f"{error}\n")
        return ExitCode.NO_ENGINE
    except KeyboardInterrupt:
        return _by_hand("interrupted", ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - nobody who wants a pump to stop is left with a traceback
        return _by_hand(f"A mistake in Amperfuse: {type(error).__name__}: {error}")
    return _told(stopped, "SIMULATED " if record.simulated else "")


def _told(stopped: Stopped, mark: str) -> ExitCode:
    for name, confirmed in stopped.pumps:
        _write(sys.stdout, f"{mark}{safe(name)}: {'confirmed stopped' if confirmed else 'NOT CONFIRMED'}\n")
    if not stopped.confirmed:
        return _by_hand(stopped.text)
    _write(sys.stderr, f"{safe(stopped.text, lines=True)}\n")
    return ExitCode.OK


def _by_hand(why: str, code: ExitCode = ExitCode.NOT_CONFIRMED_STOPPED) -> ExitCode:
    """Say what to do at the pump first; then why."""
    _write(sys.stderr, f"{NOT_CONFIRMED}\n{safe(why, lines=True)}\n")
    return code


def _write(stream: TextIO | None, text: str) -> None:
    """Write what can be written: a log on a full disk, or a terminal that is gone, does not take the exit code."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):
        with suppress(
            OSError, ValueError
        ):  # else Python tries once more when it ends, and fails with a code of its own
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _how_to_end(record: EngineRecord) -> str:
    return (
        f"Only when the pumps stand: end the engine, process {record.pid}, with your system's task manager, "
        f"then run: {record.after_a_crash}"
    )
