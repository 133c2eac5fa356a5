"""Where the command ``amperfuse`` begins: ``stop`` loads only itself; nothing stands between a person and a pump.

Every other command loads the whole command line, which takes twice as long.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command; ends the process with a documented exit code."""
    if sys.argv[1:] == ["stop"]:
        import typer  # noqa: PLC0415 - only what STOP needs is loaded, and nothing before it is known that it is STOP

        from amperfuse.commands.engine import stop  # noqa: PLC0415 - the same

        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command()(stop)
        app(args=[], prog_name="amperfuse stop")
    from amperfuse.cli import main as whole  # noqa: PLC0415 - not for STOP

    whole()
