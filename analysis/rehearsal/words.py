"""How the facts of a rehearsal are worded: sections for terminal and page, the most important first.

Knows units, digits and sentences. Counts and decides nothing: that is in the facts.
"""

from __future__ import annotations

from analysis.rehearsal.facts import AlarmFact, DoseFact, LimitFact, PumpFact, RehearsalReport, StepFact
from analysis.sections import Section, columns

NOTHING = "–"
CLOSE_PERCENT = 90.0
"""From here on a limit is worth a remark though it is kept [P]."""
SHORT = 0.98
"""Less than this share of the planned dose at the animal is worth a remark [P]."""
MOST_SEEDS = 10
"""Seeds that are told one by one; all are in rehearsal.json."""
QUANTITIES = {
    "rate": "rate",
    "infusion_volume": "volume of one infusion",
    "total_volume": "volume",
    "dose_rate": "dose rate",
    "total_dose": "dose",
}
BLINDED = "with blinded syringe"
MODEL = "SIMULATED: from the model whose every number stands in simulated.toml, with a mark of how far to trust it."


def verdict(report: RehearsalReport) -> str:
    """Return the one sentence that counts."""
    if report.go:
        return "GO (SIMULATED): the plan ran through, nothing stood against it."
    count = len(report.reasons)
    return f"NO GO (SIMULATED): {count} thing{'s stand' if count > 1 else ' stands'} against it."


def about(report: RehearsalReport) -> str:
    """Return what was rehearsed, in one line."""
    ran = NOTHING if report.ran_s is None else clock(report.ran_s)
    weight = f" of {report.weight_g:g} g" if report.weight_g else ""
    presets = f", presets {', '.join(report.presets)}" if report.presets else ""
    faults = f", faults {', '.join(report.faults)}" if report.faults else ", no faults"
    return (
        f'SIMULATED: "{report.protocol}" on {report.animal} ({report.species}{weight}); planned '
        f"{clock(report.planned_s)}, ran {ran}, {report.outcome}; seed {report.seed}{presets}{faults}"
    )


def remarks(report: RehearsalReport) -> list[str]:
    """Return what does not stand against the plan and is worth reading all the same."""
    found = [f"accepted: {warning}" for warning in report.warnings]
    for dose in report.doses:
        reached = dose.true_mg_per_kg
        if reached is not None and reached < SHORT * dose.planned_mg_per_kg:
            found.append(
                f"{named(dose)}: {number(reached)} of {number(dose.planned_mg_per_kg)} mg/kg reached the animal; "
                "the rest was not given, or is still in the line"
            )
        if not dose.effect_modelled and reached is not None:
            found.append(f"{named(dose)}: counted, but this simulated animal shows no effect of it")
    found += [
        f"close to limit {limit.limit_id}: {_share(limit.soft_percent)} of soft, {_of(limit)}"
        for limit in report.limits
        if limit.soft_percent >= CLOSE_PERCENT
    ]
    if not report.disk.enough:
        found.append(f"disk: {_disk(report)}")
    return found


def sections(report: RehearsalReport) -> tuple[Section, ...]:
    """Return all sections, empty ones too."""
    return (
        Section("What stands against it", notes=report.reasons),
        Section("Worth knowing", notes=tuple(remarks(report))),
        _difference(report),
        _spread(report),
        _doses(report),
        _pumps(report),
        _limits(report),
        _alarms(report),
        _levels(report),
        _steps(report),
        _recording(report),
    )


def _difference(report: RehearsalReport) -> Section:
    found, title = report.difference, "What the faults did"
    if found is None:
        return Section(title)
    rows = tuple((change.what, change.without, change.with_faults) for change in found.changes)
    notes = [f"only with the faults: alarm {alarm}" for alarm in found.alarms_added]
    notes += [f"only without them: alarm {alarm}" for alarm in found.alarms_gone]
    if not rows and not notes:
        notes = ["nothing that can be seen here: the same seed without them gives the same"]
    return Section(title, columns("what | #without | #with the faults"), rows, tuple(notes), most_lines=20)


