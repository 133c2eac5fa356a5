"""A pale band around a line: how far what is shown may be off."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PyQt6.QtGui import QColor, QPainterPath
from PyQt6.QtWidgets import QGraphicsPathItem

from acquisition.signal.pyramid import Floats


class Ribbon(QGraphicsPathItem):
    """Filled between two edges, with holes where the line has them."""

    def __init__(self) -> None:
        super().__init__()
        self.setPen(pg.mkPen(None))
        self.setZValue(-1)

    def set_color(self, color: str) -> None:
        """Change the colour."""
        pale = QColor(color)
        pale.setAlpha(60)
        self.setBrush(pale)

    def show_band(self, t_s: Floats, edges: tuple[Floats, Floats] | None) -> None:
        """Fill between the edges, shape (n,) each, NaN for a hole; None for no band."""
        if edges is None:
            if not self.path().isEmpty():
                self.setPath(QPainterPath())
            return
        self.setPath(band_path(t_s, *edges))


def band_path(t_s: Floats, lower: Floats, upper: Floats) -> QPainterPath:
    """Return one closed outline for each stretch without a hole."""
    good = np.concatenate(([False], np.isfinite(lower) & np.isfinite(upper), [False]))
    flips = np.flatnonzero(np.diff(good))
    whole = QPainterPath()
    for start, stop in zip(flips[::2].tolist(), flips[1::2].tolist(), strict=True):
        along, back = slice(start, stop), slice(stop - 1, None if start == 0 else start - 1, -1)
        x = np.concatenate((t_s[along], t_s[back]))
        whole.addPath(pg.arrayToQPath(x, np.concatenate((lower[along], upper[back]))))
    return whole
