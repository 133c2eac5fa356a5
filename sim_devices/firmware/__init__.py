"""Bytes of instruments, one file each: what a real one would answer."""
