"""Least squares with the subject as fixed block, absorbed, each feature with its own rows.

The block is swept out by centring within each person over the rows that the feature has, so no
dummy column is ever made and a missing cell is the same as an absent row.
"""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels._normal import LinearFit, close, identified, inner, solve


def fit_within(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    weight: np.ndarray | None = None,
) -> LinearFit:
    r"""Fit ``values ~ design + subject`` for each feature.

    With the sums :math:`n_s, t_s, u_s` of the weights, of weight x design and of weight x y over
    a person's rows, the centred cross-products are

    .. math:: X'WX - \sum_s t_s t_s' / n_s, \quad X'Wy - \sum_s t_s u_s / n_s

    Parameters
    ----------
    values
        Samples x features; NaN is a row that this feature does not have.
    design
        Samples x p; columns may be collinear with each other and with the subjects.
    subject
        Subject of each sample, 0..m-1.
    weight
        Precision of each sample (samples) or value (samples x features), positive.

    Returns
    -------
    LinearFit
        df = rows - people with a row - rank of the centred design.
    """
    order, visits = _by_visit(subject)
    x = design[order]
    basis = identified(x - _person_means(x, visits))
    x = x @ basis
    q = x.shape[1]
    y = values[order]
    present = np.isfinite(y)
    complete = bool(present.all())
    if not complete:
        np.copyto(y, 0.0, where=~present)
    w = present.astype(float)
    rows = w.sum(axis=0)
    # centring by the feature's mean first keeps the person means exact at any level
    centre = y.sum(axis=0) / np.maximum(rows, 1.0)
    y -= centre
    if not complete:
        y *= w
    square = np.einsum("ij,ij->j", y, y)
    people = _person_sums(w, visits)
    n_people = np.minimum(people, 1.0).sum(axis=0)
    if weight is not None:
        w *= weight[order].reshape(len(y), -1)
        people = _person_sums(w, visits)
    elif complete:
        # one design for all features: one matrix, spread out when it is solved
        w, people = w[:, :1], people[:, :1]
    if weight is not None and complete and weight.ndim == 1:
        w, people = w[:, :1], people[:, :1]
    share = 1.0 / np.where(people > 0, people, 1.0)
    level = _person_sums(y if weight is None else y * w, visits)
    level *= share
    _spread(y, level, visits)
    if not complete:
        y *= present
    wy = y if weight is None else y * w
    gram = np.empty((q, q, w.shape[1]))
    totals = [_person_sums(x[:, [j]] * w, visits) for j in range(q)]
    for j in range(q):
        part = totals[j] * share
        for k in range(j + 1):
            gram[j, k] = gram[k, j] = (x[:, j] * x[:, k]) @ w - np.einsum(
                "sf,sf->f", part, totals[k]
            )
    right = x.T @ wy
    gram = np.broadcast_to(gram, (q, q, y.shape[1]))
    solved = solve(gram, right)
    total = np.einsum("ij,ij->j", wy, y)
    rss = total - inner(right, solved.coefficient)
    again = close(rss, total)
    if len(again):
        wide = w if w.shape[1] == 1 else w[:, again]
        means = share if share.shape[1] == 1 else share[:, again]
        fitted = x @ solved.coefficient[:, again]
        _spread(fitted, _person_sums(fitted * wide, visits) * means, visits)
        rss[again] = (wide * (y[:, again] - fitted) ** 2).sum(axis=0)
    df = rows - n_people - solved.rank
    return LinearFit(
        basis, solved, rss, df, rows.astype(int), square, centre, np.zeros(design.shape[1])
    )


def within_residuals(
    values: np.ndarray, design: np.ndarray, subject: np.ndarray, fit: LinearFit
) -> np.ndarray:
    """Residuals of values without NaN on design and subject, fitted without weights."""
    order, visits = _by_visit(subject)
    rest = values[order] - fit.centre - design[order] @ (fit.basis @ fit.solved.coefficient)
    people = _person_sums(np.ones((len(rest), 1)), visits)
    _spread(rest, _person_sums(rest, visits) / people, visits)
    result = np.empty_like(rest)
    result[order] = rest
    return result


def complete_people(
    present: np.ndarray, subject: np.ndarray, used: np.ndarray, needed: np.ndarray
) -> np.ndarray:
    """People with a value in each of the ``needed`` rows (people) that are ``used`` (features).

    People who need none do not count. ``present`` is samples x features.
    """
    people = np.flatnonzero(needed > 0)
    number = np.full(len(needed), -1)
    number[people] = np.arange(len(people))
    rows = np.flatnonzero(used & (needed[subject] > 0))
    order, visits = _by_visit(number[subject[rows]])
    rank = number[subject[rows][order]]
    # people in the order of their first rows; those without rows lack them
    first = rank[visits[0]] if visits else rank
    have = _person_sums(present[rows[order]].astype(np.int32), visits) if visits else None
    if have is None:
        return np.zeros(present.shape[1], dtype=np.int64)
    return (have >= needed[people[first]][:, None]).sum(axis=0)


def _by_visit(subject: np.ndarray) -> tuple[np.ndarray, list[slice]]:
    """Order rows as first rows of all people, second rows, ..., people with most rows first.

    A sum over people's rows is then a sum of slices: visit k holds the first so many people.
    """
    count = np.bincount(subject)
    # numbers that nobody has sort last and take part in no visit
    rank = np.empty(len(count), dtype=int)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    by_person = np.argsort(rank[subject], kind="stable")
    sorted_rank = rank[subject][by_person]
    first = np.searchsorted(sorted_rank, sorted_rank)
    visit = np.arange(len(subject)) - first
    order = by_person[np.argsort(visit, kind="stable")]
    ends = np.concatenate([[0], np.cumsum(np.bincount(visit))])
    return order, [slice(int(a), int(b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]


def _person_sums(values: np.ndarray, visits: list[slice]) -> np.ndarray:
    total = values[visits[0]].copy()
    for visit in visits[1:]:
        total[: visit.stop - visit.start] += values[visit]
    return total


def _person_means(values: np.ndarray, visits: list[slice]) -> np.ndarray:
    """Each row's person mean."""
    mean = _person_sums(values, visits) / _person_sums(np.ones((len(values), 1)), visits)
    return np.concatenate([mean[: v.stop - v.start] for v in visits])


def _spread(values: np.ndarray, level: np.ndarray, visits: list[slice]) -> None:
    """Take each person's level off the rows, in place."""
    for visit in visits:
        values[visit] -= level[: visit.stop - visit.start]
