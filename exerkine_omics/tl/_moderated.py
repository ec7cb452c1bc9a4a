"""Limma's moderated t and F, the subject as block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exerkine_omics.cohort import Design
from exerkine_omics.kernels import _ebayes, _within
from exerkine_omics.parallel import blocks
from exerkine_omics.tl._method import (
    Tested,
    TestMethod,
    changes,
    constant,
    status_of,
    within_people,
)

# a residual sum of squares below this share of the feature's own is rounding
_ROUNDING = 1e-20


def run_moderated(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Moderated t of limma, the subject absorbed as fixed block, contrasts exact under NaN."""
    matrix = design.matrix
    fits = [
        _within.fit_within(values[:, b], matrix, design.subject) for b in blocks(values.shape[1])
    ]
    rss, df, n_obs, square = (
        np.concatenate([getattr(f, k) for f in fits]) for k in ("rss", "df", "n_obs", "square")
    )
    flat = constant(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where((df > 0) & ~flat & (rss > _ROUNDING * square), rss / df, np.nan)
    counted = np.where(np.isfinite(variance), df, 0.0)
    equal = len(np.unique(counted[counted > 0])) < 2
    fit_prior = (
        _ebayes.fit_prior_moments if options["legacy"] or equal else _ebayes.fit_prior_likelihood
    )
    prior = fit_prior(variance, counted)
    if np.isfinite(prior.variance):
        posterior = _ebayes.squeeze(variance, counted, prior)
        moderated_df = _ebayes.total_df(counted, prior)
    else:
        posterior, moderated_df = variance, counted
    results = []
    for contrast in design.contrasts:
        parts = [_within.contrast_within(f, design.weights(contrast)) for f in fits]
        estimate, unscaled, estimable = (np.concatenate(p) for p in zip(*parts, strict=True))
        n_pairs = np.isfinite(changes(values, design, contrast)).sum(axis=0)
        status = status_of(
            values.shape[1],
            (not within_people(design, contrast), "not a within-person contrast"),
            (n_obs == 0, "not measured"),
            (flat, "constant"),
            (~estimable, "not estimable"),
            (n_pairs == 0, "no pairs"),
            (df <= 0, "no residual df"),
            (counted <= 0, "no residual variance"),
        )
        se = unscaled * np.sqrt(posterior)
        results.append(Tested(estimate, se, moderated_df, n_pairs, n_obs, status))
    return results


MODERATED = TestMethod(
    "moderated",
    "limma's moderated t, subject as fixed block",
    {"legacy": (False, True)},
    run_moderated,
)