def _spread(report: RehearsalReport) -> Section:
    spread, title = report.spread, "Over several seeds"
    if spread is None:
        return Section(title)
    rows = tuple(
        (f"{row.what}, {row.unit}", number(row.lowest), number(row.median), number(row.highest))
        if row.unit
        else (row.what, f"{row.lowest:g}", f"{row.median:g}", f"{row.highest:g}")
        for row in spread.rows
    )
    runs = len(spread.runs)
    bad = [f"seed {run.seed}: {run.reasons[0]}" for run in spread.runs if not run.go]
    notes = [f"{spread.go} of {runs} seeds say GO", *bad[:MOST_SEEDS]]
    if len(bad) > MOST_SEEDS:
        notes.append(f"... and {len(bad) - MOST_SEEDS} more that say NO GO")
    notes += [f"alarm {alarm}: in {count} of {runs}" for alarm, count in spread.alarms.items()]
    heads = columns(f"seeds {spread.runs[0].seed} to {spread.runs[-1].seed} | #lowest | #median | #highest")
    return Section(title, heads, rows, tuple(notes))


def named(dose: DoseFact) -> str:
    """Return a drug with its form and route."""
    return f"{dose.drug} {dose.form}".strip() + f", {dose.route}"


def _doses(report: RehearsalReport) -> Section:
    rows = tuple(
        (
            named(dose),
            dose.animal,
            number(dose.planned_mg_per_kg),
            number(dose.confirmed_mg_per_kg),
            number(dose.uncertain_mg_per_kg),
            number(dose.true_mg_per_kg),
        )
        for dose in report.doses
    )
    heads = "drug and route | animal | #planned | #confirmed | #maybe more | #truly at the animal"
    notes = (f"{BLINDED} {', '.join(report.blinded)}: no dose is told",) if report.blinded else ()
    return Section("Doses, mg/kg", columns(heads), rows, notes)


def _pumps(report: RehearsalReport) -> Section:
    rows = tuple(_pump(pump) for pump in report.pumps)
    replayed = [pump for pump in report.pumps if pump.true_delivered_ul is None]
    notes = tuple(
        f"{pump.pump}: REPLAY, {pump.confirmed_ul:.2f} µL in the recording; nothing was infused" for pump in replayed
    )
    heads = (
        "pump | solution | #planned | #confirmed | #maybe more | #truly out | #at the animal | #left | #empty in "
        "| #refills | #more runs"
    )
    notes += ("empty in: at the plan's last rate; more runs: of this plan, with what is left",)
    return Section("Pumps, µL", columns(heads), rows, notes)


def _pump(pump: PumpFact) -> tuple[str, ...]:
    empty = NOTHING if pump.empty_in_s is None else clock(pump.empty_in_s)
    return (
        pump.pump,
        pump.solution,
        number(pump.planned_ul),
        number(pump.confirmed_ul),
        number(pump.uncertain_ul),
        number(pump.true_delivered_ul),
        number(pump.true_at_animal_ul),
        f"{pump.left_ul:.1f} of {pump.loaded_ul:g}",
        empty,
        str(pump.refills),
        NOTHING if pump.further_runs is None else str(pump.further_runs),
    )


def _limits(report: RehearsalReport) -> Section:
    rows = tuple(
        (
            limit.limit_id,
            f"{QUANTITIES[limit.quantity]}{' of ' + limit.drug if limit.drug else ''}, {limit.window}",
            f"{number(limit.planned)} {limit.unit}",
            _share(limit.soft_percent),
            _share(limit.hard_percent),
            _share(limit.given_hard_percent),
        )
        for limit in report.limits
    )
    heads = "limit | of | #planned | #of soft | #of hard | #as run, of hard"
    held = f"{BLINDED} {', '.join(report.blinded)}: limits of what is truly in it are held and not told"
    notes = (held,) if report.blinded else ()
    return Section("Limits, the closest first", columns(heads), rows, notes, most_lines=8)


def _alarms(report: RehearsalReport) -> Section:
    rows = tuple(_alarm(alarm) for alarm in report.alarms)
    notes = () if rows else ("none",)
    heads = "priority | #at | step | what | what it means | what to do"
    return Section("Alarms that would sound", columns(heads), rows, notes, most_lines=12, sentences=2)


