"""``calibration fit`` and ``calibration show``: from a recorded beaker to the probe's history, and what it says now.

Knows options, files left beside the session, and exit codes. A recording is never changed; nothing is overwritten.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from acquisition.books.chain import BookBroken, BookUnwritable
from acquisition.books.probes import CalibrationRecord, FiledCalibration, Interval, file_calibration, history
from acquisition.books.probes import withdraw as withdraw_filed
from acquisition.experiment.problems import Problem, RefusedInput
from acquisition.recording.verify import session_fingerprint
from acquisition.service.assembly import software
from acquisition.service.exit_codes import ExitCode
from amperfuse.commands.options import said
from amperfuse.commands.sessions import Session, must_be_session
from amperfuse.console import Ended, for_people, say, tell
from amperfuse.plain_text import safe
from drivers.clock import SystemClock

app = typer.Typer(no_args_is_help=True, help="Calibrations of probes: fit a recorded one, show a probe's history.")
_WINDOW = re.compile(r"([0-9]{1,3})=([0-9]+(?:\.[0-9]+)?)\.\.([0-9]+(?:\.[0-9]+)?)", re.ASCII)


@app.command()
@for_people
def fit(
    session: Session,
    gates: Annotated[
        Path | None, typer.Option("--gates", metavar="FILE", help="Acceptance gates of your own (TOML).")
    ] = None,
    plateau: Annotated[
        list[str] | None,
        typer.Option(
            "--plateau", metavar="N=START..END", help="Read plateau N (0: baseline) there, s. May be repeated."
        ),
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Report and figure only; nothing is filed.")] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who files it; without it, the user's name.")] = "",
) -> None:
    """Fit a recorded calibration: report, figure, and an entry in the history of its probe."""
    must_be_session(session)
    from analysis.calibration.figure import save_figure  # noqa: PLC0415 - loads what 'stop' must not wait for
    from analysis.calibration.gates import load_gates  # noqa: PLC0415 - the same
    from analysis.calibration.record import as_record  # noqa: PLC0415 - the same
    from analysis.calibration.session import fit_session  # noqa: PLC0415 - the same
    from analysis.calibration.text import report_lines  # noqa: PLC0415 - the same

    limits, windows = load_gates(gates), dict(_windows(plateau or []))
    who = said(by or getpass.getuser(), "--by")
    try:
        fitted = fit_session(session, windows)
        fingerprint = session_fingerprint(session)
    except ValueError as error:
        raise Ended(f"It cannot be fitted: {safe(str(error))}.", ExitCode.REFUSED_INPUT) from error
    if fitted.not_done:
        tell(f"{fitted.not_done} additions of the protocol were never marked; the rest is fitted")
    for one in fitted.channels:
        record = as_record(fitted, one, limits, by=who, fingerprint=fingerprint, software=software())
        lines = list(report_lines(record))
        for line in lines:
            say(line, style="bold red" if "FAILED" in line or "DOES NOT HOLD" in line else "")
        stem = _free(session, record)
        save_figure(fitted, one, record, [stem.with_suffix(".png"), stem.with_suffix(".pdf")])
        stem.with_suffix(".txt").write_text(safe("\n".join(lines) + "\n", lines=True), encoding="utf-8")
        say(f"  figure {safe(str(stem.with_suffix('.png')))}")
        if not look:
            _file(record)


@app.command()
@for_people
def show(
    probe: Annotated[str, typer.Argument(metavar="PROBE", help="The probe, as in its protocol.", show_default=False)],
    session: Annotated[
        Path | None,
        typer.Option("--session", metavar="SESSION", help="Also the drift-corrected slope at this recording's time."),
    ] = None,
) -> None:
    """Show a probe's calibrations, what holds now, and what it lost between before and after."""
    from analysis.calibration.text import history_lines  # noqa: PLC0415 - loads what 'stop' must not wait for

    try:
        filed = {simulated: history(probe, simulated=simulated) for simulated in (False, True)}
    except BookBroken as error:
        raise Ended(str(error), ExitCode.VERIFICATION_FAILED) from error
    if not any(filed.values()):
        tell(f"No calibration of {safe(probe)} is filed on this computer; its recordings stay in nA.")
        return
    for found in filed.values():
        for line in history_lines(found, SystemClock().wall_ns()) if found else ():
            say(line)
    if session is not None:
        must_be_session(session)
        for line in _slopes_at(session, filed):
            say(line)


