"""A blinded syringe on the small rig: the same protocol with one solution or another sealed into it."""

from __future__ import annotations

import re
from dataclasses import replace

from acquisition.books.seals import Solution, blinded_label, keep_key, new_key, seal
from acquisition.plan import PumpSetup
from tests.experiment.conftest import Bench

STUDY = "st7k2m9qx4"
CODE = "K7Q"
VEHICLE = Solution("", "", None)
_OPEN = 'drug = "ketamine"\nform = "hydrochloride"\nconcentration = "5 mg/mL"\n'
_TELLING = re.compile(r"ketamine|hydrochloride|mg|hard limit [a-z]+-|base|\bnan\b|vehicle")
_NAMES_OF_FIELDS = re.compile(
    r"dose_mg_per_kg|(concentration|strength)_mg_per_ml|[A-Za-z0-9_=-]{300,}"
)  # and sealed texts


def tells(text: str) -> bool:
    """Tell whether a text has a word of what is in a blinded syringe."""
    return _TELLING.search(_NAMES_OF_FIELDS.sub("", text)) is not None


def ketamine(mg_per_ml: float, form: str = "hydrochloride") -> Solution:
    return Solution("ketamine", form, mg_per_ml)


def sealed(solution: Solution, code: str = CODE, study: str = STUDY) -> str:
    """Seal it by the key of a study that this computer has, made when there is none."""
    key = _KEYS.setdefault(study, new_key())
    keep_key(study, key)
    return seal(study, code, solution, key)


_KEYS: dict[str, bytes] = {}


def blinded_pump(pump: PumpSetup, content: Solution, container: str = "") -> PumpSetup:
    """Return a pump with this content blinded, as a plan has it."""
    return replace(
        pump,
        drug=blinded_label(CODE),
        drug_form="",
        concentration_mg_per_ml=None,
        code=CODE,
        sealed=sealed(content),
        container=container,
    )


def blind(bench: Bench, solution: Solution, amount: str = 'volume_per_kg = "1 mL/kg"') -> Bench:
    """Put a solution into the bench's syringe, blinded; 1 mL/kg of 5 mg/mL are 5 mg/kg."""
    bench.edit(_OPEN, f'code = "{CODE}"\nsealed = "{sealed(solution)}"\n')
    return bench.edit('dose = "5 mg/kg"', amount)
