"""Sealed solutions: what is in a blinded syringe, readable for the limits and for nobody's eyes by accident.

Knows how a solution becomes an opaque text that may stand in protocols, journals and dose books, and where the key is.
Every text has the same length whatever is in it, and belongs to one code: on another syringe it does not open. Who has
the key file can open everything, and that is meant: limits must hold and an emergency must be answered. Does not know
who gets what. The cipher is Fernet (AES-128-CBC with HMAC-SHA256) of the ``cryptography`` library, which is loaded only
where something is sealed or opened: most sessions have nothing that is.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from acquisition.books.places import seal_key_place

SEALED_BYTES = 256
"""What a solution is padded to: its length would name it."""
MAX_SEALED = 600
"""Characters of a sealed solution at most."""
STUDY_ID = re.compile(r"[a-z0-9]{8,32}", re.ASCII)
CODE = re.compile(r"[A-Z0-9]{2,12}", re.ASCII)
"""What may stand on a blinded syringe."""
SEALED = re.compile(r"[a-z0-9]{8,32}:[A-Za-z0-9_=-]{1,560}", re.ASCII)
"""What a sealed solution looks like; whether it is one, only its key can tell."""


class SealUnopened(Exception):
    """A sealed solution could not be opened: no key here, another code, or not what was sealed."""


@dataclass(frozen=True)
class Solution:
    """What is in a syringe. An empty drug is a vehicle: it has no form and no concentration.

    Shows nothing of itself: a text that somebody makes of one, a traceback too, tells no content.
    """

    drug: str = field(repr=False)
    form: str = field(repr=False)
    concentration_mg_per_ml: float | None = field(repr=False)


def blinded_label(code: str) -> str:
    """Return what stands everywhere in the place of a blinded syringe's drug. No drug has a blank in its name."""
    return f"blinded {code}"


def new_key() -> bytes:
    """Return a key for one study, from the system's randomness."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - see above

    return Fernet.generate_key()


def keep_key(study_id: str, key: bytes) -> Path:
    """Keep a study's key for this user, readable by nobody else; return where. Raises OSError, ValueError.

    A key that lies there already is never replaced by another: what it sealed could not be opened any more.
    """
    path = seal_key_place(_checked(study_id))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.read_bytes() != key:
            raise ValueError(f"another key of a study {study_id} lies in {path}") from None
        return path
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(handle)
    return path


def seal(study_id: str, code: str, solution: Solution, key: bytes) -> str:
    """Return the sealed text of what the syringe ``code`` of a study holds. Raises ValueError when it is too long."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - see above

    plain = json.dumps([code, solution.drug, solution.form, solution.concentration_mg_per_ml], allow_nan=False).encode()
    if len(plain) > SEALED_BYTES:
        raise ValueError("the names of drug and form are too long to be sealed")
    return f"{_checked(study_id)}:{Fernet(key).encrypt(plain.ljust(SEALED_BYTES)).decode()}"


def locked(plain: bytes, key: bytes) -> bytes:
    """Return bytes that only the key opens again: a study's sequence."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - see above

    return Fernet(key).encrypt(plain)


def unlocked(token: bytes, key: bytes) -> bytes:
    """Return what was locked. Raises SealUnopened."""
    from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415 - see above

    try:
        return Fernet(key).decrypt(token)
    except (InvalidToken, ValueError) as error:
        raise SealUnopened("the sealed sequence of the study was changed, or has another key") from error


def opened(sealed: str, code: str) -> Solution:
    """Return what was sealed for ``code``, by the key that this user keeps. Raises SealUnopened; it names no drug."""
    study_id, _, token = sealed.partition(":")
    if not STUDY_ID.fullmatch(study_id) or len(sealed) > MAX_SEALED:
        raise SealUnopened(f"what is written for the blinded syringe {code} is no sealed solution")
    try:
        key = seal_key_place(study_id).read_bytes()
    except OSError:
        raise SealUnopened(
            f"the key of the study {study_id} is not on this computer: the limits of syringe {code} cannot be checked"
        ) from None
    return _read(code, token, key)


def resealed(sealed: str, code: str, solution: Solution) -> str:
    """Return another solution sealed as this one is: same study, same code, same key. Raises SealUnopened, ValueError.

    For whoever allocates: what one group may get is checked for every group before anybody knows who is in which.
    """
    opened(sealed, code)
    study_id = sealed.partition(":")[0]
    return seal(study_id, code, solution, seal_key_place(study_id).read_bytes())


def _read(code: str, token: str, key: bytes) -> Solution:
    from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415 - see above

    try:
        of, drug, form, concentration = json.loads(Fernet(key).decrypt(token.encode()))
    except (InvalidToken, ValueError, TypeError):
        raise SealUnopened(f"the sealed solution of syringe {code} was changed or has another key") from None
    if of != code:
        raise SealUnopened(f"the sealed solution of syringe {code} was made for another syringe")
    return Solution(str(drug), str(form), None if concentration is None else float(concentration))


def _checked(study_id: str) -> str:
    if not STUDY_ID.fullmatch(study_id):
        raise ValueError("the id of a study is 8 to 32 small letters and digits")
    return study_id
