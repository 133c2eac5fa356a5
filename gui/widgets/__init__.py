"""The parts of the window. They show what presenters say and hand on what a person does."""
