"""Pure arithmetic on samples, the same live and off-line. Knows arrays, not instruments and not screens."""
