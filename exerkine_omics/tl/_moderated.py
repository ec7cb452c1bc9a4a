"""Limma's moderated t and F, the subject as fixed block or by its correlation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.errors import InputError, shown
from exerkine_omics.kernels import _correlated, _ebayes, _normal, _robust_prior, _within
from exerkine_omics.parallel import blocks
from exerkine_omics.tl._method import Tested, TestMethod, constant, status_of, within_people

# a residual sum of squares below this share of the feature's own is rounding
_ROUNDING = 1e-20


def run_moderated(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Moderated t and F of limma, each feature on its own rows, contrasts exact under NaN.

    ``block="fixed"`` absorbs the subject: changes within people only. ``block="correlation"``
    takes the correlation within people as one number of all features (the consensus of limma's
    duplicateCorrelation) and uses comparisons between people too. ``options["weights"]`` are the
    samples' precision weights, or None.
    """
    weight = scaled(options.get("weights"))
    if options["block"] == "fixed":
        return moderate(values, design, options, fit_fixed(values, design, weight))
    rho, sums = consensus_correlation(values, design, weight)
    fit = fit_at(values, design, weight, rho, sums)
    return moderate(values, design, options, fit, (np.isnan(rho), "no correlation to estimate"))


def scaled(weight: np.ndarray | None) -> np.ndarray | None:
    """Weights about 1: their unit is free.

    Raises
    ------
    InputError
        If a weight is not a positive number.
    """
    if weight is None:
        return None
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        raise InputError(
            f"Weights {shown(weight[bad])} are no positive numbers",
            where="weights=",
            fix="Drop samples that are not to count.",
        )
    return weight / np.exp(np.log(weight).mean())


def fit_fixed(values: np.ndarray, design: Design, weight: np.ndarray | None) -> _normal.LinearFit:
    """Least squares with the subject as fixed block."""
    matrix = design.matrix
    return _normal.side_by_side(
        [
            _within.fit_within(values[:, b], matrix, design.subject, _columns(weight, b))
            for b in blocks(values.shape[1])
        ]
    )


def consensus_correlation(
    values: np.ndarray, design: Design, weight: np.ndarray | None
) -> tuple[float, _correlated.Gathered]:
    """Consensus correlation within people (NaN where no feature tells), and the sums it is of."""
    matrix = design.matrix
    sums = _correlated.join(
        [
            _correlated.gather(values[:, b], matrix, design.subject, _columns(weight, b))
            for b in blocks(values.shape[1])
        ]
    )
    least = _correlated.least_correlation(design.subject)
    if least >= 0:  # nobody has two samples: no correlation is used
        return 0.0, sums
    return _correlated.consensus(_correlated.fit_correlation(sums, least)), sums


def fit_at(
    values: np.ndarray,
    design: Design,
    weight: np.ndarray | None,
    rho: float,
    sums: _correlated.Gathered,
) -> _normal.LinearFit:
    """Generalised least squares at a correlation within people."""
    known = 0.0 if np.isnan(rho) else rho
    return _correlated.fit_correlated(values, design.matrix, design.subject, sums, known, weight)


def _columns(weight: np.ndarray | None, block: slice) -> np.ndarray | None:
    return weight if weight is None or weight.ndim == 1 else weight[:, block]


def variance_prior(
    variance: np.ndarray, df: np.ndarray, level: np.ndarray, options: Mapping[str, Any]
) -> _ebayes.VariancePrior:
    """Prior that the options ask for; the newer one where df differ and ``legacy`` is False."""
    covariate = level if options.get("trend") else None
    if not options["robust"]:
        return _ebayes.fit_prior(variance, df, covariate, legacy=options["legacy"])
    if not options["legacy"] and _ebayes.df_differ(df):
        return _robust_prior.fit_prior_robust_likelihood(variance, df, covariate)
    return _robust_prior.fit_prior_robust(variance, df, covariate)


