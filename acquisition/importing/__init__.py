"""Recordings of other systems: delimited text, described by a mapping, made into a session that says IMPORTED."""
