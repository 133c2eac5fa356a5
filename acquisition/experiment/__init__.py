"""What is to be done: rig, protocol, limits, syringes and doses, from text to an immutable plan. Moves nothing."""
