"""Bytes on a wire: ports, framing, codecs, one folder per instrument family. Knows nothing of the experiment."""
