"""Fill missing values, once, and remember which were filled."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    add_step,
    dense,
    editable,
    meta,
    persons_tubes,
    require_units,
)
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown, warn
from exerkine_omics.kernels import _impute as kernel
from exerkine_omics.parallel import stream
from exerkine_omics.pp._masks import forget_corrected, imputed, keep_findings
from exerkine_omics.pp._units import column_units
from exerkine_omics.settings import settings

_METHODS = ("half_min", "left_censored", "knn")
_CELLS = ("all", "below_lod")


def impute(
    adata: AnnData,
    method: str = "half_min",
    *,
    cells: str = "all",
    n_neighbors: int | None = None,
    seed: int | None = None,
    fitted_on: Collection[Any] | np.ndarray | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Fill missing values, and mark them in the layer ``imputed``.

    Use it for what needs a full matrix (a heat map, a clustering, another package). Tests and
    scores of this package take NaN as it is: do not impute for them. **Never before a split**: a
    cross-validation must learn its filling in each training set, by `exo.ml.Imputer` in the
    pipeline; a warning says so unless ``fitted_on`` names the training samples.

    ``half_min``: half of the feature's smallest value (log2 units: minimum - 1; Cq: maximum + 1).
    ``left_censored``: a draw from the feature's normal distribution below its smallest value, the
    distribution estimated by regression on order statistics with the gaps as the lowest values.
    ``knn``: the mean of the nearest samples of **other people at the same time point** that have
    the feature; people's own samples would pull a change towards 0. The first two are for values
    that are missing because they are low, the last for values lost at random (docs/missing.md).

    Parameters
    ----------
    adata
        Samples x features; ``left_censored`` needs a log scale.
    method
        ``half_min``, ``left_censored`` or ``knn``.
    cells
        ``all`` missing values, or only those marked in the layer ``below_lod``.
    n_neighbors
        For ``knn``: number of samples (5).
    seed
        For ``left_censored``; None takes ``settings.seed``. Each feature has its own stream.
    fitted_on
        Samples to learn from: names, or a mask; None means all persons' tubes.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. The finding ``not_imputed`` names features
        that keep their gaps: without any value, or (``left_censored``) with fewer than 3 or without
        spread; ``samples_not_imputed`` samples without any value, which stay absent.

    Raises
    ------
    UsageError
        If a method or option does not exist or does not fit.
    UnitsError
        If the unit has no half, or no log scale where one is needed.
    InputError
        If values are infinite, or (``cells="below_lod"``) that layer is not there.

    Notes
    -----
    Missing values: they are what is filled. A NaN that is not below the limit of detection was
    lost for another reason; where the layer ``below_lod`` shows such cells, the first two methods
    warn, for they put low values there.

    References
    ----------
    Wei R et al. (2018) Missing value imputation approach for mass spectrometry-based metabolomics
    data. Sci Rep 8:663. doi:10.1038/s41598-017-19120-0

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> full = exo.pp.impute(adata, "knn", fitted_on=adata.obs_names, copy=True)
    >>> bool(full.layers["imputed"].any())
    True
    """
    k, seed = _options(method, cells, n_neighbors, seed)
    meta(adata)
    require_units(adata)
    each = column_units(adata)
    _require_scale(each, method)
    values = dense(adata)
    rows = _fit_rows(adata, fitted_on)
    turn = np.where(each == "Cq", -1.0, 1.0)
    x = values * turn  # up means more
    gap = _gaps(adata, x, cells)
    _say_not_below(adata, gap, method)
    with np.errstate(invalid="ignore", divide="ignore"):
        filled = _fill(x, gap, rows, method, k, seed, adata, each)
    filled = np.where(gap, filled, x) * turn
    done = gap & np.isfinite(filled)
    target = editable(adata, copy)
    target.layers[schema.IMPUTED] = imputed(adata) | done
    forget_corrected(target)
    target.X = np.where(done, filled, values)
    _say_left(target, gap & ~done)
    add_step(
        target,
        "pp.impute",
        method=method,
        cells=cells,
        n_neighbors=k,
        seed=seed,
        n_fitted_on=len(rows),
        n_imputed=int(done.sum()),
    )
    if fitted_on is None and done.any():
        warn(
            f"{int(done.sum())} values were filled by what all samples tell. A cross-validation "
            "must not see them: start it from the values before, with exo.ml.Imputer in the "
            "pipeline."
        )
    return target if copy else None


def _options(
    method: str, cells: str, n_neighbors: int | None, seed: int | None
) -> tuple[int | None, int | None]:
    """Check the options; a foreign one is an error."""
    if method not in _METHODS:
        raise UsageError(f"method={method!r} is not known", fix=f"Known: {', '.join(_METHODS)}.")
    if cells not in _CELLS:
        raise UsageError(f"cells={cells!r} is not known", fix=f"Known: {', '.join(_CELLS)}.")
    for name, value, own, least in (
        ("n_neighbors", n_neighbors, "knn", 1),
        ("seed", seed, "left_censored", 0),
    ):
        if value is None:
            continue
        if method != own:
            raise UsageError(f"{name}= belongs to {own}, not to {method}", where=f"{name}=")
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise UsageError(f"{name}={value!r} is no whole number from {least} up")
    k = (5 if n_neighbors is None else int(n_neighbors)) if method == "knn" else None
    drawn = settings.seed if seed is None else int(seed)
    return k, drawn if method == "left_censored" else None


