"""The front door: command line and the small public Python API."""

__version__ = "0.1.0"
