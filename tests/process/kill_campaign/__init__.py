"""Kills engines and windows on a bench that outlives them, and compares what is left with what really happened."""
