"""A cohort of rehearsals: a file that says which animals get what, their recordings, and what these show."""
