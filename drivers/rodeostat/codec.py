"""The Rodeostat's JSON lines as bytes and back (potentiostats.md 3.2 to 3.4). Pure; what comes in is untrusted.

Knows the shape of a request, of a reply and of a sample. A line is bounded, numbers must be written as this firmware
writes them, no key may be there twice, and nothing is guessed: what is not exactly one of the known shapes is None.
Knows no commands and no port.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

LINE_MAX: Final = 1024
"""Longest line accepted; the longest reply of the reference has some 200 bytes."""
LOST_EVERY: Final = 64
"""An ItsyBitsy loses a message whose length is a multiple of this; a space in front changes the length (3.2)."""
END: Final = b"{}"
"""What follows the last sample of a test."""
_NUMBER = r"-?(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,6})?(?:e[+-]?[0-9]{1,2})?"
_SAMPLE = re.compile(
    rf'\{{"t":([1-9][0-9]{{0,9}}),"v":({_NUMBER}),"i":({_NUMBER})(,"le":(?:true|false))?\}}'.encode("ascii")
)
_WRITTEN = re.compile(_NUMBER)
_T_MAX = 2**32 - 1

Scalar = str | int | float | bool
Value = Scalar | list[Scalar] | dict[str, Scalar]


@dataclass(frozen=True)
class Reply:
    """The answer to a command."""

    success: bool
    command: str
    """Which command it answers; empty where the instrument does not say (it understood none)."""
    values: Mapping[str, Value]
    message: str = ""
    """Why not."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a running test, as printed."""

    t_ms: int
    volt_v: float
    current_ua: float
    limited: bool
    """The converter is at a rail (``le``)."""


def encode(command: str, **arguments: object) -> bytes:
    """Return the message for a command, never as long as an ItsyBitsy would lose."""
    text = json.dumps({"command": command, **arguments}, allow_nan=False).encode("ascii") + b"\n"
    return b" " + text if len(text) % LOST_EVERY == 0 else text


def decode_sample(line: bytes) -> Sample | None:
    """Return the sample in a line without its end, None if it is no sample."""
    found = _SAMPLE.fullmatch(line)
    if found is not None:
        t_ms, volt_v, current_ua = int(found[1]), float(found[2]), float(found[3])
        return Sample(t_ms, volt_v, current_ua, found[4] == b',"le":true') if t_ms <= _T_MAX else None
    return _sample_in_other_order(_object(line))


def _sample_in_other_order(fields: dict[str, object] | None) -> Sample | None:
    """Return a sample whose keys stand in another order, for the reference does not say where ``le`` stands.

    With ``n`` (the multiplexer's electrode) it is refused: that would be another electrode's current.
    """
    if fields is None or not {"t", "v", "i"} <= fields.keys() <= {"t", "v", "i", "le"}:
        return None
    t_ms, volt_v, current_ua, limited = fields["t"], fields["v"], fields["i"], fields.get("le", False)
    if type(t_ms) is not int or not 0 < t_ms <= _T_MAX or not isinstance(limited, bool):
        return None
    if not _is_number(volt_v) or not _is_number(current_ua):
        return None
    return Sample(t_ms, float(volt_v), float(current_ua), limited)  # type: ignore[arg-type] # checked just above


def decode_reply(line: bytes) -> Reply | None:
    """Return the reply in a line without its end, None if it is no reply."""
    fields = _object(line)
    if fields is None:
        return None
    success, response, message = fields.get("success"), fields.get("response"), fields.get("message", "")
    wanted = {"success", "response"} if success is True else {"success", "message", "response"}
    if not isinstance(success, bool) or fields.keys() != wanted:
        return None
    if not isinstance(response, dict) or not isinstance(message, str):
        return None
    command = response.pop("command", "")
    if not isinstance(command, str) or (success and not command) or not all(map(_is_value, response.values())):
        return None
    return Reply(success, command, response, message)


def _object(line: bytes) -> dict[str, object] | None:
    if len(line) > LINE_MAX or line[:1] != b"{" or line[-1:] != b"}":
        return None
    try:
        fields = json.loads(
            line.decode("ascii"),
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):  # not JSON, not ASCII, or nested without end
        return None
    return fields if isinstance(fields, dict) else None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands there twice")
    return fields


def _whole(text: str) -> int:
    if not _WRITTEN.fullmatch(text):
        raise ValueError("not a number as this instrument writes it")
    return int(text)


def _decimal(text: str) -> float:
    if not _WRITTEN.fullmatch(text) or not math.isfinite(value := float(text)):
        raise ValueError("not a number as this instrument writes it")
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _is_value(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_scalar, value.values()))
    if isinstance(value, list):
        return all(map(_is_scalar, value))
    return _is_scalar(value)
