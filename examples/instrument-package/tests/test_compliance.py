"""The Drip must do whatever any syringe pump must: the whole suite, on its simulator. This is all there is to write."""

from __future__ import annotations

from drivers.compliance import PumpCompliance
from drivers.compliance.chosen import Chosen, ChosenPump


class TestDrip(PumpCompliance):
    def set_up(self) -> ChosenPump:
        return ChosenPump(Chosen(driver="drip", device="sim://drip"))
