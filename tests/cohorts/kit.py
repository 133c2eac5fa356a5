"""A small cohort in files: four arms of one calm animal each, a quarter of an hour long. No tests in here."""

from __future__ import annotations

from pathlib import Path

COHORT = """
[cohort]
name = "short"
seed = 7
animals_per_arm = 1
control = "vehicle"
scenario = "ejector.toml"

[readout]
channel = "array.glutamate"
sentinel = "array.sentinel"
stimulus = "KCl"
drug = "drug"
baseline = "5 min"

[[readout.stretches]]
label = "late"
after = "7 min"
until = "12 min"

[[arms]]
group = "normal"
treatment = "vehicle"
animal = "calm.toml"
protocol = "vehicle.toml"
rig = "rig.toml"

[[arms]]
group = "normal"
treatment = "ketamine"
animal = "calm.toml"
protocol = "ketamine.toml"
rig = "rig.toml"

[[arms]]
group = "competing"
treatment = "vehicle"
animal = "competing.toml"
protocol = "vehicle.toml"
rig = "rig.toml"

[[arms]]
group = "competing"
treatment = "ketamine"
animal = "competing.toml"
protocol = "ketamine.toml"
rig = "rig.toml"
"""
CALM = """
kind = "animal"
title = "one like the other, and nothing but the drug moves it"
based_on = "{base}"

[glutamate]
evoked_cv = 0.02
run_down = 0.0
transients_per_min = 0.0

[behaviour]
state = "anaesthetised"

[individuals]
basal_cv = 0.0
evoked_cv = 0.0
clearance_cv = 0.0
effect_cv = 0.0
"""
EJECTOR = """
kind = "scenario"
title = "KCl at each mark"
sensor = "wire"

[[stimuli]]
mark = "KCl"
"""
RIG = """
[rig]
name = "bench"

[pumps.drug]
driver = "new-era"
url = "sim://new-era"
syringe = "hamilton-1001"
watchdog = "5 s"
line_dead_volume = "2 uL"

[potentiostats.array]
driver = "methodscript"
url = "sim://emstat"
potential = "600 mV"
interval = "200 ms"

[[potentiostats.array.channels]]
name = "glutamate"
electrode = "we1"
role = "glutamate"
range = "50 nA"
sensitivity = "0.8 nA/uM"

[[potentiostats.array.channels]]
name = "sentinel"
electrode = "we2"
role = "sentinel"
range = "50 nA"
"""
PROTOCOL = """
[protocol]
name = "{name}"

[subject]
id = "simulated"
species = "mouse"
age = "P12W"
weight = "25 g"
weighed = "2026-11-23"

[pumps.drug]
{solution}
route = "ip"
loaded = "500 uL"
primed = true

[[steps]]
wait = "80 s"

[[steps]]
repeat = {{ times = 3, steps = [{{ mark = "KCl" }}, {{ wait = "62 s" }}] }}

[[steps]]
infuse = {{ pump = "drug", volume = "100 uL", duration = "10 s" }}

[[steps]]
wait = "7.5 min"

[[steps]]
repeat = {{ times = 3, steps = [{{ mark = "KCl" }}, {{ wait = "62 s" }}] }}
"""
KETAMINE = 'drug = "ketamine"\nform = "hydrochloride"\nconcentration = "5 mg/mL"'


def write_cohort(folder: Path, cohort: str = COHORT) -> Path:
    """Write the cohort's file and all it names; return it."""
    texts = {
        "cohort.toml": cohort,
        "calm.toml": CALM.format(base="awake-mouse"),
        "competing.toml": CALM.format(base="ketamine-raises-glutamate"),
        "ejector.toml": EJECTOR,
        "rig.toml": RIG,
        "vehicle.toml": PROTOCOL.format(name="vehicle", solution=""),
        "ketamine.toml": PROTOCOL.format(name="ketamine", solution=KETAMINE),
    }
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "cohort.toml"
