"""Squeezing of variances that are all on the same df, where all versions of limma agree."""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels._ebayes import VariancePrior, fit_prior_moments, squeeze
from exerkine_omics.kernels._robust_prior import fit_prior_robust


def equal_df_prior(
    variance: np.ndarray, df: float, covariate: np.ndarray | None, robust: bool
) -> VariancePrior:
    """Prior of variances on the same df, for which all versions of limma agree."""
    fit = fit_prior_robust if robust else fit_prior_moments
    return fit(variance, np.full(len(variance), float(df)), covariate)


def squeezed(variance: np.ndarray, df: float, prior: VariancePrior) -> np.ndarray:
    """Posterior variances of ``... x features`` variances on the same df."""
    if not prior.known:
        return variance
    return squeeze(variance, np.full(variance.shape[-1], float(df)), prior)


def chosen_prior(prior: VariancePrior, columns: np.ndarray) -> VariancePrior:
    """Prior of some of the features."""
    parts = (p if np.ndim(p) == 0 else np.asarray(p)[columns] for p in (prior.variance, prior.df))
    return VariancePrior(*parts)
