"""From animals to a statement: allocation, comparison of groups, power. The mouse is the unit, not the response."""
