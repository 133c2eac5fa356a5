"""Live out: a running session as Lab Streaming Layer streams, for video, EEG and behaviour programs."""
