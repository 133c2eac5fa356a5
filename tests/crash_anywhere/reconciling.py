"""Does what ``amperfuse reconcile`` does, on the bench and disk of a laboratory; and what must hold when it is done."""

from __future__ import annotations

from acquisition.books import containers, sessions
from acquisition.books.balance import balance
from acquisition.service.pump_check import Ports
from acquisition.service.reconcile import reconcile
from tests.crash_anywhere.accident import Accident, Died, MortalOpener
from tests.crash_anywhere.disk import MortalDisk, machine
from tests.crash_anywhere.life import CONTAINER, Laboratory, Wrong

_TINY_UL = 1e-6
_COUNTERS_UL = 0.004
"""Steps of counters, and of the log's whole nanolitres, in all."""


def reconcile_once(laboratory: Laboratory, accident: Accident, disk: MortalDisk) -> str:
    """Do what ``amperfuse reconcile --by`` does; return how it ended."""
    opener = MortalOpener(laboratory.bench, accident)
    try:
        with machine(disk), accident.memory():
            waiting = sessions.unfinished()
            (done,) = reconcile(waiting, Ports(opener, laboratory.clock), all_pumps=True) if waiting else (None,)
            if done is not None and (done.moving or "NOT " in done.book or "NOT " in done.file):
                return f"was not done\n{done.text()}"
            if done is not None:
                wall_ns = laboratory.clock.wall_ns()
                sessions.answered(done.session.session, by="A. Vet", decision="no more", wall_ns=wall_ns)
            return "done"
    except Died:
        return "died"
    except Exception as error:
        if accident.kind != "memory":
            raise
        return f"ended with {type(error).__name__}"
    finally:
        accident.dead = True
        disk.close_all()
        opener.close_all()


def answer(laboratory: Laboratory) -> None:
    """Reconcile what is unfinished, to its end, and look at pump and books afterwards. Raises Wrong."""
    again = reconcile_once(laboratory, Accident(), MortalDisk(Accident(), laboratory.rng))
    if again != "done":
        raise Wrong(f"the reconciliation {again}")
    still_ul = laboratory.true_ul()
    laboratory.wait(60.0)
    if laboratory.true_ul() > still_ul + _TINY_UL:
        raise Wrong("a pump moves that had been confirmed stopped")
    if (waiting := sessions.unfinished()) != ():
        raise Wrong(f"still unfinished: {waiting}")
    laboratory.check_books()
    in_log_ul = balance(containers.entries_of(CONTAINER)).delivered_most_nl / 1000
    if abs(in_log_ul - laboratory.booked_ul()) > _COUNTERS_UL:
        raise Wrong(f"the container's log says {in_log_ul} uL, the dose book {laboratory.booked_ul()} uL")
