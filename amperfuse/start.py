"""Where the command ``amperfuse`` begins: ``stop`` loads only itself; nothing stands between a person and a pump.

Every other command loads the whole command line, which takes many times as long.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command; ends the process with a documented exit code."""
    if sys.argv[1:] == ["stop"]:
        from amperfuse.stop_now import stop_now  # noqa: PLC0415 - what other commands need is not loaded for STOP

        sys.exit(int(stop_now()))
    from amperfuse.cli import main as whole  # noqa: PLC0415 - not for STOP

    whole()
