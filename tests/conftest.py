"""What holds for all tests: what they start is compiled once and hears Ctrl-C, and drawn examples are always the same.

A shell that starts something in the background has it ignore Ctrl-C, and its children inherit that. To look for new
examples: ``pytest --hypothesis-profile=explore``.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # some hundred processes would compile the whole program anew

IMPATIENT = HealthCheck.too_slow  # a busy computer is no fault of a test
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[IMPATIENT], database=None)
settings.register_profile("explore", deadline=None, suppress_health_check=[IMPATIENT], max_examples=1000)
settings.load_profile("same")
