"""What holds for all tests: Ctrl-C reaches the programs they start, also when the tests run in the background.

A shell that starts something in the background has it ignore Ctrl-C, and its children inherit that.
"""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
