"""What a recording means: plots and summaries of a session. Reads recordings, never instruments."""
