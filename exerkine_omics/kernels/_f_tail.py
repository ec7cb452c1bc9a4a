"""Tails and quantiles of F, the second df infinite or not."""

from __future__ import annotations

import numpy as np
from scipy import special


def f_tails(
    f: np.ndarray, df: np.ndarray | float, prior_df: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper tail probabilities of F(df, prior df)."""
    if np.isinf(prior_df).all():
        half = np.asarray(df) / 2
        return special.gammainc(half, half * f), special.gammaincc(half, half * f)
    x = prior_df / (prior_df + df * f)
    a, b = np.asarray(prior_df) / 2, np.asarray(df) / 2
    return special.betaincc(a, b, x), special.betainc(a, b, x)


def f_quantile(p: np.ndarray, df: float, prior_df: float, *, upper: bool) -> np.ndarray:
    """F(df, prior df) with p below it, or above it (``upper``)."""
    if np.isinf(prior_df):
        inverse = special.gammainccinv if upper else special.gammaincinv
        return inverse(df / 2, p) / (df / 2)
    inverse = special.betaincinv if upper else special.betainccinv
    x = inverse(prior_df / 2, df / 2, p)
    return prior_df * (1 - x) / (df * x)


def log_upper_tail(f: np.ndarray, df: np.ndarray | float, prior_df: float) -> np.ndarray:
    """Log of the upper tail of F, by its series where the tail itself is below 1e-300."""
    tail = f_tails(f, df, prior_df)[1]
    with np.errstate(divide="ignore"):
        result = np.log(tail)
    if np.isinf(prior_df):
        return result
    far = tail < 1e-300
    own = np.broadcast_to(df, f.shape)[far]
    a, b = prior_df / 2, own / 2
    x = prior_df / (prior_df + own * f[far])
    series = special.hyp2f1(a + b, 1.0, a + 1.0, x)
    result[far] = (
        a * np.log(x) + b * np.log1p(-x) - np.log(a) - special.betaln(a, b) + np.log(series)
    )
    return result
