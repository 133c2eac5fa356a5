"""Studies: the file, the sealed sequence, the book, and the commands."""
