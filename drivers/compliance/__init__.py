"""What every instrument of a kind must do, as test classes for pytest: a new driver's test is only a set-up.

Subclass ``PumpCompliance`` or ``PotentiostatCompliance`` in a test file, return a set-up, done. Knows the capability
protocols only, no family and no simulator; outside packages use it for their own instruments.
"""

from __future__ import annotations

from drivers.compliance.potentiostat import PotentiostatCompliance, PotentiostatSetUp
from drivers.compliance.pump import PumpCompliance, PumpSetUp

__all__ = ["PotentiostatCompliance", "PotentiostatSetUp", "PumpCompliance", "PumpSetUp"]
