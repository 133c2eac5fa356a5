"""How a Drip is found on a port where anything may listen: by how it refuses the question that pumps are asked.

The rules for questions stand in ``drivers.probing``. ``ID?`` is a question too, but its capitals are commands of other
instruments, so it is a detail: only who has been recognised as a Drip gets to hear it.
"""

from __future__ import annotations

from drivers.capabilities import Identity
from drivers.probing import USUAL_BAUDS, VERSION_QUESTION, Finding, Probe, lines
from drivers.text import printable


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise it by its complaint, and believe it once it says who it is."""
    told = [line for reply in replies for line in lines(reply)]
    if b"?!unknown" not in told:
        return None
    answer = next((line[3:].split(b",") for line in told if line.startswith(b"ID=")), [])
    if len(answer) == 3:
        return Finding(Identity("drip", *(printable(text) for text in answer)))
    return Finding(Identity("drip", "", "")) if len(replies) == 1 else None


def probes(address: int) -> tuple[Probe, ...]:
    """Return its one probe; on a line with addresses there is none of these pumps."""
    bauds = (9600, *(baud for baud in USUAL_BAUDS if baud != 9600))  # the first is its own
    return () if address else (Probe(bauds, VERSION_QUESTION, read, (b"ID?\n",)),)
