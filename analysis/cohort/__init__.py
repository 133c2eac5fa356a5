"""Many animals: what each arm of a cohort shows, as numbers, tables and one figure."""
