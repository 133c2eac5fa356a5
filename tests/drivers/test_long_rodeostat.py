"""Twelve hours of a Rodeostat at 10 samples a second: each once and at its time, no gap but where bytes were lost."""

from __future__ import annotations

from tests.drivers.long_run import Damage, TellingCell, lines, run
from tests.drivers.test_compliance_rodeostat import RodeostatSetUp


def test_twelve_hours_account_for_every_sample() -> None:
    cell = TellingCell(full_scale_a=50e-9)
    bench = RodeostatSetUp(cell=cell)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    bench.line.from_device = damage = Damage(lines, every=700)

    account = run(instrument, bench.clock, 12, cell=cell)

    account.check_complete(bench.clock.now_ns(), damage.ordinals)
    account.check_times(tolerance_s=0.008)  # a step of the converter and one of the text are 3.6 ms and 2 ms
    assert account.count + len(account.missing) == 12 * 36_000
    assert len(account.missing) > 500
    assert account.flagged == 0
    assert cell.switched == [True], "polarised without a break"
    bench.line.from_device = lambda data: [(0.0, data)]
    instrument.stop()
    assert not bench.cell_on()
