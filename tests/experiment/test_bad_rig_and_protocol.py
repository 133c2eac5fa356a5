"""What is refused in a rig or protocol file: with file, line, field, and a sentence that helps."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.experiment.conftest import PROTOCOL, RIG, Bench


@dataclass(frozen=True)
class Bad:
    """An edit, and where and how it must be refused."""

    old: str
    new: str
    field: str
    words: str


BAD_RIG = [
    Bad("line_dead_volume", "line_dead_volum", "pumps.p1.line_dead_volum", 'Did you mean "line_dead_volume"?'),
    Bad('"8 uL"', '"8 uM"', "pumps.p1.line_dead_volume", '"uM" is no unit of a volume'),
    Bad('"8 uL"', "8", "pumps.p1.line_dead_volume", "8 has no unit"),
    Bad('"hamilton-1001"', '"hamiton-1001"', "pumps.p1.syringe", 'Did you mean "hamilton-1001"?'),
    Bad('syringe = "hamilton-1001"\n', "", "pumps.p1", "either syringe, or both diameter and syringe_volume"),
    Bad('syringe = "hamilton-1001"', 'diameter = "4.6 mm"', "pumps.p1", "both diameter and syringe_volume"),
    Bad(
        'syringe = "hamilton-1001"',
        'diameter = "0.46 mm"\nsyringe_volume = "1 mL"',
        "pumps.p1.diameter",
        "check diameter and volume",
    ),
    Bad('url = "sim://new-era"', 'url = "socket://10.0.0.1:4000"', "pumps.p1.url", "could be driven by anybody"),
    Bad('url = "sim://new-era"', 'url = "rfc2217://lab-pc:4000"', "pumps.p1.url", "could be driven by anybody"),
    Bad('url = "sim://new-era"', 'url = "spy:///dev/ttyUSB0"', "pumps.p1.url", '"spy://" is not offered'),
    Bad('url = "sim://new-era"', 'url = "SIM://new-era"', "pumps.p1.url", '"SIM://" is not offered'),
    Bad('url = "sim://new-era"', 'url = "//host/share"', "pumps.p1.url", "write a port such as"),
    Bad('url = "sim://new-era"', 'url = "usb:0403:6015"', "pumps.p1.url", "usb:VID:PID/SERIAL"),
    Bad('url = "sim://new-era"', 'url = "usb:abcd:6015/A1"', "pumps.p1.url", "capitals"),
    Bad('url = "sim://new-era"', 'url = "USB:0403:6015/A1"', "pumps.p1.url", "usb:VID:PID/SERIAL"),
    Bad('url = "sim://new-era"', 'url = "ttyUSB0 "', "pumps.p1.url", "a port such as"),
    Bad('url = "sim://new-era"', 'url = "socket://[:1"', "pumps.p1.url", "not a URL"),
    Bad('url = "sim://emstat"', 'url = "sim://new-era"', "potentiostats.left.url", "one port, one instrument"),
    Bad('url = "sim://new-era"', 'url = "sim://emstat?seed=9"', "pumps.p1.url", "write sim://new-era"),
    Bad("[pumps.p1]", '[pumps."Pump 1"]', "pumps.Pump 1", "a name is 1 to 40 of the letters a-z"),
    Bad("[pumps.p1]", '[pumps.p1]\nwatchdog = "0.5 s"', "pumps.p1.watchdog", "1 to 255 whole seconds"),
    Bad("[pumps.p1]", "[pumps.p1]\naddress = 100", "pumps.p1.address", "less than or equal to 99"),
    Bad('electrode = "we1"', 'electrode = "we3"', "potentiostats.left.channels[1].electrode", 'has no electrode "we3"'),
    Bad('range = "100 nA"', 'range = "0 nA"', "potentiostats.left.channels[1].range", "must be above zero"),
    Bad('range = "100 nA"', 'range = "2 mA"', "potentiostats.left", "largest range is 1 uA"),
    Bad('name = "bench"', 'name = "bench"\nlimits = "/etc/x.toml"', "rig.limits", "relative to this file"),
    Bad('driver = "new-era"', 'driver = "new-area"', "pumps.p1.driver", "offers no 'new-area'"),
    Bad('driver = "new-era"', 'driver = "methodscript"', "pumps.p1.driver", "drives a potentiostat, not a pump"),
]

BAD_PROTOCOL = [
    Bad("primed", "prime", "pumps.p1.prime", 'Did you mean "primed"?'),
    Bad('"5 mg/kg"', '"5 mg"', "steps[2].infuse.dose", 'did you mean "mg/kg"'),
    Bad('"5 mg/kg"', '"5 ug/kg/min"', "steps[2].infuse.dose", "is the unit of a dose rate, expected a dose"),
    Bad('"5 mg/kg"', '"5,0 mg/kg"', "steps[2].infuse.dose", "comma"),
    Bad('"5 mg/kg"', "5.0", "steps[2].infuse.dose", "5.0 has no unit"),
    Bad('"25 g"', '"25 kg"', "subject.weight", "check g and kg"),
    Bad('"25 g"', '"70 g"', "subject.weight", 'limit = "weight-range"'),
    Bad('weighed = "2026-11-23"', 'weighed = "23.11.2026"', "subject.weighed", "year-month-day"),
    Bad('weighed = "2026-11-23"', 'weighed = "2026-02-30"', "subject.weighed", "year-month-day"),
    Bad('weight = "25 g"\n', "", "subject.weight", "must be given for an animal"),
    Bad('"P12W"', '"12 weeks"', "subject.age", 'like "P12W"'),
    Bad('id = "M1"', 'id = "M1\\u001b[2J"', "subject.id", "control characters"),
    Bad('species = "mouse"', 'species = "rat"', "subject.species", "do not scale between species"),
    Bad('concentration = "5 mg/mL"\n', "", "pumps.p1.concentration", "needs its concentration"),
    Bad('drug = "ketamine"\n', "", "pumps.p1.drug", "needs the name of the drug"),
    Bad('form = "hydrochloride"\n', "", "pumps.p1.form", "hydrochloride or base"),
    Bad('"iv_infusion"', '"oral"', "pumps.p1.route", '"iv_bolus"'),
    Bad('"iv_infusion"', '"bench"', "pumps.p1.route", 'species "none" go together'),
    Bad('"iv_infusion"', '"intracerebral"', "pumps.p1.drug", "no dose limit for ketamine by intracerebral"),
    Bad('"600 uL"', '"1200 uL"', "pumps.p1.loaded", "do not fit into hamilton-1001"),
    Bad('"600 uL"', '"20 uL"', "pumps.p1.loaded", "the steps need 25 uL, but only 20 uL are loaded"),
    Bad("[pumps.p1]", "[pumps.p2]", "pumps.p2", "Known here: p1."),
    Bad('pump = "p1"', 'pump = "p3"', "steps[2].infuse.pump", "there is no [pumps.p3]"),
    Bad(', duration = "20 min"', "", "steps[2].infuse.rate", "neither is given"),
    Bad(', duration = "20 min"', ', duration = "20 min", rate = "1 uL/min"', "steps[2].infuse.rate", "both are given"),
    Bad('dose = "5 mg/kg", ', "", "steps[2].infuse.volume", "neither is given"),
    Bad('wait = "10 min"', 'wait = "10 min"\nmark = "x"', "steps[1]", "this one has wait and mark"),
    Bad('wait = "10 min"', 'wait = "0 min"', "steps[1].wait", "must be above zero"),
    Bad('wait = "10 min"', 'wait = "1 h 30 min"', "steps[1].wait", "exactly one number"),
    Bad(
        'wait = "10 min"',
        'wait_until_stable = { channel = "left.gul", slope = "2 pA/min", over = "5 min", at_most = "1 h" }',
        "steps[1].wait_until_stable.channel",
        'there is no channel "left.gul"',
    ),
    Bad(
        'wait = "10 min"',
        'wait_until_stable = { channel = "left.glu", slope = "2 pA", over = "5 min", at_most = "1 h" }',
        "steps[1].wait_until_stable.slope",
        "is the unit of a current, expected a drift",
    ),
    Bad(
        'wait = "10 min"',
        'wait_until_stable = { channel = "left.glu", slope = "2 pA/min", over = "5 min", at_most = "4 min" }',
        "steps[1].wait_until_stable.at_most",
        "could never be reached",
    ),
    Bad('wait = "10 min"', "repeat = { times = 0, steps = [{ mark = 'x' }] }", "steps[1].repeat.times", "greater than"),
    Bad(
        'wait = "10 min"',
        "repeat = { times = 9, steps = [{ wiat = '1 s' }] }",
        "steps[1].repeat.steps[1].wiat",
        'Did you mean "wait"?',
    ),
    Bad("[[steps]]\nwait", '[[soft_limit_overrides]]\nlimit = "iv-rate"\nby = "A"\nreason = "b"\n[[steps]]\nwait',
        "soft_limit_overrides[1].limit", "is no limit of"),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_RIG, ids=lambda bad: bad.new[:40])
def test_a_bad_rig_is_refused_at_its_field(bench: Bench, bad: Bad) -> None:
    bench.edit_rig(bad.old, bad.new)
    found = {p.field: p for p in bench.problems()}
    assert bad.field in found
    problem = found[bad.field]
    assert bad.words in problem.sentence
    assert problem.file.endswith("rig.toml")
    assert problem.line > 0


@pytest.mark.parametrize("bad", BAD_PROTOCOL, ids=lambda bad: bad.new[:40])
def test_a_bad_protocol_is_refused_at_its_field(bench: Bench, bad: Bad) -> None:
    bench.edit(bad.old, bad.new)
    found = {p.field: p for p in bench.problems()}
    assert bad.field in found
    problem = found[bad.field]
    assert bad.words in problem.sentence
    assert problem.file.endswith("protocol.toml")
    line = bench.protocol.splitlines()[problem.line - 1]
    keys = [part.partition("[")[0] for part in bad.field.split(".")]
    assert any(key in line for key in keys)  # the line of the field, or of the nearest table that is there


def test_the_files_that_the_bad_ones_are_made_from_are_good(bench: Bench) -> None:
    assert (bench.rig, bench.protocol) == (RIG, PROTOCOL)
    bench.experiment()


def test_problems_of_both_files_come_together(bench: Bench) -> None:
    bench.edit("primed", "prime").edit_rig("sim://emstat", "sim://new-era")
    assert {p.file.rpartition("/")[2] for p in bench.problems()} == {"rig.toml", "protocol.toml"}


def test_X10_a_pump_on_loopback_and_a_sensor_on_the_network_are_accepted(bench: Bench) -> None:
    bench.edit_rig("sim://new-era", "socket://127.0.0.1:4000").edit_rig("sim://emstat", "socket://10.0.0.1:4000")
    assert bench.experiment().rig.simulated == "none"


def test_pumps_of_one_chain_share_a_port_but_not_an_address(bench: Bench) -> None:
    second = (
        '[pumps.p2]\ndriver = "new-era"\nurl = "sim://new-era"\nsyringe = "hamilton-1001"\nline_dead_volume = "0 uL"\n'
    )
    bench.rig += second
    assert "pumps of one chain need addresses" in bench.problem().sentence
    bench.rig += "address = 1\n"
    assert [pump.address for pump in bench.experiment().rig.pumps] == [0, 1]
    bench.rig += "baud = 9600\n"
    assert "pumps of one chain share it" in bench.problem().sentence


@pytest.mark.parametrize("driver", ["harvard-ultra", "chemyx"])
def test_only_drivers_that_say_so_share_a_port(bench: Bench, driver: str) -> None:
    bench.edit_rig('driver = "new-era"\nurl = "sim://new-era"', f'driver = "{driver}"\nurl = "sim://{driver}"')
    bench.rig += (
        f'[pumps.p2]\ndriver = "{driver}"\nurl = "sim://{driver}"\naddress = 1\nsyringe = "hamilton-1001"\n'
        'line_dead_volume = "0 uL"\n'
    )
    assert "needs a port for each pump" in bench.problem().sentence


def test_a_syringe_of_ones_own_is_taken_as_given(bench: Bench) -> None:
    bench.edit_rig('syringe = "hamilton-1001"', 'diameter = "4.71 mm"\nsyringe_volume = "1 mL"')
    pump = bench.experiment().plan.pumps[0]
    assert (pump.diameter_mm, pump.syringe_volume_ul) == (4.71, 1000.0)


def test_X1_repeats_within_repeats_are_counted_before_they_are_unrolled(bench: Bench) -> None:
    inner = "{ mark = 'x' }"
    for _ in range(4):
        inner = f"{{ repeat = {{ times = 10000, steps = [{inner}] }} }}"
    bench.protocol += f"[[steps]]\nrepeat = {{ times = 10000, steps = [{inner}] }}\n"
    assert "at most 10000" in bench.problem().sentence
