"""The window of a recording: a program of its own that never speaks to an engine."""
