"""Looks into ``session.nwb`` in a process of its own: whether it is valid NWB and holds the journal's rows.

``python -m acquisition.recording.nwb_check NWB JOURNAL``. [M] 512 zeroed bytes in a file make HDF5 read for ever,
other damage ends the process: who verifies a recording must survive both. Prints its findings as JSON, one list of
[check, problem, what is good] per line; an empty problem is good.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

AT_LEAST_S = 60.0
SLOWEST_BYTES_PER_S = 2_000_000
Line = tuple[str, str, str]


def look_into(session_dir: Path, nwb: Path, journal: Path, at_least_s: float = AT_LEAST_S) -> list[Line]:
    """Return what the process found; one line that says so when it did not survive, or not end in time."""
    timeout_s = at_least_s + (nwb.stat().st_size + journal.stat().st_size) / SLOWEST_BYTES_PER_S
    command = [sys.executable, "-m", "acquisition.recording.nwb_check", str(nwb), str(journal)]
    repair = f"Run: amperfuse recover {session_dir}"
    try:
        ran = subprocess.run(  # noqa: S603 - our own module, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
        lines = [tuple(map(str, json.loads(line))) for line in ran.stdout.splitlines()]
    except subprocess.TimeoutExpired:
        return [("NWB file", f"{nwb.name} cannot be read: its damage makes the library read for ever. {repair}", "")]
    except (OSError, ValueError) as error:
        return [("NWB file", f"{nwb.name} could not be checked: {error}", "")]
    found = [(check, f"{problem} {repair}" if check == "NWB file" else problem, good) for check, problem, good in lines]
    if ran.returncode != 0:
        found.append(("NWB file", f"{nwb.name} cannot be read: damage ends the program that reads it. {repair}", ""))
    return found


def _look(nwb: Path, journal: Path) -> list[Line]:
    from pynwb import validate  # noqa: PLC0415 - half a second that only the process which looks pays

    from acquisition.recording.hdf5_guard import refuse_foreign  # noqa: PLC0415 - loads HDF5
    from acquisition.recording.row_check import first_difference  # noqa: PLC0415 - loads HDF5

    found: list[Line] = []
    try:
        refuse_foreign(nwb)
        problems = [str(item) for item in validate(path=str(nwb))]
        found.append(("NWB schema", "; ".join(problems[:5]), "pynwb finds nothing wrong"))
        found.append(("NWB rows", first_difference(nwb, journal), "every row is the journal's, sample by sample"))
    except Exception as error:  # noqa: BLE001 - what libraries raise on damaged files is without end
        found.append(("NWB file", f"{nwb.name} cannot be read: {error}.", ""))
    return found


def main(arguments: list[str]) -> int:
    """Print what there is to say about one file."""
    for line in _look(Path(arguments[0]), Path(arguments[1])):
        print(json.dumps(line))  # noqa: T201 - ``look_into`` reads this
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
