"""Dies at every instant of a session, one after the other, and looks at what is left."""
