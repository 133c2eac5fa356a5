"""The example cohort's bench and animals and protocols of minutes, in which ketamine acts at once. No tests."""

from __future__ import annotations

from pathlib import Path

from amperfuse.cohorts.cohort_file import Arm, load_cohort

EXAMPLE = Path(__file__).parents[2] / "examples/cohort"
SOLUTIONS = {"vehicle": "", "ketamine": 'drug = "ketamine"\nform = "hydrochloride"\nconcentration = "5 mg/mL"'}
_HEAD = """
[protocol]
name = "short"

[subject]
id = "simulated"
species = "mouse"
age = "P11W"
weight = "25 g"
weighed = "2026-11-23"

[pumps.pretreatment]
route = "ip"
loaded = "500 uL"
primed = true

[pumps.treatment]
{solution}
route = "ip"
loaded = "500 uL"
primed = true
"""
FIVE_MINUTES = (
    _HEAD
    + """
[[steps]]
repeat = {{ times = 2, steps = [{{ wait = "40 s" }}, {{ mark = "KCl" }}] }}

[[steps]]
infuse = {{ pump = "treatment", volume = "50 uL", duration = "15 s" }}

[[steps]]
repeat = {{ times = 2, steps = [{{ wait = "75 s" }}, {{ mark = "KCl" }}] }}

[[steps]]
wait = "63 s"
"""
)
"""Two stimuli, an infusion, two more."""
SIX_AND_SIX = (
    _HEAD
    + """
[[steps]]
wait = "5 min"

[[steps]]
repeat = {{ times = 6, steps = [{{ mark = "KCl" }}, {{ wait = "62 s" }}] }}

[[steps]]
infuse = {{ pump = "treatment", volume = "50 uL", duration = "15 s" }}

[[steps]]
wait = "3 min"

[[steps]]
repeat = {{ times = 6, steps = [{{ mark = "KCl" }}, {{ wait = "62 s" }}] }}
"""
)
"""As many as the example has, closer together: twenty minutes."""
_QUICK = """
kind = "animal"
title = "awake, and a drug acts within a minute"
based_on = "{base}"

[kinetics]
absorption_per_min = 2.0
brain_entry_per_min = 2.0
effect_delay_per_min = 1.0

[effect]
adenosine_min = 0.5
"""
_COHORT = """
[cohort]
name = "short"
seed = 1
animals_per_arm = 1
control = "{treatment}"
scenario = "ejector.toml"

[readout]
channel = "array.glutamate"
sentinel = "array.sentinel"
stimulus = "KCl"
drug = "treatment"
baseline = "7 min"

[[readout.stretches]]
label = "after"
after = "10 s"
until = "15 min"

[[arms]]
group = "normal"
treatment = "{treatment}"
animal = "quick.toml"
protocol = "protocol.toml"
rig = "rig.toml"
"""


def short_arm(folder: Path, protocol: str, treatment: str, base: str = "awake-mouse") -> Arm:
    """Write the files of one arm into a new folder and return it, compiled."""
    folder.mkdir()
    for name in ("rig.toml", "limits.toml", "ejector.toml"):
        (folder / name).write_bytes((EXAMPLE / name).read_bytes())
    (folder / "protocol.toml").write_text(protocol.format(solution=SOLUTIONS[treatment]), encoding="utf-8")
    (folder / "quick.toml").write_text(_QUICK.format(base=base), encoding="utf-8")
    path = folder / "cohort.toml"
    path.write_text(_COHORT.format(treatment=treatment), encoding="utf-8")
    (arm,) = load_cohort(path).arms
    return arm
