"""Two clusters of a change, and what two clusters of a single normal population look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True)
class TwoMeans:
    """Best two groups of one variable: the ``cut`` between them, the share ``explained``."""

    cut: float
    explained: float


def two_means(values: np.ndarray) -> TwoMeans:
    """Cut values (n,) where the squares within two groups are least; exact, by prefix sums."""
    x = np.sort(np.asarray(values, dtype=float))
    x = x - x.mean()
    n = len(x)
    total = float(x @ x)
    if n < 2 or not total > 0:
        return TwoMeans(float("nan"), float("nan"))
    left = np.cumsum(x)[:-1]
    size = np.arange(1, n)
    # the whole sums to 0: both groups' squares between follow from the left sum
    between = left**2 / size + left**2 / (n - size)
    at = int(np.argmax(between))
    shift = float(np.mean(values))
    return TwoMeans(float((x[at] + x[at + 1]) / 2 + shift), float(between[at] / total))


def explained_if_normal(n: int, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Explained share of the best two groups in normal samples of n (n_draws,): about 0.64."""
    return np.array([two_means(rng.standard_normal(n)).explained for _ in range(n_draws)])


def dankel(treated: np.ndarray, control: np.ndarray) -> tuple[float, float, float, int, int, float]:
    """Levene's F and p of both arms' changes, limits mean(treated) -/+ 1.96 SD(control), counts.

    Criticised, a comparison only: a p value decides whether there are responders, and the limits
    take the control's noise as known. Returns low, high, p, people above, people below, F.
    """
    groups = [np.abs(g - g.mean()) for g in (treated, control)]
    pooled = np.concatenate(groups)
    n = len(pooled)
    between = sum(len(g) * (g.mean() - pooled.mean()) ** 2 for g in groups)
    within = sum(((g - g.mean()) ** 2).sum() for g in groups)
    f = float(between / (within / (n - 2)))
    p = float(special.fdtrc(1, n - 2, f))
    half = special.ndtri(0.975) * control.std(ddof=1)
    low, high = treated.mean() - half, treated.mean() + half
    return float(low), float(high), p, int((treated > high).sum()), int((treated < low).sum()), f
