"""A whole study of a quarter of an hour per animal, four groups, two blinded syringes, calm animals. No tests here."""

from __future__ import annotations

from pathlib import Path

from tests.cohorts.kit import CALM, EJECTOR, RIG

EXAMPLE = Path(__file__).parents[2] / "examples/blind-study"
PUMP = """
[pumps.{name}]
driver = "new-era"
url = "sim://new-era?chain=0,1"
address = {address}
syringe = "hamilton-1001"
watchdog = "5 s"
line_dead_volume = "2 uL"
"""
SYRINGE = """
[pumps.{name}]
route = "ip"
code = "@{name}.code"
sealed = "@{name}.sealed"
loaded = "500 uL"
primed = true
"""
PROTOCOL = """
[protocol]
name = "short"

[subject]
id = "@animal"
species = "mouse"
age = "P12W"
weight = "@weight"
weighed = "@weighed"
{syringes}
[[steps]]
wait = "70 s"

[[steps]]
repeat = {{ times = 3, steps = [{{ mark = "KCl" }}, {{ wait = "62 s" }}] }}

[[steps]]
infuse = {{ pump = "pretreatment", volume_per_kg = "2 mL/kg", duration = "10 s" }}

[[steps]]
wait = "2 min"

[[steps]]
infuse = {{ pump = "treatment", volume_per_kg = "4 mL/kg", duration = "10 s" }}

[[steps]]
wait = "5 min"

[[steps]]
repeat = {{ times = 3, steps = [{{ mark = "KCl" }}, {{ wait = "62 s" }}] }}
"""
READOUT = """[readout]
channel = "array.glutamate"
sentinel = "array.sentinel"
stimulus = "KCl"
drug = "treatment"
baseline = "5 min"

[[readout.stretches]]
label = "late"
after = "4.5 min"
until = "9 min"

"""
REHEARSAL = 'presets = ["calm.toml", "ejector.toml"]\nseed = 7\n'


def write_short_study(folder: Path, per_group: int = 2, groups: int = 4) -> Path:
    """Write a study with the first ``groups`` groups of the example, and all that it names."""
    text = (EXAMPLE / "study.toml").read_text("utf-8")
    text = text.replace("animals_per_group = 8", f"animals_per_group = {per_group}")
    text = text[: text.index("[readout]")] + READOUT + text[text.index("[outcome]") :]
    parts = text.split("[[groups]]\n")
    last, rest = parts[-1].split("[readout]", 1)
    text = "[[groups]]\n".join([*parts[:-1], last][: groups + 1]) + "[readout]" + rest
    pumps = ("pretreatment", "treatment")
    stat = RIG[RIG.index("[potentiostats") :].replace('"200 ms"', '"500 ms"')
    texts = {
        "study.toml": text,
        "protocol.toml": PROTOCOL.format(syringes="".join(SYRINGE.format(name=name) for name in pumps)),
        "rig.toml": '[rig]\nname = "bench"\nlimits = "limits.toml"\n'
        + "".join(PUMP.format(name=name, address=at) for at, name in enumerate(pumps)) + stat,
        "limits.toml": (EXAMPLE / "limits.toml").read_text("utf-8"),
        "calm.toml": CALM.format(base="awake-mouse"),
        "competing.toml": CALM.format(base="ketamine-raises-glutamate"),
        "ejector.toml": EJECTOR,
        "rehearsal.toml": REHEARSAL,
    }  # fmt: skip
    folder.mkdir()
    for name, each in texts.items():
        (folder / name).write_text(each, "utf-8")
    return folder