def moderate(
    values: np.ndarray,
    design: Design,
    options: Mapping[str, Any],
    fit: _normal.LinearFit,
    *reasons: tuple[np.ndarray | bool, str],
) -> list[Tested]:
    """Squeeze the residual variances and test each contrast; ``reasons`` of the fit come first."""
    n = values.shape[1]
    flat = constant(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = (fit.df > 0) & ~flat & (fit.rss > _ROUNDING * fit.square)
        variance = np.where(own, fit.rss / fit.df, np.nan)
    counted = np.where(np.isfinite(variance), fit.df, 0.0)
    level = np.where(fit.n_obs > 0, fit.centre, np.nan)
    prior = variance_prior(variance, counted, level, options)
    posterior, df = variance, counted
    if prior.known:
        posterior = _ebayes.squeeze(variance, counted, prior)
        df = _ebayes.total_df(counted, prior)
    present = np.isfinite(values)
    results = []
    for contrast in design.contrasts:
        weights = np.atleast_2d(design.weights(contrast))
        estimate, covariance, estimable = fit.joint(weights)
        n_pairs = _pairs(present, design, contrast)
        inside = options["block"] == "correlation" or within_people(design, contrast)
        status = status_of(
            n,
            *reasons,
            (~estimable & (not inside), "not a within-person contrast"),
            (fit.n_obs == 0, "not measured"),
            (flat, "constant"),
            (~estimable, "not estimable"),
            (n_pairs == 0, "no pairs"),
            (fit.df <= 0, "no residual df"),
            (counted <= 0, "no residual variance"),
        )
        if contrast.joint:
            results.append(
                _joint(weights, estimate, covariance, posterior, df, n_pairs, fit.n_obs, status)
            )
        else:
            se = np.sqrt(covariance[0, 0] * posterior)
            results.append(Tested(estimate[0], se, df, n_pairs, fit.n_obs, status))
    return results


def _joint(
    weights: np.ndarray,
    estimate: np.ndarray,
    covariance: np.ndarray,
    posterior: np.ndarray,
    df: np.ndarray,
    n_pairs: np.ndarray,
    n_obs: np.ndarray,
    status: np.ndarray,
) -> Tested:
    """Moderated F: mean square of the orthogonalised moderated t, on (rank, df)."""
    size = np.abs(weights).max(axis=1, keepdims=True)
    rank = int(np.linalg.matrix_rank(weights / np.where(size > 0, size, 1.0)))
    with np.errstate(invalid="ignore", divide="ignore"):
        # correlations: the contrasts' units are free
        root = np.sqrt(np.einsum("iif->if", covariance))
        root = np.where(root > 0, root, 1.0)
        z = estimate / root
        solved = _normal.solve(covariance / (root[:, None] * root[None]), z)
        statistic = _normal.inner(z, solved.coefficient) / (rank * posterior)
        p_value = stats.f.sf(statistic, rank, df)
    nothing = np.full(len(df), np.nan)
    return Tested(nothing, nothing.copy(), df, n_pairs, n_obs, status, statistic, p_value, rank)


def _pairs(present: np.ndarray, design: Design, contrast: Contrast) -> np.ndarray:
    """People with all cells of the contrast; of a joint one, of its row with fewest people."""
    arms = np.array([design.arms.index(c.arm) for c in design.cells])
    arm = design.subject_arm()

    def people(used: np.ndarray) -> np.ndarray:
        needed = np.bincount(arms, weights=used, minlength=len(design.arms)).astype(int)
        return np.concatenate(
            [
                _within.complete_people(
                    present[:, b], design.subject, used[design.cell], needed[arm]
                )
                for b in blocks(present.shape[1])
            ]
        )

    rows = np.atleast_2d(contrast.weights)
    return np.asarray(np.min([people(row != 0) for row in rows], axis=0))


MODERATED = TestMethod(
    "moderated",
    "limma's moderated t and F, subject as fixed block or by its correlation",
    {
        "block": ("fixed", "correlation"),
        "trend": (False, True),
        "robust": (False, True),
        "legacy": (False, True),
    },
    run_moderated,
    pooled=True,
    weighted=True,
)
