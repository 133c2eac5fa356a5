"""Physics without bytes: plunger, tubing, electrode, front end."""
