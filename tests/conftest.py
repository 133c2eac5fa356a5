"""What holds for all tests: Ctrl-C reaches the programs they start, and drawn examples are the same in every run.

A shell that starts something in the background has it ignore Ctrl-C, and its children inherit that. To look for new
examples: ``pytest --hypothesis-profile=explore``.
"""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

IMPATIENT = HealthCheck.too_slow  # a busy computer is no fault of a test
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[IMPATIENT], database=None)
settings.register_profile("explore", deadline=None, suppress_health_check=[IMPATIENT], max_examples=1000)
settings.load_profile("same")
