"""Labels on points that overlap neither each other nor the axes' edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RADII = (7.0, 14.0, 24.0, 38.0, 55.0, 75.0)
_ANGLES = np.deg2rad([90, 45, 135, 0, 180, 67, 113, 22, 158, -45, -135, -90])
_SIZE = 8.0


def label_points(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    texts: Sequence[str],
    cloud: np.ndarray,
) -> int:
    """Write each text near its point, first come first served; return how many found a place.

    Parameters
    ----------
    ax
        Axes whose limits are final.
    x, y
        Points to label, data coordinates, most important first.
    texts
        Their labels.
    cloud
        All points drawn (n x 2, data coordinates); a place that hides few of them is preferred.
    """
    if not len(texts):
        return 0
    figure = ax.get_figure(root=True)
    if figure is None:
        return 0
    # the layout decides where the axes are; before it ran, pixels mean nothing
    figure.draw_without_rendering()
    frame = ax.get_window_extent()
    scale = figure.dpi / 72.0
    points = ax.transData.transform(np.column_stack([x, y]))
    others = ax.transData.transform(cloud)
    taken: list[tuple[float, float, float, float]] = []
    placed = 0
    for point, text in zip(points, texts, strict=True):
        width, height = _extent(ax, text)
        best: tuple[float, float, float] | None = None
        for radius in _RADII:
            for angle in _ANGLES:
                dx, dy = radius * np.cos(angle), radius * np.sin(angle)
                # the nearest edge of the text, not its middle, stands at the radius
                cx = point[0] + dx * scale + np.sign(round(np.cos(angle), 6)) * width / 2
                cy = point[1] + dy * scale + np.sign(round(np.sin(angle), 6)) * height / 2
                box = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
                if box[0] < frame.x0 or box[2] > frame.x1:
                    continue
                if box[1] < frame.y0 or box[3] > frame.y1:
                    continue
                if any(_overlap(box, other) for other in taken):
                    continue
                hidden = (
                    (others[:, 0] > box[0] - 2)
                    & (others[:, 0] < box[2] + 2)
                    & (others[:, 1] > box[1] - 2)
                    & (others[:, 1] < box[3] + 2)
                ).sum()
                cost = min(hidden, 6) + radius / 4.0
                if best is None or cost < best[0]:
                    best = (cost, (cx - point[0]) / scale, (cy - point[1]) / scale)
        if best is None:
            continue
        cx, cy = point[0] + best[1] * scale, point[1] + best[2] * scale
        taken.append((cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2))
        far = _distance(best[1], best[2], width / scale, height / scale) > 12
        ax.annotate(
            text,
            xy=tuple(ax.transData.inverted().transform(point)),
            xytext=best[1:],
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_SIZE,
            gid="label",
            arrowprops={"arrowstyle": "-", "color": "#777777", "lw": 0.6, "shrinkB": 2}
            if far
            else None,
        )
        placed += 1
    return placed


def _extent(ax: Axes, text: str) -> tuple[float, float]:
    """Width and height of a text in pixels, with a little air."""
    trial = ax.text(0, 0, text, fontsize=_SIZE)
    box = trial.get_window_extent()
    trial.remove()
    return box.width + 4, box.height + 2


def _distance(dx: float, dy: float, width: float, height: float) -> float:
    """Distance from the point to the nearest edge of a text centred at (dx, dy)."""
    return float(np.hypot(max(abs(dx) - width / 2, 0), max(abs(dy) - height / 2, 0)))


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
