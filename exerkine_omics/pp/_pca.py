"""Principal components of a cohort, where scanpy's tools look for them."""

from __future__ import annotations

import re

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import add_step, dense, editable, meta, persons_tubes, require_log
from exerkine_omics.errors import AnalysisError, UsageError
from exerkine_omics.kernels._pca import fit_components, project
from exerkine_omics.parallel import blocks


def pca(
    adata: AnnData,
    *,
    layer: str | None = None,
    n_comps: int = 10,
    scale: bool = False,
    max_missing: float = 0.2,
    key_added: str = schema.PCA,
    copy: bool = False,
) -> AnnData | None:
    """Find the directions in which the samples differ most.

    Use it to look at a cohort (`exo.pl.pca`): plates, freezers, fasting, and the bout itself show.
    Made before and after a correction (``key_added="X_pca_before"``), it shows what that did. For
    a decision on single samples use `exo.pp.outliers`, which compares within time points.

    Parameters
    ----------
    adata
        Samples x features on a log scale.
    layer
        Layer to use in place of X, on the scale of X.
    n_comps
        Number of components, at most samples - 1 and features; fewer are made where there are
        fewer.
    scale
        Divide each feature by its SD, so that all weigh alike.
    max_missing
        Features with a larger share of missing values are left out (their loadings are NaN), and
        those that are constant.
    key_added
        Key of ``obsm``: ``X_pca``, or ``X_pca_<name>``, whose loadings and variances are then
        ``PCs_<name>`` and ``pca_<name>``.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. ``obsm["X_pca"]`` (samples x components),
        ``varm["PCs"]``, ``uns["pca"]`` with ``variance``, ``variance_ratio`` and ``params``, as
        scanpy has them. The largest loading of each component is positive.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    UsageError
        If an option is out of range.
    AnalysisError
        If fewer than 3 samples or 2 features are left.

    Notes
    -----
    Missing values: a gap counts as the mean of its feature, in the components only: X keeps its
    NaN. A sample is drawn to the middle by as much as it lacks; one without any value has NaN
    scores. Filling the gaps by the components themselves, round after round, was tried and brought
    the scores no nearer to those of the full matrix (docs/outliers.md).

    Controls (``sample_type`` other than ``sample``) take no part in finding the components; their
    scores are their least-squares places on them.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.pp.pca(adata, n_comps=3)
    >>> adata.obsm["X_pca"].shape[1]
    3
    """
    meta(adata)
    require_log(adata, "pp.pca")
    suffix = _suffix(key_added)
    if isinstance(n_comps, bool) or not isinstance(n_comps, (int, np.integer)) or n_comps < 1:
        raise UsageError(f"n_comps={n_comps!r} is no whole number from 1 up", where="n_comps=")
    if isinstance(max_missing, bool) or not 0 <= max_missing < 1:
        raise UsageError(f"max_missing={max_missing!r} is no share", where="max_missing=")
    values = dense(adata, layer)
    there = np.isfinite(values).any(axis=1)
    own = persons_tubes(adata) & there
    used = usable(values, max_missing, own)
    if own.sum() < 3 or used.sum() < 2:
        raise AnalysisError(
            f"{int(own.sum())} samples and {int(used.sum())} features are left for components",
            fix="Ask for less with max_missing=, or look at exo.pp.check(adata).",
        )
    n = min(int(n_comps), int(own.sum()) - 1, int(used.sum()))
    places = {"rows": np.flatnonzero(own), "columns": np.flatnonzero(used)}
    fit = fit_components(values, n, scale=scale, **places)
    scores = np.full((adata.n_obs, n), np.nan)
    scores[own] = fit.scores
    others = ~own & there
    scores[others] = project(values[np.ix_(others, used)], fit)
    loadings = np.full((adata.n_vars, n), np.nan)
    loadings[used] = fit.axes
    target = editable(adata, copy, values=False)
    target.obsm[key_added] = scores
    target.varm[schema.COMPONENTS + suffix] = loadings
    target.uns[schema.PCA.removeprefix("X_") + suffix] = {
        "params": {
            "layer": layer or "",
            "scale": bool(scale),
            "max_missing": float(max_missing),
            "n_features": int(used.sum()),
            "n_samples": int(own.sum()),
        },
        "variance": fit.variance,
        "variance_ratio": fit.variance / fit.total,
    }
    add_step(
        target,
        "pp.pca",
        layer=layer,
        n_comps=n,
        scale=bool(scale),
        max_missing=max_missing,
        key_added=key_added,
    )
    return target if copy else None


def usable(values: np.ndarray, max_missing: float, rows: np.ndarray | None = None) -> np.ndarray:
    """Features with enough values in these rows (all by default), and not all the same."""
    rows = np.ones(len(values), dtype=bool) if rows is None else rows
    result = np.empty(values.shape[1], dtype=bool)
    for block in blocks(values.shape[1]):
        own = values[rows, block]
        there = np.isfinite(own)
        low = np.where(there, own, np.inf).min(axis=0, initial=np.inf)
        high = np.where(there, own, -np.inf).max(axis=0, initial=-np.inf)
        enough = there.sum(axis=0) >= (1 - max_missing) * len(own) - 1e-9
        result[block] = enough & (high > low)
    return result


def _suffix(key: str) -> str:
    """Take off ``X_pca``: what the key of a second analysis adds."""
    if not isinstance(key, str) or not re.fullmatch(rf"{schema.PCA}(_[a-z0-9_]+)?", key):
        raise UsageError(
            f"key_added={key!r} is not known",
            where="key_added=",
            fix=f"Use {schema.PCA!r}, or {schema.PCA}_ and a name of a-z, 0-9 and _.",
        )
    return key.removeprefix(schema.PCA)
