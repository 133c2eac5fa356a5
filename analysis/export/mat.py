"""A recording as one MATLAB file (level 5, readable by MATLAB, Octave and scipy).

Knows what MATLAB allows: names of letters, digits and underscores, structures, columns. Does not know units other than
those in the names.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

from analysis.review import Infusion, Recording

LONGEST_NAME = 31
"""Of a field in a level-5 file."""


def export_mat(recording: Recording, path: Path) -> list[Path]:
    """Write ``path``, which must not exist. Raises OSError, ValueError when it would be larger than 2 GB."""
    header, taken = recording.data.header, set[str]()
    session = {
        "status": recording.status,
        "session_id": header.session_id,
        "problem": recording.problem,
        "software": header.software,
        "plan_json": json.dumps(header.plan, sort_keys=True),
        "channels": {_name(name, taken): _channel(recording, name) for name in recording.channels},
        "infusions": {_name(name, taken): _infusion(one) for name, one in recording.infusions.items()},
        "events": _list(
            [{"t_s": e.t_s, "kind": e.kind, "source": e.source, "text": e.text} for e in recording.happenings]
        ),
        "steps": _list([{**vars(s), "end_s": np.nan if s.end_s is None else s.end_s} for s in recording.steps]),
        "annotations": _list([{**vars(a), "withdraws": a.withdraws or 0} for a in recording.annotations]),
    }
    with path.open("xb") as file:
        savemat(file, {"session": session}, do_compression=True, oned_as="column", long_field_names=False)
    return [path]


def _channel(recording: Recording, name: str) -> dict[str, Any]:
    channel = recording.channels[name]
    slope, known = channel.sensitivity_a_per_um, channel.calibration
    corrected = np.empty(0) if isinstance(channel.correction, str) else channel.slope_a_per_um("corrected")
    return {
        "name": name,
        "role": channel.role,
        "t_s": channel.t_s,
        "current_A": channel.current_a,
        "flags": channel.flags,
        "rows_before_gaps": channel.breaks + 1,  # MATLAB counts from 1
        "sensitivity_A_per_uM": np.nan if slope is None else slope,
        "sensitivity_low_A_per_uM": np.nan if known.slope_low_a_per_um is None else known.slope_low_a_per_um,
        "sensitivity_high_A_per_uM": np.nan if known.slope_high_a_per_um is None else known.slope_high_a_per_um,
        "sentinel_gain": known.gain(known.sentinel),
        "sentinel_gain_from": known.gain_text(known.sentinel),
        "drift_corrected_A_per_uM": corrected,
    }


def _infusion(one: Infusion) -> dict[str, Any]:
    found = {field.name: getattr(one, field.name) for field in fields(one)}
    concentration = found.pop("concentration_mg_per_ml")
    return {**found, "mg_per_ml": np.nan if concentration is None else concentration}


def _list(rows: list[dict[str, Any]]) -> Any:
    """Return a structure array, one element per row, or an empty one."""
    if not rows:
        return np.empty((0, 0))
    array = np.empty((len(rows), 1), dtype=[(key, object) for key in rows[0]])
    for number, row in enumerate(rows):
        array[number, 0] = tuple(row.values())
    return array


def _name(text: str, taken: set[str]) -> str:
    """Return a field name that nobody has yet."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    plain = (plain if plain[:1].isalpha() else f"x{plain}")[: LONGEST_NAME - 3]
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name
