"""Whether a syringe was filled from the container that its protocol names: substance, form, strength, expiry, code.

Knows how a log and a protocol are compared, openly or, for a blinded syringe, without a word of what is in it. Writes
nothing.
"""

from __future__ import annotations

from datetime import date
from math import isclose

from acquisition.books.containers import ContainerRefused, Label
from acquisition.books.contents import content_of, opened_once
from acquisition.books.places import same_name
from acquisition.books.seals import SealUnopened
from acquisition.plan import PumpSetup

SAME_STRENGTH = 0.005
"""How far the concentration in a protocol may be from the container's strength: rounding only [P]."""


def check_filled_from(label: Label, pump: PumpSetup, today: date) -> None:
    """Raise ContainerRefused unless this is what the protocol says is in the pump, and not expired."""
    if label.code or pump.code:
        _check_sealed(label, pump)
    else:
        _check_solution(label, pump)
    if label.expires < today:
        raise ContainerRefused(
            f"Container {label.container} expired on {label.expires.isoformat()}. Nothing was started."
        )


def _check_solution(label: Label, pump: PumpSetup) -> None:
    if same_name(pump.drug) != same_name(label.substance) or same_name(pump.drug_form) != same_name(label.form):
        raise ContainerRefused(
            f"The protocol says {pump.drug} {pump.drug_form}, container {label.container} holds {label.substance} "
            f"{label.form}. Nothing was started: look at the bottle."
        )
    strength = pump.concentration_mg_per_ml
    if strength is None or not isclose(strength, label.strength_mg_per_ml, rel_tol=SAME_STRENGTH):
        said = "no strength" if strength is None else f"{strength:g} mg/mL"
        raise ContainerRefused(
            f"The protocol says {said}, container {label.container} holds {label.strength_mg_per_ml:g} mg/mL. The "
            "animal would get another dose than is meant. Nothing was started: look at the bottle and the protocol."
        )


def _check_sealed(label: Label, pump: PumpSetup) -> None:
    """Compare what is truly in both, and say no word of it; a log in the open would tell what the syringe holds."""
    if not pump.code:
        raise ContainerRefused(
            f"Container {label.container} is that of blinded syringe {label.code}, and the protocol says openly what "
            f"is in {pump.name}. Nothing was started."
        )
    if not label.code:
        raise ContainerRefused(
            f"The log of container {label.container} is not sealed: whoever reads it would know what blinded syringe "
            f"{pump.code} holds. Begin one that is: amperfuse container open-sealed. Nothing was started."
        )
    if label.code != pump.code:
        raise ContainerRefused(
            f"The protocol says syringe {pump.code}, container {label.container} is that of {label.code}. Nothing was "
            "started: look at the syringe."
        )
    try:
        same = opened_once(label.sealed, label.code) == content_of(pump)
    except SealUnopened as error:
        raise ContainerRefused(f"{error}. Nothing was started.") from error
    if not same:
        raise ContainerRefused(
            f"What is sealed in the log of container {label.container} is not what is sealed in the protocol for "
            f"syringe {pump.code}. Nothing was started: ask whoever allocated it."
        )
