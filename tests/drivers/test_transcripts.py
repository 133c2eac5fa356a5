"""Transcripts: what is written is what is read, whole lines only; what is not exactly right is refused by its line."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.capabilities import WireRecord
from drivers.clock import NS_PER_S, VirtualClock
from drivers.transcripts import (
    BadTranscript,
    TranscriptHeader,
    TranscriptWriter,
    escaped,
    parse_transcript,
    read_transcript,
    unescaped,
)

GOOD = b"""\
# amperfuse transcript 1
# url: /dev/ttyUSB0
# began: 2026-11-25T09:30:00.250000000Z
# line: 19200 8N1
# SIMULATED
# note: bench
0.000000000 > "0VER\\r"
# a person wrote this
0.021400000 < "\\x0200SNE1000V3.928\\x03"
7.000000001 ! "unplugged"
7.350000000 end
"""


def test_the_printed_example_reads_as_it_is_meant() -> None:
    found = parse_transcript(GOOD, "x")
    assert found.header == TranscriptHeader(
        "/dev/ttyUSB0", 1_795_599_000_250_000_000, 19200, "8N1", simulated=True, note="bench"
    )
    assert [(r.line, r.t_ns, r.way, r.data) for r in found.records] == [
        (7, 0, "out", b"0VER\r"),
        (9, 21_400_000, "in", b"\x0200SNE1000V3.928\x03"),
        (10, 7_000_000_001, "lost", b"unplugged"),
    ]
    assert found.ended_ns == 7_350_000_000


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_survive_as_printable_text(data: bytes) -> None:
    text = escaped(data)
    assert all(" " <= character <= "~" for character in text)
    assert unescaped(text.encode()) == data


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["out", "in"]), st.binary(min_size=1, max_size=60), st.integers(0, 10**10))),
)
def test_what_is_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, talk: list) -> None:  # type: ignore[type-arg]
    clock = VirtualClock()
    clock.jump_ns(5)
    path = tmp_path_factory.mktemp("t") / "t.transcript"
    writer = TranscriptWriter.create(path, TranscriptHeader("sim://x", clock.wall_ns(), simulated=True), clock)
    for way, data, wait_ns in talk:
        clock.jump_ns(wait_ns)
        writer.wire(WireRecord(clock.now_ns(), way, data))
    writer.close(clock.now_ns())
    found = read_transcript(path)
    assert [(r.way, r.data) for r in found.records] == [(way, data) for way, data, _ in talk]
    assert found.ended_ns == sum(wait_ns for _, _, wait_ns in talk)
    assert found.header == TranscriptHeader("sim://x", VirtualClock().wall_ns() + 5, simulated=True)


def test_long_pieces_are_cut_into_lines_and_come_back_whole(tmp_path: Path) -> None:
    data, clock = bytes(range(256)) * 40, VirtualClock()
    writer = TranscriptWriter.create(tmp_path / "t", TranscriptHeader("u", 0), clock)
    writer.add("in", data, 0)
    writer.close(0)
    records = read_transcript(tmp_path / "t").records
    assert len(records) == 3
    assert b"".join(record.data for record in records) == data


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("precious")
    with pytest.raises(FileExistsError):
        TranscriptWriter.create(tmp_path / "t", TranscriptHeader("u", 0), VirtualClock())
    assert (tmp_path / "t").read_text() == "precious"


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit there")
def test_a_full_disk_leaves_whole_lines_and_is_said(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - not on Windows
    import signal  # noqa: PLC0415

    clock = VirtualClock()
    writer = TranscriptWriter.create(tmp_path / "t", TranscriptHeader("u", 0), clock)
    writer.add("out", b"kept", 0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(tmp_path / "t") + 20, before[1]))  # noqa: PTH202
        with pytest.raises(OSError, match="disk full"):
            writer.add("in", b"x" * 100, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    with pytest.raises(OSError, match="failed before"):
        writer.add("in", b"later", 0)
    writer.close(0)
    found = read_transcript(tmp_path / "t")
    assert [record.data for record in found.records] == [b"kept"]
    assert found.ended_ns is None


def edited(old: bytes, new: bytes) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"", 1, "begins with"),
        (b"\x00\xff" * 10, 1, "middle of this line"),
        (edited(b"transcript 1", b"transcript 2"), 1, "begins with"),
        (edited(b"# url: /dev/ttyUSB0\n", b""), 5, "needs url"),
        (edited(b"19200 8N1", b"19200"), 6, "needs url"),
        (edited(b"11-25T", b"13-45T"), 6, "no date"),
        (edited(b"# note: bench", b"# colour: red"), 6, "no line of the header"),
        (edited(b"# note: bench", b"# url: twice"), 6, "no line of the header"),
        (edited(b"# note: bench", b"# note: \x1b[2J"), 6, "no line of the header"),
        (edited(b'> "0VER', b'} "0VER'), 7, "a line is TIME"),
        (edited(b'"0VER\\r"', b'"0VER\\q"'), 7, "a line is TIME"),
        (edited(b'"0VER\\r"', b'"0VER\x07"'), 7, "a line is TIME"),
        (edited(b'"0VER\\r"', b'""'), 7, "a line is TIME"),
        (edited(b'"0VER\\r"', b'"0VER\\r" '), 7, "a line is TIME"),
        (edited(b'"0VER\\r"', b'"' + b"x" * 20_000 + b'"'), 7, "a line is TIME"),
        (edited(b"0.021400000", b"0.0214"), 9, "a line is TIME"),
        (edited(b"0.021400000", b"-0.021400000"), 9, "a line is TIME"),
        (edited(b"7.000000001", b"0.000000001"), 10, "backwards"),
        (GOOD + b'8.000000000 < "x"\n', 12, "below the end"),
        (GOOD[:-5], 11, "middle of this line"),
        (GOOD.replace(b"\n", b"\r\n"), 1, "begins with"),
    ],
)
def test_X1_what_is_not_exactly_right_is_refused_by_its_line(data: bytes, line: int, says: str) -> None:
    with pytest.raises(BadTranscript, match=rf"x, line {line}: .*{says}"):
        parse_transcript(data, "x")


@given(st.binary(max_size=400))
def test_X1_any_bytes_below_a_good_head_are_read_or_refused(tail: bytes) -> None:
    with suppress(BadTranscript):
        parse_transcript(GOOD.removesuffix(b"7.350000000 end\n") + tail, "x")


def test_X1_huge_files_are_refused_before_they_are_parsed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("drivers.transcripts.MAX_BYTES", 300)
    (tmp_path / "t").write_bytes(GOOD + b"# x\n" * 100)
    with pytest.raises(BadTranscript, match="larger than"):
        read_transcript(tmp_path / "t")
    monkeypatch.setattr("drivers.transcripts.MAX_RECORDS", 2)
    with pytest.raises(BadTranscript, match="line 10: there are more than 2"):
        parse_transcript(GOOD[:300], "x")


def test_X1_a_device_or_folder_is_no_transcript(tmp_path: Path) -> None:
    with pytest.raises(BadTranscript, match="not a regular file"):
        read_transcript(tmp_path)
    assert NS_PER_S == 10**9
