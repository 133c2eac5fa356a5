"""``sim://`` as a pyserial URL: found by every program of this Python that imports ``serial``.

``sim_url.pth`` (installed beside the packages) registers a finder at interpreter start; ``finder`` answers it.
"""
