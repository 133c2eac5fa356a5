"""Between a person who types ``amperfuse stop`` and the pump stands nothing that STOP does not need."""

from __future__ import annotations

import subprocess
import sys

from acquisition.service.exit_codes import ExitCode
from tests.process.engine_kit import private_runtime

PROGRAM = """
import sys
sys.argv = ["amperfuse", "stop"]
from amperfuse.start import main
try:
    main()
except SystemExit as ended:
    needless = ("amperfuse.cli", "acquisition.engine", "h5py", "PyQt6")
    print(ended.code, [name for name in needless if name in sys.modules])
"""


def test_R33_stop_loads_neither_the_other_commands_nor_the_engine() -> None:
    with private_runtime():
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == f"{int(ExitCode.NO_ENGINE)} []", done.stderr
