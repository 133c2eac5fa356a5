"""The journal: whole records or none, a format anybody can read, and every damage found."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition.events import Event, EventKind
from acquisition.recording import frames
from acquisition.recording.journal import JOURNAL_NAME, JournalEncoder, JournalWriter
from acquisition.recording.reader import JournalReader, Record
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.records import InfusionRow, RecordingFailed
from acquisition.recording.session_data import read_session
from drivers.capabilities import SampleBlock
from drivers.clock import VirtualClock
from tests.recording.failing_fs import FailingFs
from tests.recording.synthetic import block, event, header, infusion


def small_journal() -> bytes:
    encoder = JournalEncoder(header())
    parts = [encoder.first()]
    for number in range(3):
        parts += [
            encoder.samples(block(number, rows=2)),
            encoder.infusion(infusion(number)),
            encoder.event(event(number)),
        ]
    parts.append(encoder.last(9_000_000_000, 1, "closed"))
    return b"".join(parts)


JOURNAL = small_journal()


def records_of(path: Path, data: bytes) -> tuple[JournalReader, list[Record]]:
    path.write_bytes(data)
    reader = JournalReader(path)
    return reader, list(reader.tail())


def same(left: Record, right: Record) -> bool:
    if isinstance(left.body, SampleBlock) and isinstance(right.body, SampleBlock):
        return left.sequence == right.sequence and frames.encode_samples(left.body) == frames.encode_samples(right.body)
    return left == right


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    reader, records = records_of(tmp_path / "j", JOURNAL)
    assert [record.sequence for record in records] == list(range(11))
    assert records[0].body == header()
    got = records[1].body
    assert isinstance(got, SampleBlock)
    assert np.array_equal(got.current_a, block(0, rows=2).current_a)
    assert np.array_equal(got.t_ns(), block(0, rows=2).t_ns())
    assert records[2].body == infusion(0)
    assert records[3].body == event(0)
    assert (reader.problem, reader.chain_faults, reader.valid_end) == ("", [], len(JOURNAL))
    assert reader.closed is not None
    assert (reader.closed.records, reader.closed.events, reader.closed.chain_head) == (10, 3, reader.chain.hex())


def test_forty_lines_of_plain_python_read_the_journal_without_the_program() -> None:
    """ALCOA "enduring": written from the page in docs/reference, with nothing of ours."""
    position, sequence, chain, samples, texts = 0, 0, b"", [], []
    while position < len(JOURNAL):
        magic, length, crc, kind, _flags, _stream, number = struct.unpack_from("<4sIIBBHQ", JOURNAL, position)
        payload = JOURNAL[position + 24 : position + 24 + length]
        assert magic == b"AFJ1"
        assert number == sequence
        assert crc == zlib.crc32(JOURNAL[position + 12 : position + 24] + payload)
        if kind == 1:
            session = json.loads(payload)
            chain = hashlib.sha256(payload).digest()
        elif kind == 2:
            t0, interval, _received, _epoch, count, channels = struct.unpack_from("<qqqIIH6x", payload)
            index = struct.unpack_from(f"<{count}q", payload, 40)
            current = struct.unpack_from(f"<{count * channels}d", payload, 40 + 8 * count)
            samples += [(t0 + i * interval, current[n * channels]) for n, i in enumerate(index)]
        elif kind == 3:
            assert payload[:32] == hashlib.sha256(payload[32:] + chain).digest()
            chain = payload[:32]
            texts.append(json.loads(payload[32:])["text"])
        elif kind == 5:
            assert json.loads(payload)["chain_head"] == chain.hex()
        position += 24 + length
        sequence += 1
    assert session["session_id"] == "20260101-090000-m01"
    assert samples[1] == (5_010_000_000, 1e-10 + 1e-12)
    assert len(samples) == 6
    assert texts[2] == "mark 2 µL\nsecond line"


def test_every_prefix_of_a_journal_reads_as_a_prefix_of_its_records(tmp_path: Path) -> None:
    _, whole = records_of(tmp_path / "whole", JOURNAL)
    ends = [record.end for record in whole]
    for cut in range(len(JOURNAL) + 1):
        reader, records = records_of(tmp_path / "cut", JOURNAL[:cut])
        expected = [record for record in whole if record.end <= cut]
        assert len(records) == len(expected), cut
        assert all(map(same, records, expected)), cut
        assert reader.valid_end == (expected[-1].end if expected else 0)
        assert bool(reader.problem) == (cut not in ends and cut != 0), cut


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bit=st.integers(0, len(JOURNAL) * 8 - 1))
def test_a_flipped_bit_is_found_and_nothing_damaged_is_returned(tmp_path: Path, bit: int) -> None:
    damaged = bytearray(JOURNAL)
    damaged[bit // 8] ^= 1 << (bit % 8)
    _, whole = records_of(tmp_path / "whole", JOURNAL)
    reader, records = records_of(tmp_path / "damaged", bytes(damaged))
    expected = [record for record in whole if record.end <= bit // 8]
    assert reader.problem
    assert len(records) == len(expected)
    assert all(map(same, records, expected))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=200))
def test_the_reader_never_raises_on_junk(tmp_path: Path, junk: bytes) -> None:
    _reader, records = records_of(tmp_path / "junk", junk)
    assert records == []


def test_an_event_changed_with_a_right_checksum_breaks_the_chain(tmp_path: Path) -> None:
    encoder = JournalEncoder(header())
    parts = [encoder.first(), encoder.event(event(0))]
    honest = encoder.chain
    text = frames.encode_event(replace(event(1), text="forged"))
    forged = frames.encode_frame(frames.Kind.EVENT, 2, hashlib.sha256(b"no").digest() + text)
    encoder.sequence, encoder.chain = 3, honest
    parts += [forged, encoder.event(event(2))]
    reader, records = records_of(tmp_path / "j", b"".join(parts))
    assert len(records) == 4
    assert reader.chain_faults == [2, 3]


def test_a_record_taken_out_or_repeated_ends_the_valid_data(tmp_path: Path) -> None:
    _, whole = records_of(tmp_path / "j", JOURNAL)
    first, second, third = (record.end for record in whole[1:4])
    reader, records = records_of(tmp_path / "out", JOURNAL[:first] + JOURNAL[second:])
    assert len(records) == 2
    assert "record 2 is missing" in reader.problem
    _, records = records_of(tmp_path / "twice", JOURNAL[:third] + JOURNAL[second:])
    assert len(records) == 4


def test_the_tail_is_followed_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b"")
    reader = JournalReader(path)
    seen = []
    with path.open("ab", buffering=0) as file:
        for start in range(0, len(JOURNAL), 37):
            file.write(JOURNAL[start : start + 37])
            seen += [record.sequence for record in reader.tail()]
    assert seen == list(range(11))
    assert list(reader.tail()) == []


def test_a_record_longer_than_one_read_is_read(tmp_path: Path) -> None:
    encoder = JournalEncoder(header())
    long = block(0, rows=300_000)
    _, records = records_of(tmp_path / "j", encoder.first() + encoder.samples(long) + encoder.event(event(0)))
    got = records[1].body
    assert isinstance(got, SampleBlock)
    assert np.array_equal(got.current_a, long.current_a)
    assert len(records) == 3


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(text=st.text(), data=st.dictionaries(st.text(), scalars), t_ns=st.integers(0, 2**63 - 1))
def test_any_event_survives_the_round_trip(
    text: str, data: dict[str, str | int | float | bool | None], t_ns: int
) -> None:
    made = Event(EventKind.NOTE, t_ns, t_ns, "operator", text, data)
    assert frames.decode_event(frames.encode_event(made)) == made


def test_numbers_that_are_not_finite_do_not_cost_the_event() -> None:
    data: dict[str, Any] = {"a": math.nan, "b": math.inf, "c": np.float64(0.5), "d": np.int64(3)}
    made = Event(EventKind.PUMP, 1, 2, "drug", "x", data)
    assert frames.decode_event(frames.encode_event(made)).data == {"a": "nan", "b": "inf", "c": 0.5, "d": 3}


def test_an_instrument_the_header_does_not_announce_is_refused(tmp_path: Path) -> None:
    recorder = InlineRecorder.create(tmp_path, header(), VirtualClock())
    with pytest.raises(ValueError, match="does not announce other"):
        recorder.samples(replace(block(0), instrument="other"))
    with pytest.raises(ValueError, match="does not announce the pump"):
        recorder.infusion(InfusionRow("other", 0, 0, 0, 0, 0, 0, 0, 0))
    recorder.event(event(0))
    recorder.close()
    assert read_session(tmp_path).problem == ""


def test_an_existing_journal_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_bytes(b"precious")
    with pytest.raises(RecordingFailed, match="not overwritten"):
        InlineRecorder.create(tmp_path, header(), VirtualClock())
    assert (tmp_path / JOURNAL_NAME).read_bytes() == b"precious"


def test_R5_a_short_write_is_cut_back_and_says_what_to_do(tmp_path: Path) -> None:
    failing = False
    fs = FailingFs(lambda _call, name: failing and name == "write", short=True)
    writer = JournalWriter.create(tmp_path / "j", b"first", fs)
    failing = True
    with pytest.raises(RecordingFailed, match="free space") as raised:
        writer.append(b"0123456789")
    assert "Nothing already stored is lost" in str(raised.value)
    assert (tmp_path / "j").read_bytes() == b"first"
    failing = False
    writer.append(b"second")
    writer.close()
    assert (tmp_path / "j").read_bytes() == b"firstsecond"


def test_a_torn_tail_that_could_not_be_cut_at_once_is_cut_before_the_next_record(tmp_path: Path) -> None:
    failing = False
    fs = FailingFs(lambda _call, name: failing and name in ("write", "truncate"), error=errno.EIO, short=True)
    writer = JournalWriter.create(tmp_path / "j", b"first", fs)
    failing = True
    with pytest.raises(RecordingFailed, match="disk is full"):
        writer.append(b"0123456789")
    assert (tmp_path / "j").read_bytes() != b"first"
    failing = False
    writer.append(b"second")
    writer.close()
    assert (tmp_path / "j").read_bytes() == b"firstsecond"


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for 3 calls"])
@pytest.mark.parametrize("short", [False, True], ids=["refused", "short"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_R2_the_nth_call_fails_for_every_n(tmp_path: Path, error: int, short: bool, lasting: bool) -> None:
    nth = 0
    while True:
        nth += 1
        folder = tmp_path / str(nth)
        folder.mkdir()
        fs = FailingFs(lambda call, _name, n=nth: n <= call < n + (3 if lasting else 1), error=error, short=short)  # type: ignore[misc]
        promised = run_session(folder, fs)
        assert fs.open_descriptors == set(), nth
        if promised is None:
            continue
        acknowledged, complete = promised
        session = read_session(folder)
        assert session.last_sequence + 1 >= acknowledged, nth
        index = session.streams["stat"].index
        assert np.array_equal(index, np.arange(len(index))), nth
        if complete:
            assert session.close is not None
            assert len(index) == 8 * 25
        if fs.calls < nth:
            break
    assert nth > 15


def run_session(folder: Path, fs: FailingFs) -> tuple[int, bool] | None:
    """Record eight blocks; return how many records were acknowledged and whether the close was; None: no start."""
    clock = VirtualClock()
    try:
        recorder = InlineRecorder.create(folder, header(), clock, fs)
    except RecordingFailed:
        return None
    for number in range(8):
        recorder.samples(block(number))
        if number == 4:
            before = recorder.progress()
            try:
                recorder.commit(event(number), 1.0)
                assert recorder.core.synced > before
            except RecordingFailed:
                assert recorder.view().failing
        clock.jump_ns(2_000_000_000)
    acknowledged = recorder.progress()
    try:
        recorder.close()
    except RecordingFailed:
        return acknowledged, False
    return recorder.progress(), True
