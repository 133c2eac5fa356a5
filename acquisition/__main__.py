"""``python -m acquisition``: the engine's command line. People use ``amperfuse run``, which starts it like this.

Knows its options and how a start that is refused is told: one sentence on standard error and a documented exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

from acquisition.service.engine_process import run_engine
from acquisition.service.exit_codes import ExitCode
from acquisition.service.failures import explain
from acquisition.service.launch import EngineOptions


def parse(words: list[str]) -> EngineOptions:
    """Return the options; ends the process with code 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m acquisition", description="Run one session in this process.")
    parser.add_argument("--protocol", type=Path, required=True, help="what is to be done (TOML)")
    parser.add_argument("--rig", type=Path, required=True, help="with which instruments (TOML)")
    parser.add_argument("--out", type=Path, required=True, help="where the session's folder is made")
    parser.add_argument("--autostart", action="store_true", help="start the plan once everything is ready")
    parser.add_argument("--unattended-by", default="", help="with --autostart: who decides that nobody has to watch")
    parser.add_argument("--finish-when-done", action="store_true", help="end the session when the plan is through")
    parser.add_argument("--speed", type=_speed, help="simulated rigs only: how much faster than real time")
    parser.add_argument("--seed", type=int, help="simulated rigs only: seed of everything random")
    parser.add_argument("--fault", action="append", default=[], help="simulated rigs only: a fault, e.g. stall@120s")
    parser.add_argument("--preset", action="append", default=[], help="simulated rigs only: what is simulated")
    parser.add_argument("--practise", action="store_true", help="replace every instrument by its simulated twin")
    parser.add_argument("--syringe", action="append", default=[], help="what is in a pump, e.g. ket=hamilton-1001")
    given = parser.parse_args(words)
    return EngineOptions(
        protocol=given.protocol,
        rig=given.rig,
        out=given.out,
        autostart=given.autostart,
        finish_when_done=given.finish_when_done,
        unattended_by=given.unattended_by,
        speed=given.speed,
        seed=given.seed,
        faults=tuple(given.fault),
        presets=tuple(given.preset),
        practise=given.practise,
        syringes=tuple(given.syringe),
    )


def _speed(text: str) -> float:
    speed = float(text)
    if not 0.1 <= speed <= 1000.0:
        raise argparse.ArgumentTypeError("a speed is between 0.1 and 1000 times real time")
    return speed


def main(words: list[str]) -> int:
    """Run the engine; return its exit code."""
    options = parse(words)
    try:
        return run_engine(options)
    except BaseException as error:  # noqa: BLE001 - the last place before the person who started it
        failure = explain(error)
        if failure is None or os.environ.get("AMPERFUSE_DEBUG"):
            sys.stderr.write(traceback.format_exc())
        if failure is None:
            sys.stderr.write(f"A mistake in Amperfuse ended the engine: {type(error).__name__}: {error}\n")
            return ExitCode.INTERNAL_ERROR
        sys.stderr.write(failure.text + "\n")
        return failure.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
