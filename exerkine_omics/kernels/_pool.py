"""Sums of several sites brought to one design and added: the fit of all people together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from exerkine_omics.kernels._effect import Moments
from exerkine_omics.kernels._lmm_sums import Sums, on_sizes, with_absent
from exerkine_omics.kernels._packed import triangle, unpack


def turned(sums: Sums, matrix: np.ndarray, ones: np.ndarray, centre: np.ndarray) -> Sums:
    """Turn sums to other columns and to another centre.

    Parameters
    ----------
    sums
        Of one site.
    matrix
        p x q: the new columns as combinations of the site's.
    ones
        p: the combination of the site's columns that is 1 in every row (its cells).
    centre
        New centre of each feature (F).
    """
    xx = sums.xx.copy()
    p = len(sums.absent)
    xx[np.arange(p) * (np.arange(p) + 3) // 2] -= sums.absent
    step = sums.centre - centre
    full, totals = unpack(xx), np.stack([unpack(t) for t in sums.txx])

    def moved(square: np.ndarray, cross: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, ...]:
        level = np.tensordot(square, ones, (1, 0))  # p x F: columns times 1
        new_own = own + 2 * step * (ones @ cross) + step**2 * (ones @ level)
        return cross + level * step, new_own

    xy, yy = moved(full, sums.xy, sums.yy)
    pairs = [moved(t, c, o) for t, c, o in zip(totals, sums.txy, sums.tyy, strict=True)]
    rows, columns = triangle(matrix.shape[1])

    def packed(square: np.ndarray) -> np.ndarray:
        return np.einsum("ij,ikf,kl->jlf", matrix, square, matrix, optimize=True)[rows, columns]

    return replace(
        sums,
        xx=packed(full),
        xy=matrix.T @ xy,
        yy=yy,
        txx=np.stack([packed(t) for t in totals]),
        txy=np.stack([matrix.T @ pair[0] for pair in pairs]),
        tyy=np.stack([pair[1] for pair in pairs]),
        absent=np.zeros((matrix.shape[1], len(centre)), dtype=bool),
        centre=centre,
    )


def added(parts: Sequence[Sums]) -> Sums:
    """Add the sums of sites that share columns and centre."""
    size = np.unique(np.concatenate([part.size for part in parts]))
    aligned = [on_sizes(part, size) for part in parts]
    total = {
        name: sum(getattr(part, name) for part in aligned)
        for name in ("people", "xx", "xy", "yy", "txx", "txy", "tyy", "n_obs")
    }
    return with_absent(size=size, centre=parts[0].centre, **total)


def added_moments(parts: Sequence[Moments]) -> Moments:
    """Moments of all people (Chan, Golub and LeVeque 1983)."""
    n = sum(part.n for part in parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [np.where(part.n > 0, part.mean, 0.0) for part in parts]
        mean = sum(part.n * m for part, m in zip(parts, means, strict=True)) / n
        square = sum(
            np.where(part.n > 0, part.square + part.n * (m - mean) ** 2, 0.0)
            for part, m in zip(parts, means, strict=True)
        )
    return Moments(np.asarray(n), np.asarray(mean), np.asarray(square))
