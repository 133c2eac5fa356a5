"""The compliance suites on the instrument that was chosen on the command line; collected by ``pytest --driver NAME``.

Knows only that the plug-in hands it a set-up. Which of the two classes runs is decided by the driver's kind.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.compliance.chosen import Chosen, ChosenPotentiostat, ChosenPump, NeedsAPerson
from drivers.compliance.potentiostat import PotentiostatCompliance
from drivers.compliance.pump import PumpCompliance


class TestPump(PumpCompliance):
    """Every rule of a syringe pump."""

    @pytest.fixture(autouse=True)
    def _hold(self, chosen_device: Chosen) -> Iterator[None]:
        try:
            self._bench = ChosenPump(chosen_device)
        except NeedsAPerson as error:
            pytest.skip(str(error))
        yield
        self._bench.make_safe()

    def set_up(self) -> ChosenPump:
        return self._bench


class TestPotentiostat(PotentiostatCompliance):
    """Every rule of a potentiostat."""

    @pytest.fixture(autouse=True)
    def _hold(self, chosen_device: Chosen) -> Iterator[None]:
        self._bench = ChosenPotentiostat(chosen_device)
        yield
        self._bench.make_safe()

    def set_up(self) -> ChosenPotentiostat:
        return self._bench
