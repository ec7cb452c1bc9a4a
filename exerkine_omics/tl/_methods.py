"""The tests of `differential`, declared: name, options, function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exerkine_omics import schema
from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.kernels import _ebayes, _lmm, _lmm_sums, _paired, _within
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
    """A test: its name, its options with their values (the first is the default), its function."""

    name: str
    description: str
    options: Mapping[str, tuple[Any, ...]]
    run: Callable[[np.ndarray, Design, Mapping[str, Any]], list[Tested]]

    def choose(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the defaults; a foreign option or value is an error."""
        foreign = [k for k, v in given.items() if v is not None and k not in self.options]
        if foreign:
            raise UsageError(f"{shown(foreign)} is no option of method {self.name!r}")
        chosen = {k: values[0] for k, values in self.options.items()}
        chosen |= {k: v for k, v in given.items() if v is not None}
        for key, value in chosen.items():
            if value not in self.options[key]:
                known = ", ".join(repr(v) for v in self.options[key])
                raise UsageError(f"{key}={value!r} is not known", fix=f"Known: {known}.")
        return chosen


# a residual sum of squares below this share of the feature's own is rounding
_ROUNDING = 1e-20


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
        active = dict.fromkeys(
            design.arms.index(c.arm)
            for c, w in zip(design.cells, contrast.weights, strict=True)
            if w
        )
        group = design.subject_arm()
        part = np.isin(group, list(active))
        number = np.searchsorted(sorted(active), group[part])
        fit = _paired.paired_t(change[part], number, len(active))
        n_cells = (contrast.weights[design.cell] != 0) & np.isin(
            design.subject, np.flatnonzero(part)
        )
        rows = np.isfinite(values[n_cells])
        paired_rows = rows & np.isfinite(change[design.subject[n_cells]])
        status = _status(
            values.shape[1],
            (not _within_people(design, contrast), "not a within-person contrast"),
            (~np.isfinite(values).any(axis=0), "not measured"),
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
    rss, df, n_obs, square = (
        np.concatenate([getattr(f, k) for f in fits]) for k in ("rss", "df", "n_obs", "square")
    )
    constant = _constant(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where((df > 0) & ~constant & (rss > _ROUNDING * square), rss / df, np.nan)
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
            (n_pairs == 0, "no pairs"),
            (df <= 0, "no residual df"),
            (counted <= 0, "no residual variance"),
        )
        se = unscaled * np.sqrt(posterior)
        results.append(Tested(estimate, se, moderated_df, n_pairs, n_obs, status))
    return results


def run_lmm(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Random intercept per subject by REML, each feature on the rows it has."""
    jobs: list[tuple[Sequence[Contrast], np.ndarray]]
    if options["variance"] == "contrast":
        jobs = [((c,), c.weights[design.cell] != 0) for c in design.contrasts]
    else:
        jobs = [(design.contrasts, np.ones(len(design.cell), dtype=bool))]
    results = []
    for contrasts, rows in jobs:
        parts = [
            _lmm_block(values[rows, b], design, contrasts, rows, options["ddf"])
            for b in blocks(values.shape[1])
        ]
        for contrast, own in zip(contrasts, zip(*parts, strict=True), strict=True):
            estimate, se, df, n_obs, status = (np.concatenate(p) for p in zip(*own, strict=True))
            n_pairs = np.isfinite(_changes(values, design, contrast)).sum(axis=0)
            # an estimate from other people's visits alone is no paired change
            status[(status == schema.OK) & (n_pairs == 0)] = "no pairs"
            results.append(Tested(estimate, se, df, n_pairs, n_obs, status))
    return results


def _lmm_block(
    values: np.ndarray,
    design: Design,
    contrasts: Sequence[Contrast],
    rows: np.ndarray,
    ddf: str,
) -> list[tuple[np.ndarray, ...]]:
    """Fit a block of features once; estimate, SE, df, n_obs and status of each contrast."""
    sums = _lmm_sums.grouped_sums(values, design.matrix[rows], design.subject[rows])
    n = values.shape[1]
    root = np.linalg.eigvalsh(sums.xx)
    repeated = (sums.people * (sums.size[:, None] > 1)).sum(axis=0) > 0
    common = _status(
        n,
        (sums.n_obs == 0, "not measured"),
        (_constant(values), "constant"),
        (~repeated, "nobody has two samples"),
        (sums.n_obs <= sums.rank, "no residual df"),
        (root[:, 0] < 1e-9 * root[:, -1], "covariates not separable on its rows"),
    )
    fitted = np.flatnonzero(common == schema.OK)
    part = _lmm_sums.take(sums, fitted)
    fit = _lmm.fit_reml(part) if len(fitted) else None
    results: list[tuple[np.ndarray, ...]] = []
    for contrast in contrasts:
        weights = design.weights(contrast)
        estimate, se, df = np.full((3, n), np.nan)
        status = common.copy()
        if fit is not None:
            se[fitted], df[fitted] = _DDF[ddf](part, fit, weights)
            # the data were centred: give the mean back where the weights do not cancel
            estimate[fitted] = fit.beta @ weights + part.centre * contrast.weights.sum()
            known = np.isfinite(se) & np.isfinite(df) & (df > 0) & (se > 0)
            status[(status == schema.OK) & ~known] = "variance not identified"
        lacking = (sums.absent & (weights != 0)).any(axis=1)
        status[(common == schema.OK) & lacking] = "not estimable"
        results.append((estimate, se, df, sums.n_obs, status))
    return results


_DDF: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "kenward-roger": _lmm.kenward_roger,
    "satterthwaite": _lmm.satterthwaite,
    "residual": _lmm.residual,
}


METHODS = {
    m.name: m
    for m in (
        TestMethod(
            "lmm",
            "random intercept per subject by REML",
            {"ddf": tuple(_DDF), "variance": ("pooled", "contrast")},
            run_lmm,
        ),
        TestMethod(
            "moderated",
            "limma's moderated t, subject as fixed block",
            {"legacy": (False, True)},
            run_moderated,
        ),
        TestMethod("paired_t", "paired t; Welch's t of changes between arms", {}, run_paired_t),
    )
}
