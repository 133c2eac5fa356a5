"""What engine and clients must agree on before they read each other's messages. Imports nothing: STOP waits for it."""

PROTOCOL_VERSION = 6
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
STOP_TIMEOUT_S = 6.0
"""A stop is answered within 3 s engine time; this allows for a busy machine."""
