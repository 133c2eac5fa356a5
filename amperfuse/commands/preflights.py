"""``preflight``: what a start is held against, as a list in the terminal, and everything a person does about it there.

Knows how the list is told. What is in it, and what may be accepted, the engine says.
"""

from __future__ import annotations

from typing import Annotated

import typer

from acquisition.client import EngineClient, EngineLost
from acquisition.experiment import quantities
from acquisition.experiment.quantities import QuantityError
from acquisition.messages import Accept, Command, EngineState, MoveIntoWaste, PreflightItem, ReadScale, RunChecks
from acquisition.service.exit_codes import ExitCode
from amperfuse.console import Ended, for_people, say, tell

STATE_S = 5.0
CHECK_S = 300.0
"""The longest watchdog of a pump is 255 s."""
_MARKS = {"ok": "in order", "refused": "NO", "wait": "WAIT", "warning": "ACCEPT?", "tick": "LOOK"}


@for_people
def preflight(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Test every pump: STOP, then silence until its watchdog expires.")
    ] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="LINE", help="Tick or accept this line, by its id. Repeat.")
    ] = None,
    move: Annotated[
        str | None, typer.Option("--move", metavar="PUMP", help="Scale check: move 2 mm of the syringe into waste.")
    ] = None,
    line_is_off: Annotated[
        bool, typer.Option("--line-is-off", help="You have seen that the line of --move is not on the animal.")
    ] = False,
    seen: Annotated[
        str | None,
        typer.Option("--seen", metavar='PUMP="VOLUME"', help='The change you saw on the scale, such as "33 uL".'),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who looked: a person's name.")] = "",
) -> None:
    """Show everything a start is held against, with what to do. Exit code 0 when the plan can be started, 9 if not."""
    orders = _orders(check=check, accept=accept or [], move=move, line_is_off=line_is_off, seen=seen, by=by.strip())
    with EngineClient.connect(operator=by.strip() or "preflight") as client:
        for order in orders:
            answer = client.request(order)
            tell(answer.text, style="" if answer.ok else "bold red")
            if not answer.ok:
                raise Ended("The list is as it was: 'amperfuse preflight'.", ExitCode.REFUSED_COMMAND)
        _let_it_show(client)
        if check or move:
            client.wait_for(_nothing_under_way, CHECK_S)
        state = client.wait_for(lambda _state: True, STATE_S)
    if state is None:
        raise EngineLost(f"the engine is there but sent no state within {STATE_S:g} s")
    _tell_list(state)


def _orders(
    *, check: bool, accept: list[str], move: str | None, line_is_off: bool, seen: str | None, by: str
) -> list[Command]:
    if (accept or move or seen) and not by:
        raise Ended("--by NAME is missing: somebody has to have looked.", ExitCode.REFUSED_INPUT)
    orders: list[Command] = [Accept(request=0, item_id=item_id, by=by) for item_id in accept]
    if seen:
        pump, _, text = seen.partition("=")
        try:
            volume_ul = quantities.parse(text, quantities.VOLUME)
        except QuantityError as error:
            raise Ended(f"--seen {pump}: {error}.", ExitCode.REFUSED_INPUT) from None
        orders.append(ReadScale(request=0, pump=pump, by=by, seen_ul=volume_ul))
    if move:
        orders.append(MoveIntoWaste(request=0, pump=move, by=by, line_is_off=line_is_off))
    if check:
        orders.append(RunChecks(request=0))
    return orders


def _let_it_show(client: EngineClient) -> None:
    """Wait for the second state from now: the first is from before, whatever was just done here or elsewhere."""
    for _ in range(2):
        before = client.state.now_ns if client.state is not None else 0

        def newer(state: EngineState, before_ns: int = before) -> bool:
            return state.now_ns > before_ns

        client.wait_for(newer, STATE_S)


def _nothing_under_way(state: EngineState) -> bool:
    return not any(item.level == "wait" for item in state.preflight)


def _tell_list(state: EngineState) -> None:
    if not state.preflight:
        raise Ended(f"The pre-flight belongs before the start; the session is {state.phase}.", ExitCode.REFUSED_COMMAND)
    mark = "SIMULATED " if state.simulated else ""
    for line in preflight_lines(state.preflight):
        say(line)
    blocking = [item for item in state.preflight if item.blocks]
    if blocking:
        lines = "line stands" if len(blocking) == 1 else "lines stand"
        raise Ended(f"{mark}{len(blocking)} {lines} against a start; nothing was started.", ExitCode.NO_GO)
    say(f"{mark}Nothing stands against a start.", style="bold green")


def preflight_lines(items: tuple[PreflightItem, ...]) -> list[str]:
    """Return the list for people: what stands in the way first and in full, then what is in order."""
    lines = []
    for item in sorted(items, key=lambda item: not item.blocks):
        if item.blocks:
            lines.append(f"[{_MARKS[item.level]}] {item.item_id}: {item.what}")
            lines += [f"      {text}" for text in (item.so_what, item.do_what) if text]
            if item.level in ("warning", "tick"):
                lines.append(f"      amperfuse preflight --accept {item.item_id} --by NAME")
        else:
            by = f" ({'accepted' if item.level == 'warning' else 'ticked'} by {item.by})" if item.by else ""
            lines.append(f"[in order] {item.item_id}: {item.what}{by}")
    return lines
