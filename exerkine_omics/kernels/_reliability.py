"""Repeated tests of the same people: typical error, intraclass correlations, and their intervals.

Tests are columns, people rows; NaN is a test that was not done.

References
----------
Shrout PE, Fleiss JL (1979) Intraclass correlations: uses in assessing rater reliability. Psychol
Bull 86:420-428. McGraw KO, Wong SP (1996) Forming inferences about some intraclass correlation
coefficients. Psychol Methods 1:30-46.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

_NAN = float("nan")


@dataclass(frozen=True)
class Repeats:
    """Two-way analysis of people x tests.

    ``typical_error`` is the root of the residual mean square with the tests' own means taken out
    (a learning effect is no noise), ``df`` its degrees of freedom; ``test_means`` are the tests'
    adjusted means and ``learning_p`` the F test that they are equal; both NaN where no chain of
    people connects the tests.
    """

    typical_error: float
    df: float
    test_means: np.ndarray
    learning_p: float


def fit_repeats(values: np.ndarray) -> Repeats:
    """Least squares of value = person + test, on the tests that were done.

    Parameters
    ----------
    values
        People x tests (n, k); every person has two or more tests.

    Returns
    -------
    Repeats
        With the typical error of one test.
    """
    n, k = values.shape
    done = np.isfinite(values)
    y = np.where(done, values - np.nanmean(values), 0.0)

    def within(x: np.ndarray) -> np.ndarray:  # a person's own mean out: (n, k) of tests done
        return np.where(done, x - (x.sum(axis=1) / done.sum(axis=1))[:, None], 0.0)

    # people are swept out, so that what is solved has the size of the tests, not of the people
    own = within(y)
    shift = [within(done * (np.arange(k) == j)) for j in range(1, k)]
    gram = np.array([[(a * b).sum() for b in shift] for a in shift])
    slope = np.linalg.pinv(gram, hermitian=True) @ np.array([(a * own).sum() for a in shift])
    between = int(np.linalg.matrix_rank(gram, hermitian=True))
    df = float(done.sum() - n - between)
    residual = own - sum(b * a for b, a in zip(slope, shift, strict=True))
    rss, rss_null = float((residual**2).sum()), float((own**2).sum())
    p = _NAN
    if df > 0 and rss > 0 and between == k - 1:
        p = float(stats.f.sf((rss_null - rss) / between / (rss / df), between, df))
    if between < k - 1:  # tests that no chain of people connects cannot be compared
        slope = np.full(k - 1, _NAN)
    shifts = np.r_[0.0, slope]
    level = float(np.nanmean(values)) - float(
        np.average(shifts, weights=np.isfinite(values).sum(0))
    )
    error = float(np.sqrt(rss / df)) if df > 0 else _NAN
    return Repeats(error, df, level + shifts, p)


def intraclass(values: np.ndarray, level: float) -> dict[str, tuple[float, float, float]]:
    """Intraclass correlations of complete people x tests (n, k), with intervals.

    ``consistency`` is ICC(3,1), tests fixed, their means taken out, with its exact F interval;
    ``agreement`` is ICC(2,1), a shift between tests counting as error, with the interval of
    McGraw & Wong (Satterthwaite's df).
    """
    n, k = values.shape
    x = values - values.mean()
    rows, columns = x.mean(axis=1), x.mean(axis=0)
    ms_people = k * float((rows**2).sum()) / (n - 1)
    ms_tests = n * float((columns**2).sum()) / (k - 1)
    residual = x - rows[:, None] - columns
    df_error = (n - 1) * (k - 1)
    ms_error = float((residual**2).sum()) / df_error
    if not ms_error > 0:
        return {"consistency": (_NAN,) * 3, "agreement": (_NAN,) * 3}
    tail = (1 - level) / 2
    ratio = ms_people / ms_error
    low = ratio / stats.f.isf(tail, n - 1, df_error)
    high = ratio * stats.f.isf(tail, df_error, n - 1)
    consistency = tuple((r - 1) / (r + k - 1) for r in (ratio, low, high))
    icc = (ms_people - ms_error) / (ms_people + (k - 1) * ms_error + k * (ms_tests - ms_error) / n)
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    df = (a * ms_tests + b * ms_error) ** 2 / (
        (a * ms_tests) ** 2 / (k - 1) + (b * ms_error) ** 2 / df_error
    )
    first, second = stats.f.isf(tail, n - 1, df), stats.f.isf(tail, df, n - 1)
    noise = k * ms_tests + (k * n - k - n) * ms_error
    agreement = (
        icc,
        n * (ms_people - first * ms_error) / (first * noise + n * ms_people),
        n * (second * ms_people - ms_error) / (noise + n * second * ms_people),
    )
    return {
        "consistency": (float(consistency[0]), float(consistency[1]), float(consistency[2])),
        "agreement": tuple(float(v) for v in agreement),  # type: ignore[dict-item]
    }
