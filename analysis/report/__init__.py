"""The report of one session: what was given, recorded, evoked and found, on a page and on paper."""
