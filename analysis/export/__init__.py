"""A recording in the formats of other programs. The recording itself is never changed."""
