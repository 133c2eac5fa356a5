"""Cohorts: their file, their folder, and what comes out of their recordings."""
