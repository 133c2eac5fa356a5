"""A session dies of an accident, is looked at, and started again or reconciled."""

from __future__ import annotations

from pathlib import Path

from acquisition.campaign.trial import Family
from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.recover import recover
from acquisition.recording.verify import verify
from tests.crash_anywhere.accident import Accident
from tests.crash_anywhere.disk import MortalDisk
from tests.crash_anywhere.life import Laboratory, Tried, Wrong, private_books, without_nwb
from tests.crash_anywhere.reconciling import answer

_TINY_UL = 1e-6


def try_once(folder: Path, accident: Accident, seed: int, *, power_cut: bool, family: Family, nwb: bool) -> Tried:
    """Live, have the accident, look; restart, look again. Raises Wrong."""
    lab = Laboratory(folder, seed, family)
    (folder / "data").mkdir()
    (folder / "user").mkdir()
    disk = MortalDisk(accident, lab.rng)
    with private_books(folder):
        lab.open_bottle()
        ended = lab.live(accident, disk)
        journals = [path for path in disk.written if path.name == JOURNAL_NAME]
        sure = {path: disk.sure(path, power_cut=power_cut) for path in journals}
        if power_cut:
            disk.power_cut()
        if restart_at_once := lab.rng.random() < 0.5:
            lab.live(Accident(), MortalDisk(Accident(), lab.rng), only_ends=True)
            still_ul = lab.true_ul()
            lab.wait(30.0)
            if lab.true_ul() > still_ul + _TINY_UL:
                raise Wrong("a restarted engine has ended its session, and the pump moves")
        else:
            lab.check_pump_stops()
        lab.check_books()
        with without_nwb():
            for path in journals:
                lab.check_recording(path, sure[path], 0.0 if restart_at_once else lab.true_ul())
            if not restart_at_once:
                answer(lab)
        if nwb:
            for path in journals:
                if path.exists() and sure[path]:
                    recover(path.parent, lab.clock)
                    if not (checked := verify(path.parent)).ok:
                        raise Wrong(checked.text())
    return Tried(ended, accident.seen >= accident.at > 0, lab.true_ul())
