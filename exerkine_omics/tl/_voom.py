"""Counts: log-CPM with precision weights (voom), then limma's moderated t and F."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exerkine_omics.cohort import Design
from exerkine_omics.errors import InputError, shown
from exerkine_omics.kernels import _normal, _tmm, _voom, _within
from exerkine_omics.tl import _moderated
from exerkine_omics.tl._method import Tested, TestMethod


def log_cpm(counts: np.ndarray) -> np.ndarray:
    """Log2 counts per million of TMM-normalised libraries (samples x features), as voom has them.

    Raises
    ------
    InputError
        If counts are missing, negative or not whole, or a sample has none.
    """
    return _voom.log_cpm(counts, _libraries(counts))


def _libraries(counts: np.ndarray) -> np.ndarray:
    """Effective library sizes (samples): totals times TMM factors."""
    bad = ~np.isfinite(counts)
    _refuse(bad, counts, "missing or infinite", "Drop these samples or features.")
    _refuse(counts < 0, counts, "negative", "Use the raw counts.")
    whole = counts == np.round(counts)
    _refuse(~whole, counts, "not whole numbers", "Use the raw counts, not normalised ones.")
    total = counts.sum(axis=1)
    empty = np.flatnonzero(total == 0)
    if len(empty):
        raise InputError(
            f"Samples {shown(empty)} (by position) have no counts at all",
            where="counts",
            fix="Drop them.",
        )
    return total * _tmm.apply_tmm(counts, _tmm.fit_tmm(counts))


def _refuse(bad: np.ndarray, counts: np.ndarray, what: str, fix: str) -> None:
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} counts are {what}: {shown(counts[bad][:5])}", where="counts", fix=fix
        )


def run_voom(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Voom: ``values`` are counts. Features without any count are not tested.

    ``block="correlation"`` follows limma's practice for a random block: weights from independent
    rows, their consensus correlation, weights again with it, and the correlation again.
    """
    library = _libraries(values)
    seen = np.asarray((values > 0).any(axis=0))
    y = np.where(seen, _voom.log_cpm(values, library), np.nan)
    reasons: list[tuple[np.ndarray | bool, str]] = [(~seen, "no counts")]
    if options["block"] == "fixed":
        fit = _moderated.fit_fixed(y, design, None)
        fitted = y - _within.within_residuals(y, design.matrix, design.subject, fit)
        weight = _precision(fit, fitted, library)
        fit = _moderated.fit_fixed(y, design, weight)
        return _moderated.moderate(y, design, options, fit, *reasons)
    weight = None
    rho = 0.0
    _, sums = _moderated.consensus_correlation(y, design, None)
    for _ in range(2):
        fit = _moderated.fit_at(y, design, None, rho, sums)
        fitted = design.matrix @ (fit.basis @ fit.solved.coefficient) + fit.centre
        weight = _precision(fit, fitted, library)
        rho, weighted_sums = _moderated.consensus_correlation(y, design, weight)
        if np.isnan(rho):
            reasons.append((True, "no correlation to estimate"))
            break
    fit = _moderated.fit_at(y, design, weight, rho, weighted_sums)
    return _moderated.moderate(y, design, options, fit, *reasons)


def _precision(
    fit: _normal.LinearFit, fitted: np.ndarray, library: np.ndarray
) -> np.ndarray | None:
    """Weights (samples x features) from the trend; None where nothing has residual df."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sigma = np.sqrt(fit.rss / fit.df)
    # a feature without any spread says nothing of how spread follows the mean
    told = (fit.n_obs > 0) & (fit.df > 0) & np.isfinite(sigma) & (sigma > 0)
    if told.sum() < 2:
        return None
    weight = np.ones_like(fitted)
    weight[:, told] = _voom.precision_weights(
        fit.centre[told], sigma[told], fitted[:, told], library
    )
    return _moderated.scaled(weight)


VOOM = TestMethod(
    "voom",
    "counts: log-CPM with precision weights, then limma's moderated t and F",
    {"block": ("fixed", "correlation"), "robust": (False, True), "legacy": (False, True)},
    run_voom,
    counts=True,
    levels=log_cpm,
)
