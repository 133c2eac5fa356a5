"""The recording: nothing acknowledged is ever lost, and what is read is what was written."""
