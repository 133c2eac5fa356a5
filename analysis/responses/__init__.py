"""Evoked responses: what a stimulus did to a trace, and what the same measuring finds where nothing happened."""
