"""Reading a journal: as it grows, or whole into arrays; up to the first byte that is not an undamaged record.

Knows how to follow the file and to check sequence and hash chain. Never writes, never raises on damage: what is wrong
is said in ``problem`` and ``chain_faults``. Does not know HDF5.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from acquisition.events import Event
from acquisition.recording import frames
from acquisition.recording.frames import DIGEST_BYTES, BadFrame, CloseRecord, Frame, Kind
from acquisition.recording.records import InfusionRow, SessionHeader
from drivers.capabilities import SampleBlock

_CHUNK_BYTES = 4 * 1024 * 1024
_T = TypeVar("_T")
Body = SessionHeader | SampleBlock | Event | InfusionRow | CloseRecord


@dataclass(frozen=True)
class Record:
    """One record with its number and the offset at which it ends in the file."""

    sequence: int
    end: int
    body: Body


@dataclass
class JournalReader:
    """Follows one journal. ``tail`` gives what has come since the last call; it may be called for ever.

    ``valid_end`` is the offset of the end of the last good record, ``problem`` says why there is nothing after it
    (empty: the file ends there), ``chain_faults`` lists numbers of events whose hash does not fit.
    """

    path: Path
    valid_end: int = field(default=0, init=False)
    next_sequence: int = field(default=0, init=False)
    header: SessionHeader | None = field(default=None, init=False)
    closed: CloseRecord | None = field(default=None, init=False)
    events: int = field(default=0, init=False)
    chain: bytes = field(default=b"", init=False)
    chain_faults: list[int] = field(default_factory=list, init=False)
    problem: str = field(default="", init=False)

    def tail(self) -> Iterator[Record]:
        """Yield the records that are whole now and were not yielded before. Raises OSError if unreadable."""
        with self.path.open("rb", buffering=0) as file:
            self.problem = ""
            length = _CHUNK_BYTES
            while not self.problem:
                file.seek(self.valid_end)
                data = memoryview(file.read(length))
                used = yield from self._parse(data)
                if used:
                    length = _CHUNK_BYTES
                elif len(data) == length == _CHUNK_BYTES:
                    length = frames.FRAME.size + frames.MAX_PAYLOAD_BYTES  # one record longer than a chunk
                else:
                    if data and not self.problem:
                        self.problem = f"the last {len(data)} bytes are the start of a record that has not ended"
                    return

    def _parse(self, data: memoryview) -> Generator[Record, None, int]:
        position = 0
        while position < len(data):
            try:
                frame = frames.split_frame(data[position:])
                if frame is None:
                    break
                body = self._decode(frame)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
                self.problem = f"damaged at byte {self.valid_end}: {error}"
                break
            position += frame.size
            self.valid_end += frame.size
            self.next_sequence += 1
            yield Record(frame.sequence, self.valid_end, body)
        return position

    def _decode(self, frame: Frame) -> Body:
        if frame.sequence != self.next_sequence:
            raise BadFrame(f"record {self.next_sequence} is missing, record {frame.sequence} follows")
        if self.closed is not None:
            raise BadFrame("a record follows the closing record")
        if frame.kind == Kind.HEADER and frame.sequence == 0:
            payload = bytes(frame.payload)
            self.header = frames.decode_header(payload)
            self.chain = frames.genesis(payload)
            return self.header
        if self.header is None:
            raise BadFrame("the file does not begin with a session header")
        if frame.kind == Kind.SAMPLES:
            return frames.decode_samples(frame.payload, _listed(self.header.streams, frame.stream))
        if frame.kind == Kind.INFUSION:
            return frames.decode_infusion(frame.payload, _listed(self.header.pumps, frame.stream))
        if frame.kind == Kind.EVENT:
            return self._event(frame)
        if frame.kind == Kind.CLOSE:
            self.closed = frames.decode_close(bytes(frame.payload))
            return self.closed
        raise BadFrame(f"records of kind {frame.kind} are not known here")

    def _event(self, frame: Frame) -> Event:
        stored, text = bytes(frame.payload[:DIGEST_BYTES]), bytes(frame.payload[DIGEST_BYTES:])
        event = frames.decode_event(text)
        if frames.chain_hash(text, self.chain) != stored:
            self.chain_faults.append(frame.sequence)
        self.chain = stored  # go on from what is stored, so that each fault is named once
        self.events += 1
        return event


def _listed(items: tuple[_T, ...], number: int) -> _T:
    if number >= len(items):
        raise BadFrame(f"the header lists no stream {number}")
    return items[number]