@app.command()
@for_people
def withdraw(
    probe: Annotated[str, typer.Argument(metavar="PROBE", help="The probe, as in its protocol.", show_default=False)],
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The calibration's number in 'show'.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it does not hold.")],
    simulated: Annotated[bool, typer.Option("--simulated", help="One of the simulated ones.")] = False,
) -> None:
    """Say that a filed calibration does not hold, such as one with a wrong stock. It stays in the history."""
    who, why = said(by, "--by"), said(reason, "--reason")
    try:
        withdraw_filed(probe, number, simulated=simulated, by=who, reason=why, wall_ns=SystemClock().wall_ns())
    except ValueError as error:
        raise Ended(f"Nothing was withdrawn: {error}.", ExitCode.REFUSED_INPUT) from error
    except (BookBroken, BookUnwritable) as error:
        raise Ended(f"Nothing was withdrawn: {error}", ExitCode.VERIFICATION_FAILED) from error
    say(f"{'SIMULATED ' if simulated else ''}calibration {number} of {safe(probe)} does not hold any more")


def _slopes_at(session: Path, filed: dict[bool, tuple[FiledCalibration, ...]]) -> Iterator[str]:
    """Yield the slope of every site half-way through a session, between the calibrations around it."""
    from analysis.calibration.drift import correction, latest_before, slope_at  # noqa: PLC0415 - loads what 'stop' must not wait for
    from analysis.calibration.text import slope_text  # noqa: PLC0415 - the same
    from analysis.review import open_recording  # noqa: PLC0415 - the same

    recording = open_recording(session)
    mine = filed[recording.simulated]
    start_ns = recording.data.header.started_wall_ns
    end_ns = start_ns + round(1e9 * max((one.t_s for one in recording.happenings), default=0.0))
    mark = "SIMULATED " if recording.simulated else ""
    for site in sorted({one.record.site for one in mine}):
        pre = latest_before(mine, site, start_ns)
        found = correction(mine, pre, start_ns, end_ns) if pre else "no calibration before it passed and holds"
        if pre is None or isinstance(found, str):
            yield f"{mark}{site}: nothing is corrected, {found}"
            continue
        middle = slope_at(pre.record, found.post.record, (start_ns + end_ns) // 2)
        said_so = slope_text(Interval(value=middle.value, low=middle.low, high=middle.high))
        yield f"{mark}{site}: {said_so} in the middle of this session, on a straight line between both"


def _windows(given: list[str]) -> Iterator[tuple[int, tuple[float, float]]]:
    for text in given:
        match = _WINDOW.fullmatch(text)
        if match is None or float(match[3]) <= float(match[2]):
            raise RefusedInput([Problem("--plateau", 0, "", f'read "{safe(text)}"; write it like 3=290..310 (s).')])
        yield int(match[1]), (float(match[2]), float(match[3]))


def _free(session: Path, record: CalibrationRecord) -> Path:
    """Return a name beside the recording that no earlier fit has taken."""
    for number in range(1, 1000):
        stem = session / f"calibration-{record.site}-{number}"
        if not any(stem.with_suffix(suffix).exists() for suffix in (".png", ".pdf", ".txt")):
            return stem
    raise Ended(f"{safe(str(session))} holds 999 fits; remove some.", ExitCode.REFUSED_INPUT)


def _file(record: CalibrationRecord) -> None:
    try:
        filed = file_calibration(record, SystemClock().wall_ns())
    except (BookBroken, BookUnwritable) as error:
        raise Ended(f"The calibration was NOT filed: {error}", ExitCode.VERIFICATION_FAILED) from error
    mark = "SIMULATED, for simulated runs only: " if record.simulated else ""
    say(f"  {mark}filed as number {filed.number} in the history of {safe(record.probe)}")
