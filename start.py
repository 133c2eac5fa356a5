"""Install Amperfuse into its own virtual environment beside this file, once, and run it. Needs only Python 3.11+.

    python3 start.py demo [options of 'amperfuse demo']
    python3 start.py test [options of pytest]

Knows how to make an environment and which two things to run in it; nothing of the program. Standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
TESTS = ["-m", "pytest", "-n", "4", "--dist", "worksteal"]  # on two processors: many only wait for real processes
CLIENTS = "tests/clients-without-dependencies.txt"  # others' programs that are tried with far less than they ask for
WHAT = {"demo": ("", ["-m", "amperfuse", "demo"]), "test": ("[dev]", TESTS)}


def main(words: list[str]) -> int:
    """Install if needed, run what was asked for, and return its exit code."""
    if sys.version_info < OLDEST:
        return complain(
            "Amperfuse needs Python {}.{} or newer; this is {}.{}. Install one from https://www.python.org/downloads/ "
            "and start again with it, for example: python3.12 start.py demo".format(*OLDEST, *sys.version_info[:2])
        )
    if not words or words[0] not in WHAT:
        return complain(str(__doc__).split("\n\nKnows")[0])
    extras, command = WHAT[words[0]]
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = "{}.{}".format(*sys.version_info[:2])
        return complain(
            f"This Python cannot make virtual environments: its part {missing[0]!r} is missing. On Debian and Ubuntu: "
            f"sudo apt-get install python{version}-venv"
        )
    environment = Path(os.environ.get("AMPERFUSE_VENV") or ROOT / ".venv")
    try:
        python = ready(environment, extras)
    except subprocess.CalledProcessError as error:
        return complain(
            f"The installation failed (code {error.returncode}); the messages above say why. Often the network is not "
            f"there, or the disk is full. Nothing outside {environment} was changed; simply start again."
        )
    return subprocess.run([str(python), *command, *words[1:]], cwd=ROOT, check=False).returncode  # noqa: S603 - the person's own command line


def ready(environment: Path, extras: str) -> Path:
    """Return the Python of an environment that holds what this checkout asks for, made or renewed if necessary."""
    scripts = Path(sysconfig.get_path("scripts", "venv", vars={"base": str(environment)}))
    python = scripts / ("python" + (sysconfig.get_config_var("EXE") or ""))
    stamp = environment / f"amperfuse-installed{extras}.txt"
    wanted = fingerprint()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    if not python.exists():
        say(f"Making a virtual environment in {environment}")
        shutil.rmtree(environment, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(environment)])
    say("Installing, once; some 300 MB are fetched, which takes a few minutes")
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--prefer-binary"]
    run([*install, "-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}{extras}"])
    if extras:
        run([*install, "--no-deps", "-r", str(ROOT / CLIENTS)])
    stamp.write_text(wanted)
    return python


def fingerprint() -> str:
    """Return what an installation depends on, as one hash."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt", CLIENTS)]
    return hashlib.sha256(b"\0".join([*parts, sys.version.encode()])).hexdigest()


def run(command: list[str]) -> None:
    """Run a command and raise CalledProcessError if it fails."""
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - built from our own words and paths


def say(text: str) -> None:
    """Tell the person what happens now."""
    sys.stderr.write(f"{text} ...\n")
    sys.stderr.flush()


def complain(text: str) -> int:
    """Say what is wrong, and return the exit code for wrong usage."""
    sys.stderr.write(f"{text.strip()}\n")
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
