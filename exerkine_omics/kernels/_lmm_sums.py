"""The sums that carry a random-intercept likelihood, grouped by a person's number of rows.

A person's inverse covariance depends on the data only through how many rows the person has, so
the cross-products of person totals, summed over the people with the same number, carry the
likelihood, its derivatives and both corrections of the degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sums:
    """Sums of f features, p columns and k distinct numbers of rows a person.

    Attributes
    ----------
    size
        The k numbers of rows.
    people
        People with each number, k x f.
    xx, xy, yy
        Cross-products over rows: f x p x p, f x p, f.
    txx, txy, tyy
        Cross-products of person totals, by number of rows: k x f x p x p, k x f x p, k x f.
    n_obs, absent
        Rows (f); columns without any row (f x p), set to the unit vector so that they drop out.
    centre
        Mean taken off each feature before all sums (f).
    """

    size: np.ndarray
    people: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    txx: np.ndarray
    txy: np.ndarray
    tyy: np.ndarray
    n_obs: np.ndarray
    absent: np.ndarray
    centre: np.ndarray

    @property
    def rank(self) -> np.ndarray:
        """Columns that have rows (f)."""
        return self.absent.shape[1] - self.absent.sum(axis=1)

    @property
    def n_people(self) -> np.ndarray:
        """People with a row (f)."""
        return self.people.sum(axis=0)


def grouped_sums(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    scale: np.ndarray | None = None,
) -> Sums:
    """Gather the sums in one pass over samples x features; NaN is an absent row.

    ``scale`` (samples x 1 or samples x features) multiplies each row of y and X after y has been
    centred: the square root of a precision weight.
    """
    n_samples, n_features = values.shape
    n_columns = design.shape[1]
    mask = np.isfinite(values)
    weight = mask.astype(float)
    n_obs = mask.sum(axis=0)
    centre = np.where(mask, values, 0.0).sum(axis=0) / np.maximum(n_obs, 1)
    y = np.where(mask, values - centre, 0.0)
    if scale is not None:
        y = y * scale
        weight = weight * scale
    block = np.zeros((int(subject.max()) + 1, n_samples))
    block[subject, np.arange(n_samples)] = 1.0
    count = (block @ mask.astype(float)).astype(int)
    size = np.unique(count[count > 0])
    groups = [(count == m).astype(float) for m in size]
    total_y = block @ y
    total_x = [block @ (design[:, [j]] * weight) for j in range(n_columns)]
    xx = np.empty((n_features, n_columns, n_columns))
    txx = np.empty((len(size), n_features, n_columns, n_columns))
    txy = np.empty((len(size), n_features, n_columns))
    for j in range(n_columns):
        for k in range(j, n_columns):
            xx[:, j, k] = xx[:, k, j] = (design[:, j] * design[:, k]) @ weight**2
            product = total_x[j] * total_x[k]
            for g, group in enumerate(groups):
                txx[g, :, j, k] = txx[g, :, k, j] = np.einsum("sf,sf->f", product, group)
        product = total_x[j] * total_y
        for g, group in enumerate(groups):
            txy[g, :, j] = np.einsum("sf,sf->f", product, group)
    absent = np.einsum("fjj->fj", xx) == 0
    rows, columns = np.nonzero(absent)
    xx[rows, columns, columns] = 1.0
    return Sums(
        size=size.astype(float),
        people=np.array([group.sum(axis=0) for group in groups]).reshape(len(size), n_features),
        xx=xx,
        xy=(design.T @ (y * weight)).T,
        yy=(y**2).sum(axis=0),
        txx=txx,
        txy=txy,
        tyy=np.array([np.einsum("sf,sf->f", total_y**2, g) for g in groups]).reshape(
            len(size), n_features
        ),
        n_obs=n_obs,
        absent=absent,
        centre=centre,
    )


def take(sums: Sums, rows: np.ndarray) -> Sums:
    """Keep these features only."""
    return Sums(
        size=sums.size,
        people=sums.people[:, rows],
        xx=sums.xx[rows],
        xy=sums.xy[rows],
        yy=sums.yy[rows],
        txx=sums.txx[:, rows],
        txy=sums.txy[:, rows],
        tyy=sums.tyy[:, rows],
        n_obs=sums.n_obs[rows],
        absent=sums.absent[rows],
        centre=sums.centre[rows],
    )
