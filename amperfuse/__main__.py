"""``python -m amperfuse``: the same as the command ``amperfuse``."""

from __future__ import annotations

from amperfuse.start import main

if __name__ == "__main__":
    main()
