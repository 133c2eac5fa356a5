"""Rehearse in the window: one button before the start, GO or NO GO with reasons, and a window that never waits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acquisition.rehearsal_messages import MAX_LINE_BYTES, RehearsalProgress, RehearsalVerdict, as_line, from_line
from gui.presenters.rehearsal import REASON_SHOWN, RehearsalRun, rehearsal_card
from tests.gui.fakes import EVIL, state

if TYPE_CHECKING:
    from gui.rehearser import ProcessRehearser
    from tests.gui.bench import Bench

READY: dict[str, Any] = {"phase": "ready", "session_dir": "/s/x"}
DONE = RehearsalRun("done", "/s/x", 1.0, go=True, page="/s/y/rehearsal.html")


def test_it_is_offered_before_the_start_and_at_no_other_time() -> None:
    none = RehearsalRun()
    offered = rehearsal_card(state(**READY), none, old=False)
    assert offered is not None
    assert (offered.button, offered.running, offered.page) == ("Rehearse", False, "")
    for phase in ("connecting", "running", "holding", "stopping", "stopped", "finished", "closing"):
        assert rehearsal_card(state(phase=phase), none, old=False) is None
    assert rehearsal_card(state(**READY), none, old=True) is None
    assert rehearsal_card(None, none, old=False) is None


def test_no_go_is_told_with_its_reasons_and_more_of_them_on_the_page() -> None:
    run = RehearsalRun("done", "/s/x", 1.0, reasons=tuple(f"reason {n}" for n in range(5)), page="/p")
    card = rehearsal_card(state(**READY), run, old=False)
    assert card is not None
    assert (card.headline, card.tone, card.page) == ("✕ NO GO (SIMULATED)", "alarm", "/p")
    assert card.lines == ("reason 0", "reason 1", "and 3 more in the report")
    long = rehearsal_card(state(**READY), RehearsalRun("done", "/s/x", 1.0, reasons=("x" * 5000,)), old=False)
    assert long is not None
    assert len(long.lines[0]) == REASON_SHOWN


def test_the_verdict_of_another_session_is_not_shown() -> None:
    card = rehearsal_card(state(phase="ready", session_dir="/s/other"), DONE, old=False)
    assert card is not None
    assert card.button == "Rehearse"
    assert card.page == ""


def test_one_click_rehearses_the_loaded_session_and_the_next_cancels(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(**READY))
    assert window.rehearsal.act.isVisible()

    bench.click(window.rehearsal.act)
    bench.rehearser.run = RehearsalRun("running", "/s/x", 0.4, "Step 3: ketamine")
    bench.hear(window)
    assert window.rehearsal.headline.text() == "SIMULATED rehearsal, 40%: Step 3: ketamine"
    assert window.rehearsal.bar.isVisible()
    assert window.rehearsal.act.text() == "Cancel"
    assert not window.rehearsal.report.isVisible()

    bench.click(window.rehearsal.act)
    assert bench.rehearser.told == ["start /s/x", "cancel"]


def test_go_opens_its_page_and_hostile_reasons_stay_text(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(**READY))
    bench.rehearser.run = DONE
    bench.hear(window)
    assert window.rehearsal.headline.text() == "✓ GO (SIMULATED): nothing stood against it"
    bench.click(window.rehearsal.report)
    assert bench.opened == ["/s/y/rehearsal.html"]

    bench.rehearser.run = RehearsalRun("done", "/s/x", 1.0, reasons=(EVIL + "\x1b",), page="/p")
    bench.hear(window)
    assert EVIL in window.rehearsal.reasons.text()
    assert "\x1b" not in window.rehearsal.reasons.text()
    assert bench.are_plain(window)


def test_a_started_plan_has_the_computer_for_itself(bench: Bench) -> None:
    window = bench.open()
    bench.hear(window, state(**READY))
    bench.click(window.rehearsal.act)
    bench.hear(window, state(phase="running", session_dir="/s/x"))
    assert bench.rehearser.told == ["start /s/x", "cancel"]
    assert not window.rehearsal.isVisible()


def test_closing_the_window_ends_the_rehearsal(bench: Bench) -> None:
    bench.open().close()
    assert bench.rehearser.told[-1] == "close"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"progress\n",
        b'{"type":"progress","progress":2.0,"text":""}\n',
        b'{"type":"progress","progress":0.1,"text":"","more":1}\n',
        b'{"type":"verdict","go":"perhaps","reasons":[],"page":""}\n',
        b'{"type":"other"}\n',
        b" " * (MAX_LINE_BYTES + 1),
    ],
)
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


def test_what_is_written_is_what_is_read() -> None:
    for message in (
        RehearsalProgress(progress=0.25, text="Step 1\nµ"),
        RehearsalVerdict(go=False, reasons=("a", "b\n"), page="/p"),
    ):
        line = as_line(message)
        assert line.count("\n") == 1
        assert from_line(line.encode()) == message


def rehearser(bench: Bench, script: str, tmp_path: Path) -> ProcessRehearser:
    """Return one whose process is this script instead of a rehearsal."""
    from gui.rehearser import ProcessRehearser  # noqa: PLC0415 - Qt may be missing here

    path = tmp_path / "says.py"
    path.write_text(script, encoding="utf-8")
    return ProcessRehearser((sys.executable, str(path)))


def wait(bench: Bench, holds: Callable[[], bool]) -> None:
    """Let the window live until this holds; the test fails if it never does."""
    from tests.gui.bench import HANDS  # noqa: PLC0415 - Qt may be missing here

    for _ in range(2000):
        if holds():
            return
        HANDS.qWait(10)
    pytest.fail("it never came to that")


def ended(bench: Bench, found: ProcessRehearser) -> RehearsalRun:
    wait(bench, lambda: found.run.stage not in ("running", "cancelling") and found._process is None)
    return found.run


GOOD = as_line(RehearsalProgress(progress=0.5, text="half")) + as_line(
    RehearsalVerdict(go=True, reasons=(), page="/s/y/rehearsal.html")
)


def test_the_process_is_told_the_session_and_where_to_record(bench: Bench, tmp_path: Path) -> None:
    words = tmp_path / "words"
    script = f"import sys\nprint({GOOD!r}, end='')\nopen({str(words)!r}, 'w').write(' '.join(sys.argv[1:]))\n"
    found = rehearser(bench, script, tmp_path)
    found.start("/s/x")
    assert ended(bench, found) == RehearsalRun("done", "/s/x", 1.0, "half", go=True, page="/s/y/rehearsal.html")
    assert words.read_text() == "/s/x --json --out /s"
    found.close()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys\nsys.stderr.write('rig.toml:3: no such pump\\n')\nsys.exit(2)\n", "rig.toml:3: no such pump"),
        ("print('<html>')\n", "cannot be read"),
        ("", "without a word"),
    ],
)
def test_a_process_that_fails_is_told_with_its_own_words(bench: Bench, tmp_path: Path, script: str, said: str) -> None:
    found = rehearser(bench, script, tmp_path)
    found.start("/s/x")
    run = ended(bench, found)
    assert run.stage == "failed"
    assert said in run.text
    found.close()


def test_a_program_that_is_not_there_is_told(bench: Bench, tmp_path: Path) -> None:
    from gui.rehearser import ProcessRehearser  # noqa: PLC0415 - Qt may be missing here

    found = ProcessRehearser((str(tmp_path / "nothing"),))
    found.start("/s/x")
    assert "could not be started" in ended(bench, found).text


def test_cancel_ends_the_process_and_another_can_be_started(bench: Bench, tmp_path: Path) -> None:
    found = rehearser(bench, f"import time\nprint({GOOD.splitlines()[0]!r}, flush=True)\ntime.sleep(60)\n", tmp_path)
    found.start("/s/x")
    wait(bench, lambda: found.run.text == "half")
    found.cancel()
    assert found.run.stage == "cancelling"
    assert ended(bench, found).stage == "cancelled"
    found.start("/s/z")
    assert found.run.session_dir == "/s/z"
    found.close()