def _alarm(alarm: AlarmFact) -> tuple[str, ...]:
    times = f" ({alarm.times} times)" if alarm.times > 1 else ""
    step = NOTHING if alarm.step is None else str(alarm.step)
    return (alarm.priority, clock(alarm.first_s), step, alarm.what + times, alarm.so_what, alarm.do_what)


def _levels(report: RehearsalReport) -> Section:
    rows = tuple(
        (
            f"{level.name}, {level.unit}",
            number(level.before),
            number(level.lowest),
            clock(level.lowest_at_s),
            number(level.highest),
            clock(level.highest_at_s),
            number(level.end),
        )
        for level in report.levels
    )
    heads = "level | #before | #lowest | #at | #highest | #at | #at the end"
    notes = (MODEL,) if rows else (f"{BLINDED} {', '.join(report.blinded)}: not told",) if report.blinded else ()
    return Section("Predicted in this simulated animal", columns(heads), rows, notes)


def _steps(report: RehearsalReport) -> Section:
    levels = any(step.at_end for step in report.steps)
    heads = "#step | what | #planned | #as run | outcome | #µL"
    if levels:
        heads += " | #plasma mg/L | #brain mg/kg | #glutamate µM"
    rows = tuple(_step(step, levels=levels) for step in report.steps)
    return Section("The plan, as planned and as run", columns(heads), rows, most_lines=16)


def _step(step: StepFact, *, levels: bool) -> tuple[str, ...]:
    given = NOTHING if step.confirmed_ul is None else number(step.confirmed_ul)
    volume = "" if step.planned_ul is None else f"{given} of {number(step.planned_ul)}"
    what = f"{step.pump}: {step.label}" if step.pump else f"{step.kind}: {step.label}"
    cells: tuple[str, ...] = (
        str(step.number),
        what,
        _span(step.planned_start_s, step.planned_end_s),
        _span(step.started_s, step.ended_s),
        step.state,
        volume,
    )
    if levels and step.at_end is None:
        cells += (NOTHING, NOTHING, NOTHING)
    elif step.at_end is not None:
        at = step.at_end
        cells += (number(at.plasma_mg_per_l), number(at.brain_mg_per_kg), number(at.tonic_glutamate_um))
    return cells


def _recording(report: RehearsalReport) -> Section:
    rows = tuple(
        (channel.channel, channel.instrument, str(channel.samples), str(channel.missing), str(channel.flagged))
        for channel in report.channels
    )
    heads = columns("channel | instrument | #samples | #missing | #flagged")
    return Section("Recording", heads, rows, (f"disk: {_disk(report)}",), most_lines=12)


def _disk(report: RehearsalReport) -> str:
    disk = report.disk
    enough = "" if disk.enough else "; a start wants twice the need to be free: NOT ENOUGH"
    return (
        f"{disk.bytes_per_h / 1e6:.1f} MB per hour measured; the planned {clock(report.planned_s)} need "
        f"{disk.planned_need_bytes / 1e6:.1f} MB, {disk.free_bytes / 1e9:.1f} GB are free{enough}"
    )


def _of(limit: LimitFact) -> str:
    return f"{number(limit.planned)} of {number(limit.soft)} {limit.unit} ({limit.window})"


def _share(percent: float | None) -> str:
    return NOTHING if percent is None else f"{percent:.0f} %"


def _span(start_s: float | None, end_s: float | None) -> str:
    if start_s is None:
        return NOTHING
    return f"{clock(start_s)} – {clock(end_s) if end_s is not None else '?'}"


def clock(seconds: float) -> str:
    """Return h:mm:ss, with a minus before the plan began."""
    hours, rest = divmod(round(abs(seconds)), 3600)
    return f"{'-' if seconds <= -0.5 else ''}{hours}:{rest // 60:02d}:{rest % 60:02d}"


def number(value: float | None) -> str:
    """Return a number with four figures, at most four of them behind the point."""
    if value is None:
        return NOTHING
    size = abs(value)
    places = 4 if 0 < size < 0.09995 else 3 if size < 9.9995 else 2 if size < 99.995 else 1 if size < 999.95 else 0
    return f"{value:.{places}f}"
