"""The sums that carry a random-intercept likelihood, grouped by a person's number of rows.

A person's inverse covariance depends on the data only through how many rows the person has, so
the cross-products of person totals, summed over the people with the same number, carry the
likelihood, its derivatives and both corrections of the degrees of freedom. The design part of
these sums depends on a person and on which of the person's rows a feature has, not on the values:
one 0/1 indicator a missingness pattern makes each sum a matrix product.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from exerkine_omics.kernels._centre import centred
from exerkine_omics.kernels._effect import Moments, centred_moments, moments
from exerkine_omics.kernels._packed import triangle

_HOT = 0.005  # a pattern that fewer of the people x features have is gathered one by one
_MOST_ROWS = 60  # bits of a pattern's code


@dataclass(frozen=True)
class Sums:
    """Sums of F features, p columns and k distinct numbers of rows a person; features come last.

    Attributes
    ----------
    size
        The k numbers of rows.
    people
        People with each number, k x F.
    xx, xy, yy
        Cross-products over rows: lower triangle of X'X (p (p + 1) / 2 x F), p x F, F.
    txx, txy, tyy
        Cross-products of person totals, by number of rows: k x p (p + 1) / 2 x F, k x p x F,
        k x F.
    n_obs, absent
        Rows (F); columns without any row (p x F), set to the unit vector so that they drop out.
    centre
        Mean taken off each feature before all sums (F).
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
        """Columns that have rows (F)."""
        return len(self.absent) - self.absent.sum(axis=0)

    @property
    def n_people(self) -> np.ndarray:
        """People with a row (F)."""
        return self.people.sum(axis=0)

    @property
    def constant(self) -> np.ndarray:
        """Features whose values differ by rounding only (F)."""
        return self.yy <= self.n_obs * (1e-13 * self.centre) ** 2

    def both(self, j: int, k: int) -> np.ndarray:
        """People with a row in both of two 0/1 columns (F)."""
        a, b = max(j, k), min(j, k)
        return self.txx[:, a * (a + 1) // 2 + b].sum(axis=0)


@dataclass(frozen=True)
class Layout:
    """Rows arranged as visits x people, in an order that the rows' own does not change.

    ``rows`` (visits x people) holds row numbers, -1 where a person has fewer visits; ``x``
    (visits x people x p) is the design, zero there.
    """

    rows: np.ndarray
    x: np.ndarray

    @classmethod
    def of(cls, design: np.ndarray, subject: np.ndarray) -> Layout:
        """Arrange the rows; people in their own order, a person's rows in that of the design."""
        order = np.lexsort((*design.T, subject))
        person, first, count = np.unique(subject[order], return_index=True, return_counts=True)
        visit = np.arange(len(order)) - np.repeat(first, count)
        rows = np.full((count.max(initial=1), len(person)), -1)
        rows[visit, np.repeat(np.arange(len(person)), count)] = order
        x = np.where((rows >= 0)[:, :, None], design[rows], 0.0)
        return cls(rows, x)

    @property
    def n_visits(self) -> int:
        """Largest number of rows of a person."""
        return len(self.rows)

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        return triangle(self.x.shape[2])

    @cached_property
    def _crossed(self) -> np.ndarray:
        """Products of the columns, visits x people x p (p + 1) / 2."""
        i, j = self._pairs
        return self.x[:, :, i] * self.x[:, :, j]

    def pattern(self, code: int) -> tuple[np.ndarray, np.ndarray]:
        """Person totals (people x p) and the people's row and total cross-products for a pattern.

        The second array is people x (p (p + 1) + 1): products over rows, of totals, and 1.
        """
        visits = [t for t in range(self.n_visits) if code >> t & 1]
        total = self.x[visits].sum(axis=0)
        i, j = self._pairs
        rows = self._crossed[visits].sum(axis=0)
        return total, np.hstack([rows, total[:, i] * total[:, j], np.ones((len(total), 1))])

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Values (samples x F) as visits x people x F, NaN where there is no row."""
        if (self.rows >= 0).all():
            return values[self.rows.ravel()].reshape(*self.rows.shape, -1)
        result = np.full((*self.rows.shape, values.shape[1]), np.nan)
        result[self.rows >= 0] = values[self.rows[self.rows >= 0]]
        return result


def layout_sums(layout: Layout, values: np.ndarray) -> Sums:
    """Gather the sums of samples x F in one pass; NaN is an absent row."""
    if layout.n_visits > _MOST_ROWS:
        return _dense_sums(layout, values, None)
    return _sums(layout, *centred(layout.gather(values)))


def layout_sums_and_moments(
    layout: Layout, values: np.ndarray, group: np.ndarray, n_groups: int
) -> tuple[Sums, Moments]:
    """Gather sums, and moments by the samples' ``group``, of values that are centred once."""
    if layout.n_visits > _MOST_ROWS:
        return _dense_sums(layout, values, None), moments(values, group, n_groups)
    y, mask, n_obs, centre = centred(layout.gather(values))
    own = np.where(layout.rows >= 0, group[layout.rows], -1).ravel()
    chosen = (own == np.arange(n_groups)[:, None]).astype(float)
    rows = len(own)
    spread = centred_moments(chosen, y.reshape(rows, -1), mask.reshape(rows, -1), centre)
    return _sums(layout, y, mask, n_obs, centre), spread


def _sums(
    layout: Layout, y: np.ndarray, mask: np.ndarray, n_obs: np.ndarray, centre: np.ndarray
) -> Sums:
    n_visits, n_people, n_features = y.shape
    n_columns = layout.x.shape[2]
    n_pairs = n_columns * (n_columns + 1) // 2
    dtype = np.min_scalar_type((1 << n_visits) - 1)
    code = mask[0].astype(dtype)
    for t in range(1, n_visits):
        code |= mask[t].astype(dtype) << dtype.type(t)
    total = y.sum(axis=0)
    xx = np.zeros((n_pairs, n_features))
    txx = np.zeros((n_visits, n_pairs, n_features))
    people = np.zeros((n_visits, n_features))
    txy = np.zeros((n_visits, n_columns, n_features))
    tyy = np.zeros((n_visits, n_features))
    found, often = _patterns(code, n_visits)
    hot = often >= _HOT * code.size
    for pattern in found[hot].tolist():
        own_total, products = layout.pattern(pattern)
        m = pattern.bit_count() - 1
        own = (code == pattern).astype(float)
        sums = products.T @ own
        xx += sums[:n_pairs]
        txx[m] += sums[n_pairs:-1]
        people[m] += sums[-1]
        own *= total
        txy[m] += own_total.T @ own
        tyy[m] += np.einsum("sf,sf->f", own, total)
    # the rare ones together: a weighted count over (number of rows, feature)
    for pattern in found[~hot].tolist():
        own_total, products = layout.pattern(pattern)
        m = pattern.bit_count() - 1
        person, feature = np.nonzero(code == pattern)
        part = total[person, feature]
        sums = _by_feature(products[person], feature, n_features)
        xx += sums[:n_pairs]
        txx[m] += sums[n_pairs:-1]
        people[m] += sums[-1]
        txy[m] += _by_feature(own_total[person] * part[:, None], feature, n_features)
        tyy[m] += np.bincount(feature, part**2, n_features)
    xy = layout.x.reshape(-1, n_columns).T @ y.reshape(-1, n_features)
    yy = np.einsum("tsf,tsf->f", y, y)
    size = np.arange(1.0, n_visits + 1)
    return with_absent(size, people, xx, xy, yy, txx, txy, tyy, n_obs, centre)


def _patterns(code: np.ndarray, n_visits: int) -> tuple[np.ndarray, np.ndarray]:
    """Patterns with a row that occur, and how often; few patterns are not worth a count."""
    if n_visits <= 2:
        return np.arange(1, 1 << n_visits), np.full((1 << n_visits) - 1, code.size)
    if n_visits <= 12:
        often = np.bincount(code.ravel(), minlength=1 << n_visits)
        found = np.flatnonzero(often)
        often = often[found]
    else:
        found, often = np.unique(code, return_counts=True)
    return found[found > 0], often[found > 0]


def _by_feature(weights: np.ndarray, feature: np.ndarray, n_features: int) -> np.ndarray:
    """Sum rows (R x q) by feature: q x F."""
    return np.array([np.bincount(feature, w, n_features) for w in weights.T])


def with_absent(
    size: np.ndarray,
    people: np.ndarray,
    xx: np.ndarray,
    xy: np.ndarray,
    yy: np.ndarray,
    txx: np.ndarray,
    txy: np.ndarray,
    tyy: np.ndarray,
    n_obs: np.ndarray,
    centre: np.ndarray,
) -> Sums:
    """Put the unit vector in place of a column without rows."""
    n_columns = len(xy)
    diagonal = np.arange(n_columns) * (np.arange(n_columns) + 3) // 2
    absent = xx[diagonal] == 0
    xx[diagonal] += absent
    return Sums(size, people, xx, xy, yy, txx, txy, tyy, n_obs, absent, centre)


def _dense_sums(layout: Layout, values: np.ndarray, scale: np.ndarray | None) -> Sums:
    """Gather sums with a precision weight a cell, or with very many rows a person."""
    y, mask, n_obs, centre = centred(layout.gather(values))
    weight = mask.astype(float)
    if scale is not None:
        weight *= np.where(mask, layout.gather(np.broadcast_to(scale, values.shape)), 0.0)
        y *= weight
    n_visits, n_people, n_features = y.shape
    n_columns = layout.x.shape[2]
    rows, columns = triangle(n_columns)
    count = mask.sum(axis=0)
    size = np.unique(count[count > 0])
    groups = [(count == m).astype(float) for m in size]
    total = y.sum(axis=0)
    x_total = [np.einsum("ts,tsf->sf", layout.x[:, :, j], weight) for j in range(n_columns)]
    square = weight.reshape(-1, n_features) ** 2
    flat = layout.x.reshape(-1, n_columns)

    def grouped(product: np.ndarray) -> np.ndarray:
        return np.array([np.einsum("sf,sf->f", product, g) for g in groups])

    txx = [grouped(x_total[i] * x_total[j]) for i, j in zip(rows, columns, strict=True)]
    return with_absent(
        size.astype(float),
        np.array([g.sum(axis=0) for g in groups]).reshape(len(size), n_features),
        (flat[:, rows] * flat[:, columns]).T @ square,
        flat.T @ (y * weight).reshape(-1, n_features),
        np.einsum("tsf,tsf->f", y, y),
        np.stack(txx, axis=1).reshape(len(size), len(rows), n_features),
        np.stack([grouped(x * total) for x in x_total], axis=1),
        grouped(total**2),
        n_obs,
        centre,
    )


def join(parts: Iterable[Sums]) -> Sums:
    """Put the sums of blocks of features side by side; numbers of rows nobody has drop out."""
    found = list(parts)
    size = np.unique(np.concatenate([part.size for part in found]))
    aligned = [on_sizes(part, size) for part in found] if len(found) > 1 else found
    whole = aligned[0]
    if len(aligned) > 1:
        columns = [f.name for f in fields(Sums) if f.name != "size"]
        whole = Sums(
            size, **{c: np.concatenate([getattr(p, c) for p in aligned], axis=-1) for c in columns}
        )
    used = whole.people.any(axis=1)
    if used.all():
        return whole
    kept = {c: getattr(whole, c)[used] for c in ("size", "people", "txx", "txy", "tyy")}
    return Sums(**{f.name: getattr(whole, f.name) for f in fields(Sums)} | kept)


def on_sizes(sums: Sums, size: np.ndarray) -> Sums:
    """Spread the sums over more numbers of rows; those the features lack are zero."""
    if np.array_equal(sums.size, size):
        return sums
    place = np.searchsorted(size, sums.size)
    spread = {}
    for name in ("people", "txx", "txy", "tyy"):
        own = getattr(sums, name)
        spread[name] = np.zeros((len(size), *own.shape[1:]))
        spread[name][place] = own
    return Sums(**{f.name: getattr(sums, f.name) for f in fields(Sums)} | spread | {"size": size})


def grouped_sums(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    scale: np.ndarray | None = None,
) -> Sums:
    """Gather the sums of samples x F at once; NaN is an absent row.

    ``scale`` (samples x 1 or samples x F) multiplies each row of y and X after y has been
    centred: the square root of a precision weight.
    """
    layout = Layout.of(design, subject)
    if scale is None:
        return join([layout_sums(layout, values)])
    return join([_dense_sums(layout, values, scale)])


def take(sums: Sums, chosen: np.ndarray) -> Sums:
    """Keep these features only."""
    return Sums(
        sums.size,
        *(getattr(sums, f.name)[..., chosen] for f in fields(Sums) if f.name != "size"),
    )
