"""The simulated animal: drug, glutamate, behaviour."""
