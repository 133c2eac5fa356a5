"""Driver and simulator of the "Drip 1", a syringe pump that nobody sells: a template. See README.md."""
