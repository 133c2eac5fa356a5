"""From the engine's state to what stands on the screen: pure functions, no Qt, no clock."""
