"""The Chemyx driver against the simulated pump in each of its doubtful variants: every rule of any syringe pump."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.chemyx import ChemyxPump, build
from drivers.compliance import PumpCompliance
from sim_devices.firmware import chemyx as simulated
from tests.drivers.kit import PumpBench


class ChemyxSetUp(PumpBench[ChemyxPump]):
    def __init__(self, options: Mapping[str, str]) -> None:
        settings = {"channel": int(options["channel"])} if "channel" in options else {}
        super().__init__(simulated.build, build, options, settings)


class TestAsTheReferencePrintsIt(PumpCompliance):
    def set_up(self) -> ChemyxSetUp:
        return ChemyxSetUp({})


class TestSilentEchoAndOtherTexts(PumpCompliance):
    def set_up(self) -> ChemyxSetUp:
        return ChemyxSetUp(
            {
                "echo": "off",
                "view_separator": "crlf",
                "view_unit": "text",
                "start_text": "ellipsis",
                "status_command": "status",
                "decimals": "5",
                "counter_clears": "set",
            }
        )


class TestCountsOnAndForgets(PumpCompliance):
    def set_up(self) -> ChemyxSetUp:
        return ChemyxSetUp(
            {
                "echo_end": "lfcr",
                "start_text": "started",
                "status_command": "pump status",
                "out_of_range": "keep",
                "counter_clears": "never",
                "remembers": "false",
            }
        )


class TestSecondChannelOfTwo(PumpCompliance):
    def set_up(self) -> ChemyxSetUp:
        return ChemyxSetUp({"channel": "2", "echo_end": "crlf", "view_separator": "crlf"})
