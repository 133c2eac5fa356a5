"""Twelve hours of a source-measure unit, asked once a second: each sample at its time, gaps where bytes were lost.

Its clock begins anew on the way, at 100,000 s.
"""

from __future__ import annotations

from drivers.capabilities import ElectrodeSettings
from tests.drivers.kit import MS
from tests.drivers.long_run import Damage, TellingCell, lines, run
from tests.drivers.test_compliance_scpi_smu import SmuSetUp

INTERVAL_MS = 1000


def test_twelve_hours_account_for_every_sample() -> None:
    cell = TellingCell(full_scale_a=80e-9, blur_s=0.4)
    electrodes = (ElectrodeSettings("glutamate", "we1", 100e-9),)
    options = {"on_for_s": "80000", "terminator": "crlf"}
    bench = SmuSetUp(options, {}, electrodes, cell, interval_s=INTERVAL_MS / 1000)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    bench.line.from_device = damage = Damage(lines, every=200, is_sample=lambda line: b"," in line)
    asked_ns: list[int] = []

    def note(data: bytes) -> bytes:
        if data.startswith(b":READ?"):
            asked_ns.append(bench.clock.now_ns())
        return data

    bench.line.to_device = note

    account = run(instrument, bench.clock, 12, cell=cell)

    places = [round((at_ns - asked_ns[0]) / (INTERVAL_MS * MS)) for at_ns in asked_ns]
    lost = [places[number] for number in damage.ordinals]
    never_asked = set(range(places[-1])) - set(places)
    assert len(lost) > 200
    assert len(never_asked) <= 2 * len(lost), "a lost answer is waited for, one that is broken is not"
    account.check_complete(bench.clock.now_ns(), sorted({*lost, *never_asked}))
    account.check_times(tolerance_s=0.012)  # of which 10 ms are the bytes of the question: a test line has no pace
    assert account.count + len(account.missing) == 12 * 3600 * 1000 / INTERVAL_MS
    assert account.flagged <= len(lost), "late, because the lost one before was noticed when this one was due"
    bench.line.from_device = lambda data: [(0.0, data)]
    instrument.stop()
    assert not bench.cell_on()
    assert not cell.on, "disconnected, not held at 0 V"
