"""What is simulated, chosen by name: animals, sensors and scenarios in TOML, each number with unit, range and mark."""
