"""Statistics of a set under rotation: along the weights, against them, and in any direction.

Each takes z (rotations x members) and the members' signed weights, and returns three numbers a
rotation: up, down, mixed (Wu 2010, section 3). Sums are divided by the number of members.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SetStatistic = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]

_MEDIAN = 0.6744897501960817  # of |z|


def mean(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted mean; mixed: of the absolute z."""
    up = z @ weights / len(weights)
    return up, -up, np.abs(z) @ np.abs(weights) / len(weights)


def floormean(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean with the other direction set to 0; mixed: absolute z of at least their median."""
    y = z * weights
    mixed = np.maximum(np.abs(z), _MEDIAN) @ np.abs(weights) / len(weights)
    return np.maximum(y, 0).mean(axis=1), np.maximum(-y, 0).mean(axis=1), mixed


def mean50(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of the half of the members furthest along (the middle one counts)."""
    y = np.sort(z * weights, axis=1)
    half = (len(weights) + 1) // 2
    size = np.sort(np.abs(z * weights), axis=1)
    return y[:, -half:].mean(axis=1), -y[:, :half].mean(axis=1), size[:, -half:].mean(axis=1)


def mean_square(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted squares of the members that go one way, over all members; mixed: of all."""
    square = z**2 * np.abs(weights)
    up = np.where(z * weights > 0, square, 0.0).mean(axis=1)
    mixed = square.mean(axis=1)
    return up, np.maximum(mixed - up, 0.0), mixed


SET_STATISTICS: dict[str, SetStatistic] = {
    "mean": mean,
    "floormean": floormean,
    "mean50": mean50,
    "msq": mean_square,
}
"""By the names that limma gives them."""
