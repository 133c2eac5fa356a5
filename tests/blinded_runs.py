"""One protocol with a drug in the open, or a drug or a vehicle blinded, and the words that would tell which."""

from __future__ import annotations

from pathlib import Path

from acquisition.books.seals import Solution
from tests.experiment.blinded_kit import CODE, sealed
from tests.leaks import Words
from tests.process.engine_kit import RIG

STRENGTH = 7.319318
VOLUME_UL = 10.0
WEIGHT_G = 25.0
DRUG = Solution("ketamine", "hydrochloride", STRENGTH)
TELLING = Words(("ketamine", "hydrochloride", "norketamine"), (STRENGTH, VOLUME_UL * STRENGTH / WEIGHT_G))
NOTHING = Words(("vehicle", "no drug"))
"""What an open vehicle is called."""
PROTOCOL = """
[protocol]
name = "study"

[subject]
id = "m1"
species = "mouse"
sex = "M"
age = "P12W"
weight = "25 g"
weighed = "2026-01-01"

[pumps.drug]
{content}
route = "iv_infusion"
loaded = "600 uL"
primed = true

[[steps]]
wait_for_operator = "ready?"

[[steps]]
mark = "KCl"

[[steps]]
wait = "30 s"

[[steps]]
infuse = {{ pump = "drug", volume_per_kg = "0.4 mL/kg", duration = "8 min" }}

[[steps]]
wait = "60 s"

[[steps]]
mark = "KCl"
"""
IN_THE_OPEN = f'drug = "ketamine"\nform = "hydrochloride"\nconcentration = "{STRENGTH} mg/mL"'


def blinded(solution: Solution) -> str:
    """Return what stands in the protocol of a blinded syringe."""
    return f'code = "{CODE}"\nsealed = "{sealed(solution)}"'


def write_files(folder: Path, content: str) -> tuple[Path, Path]:
    """Write protocol and rig; ``content`` stands in the pump's table."""
    protocol, rig = folder / "protocol.toml", folder / "rig.toml"
    protocol.write_text(PROTOCOL.format(content=content), encoding="utf-8")
    rig.write_text(RIG, encoding="utf-8")
    return protocol, rig
