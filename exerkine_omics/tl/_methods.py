"""The tests of `differential`, declared: name, options, function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from exerkine_omics import schema
from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.kernels import _ebayes, _paired, _within
from exerkine_omics.parallel import blocks


@dataclass(frozen=True)
class Tested:
    """One contrast over all features; ``status`` says why a number is missing."""

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    n_pairs: np.ndarray
    n_obs: np.ndarray
    status: np.ndarray


@dataclass(frozen=True)
class TestMethod:
    """A test: what it is called, which options it takes, and what runs it."""

    name: str
    description: str
    options: tuple[str, ...]
    run: Callable[[np.ndarray, Design, Mapping[str, Any]], list[Tested]]


def _changes(values: np.ndarray, design: Design, contrast: Contrast) -> np.ndarray:
    """Each person's own contrast, people x features."""
    arms = np.array([design.arms.index(c.arm) for c in design.cells])
    needed = np.bincount(arms, weights=contrast.weights != 0, minlength=len(design.arms))
    return _paired.person_contrast(
        values,
        design.subject,
        contrast.weights[design.cell],
        needed[design.subject_arm()].astype(int),
    )


def _within_people(design: Design, contrast: Contrast) -> bool:
    """Say whether the weights cancel within each arm, so that levels between people drop out."""
    sums = [
        sum(w for w, c in zip(contrast.weights, design.cells, strict=True) if c.arm == arm)
        for arm in design.arms
    ]
    return bool(np.allclose(sums, 0.0, atol=1e-12))


def _status(n: int, *reasons: tuple[np.ndarray | bool, str]) -> np.ndarray:
    """Status per feature; the first reason that holds is the one that is told."""
    status = np.full(n, schema.OK, dtype=object)
    for condition, reason in reversed(reasons):
        status[np.broadcast_to(condition, n)] = reason
    return status


def _constant(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=0)
    high = np.where(finite, values, -np.inf).max(axis=0)
    return high <= low


def run_paired_t(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Paired t test; the difference between arms is Welch's on the people's own changes."""
    results = []
    constant = _constant(values)
    for contrast in design.contrasts:
        change = _changes(values, design, contrast)
        active = {c.arm for c, w in zip(design.cells, contrast.weights, strict=True) if w}
        group = design.subject_arm()
        part = np.isin(group, [design.arms.index(a) for a in active])
        fit = _paired.paired_t(change[part], group[part])
        n_cells = (contrast.weights[design.cell] != 0) & np.isin(
            design.subject, np.flatnonzero(part)
        )
        rows = np.isfinite(values[n_cells])
        paired_rows = rows & np.isfinite(change[design.subject[n_cells]])
        status = _status(
            values.shape[1],
            (not _within_people(design, contrast), "not a within-person contrast"),
            (constant, "constant"),
            (fit.n == 0, "no pairs"),
            (~fit.enough, "fewer than 2 pairs in an arm"),
            (~(fit.se > 0), "no variance between pairs"),
        )
        results.append(Tested(fit.estimate, fit.se, fit.df, fit.n, paired_rows.sum(axis=0), status))
    return results


def run_moderated(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Moderated t of limma, the subject absorbed as fixed block, contrasts exact under NaN."""
    matrix = design.matrix
    fits = [
        _within.fit_within(values[:, b], matrix, design.subject) for b in blocks(values.shape[1])
    ]
    rss, df, n_obs = (np.concatenate([getattr(f, k) for f in fits]) for k in ("rss", "df", "n_obs"))
    constant = _constant(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where((df > 0) & ~constant, rss / df, np.nan)
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
        n_pairs = np.isfinite(_changes(values, design, contrast)).sum(axis=0)
        status = _status(
            values.shape[1],
            (not _within_people(design, contrast), "not a within-person contrast"),
            (n_obs == 0, "not measured"),
            (constant, "constant"),
            (~estimable, "not estimable"),
            (counted <= 0, "no residual df"),
        )
        se = unscaled * np.sqrt(posterior)
        results.append(Tested(estimate, se, moderated_df, n_pairs, n_obs, status))
    return results


METHODS = {
    m.name: m
    for m in (
        TestMethod(
            "moderated", "limma's moderated t, subject as fixed block", ("legacy",), run_moderated
        ),
        TestMethod("paired_t", "paired t; Welch's t of changes between arms", (), run_paired_t),
    )
}