def _require_scale(each: np.ndarray, method: str) -> None:
    table = schema.UNIT_TABLE
    odd = sorted({u for u in each if u not in table or table[u].base not in ("log2", "linear")})
    if method == "half_min" and odd:
        raise UnitsError(
            f"half_min needs a unit that has a half, and X holds {shown(odd)}",
            where=f"uns[{schema.UNS!r}][{schema.UNITS!r}]",
            fix="State the unit when reading, or use another method.",
        )
    flat = sorted({u for u in each if u not in table or not table[u].log})
    if method == "left_censored" and flat:
        raise UnitsError(
            f"left_censored needs values on a log scale and X holds {shown(flat)}",
            where=f"uns[{schema.UNS!r}][{schema.UNITS!r}]",
            fix="Call exo.pp.log2(adata) first.",
        )


def _fit_rows(adata: AnnData, fitted_on: Collection[Any] | np.ndarray | None) -> np.ndarray:
    """Places of the samples to learn from."""
    if fitted_on is None:
        rows = np.flatnonzero(persons_tubes(adata))
    else:
        given = np.asarray(fitted_on if not isinstance(fitted_on, (set, dict)) else [*fitted_on])
        if isinstance(fitted_on, str) or given.ndim != 1:
            raise UsageError("fitted_on= takes names of samples, or a mask", where="fitted_on=")
        if given.dtype == bool:
            if len(given) != adata.n_obs:
                raise UsageError(
                    f"The mask has {len(given)} values for {adata.n_obs} samples",
                    where="fitted_on=",
                )
            rows = np.flatnonzero(given)
        else:
            names = np.array([str(n) for n in given], dtype=object)
            foreign = names[~np.isin(names, adata.obs_names.astype(str))]
            if len(foreign):
                raise UsageError(f"No sample is named {shown(foreign)}", where="fitted_on=")
            rows = np.flatnonzero(np.isin(adata.obs_names.astype(str), names))
    if not len(rows):
        raise UsageError("There is no sample to learn from", where="fitted_on=")
    return rows


def _gaps(adata: AnnData, x: np.ndarray, cells: str) -> np.ndarray:
    """Cells to fill; samples without any value are absent, and stay so."""
    gap = np.isnan(x) & np.isfinite(x).any(axis=1)[:, None]
    if cells == "all":
        return gap
    if schema.BELOW_LOD not in adata.layers:
        raise InputError(
            f"There is no layer {schema.BELOW_LOD!r}",
            where="layers",
            fix='Call exo.pp.lod(adata, "mask", lod=...) first, or use cells="all".',
        )
    return gap & (dense(adata, schema.BELOW_LOD) > 0.5)


def _fill(
    x: np.ndarray,
    gap: np.ndarray,
    rows: np.ndarray,
    method: str,
    k: int | None,
    seed: int | None,
    adata: AnnData,
    each: np.ndarray,
) -> np.ndarray:
    """Values for all cells; only those of ``gap`` are taken."""
    if method == "half_min":
        linear = [schema.UNIT_TABLE[u].base == "linear" for u in each]
        return np.broadcast_to(kernel.fit_half_min(x[rows], np.array(linear, bool)), x.shape)
    if method == "left_censored":
        fit = kernel.fit_censored(x[rows], gap[rows])
        # by the samples' names, so that their order changes nothing
        order = np.argsort(adata.obs_names.astype(str), kind="stable")
        uniform = np.full(x.shape, 0.5)
        for j in np.flatnonzero(gap.any(axis=0) & fit.known):
            draws = stream(seed or 0, "impute.left_censored", str(adata.var_names[j]))
            uniform[order, j] = 1.0 - draws.random(len(x))
        return kernel.draw_censored(fit, uniform)
    allowed = np.ones((len(x), len(rows)), dtype=bool)
    for column, same in ((schema.TIMEPOINT, True), (schema.SUBJECT, False)):
        if column in adata.obs:
            name = adata.obs[column].astype(str).to_numpy()
            allowed &= (name[:, None] == name[rows][None, :]) == same
    return kernel.nearest_donors(x, kernel.fit_donors(x[rows]), k or 1, allowed)


def _say_not_below(adata: AnnData, gap: np.ndarray, method: str) -> None:
    if method == "knn" or schema.BELOW_LOD not in adata.layers:
        return
    other = int((gap & ~(dense(adata, schema.BELOW_LOD) > 0.5)).sum())
    if other:
        warn(
            f"{other} of {int(gap.sum())} missing values are not marked below the limit of "
            f"detection, and {method} puts low values there. Say cells='below_lod' to leave them."
        )


def _say_left(adata: AnnData, left: np.ndarray) -> None:
    """Name features and samples that keep all their gaps."""
    empty = ~np.isfinite(dense(adata)).any(axis=1)
    blind = left[persons_tubes(adata)].any(axis=0)  # controls have no people like them
    features = tuple(adata.var_names[blind].astype(str))
    samples = tuple(adata.obs_names[empty].astype(str))
    keep_findings(
        adata,
        Finding(
            "not_imputed",
            "note",
            f"{len(features)} features keep missing values, for too little is there to fill them: "
            f"{shown(features)}.",
            features,
            "exo.pp.filter_features(adata) leaves them out.",
        ),
        Finding(
            "samples_not_imputed",
            "note",
            f"{len(samples)} samples have no value at all and stay so: {shown(samples)}.",
            samples,
            "Drop them.",
        ),
    )
