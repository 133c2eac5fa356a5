"""The screen. A client of the engine: it may freeze, crash and come back; it decides nothing."""
