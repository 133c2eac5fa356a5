"""The journal's bytes: one frame per record, and the payload of each kind of record.

Alone knows the layout that ``docs/reference/session-files.md`` describes. Pure: bytes in, values out. Knows nothing of
files, threads, time or HDF5. A frame is 24 bytes of header and a payload::

    magic "AFJ1" | payload length u32 | CRC32 u32 | kind u8 | flags u8 | stream u16 | sequence u64   (little-endian)

The CRC (zlib's) covers the 12 header bytes after it and the payload; magic, length and CRC itself are covered by not
fitting when they are changed. [M] frame layout and its cost: reference "recording", section 0.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from json.encoder import encode_basestring_ascii
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from acquisition.events import Event, EventKind, Scalar
from acquisition.recording.records import InfusionRow, SessionHeader, StreamSpec
from drivers.capabilities import SampleBlock

MAGIC = b"AFJ1"
FORMAT_VERSION = 1
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
"""No record is nearly as large; a longer length in a file is damage, not a record still being written."""
FRAME = struct.Struct("<4sIIBBHQ")
_COVERED = struct.Struct("<BBHQ")
_SAMPLES = struct.Struct("<qqqIIHxxxxxx")
_INFUSION = struct.Struct("<q7d")
DIGEST_BYTES = 32


class Kind(IntEnum):
    """What a record is."""

    HEADER = 1
    SAMPLES = 2
    EVENT = 3
    INFUSION = 4
    CLOSE = 5


class BadFrame(ValueError):
    """Bytes that are not a whole, undamaged record; says why."""


@dataclass(frozen=True)
class CloseRecord:
    """The last record of a journal: how it ended and what must be before it."""

    t_ns: int
    wall_ns: int
    outcome: str
    """"closed" by the engine, or "recovered" after an interruption."""
    records: int
    """Records before this one, the header included."""
    events: int
    chain_head: str
    """Hash of the last event, hexadecimal: anchors the chain against cutting at the end."""


# What is read from a file is checked field by field: it may have been changed together with its checksum.
_T = TypeVar("_T")
_HEADER = TypeAdapter(SessionHeader)
_CLOSE = TypeAdapter(CloseRecord)


@dataclass(frozen=True)
class Frame:
    """One undamaged frame; ``size`` is what it takes in the file."""

    kind: int
    stream: int
    sequence: int
    payload: memoryview
    size: int


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_PLAIN_TYPES = frozenset({str, bool, int, type(None)})


def encode_frame(kind: Kind, sequence: int, payload: bytes, stream: int = 0) -> bytes:
    """Return the frame of one record. Raises ValueError when the payload is longer than MAX_PAYLOAD_BYTES."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a record of {len(payload)} bytes is longer than the {MAX_PAYLOAD_BYTES} a journal takes")
    covered = _COVERED.pack(kind, 0, stream, sequence)
    crc = zlib.crc32(payload, zlib.crc32(covered))
    return FRAME.pack(MAGIC, len(payload), crc, kind, 0, stream, sequence) + payload


