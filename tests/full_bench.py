"""The full bench of examples/full-bench for tests: its files, and its protocol made short. No tests in here."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "full-bench"
REAL_RIG, SIM_RIG = EXAMPLE / "rig.toml", EXAMPLE / "sim-rig.toml"
DOSES_UL = {"ketamine": 0.4, "flush": 0.4, "local": 0.03}
CHANNELS = {
    "array": ("glu-left-1", "sentinel-left-1", "glu-left-2", "sentinel-left-2"),
    "tether": ("glu-right", "sentinel-right"),
}
_SHORTER = (
    ('wait = "5 min"', 'wait = "8 s"'),
    ('wait = "1 min"', 'wait = "5 s"'),
    ('volume = "200 nL", rate = "0.1 uL/min"', 'volume = "30 nL", rate = "0.1 uL/min"'),
    ('dose = "1 mg/kg", duration = "4 min"', 'dose = "0.08 mg/kg", rate = "1.25 uL/min"'),
    ('volume = "4 uL"', 'volume = "0.4 uL"'),
)


def short_protocol(*more: tuple[str, str]) -> str:
    """Return the example's protocol with every step, in a minute and a half."""
    text = (EXAMPLE / "protocol.toml").read_text(encoding="utf-8")
    for old, new in (*_SHORTER, *more):
        assert old in text, f"the example has no longer {old}"
        text = text.replace(old, new)
    return text
