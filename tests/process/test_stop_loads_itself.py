"""Between a person who types ``amperfuse stop`` and the pump stands nothing that STOP does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from acquisition.messages import COMMAND, Hello, Stop
from acquisition.service import stop_line
from acquisition.service.exit_codes import ExitCode
from tests.process.engine_kit import private_runtime

PROGRAM = """
import sys
sys.argv = ["amperfuse", "stop"]
from amperfuse.start import main
try:
    main()
except SystemExit as ended:
    needless = ("amperfuse.cli", "acquisition.engine", "acquisition.messages", "pydantic", "numpy", "typer", "rich",
                "filelock", "cryptography", "h5py", "PyQt6")
    print(ended.code, [name for name in needless if name in sys.modules])
"""


def test_R33_stop_loads_nothing_but_the_standard_library_and_the_door() -> None:
    with private_runtime():
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == f"{int(ExitCode.NO_ENGINE)} []", done.stderr
    assert "no engine is running" in done.stderr


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        (stop_line.HELLO, Hello(request=2, operator="stop", samples=False)),
        (stop_line.STOP, Stop(request=1, reason="amperfuse stop")),
    ],
)
def test_stop_line_spells_its_two_messages_as_every_client_does(spelled: bytes, meant: Hello | Stop) -> None:
    assert COMMAND.validate_json(spelled) == meant
