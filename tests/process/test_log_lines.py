"""X8: the engine's log says what was said, and nobody who says something can write a line of his own into it."""

from __future__ import annotations

import logging

import pytest

from acquisition.service.log_lines import MAX_LINE, MAX_LINES, SafeFormatter


def written(text: str, *, error: BaseException | None = None) -> str:
    record = logging.LogRecord("amperfuse", logging.WARNING, "x.py", 1, text, None, None)
    if error is not None:
        record.exc_info = (type(error), error, None)
    return SafeFormatter("SIMULATED %(levelname)s %(name)s: %(message)s").format(record)


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("\x1b[2J", "\\u001b[2J"),
        ("\x1b]8;;http://evil\x07", "\\u001b]8;;http://evil\\u0007"),
        ("a\rb", "a\\u000db"),
        ("\u202eSAFE", "\\u202eSAFE"),
        ("a\u2028b", "a\\u2028b"),
        ("\0", "\\u0000"),
        ("25 µL/min %s", "25 µL/min %s"),
    ],
)
def test_X8_control_and_direction_characters_are_spelled_out(said: str, stands: str) -> None:
    assert written(said) == f"SIMULATED WARNING amperfuse: {stands}"


def test_X8_a_text_of_several_lines_forges_no_second_record() -> None:
    lines = written("pump says\n2026-11-25 INFO amperfuse: all pumps stopped").split("\n")
    assert lines[1] == "    | 2026-11-25 INFO amperfuse: all pumps stopped"


def test_X8_a_traceback_stays_readable_and_its_message_harmless() -> None:
    lines = written("a thread died", error=ValueError("\x1b[2Jgone\nINFO forged")).split("\n")
    assert lines[1:] == ["    | ValueError: \\u001b[2Jgone", "    | INFO forged"]


def test_X16_a_megabyte_of_text_is_a_bounded_record() -> None:
    assert len(written("x" * 1_000_000)) == MAX_LINE + 3
    assert written("\n" * 100_000).count("\n") == MAX_LINES