def split_frame(data: memoryview) -> Frame | None:
    """Return the frame at the start of ``data``; None when it is not all there yet. Raises BadFrame."""
    if bytes(data[: len(MAGIC)]) != MAGIC[: len(data)]:
        raise BadFrame("no record starts here")
    if len(data) < FRAME.size:
        return None
    _, length, crc, kind, flags, stream, sequence = FRAME.unpack_from(data)
    if length > MAX_PAYLOAD_BYTES:
        raise BadFrame(f"a record cannot be {length} bytes long")
    size = FRAME.size + length
    if len(data) < size:
        return None
    payload = data[FRAME.size : size]
    if zlib.crc32(payload, zlib.crc32(_COVERED.pack(kind, flags, stream, sequence))) != crc:
        raise BadFrame("the checksum does not fit")
    return Frame(kind, stream, sequence, payload, size)


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Return the one spelling of ``value``: sorted keys, no blanks, ASCII. What is not finite becomes text."""
    return _CANONICAL.encode(_plain(value)).encode("ascii")


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN_TYPES or isinstance(value, str | bool | int):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def chain_hash(event_json: bytes, previous: bytes) -> bytes:
    """Return the hash that ties an event to all events before it: SHA-256(canonical JSON + previous hash)."""
    return hashlib.sha256(event_json + previous).digest()


def genesis(header_payload: bytes) -> bytes:
    """Return the hash before the first event: that of the header, so a chain fits one session only."""
    return hashlib.sha256(header_payload).digest()


def encode_header(header: SessionHeader) -> bytes:
    """Return the payload of the first record."""
    fields = asdict(header)
    if not header.imported:
        del fields["imported"]  # format 1 is older than imports, and says nothing where there is nothing to say
    return canonical_json({"format": FORMAT_VERSION, **fields})


def decode_header(payload: bytes) -> SessionHeader:
    """Return the session header. Raises BadFrame for another format version."""
    fields = json.loads(payload)
    version = fields.pop("format", None)
    if version != FORMAT_VERSION:
        raise BadFrame(f"this journal has format {version!r}; this program reads format {FORMAT_VERSION}")
    header = _checked(_HEADER, fields)
    if any(len(item) != len(spec.channels) for spec in header.streams for item in _per_channel(spec)):
        raise BadFrame("the header describes more or fewer channels than it lists")
    return header


def _per_channel(spec: StreamSpec) -> tuple[tuple[Any, ...], ...]:
    return spec.roles, spec.sensitivity_a_per_um, spec.range_a


def encode_event(event: Event) -> bytes:
    """Return the canonical JSON of an event, without its hash: what ``canonical_json`` makes of its fields.

    Put together here, because every question to a pump is an event.
    """
    data = canonical_json(event.data).decode("ascii") if event.data else "{}"
    kind, source, text = (encode_basestring_ascii(part) for part in (event.kind.value, event.source, event.text))
    fields = f'"kind":{kind},"source":{source},"t_ns":{event.t_ns:d},"text":{text},"wall_ns":{event.wall_ns:d}'
    return f'{{"data":{data},{fields}}}'.encode("ascii")


def decode_event(event_json: bytes) -> Event:
    """Return the event."""
    fields = json.loads(event_json)
    t_ns, wall_ns, source, text = (fields[name] for name in ("t_ns", "wall_ns", "source", "text"))
    data: dict[str, Scalar] = fields["data"]
    if not (_is_i64(t_ns) and _is_i64(wall_ns) and isinstance(source, str) and isinstance(text, str)):
        raise BadFrame("an event has fields of the wrong type")
    if not isinstance(data, dict):
        raise BadFrame("the data of an event are not named values")
    return Event(EventKind(fields["kind"]), t_ns, wall_ns, source, text, data)


def _is_i64(value: object) -> bool:
    return isinstance(value, int) and -(2**63) <= value < 2**63


def encode_samples(block: SampleBlock) -> bytes:
    """Return the payload of a block: 40 bytes, then index i64 (n), current f64 (n, c), flags u8 (n, c)."""
    count, channels = block.current_a.shape
    if block.index.shape != (count,) or block.flags.shape != (count, channels) or channels != len(block.channels):
        raise ValueError(f"block of {block.instrument}: index, current and flags do not have the same length")
    head = _SAMPLES.pack(block.t0_ns, block.interval_ns, block.received_ns, block.epoch, count, channels)
    return b"".join(
        (
            head,
            np.ascontiguousarray(block.index, "<i8").tobytes(),
            np.ascontiguousarray(block.current_a, "<f8").tobytes(),
            np.ascontiguousarray(block.flags, "u1").tobytes(),
        )
    )


def decode_samples(payload: memoryview, spec: StreamSpec) -> SampleBlock:
    """Return the block; its arrays are read-only views of ``payload``. Raises BadFrame."""
    t0_ns, interval_ns, received_ns, epoch, count, channels = _SAMPLES.unpack_from(payload)
    if channels != len(spec.channels) or len(payload) != _SAMPLES.size + count * (8 + 9 * channels):
        raise BadFrame("a block of samples does not have the size it claims")
    after_index = _SAMPLES.size + 8 * count
    index = np.frombuffer(payload, "<i8", count, _SAMPLES.size)
    current = np.frombuffer(payload, "<f8", count * channels, after_index)
    flags = np.frombuffer(payload, "u1", count * channels, after_index + 8 * count * channels)
    return SampleBlock(
        instrument=spec.instrument,
        epoch=epoch,
        t0_ns=t0_ns,
        interval_ns=interval_ns,
        channels=spec.channels,
        index=index,
        current_a=current.reshape(count, channels),
        flags=flags.reshape(count, channels),
        received_ns=received_ns,
    )


def encode_infusion(row: InfusionRow) -> bytes:
    """Return the payload of one infusion row: t_ns and seven doubles in the order of the fields."""
    return _INFUSION.pack(
        row.t_ns,
        row.commanded_ul_per_min,
        row.confirmed_ul_per_min,
        row.at_animal_ul_per_min,
        row.commanded_ul,
        row.confirmed_ul,
        row.uncertain_ul,
        row.at_animal_ul,
    )


def decode_infusion(payload: memoryview, pump: str) -> InfusionRow:
    """Return the infusion row."""
    t_ns, *values = _INFUSION.unpack(payload)
    return InfusionRow(pump, t_ns, *values)


def encode_close(record: CloseRecord) -> bytes:
    """Return the payload of the closing record."""
    return canonical_json(asdict(record))


def decode_close(payload: bytes) -> CloseRecord:
    """Return the closing record."""
    return _checked(_CLOSE, json.loads(payload))


def _checked(kind: TypeAdapter[_T], fields: Any) -> _T:
    try:
        return kind.validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadFrame(f"field {where or 'of all'} is not what it should be: {first['msg']}") from error
