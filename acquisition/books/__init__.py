"""Books that outlive every session: what an animal was given, and for which limits somebody stands. Append-only."""
