"""Thin shells that give the deciding objects a clock: threads for a live run, lockstep for tests and rehearsal."""
