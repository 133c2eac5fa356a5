"""How a Chemyx pump is found without changing it (pumps.md c).

It has no question for model, firmware or serial number. What it does not know it echoes, and says that it is invalid
[S]; ``view parameter``, which ``connect`` asks too, is then believed. A pump that is silent about unknown commands is
found only when the family is named: the longer question holds letters that another instrument could obey when it
hears them at another baud rate.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity
from drivers.chemyx import codec
from drivers.chemyx.framing import AnswerFramer
from drivers.probing import VERSION_QUESTION, Finding, Probe

BAUDS: Final = (9600, 38_400, 115_200)
VIEW_QUESTION: Final = b"view parameter\r\n"


def _answer(reply: bytes) -> tuple[str, ...] | None:
    frames = AnswerFramer().feed(reply.translate(None, b"\x11\x13"), 0)
    return tuple(line.decode("latin-1") for line in frames[-1].lines) if frames else None


def _without_echo(answer: tuple[str, ...], question: bytes) -> tuple[str, ...]:
    return answer[1:] if answer[:1] == (question.strip().decode("ascii"),) else answer


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise the family by echo, complaint and prompt, and believe it once it shows its parameters."""
    for reply in replies:
        answer = _answer(reply)
        if answer is not None and codec.parse_view(_without_echo(answer, VIEW_QUESTION)) is not None:
            return Finding(Identity("chemyx", "", ""))
    first = _answer(replies[0])
    if len(replies) > 1 or not first:
        return None
    complaint = _without_echo(first, VERSION_QUESTION)
    return Finding(Identity("chemyx", "", "")) if codec.is_refusal(complaint) else None


def probes(address: int) -> tuple[Probe, ...]:
    """Return the probes; on a line with addresses there is none of these pumps."""
    if address:
        return ()
    return (
        Probe(BAUDS, VERSION_QUESTION, read, (VIEW_QUESTION, VIEW_QUESTION)),
        Probe(BAUDS, VIEW_QUESTION, read, named_only=True),
    )
