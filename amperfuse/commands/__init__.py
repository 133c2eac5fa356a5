"""The commands, one file per group. Each one only asks other rooms and words what they say."""
