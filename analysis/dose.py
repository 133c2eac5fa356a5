"""From a volume that a pump gave to a dose of the animal. Knows plan and weight; nothing of drawing."""

from __future__ import annotations

from acquisition.recording.session_data import SessionData


def dose_factor(data: SessionData, pump: str) -> tuple[float, str]:
    """Return what turns µL of this pump into a dose, and its unit: mg/kg where drug, strength and weight are known."""
    setup = next(one for one in data.header.plan["pumps"] if one["name"] == pump)
    concentration = setup["concentration_mg_per_ml"]
    weight_kg = data.header.plan["subject"]["weight_g"] / 1000.0
    if not setup["drug"] or concentration is None or not weight_kg:
        return 1.0, "µL"
    return concentration / 1000.0 / weight_kg, "mg/kg"
