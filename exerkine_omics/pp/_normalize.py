"""Bring samples to one level, or take off the drift of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    dense,
    editable,
    meta,
    persons_tubes,
    require_units,
    sample_scaling,
)
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown, warn
from exerkine_omics.kernels._normalize import NORMALIZERS
from exerkine_omics.kernels._normalizer import FittedNormalizer, Normalizer, Tubes, changed
from exerkine_omics.kernels._qc_loess import Drift
from exerkine_omics.kernels._quantile_norm import along_quantiles
from exerkine_omics.pp._drift import store_drift, with_run
from exerkine_omics.pp._masks import forget_corrected
from exerkine_omics.pp._samples import (
    feature_mask,
    fit_rows,
    keep_raw,
    layers_along,
    lod_layers,
    refuse_again,
)

_QC = "qc"
_SPAN = 0.75
_FIXES = {
    "counts": "Take method='tmm', then exo.pp.log2(adata).",
    "log": "Call it before exo.pp.log2(adata), on the linear values.",
    "linear": "Call exo.pp.log2(adata) first.",
    "Cq": "Call exo.pp.log2(adata) first.",
}


def normalize(
    adata: AnnData,
    method: str = "median",
    *,
    features: Sequence[str] | None = None,
    reference: Sequence[str] | None = None,
    fitted_on: str | Sequence[str] | np.ndarray | None = None,
    order: str = schema.RUN_ORDER,
    batch: str | None = schema.PLATE_ID,
    span: float = _SPAN,
    copy: bool = False,
) -> AnnData | None:
    r"""Bring samples to one level, or take off the drift along the run.

    Use it where tubes differ in how much of the sample was measured (loading, dilution, depth of
    sequencing), and nowhere else: blood after exercise is truly more concentrated, and a method
    that sets all samples to one level takes that away with the fault. Vendors have normalised NPX
    and RFU already. docs/normalize.md says when each method is meaningless.

    On a log scale :math:`x_{ij} + c_i`, on a linear one :math:`x_{ij} c_i`, with

    - ``median``: the sample's median to the mean of all (geometric on a linear scale);
    - ``pqn``: :math:`c_i = 1 / \mathrm{median}_j (x_{ij} / r_j)`, r the median spectrum;
    - ``quantile``: every sample gets the mean quantile function;
    - ``total``: the sample's total to the median of all (linear scales);
    - ``global_mean``: minus the mean of the sample's expressed miRNAs (delta Cq);
    - ``reference_mirna``: minus the mean of its ``reference`` assays (delta Cq);
    - ``spike_in``: the mean of its ``reference`` assays to that of all;
    - ``tmm`` (counts): factors of library sizes go to ``obs["norm_factors"]``, which
      `exo.pp.log2` uses; the counts stay;
    - ``qc_loess``: :math:`c_{ij}` brings the lowess curve of a feature's QC samples along the
      run, within each batch, to the median of all its QC samples.

    Parameters
    ----------
    adata
        Samples x analytes of one unit. The values before are kept in ``layers["raw"]``, unless a
        raw layer is there already.
    method
        One of the above.
    features
        Of ``median``, ``pqn``, ``total``, ``global_mean``: features that make the level; all
        features are changed.
    reference
        Of ``reference_mirna`` and ``spike_in``: the assays.
    fitted_on
        Samples from which targets and the median spectrum are learnt: a sample type (``"qc"``),
        a mask, or names. None: the persons' tubes; for ``qc_loess`` the QC samples. All samples
        are changed.
    order, batch
        Of ``qc_loess``: columns of obs with the run order (distinct numbers within a batch) and
        the batch; ``batch=None`` is one batch.
    span
        Of ``qc_loess``: share of a batch's QC samples in one local line.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. The unit stays; limits of detection
        (``layers["lod"]``) move with the values. Methods that set samples to
        one level are named in ``uns["exerkine"]["sample_scaling"]``. ``qc_loess`` stores
        ``uns["exerkine"]["drift"]``: feature, batch, n_qc, sd_before, sd_after (of the QC samples;
        of their logarithms on a linear scale), status.

    Raises
    ------
    UsageError
        If the method does not exist or was applied before, or an option belongs to another one.
    UnitsError
        If the method does not take this unit, or the columns have several.
    InputError
        If values are infinite or, on a linear scale, negative; counts missing; the run order
        missing or not distinct.
    AnalysisError
        If a batch has fewer than 5 QC samples.

    Warns
    -----
    ExerkineWarning
        Where samples of several time points are set to one level; where a sample cannot be
        normalised and is all NaN now; where a feature has too few QC samples in a batch and stays
        there as it was (status in the frame, and a finding).

    Notes
    -----
    Missing values: NaN stays NaN and does not count.

    References
    ----------
    Dieterle F et al. (2006) Anal Chem 78:4281-4290. Bolstad BM et al. (2003) Bioinformatics
    19:185-193. Mestdagh P et al. (2009) Genome Biology 10:R64, doi:10.1186/gb-2009-10-6-r64.
    Robinson MD, Oshlack A (2010) Genome Biology 11:R25. Dunn WB et al. (2011) Nat Protoc
    6:1060-1083.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(20, seed=1).adata
    >>> baseline = adata[adata.obs["timepoint"] == "pre"].copy()
    >>> exo.pp.normalize(baseline, "pqn")
    """
    if method not in NORMALIZERS:
        raise UsageError(f"method={method!r} is none of {', '.join(NORMALIZERS)}")
    normalizer = NORMALIZERS[method]
    options = {"features": features, "reference": reference}
    _refuse_foreign(normalizer, {**options, "order": order, "batch": batch, "span": span})
    additive = _scale(adata, normalizer)
    refuse_again(adata, "pp.normalize", method=method)
    values = dense(adata)
    _refuse_values(adata, normalizer, values, additive)
    rows = fit_rows(adata, _QC if method == "qc_loess" and fitted_on is None else fitted_on)
    tubes = _tubes(adata, normalizer, values, additive, features, reference)
    names: list[str] = []
    if method == "qc_loess":
        tubes, names = with_run(adata, tubes, rows, order, batch, span)
    fitted = FittedNormalizer(normalizer, normalizer.fit(tubes.rows(rows)))
    target = editable(adata, copy, values=normalizer.factors is None)
    if normalizer.factors is not None:
        factors = normalizer.factors(tubes, fitted.learnt)
        target.obs[schema.NORM_FACTORS] = factors
        _store(target, normalizer, sample_scaling(adata), 0.0 - np.log2(factors)[:, None])
    else:
        new = fitted.apply(tubes)
        _say_lost(adata, values, new, method)
        keep_raw(target, values)
        if normalizer.levels_samples:
            forget_corrected(target)
        target.X = new
        change = fitted.change(tubes)
        if change is None:
            for layer in lod_layers(target):
                limits = dense(target, layer, infinite=True)
                target.layers[layer] = along_quantiles(limits, values, new)
        else:
            for layer in layers_along(target):
                limits = dense(target, layer, infinite=True)
                target.layers[layer] = changed(limits, change, additive)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = new - values if additive else np.log2(new / values)
        _store(target, normalizer, sample_scaling(adata), moved)
        if isinstance(fitted.learnt, Drift):
            store_drift(target, fitted.learnt, names, tubes.rows(rows), new[rows])
    given = {k: list(v) for k, v in options.items() if v is not None}
    learnt_from = fitted_on if isinstance(fitted_on, str) else ""
    n = int(rows.sum())
    add_step(target, "pp.normalize", method=method, fitted_on=learnt_from, n_fitted=n, **given)
    return target if copy else None


def _refuse_foreign(normalizer: Normalizer, given: dict[str, object]) -> None:
    usual = {"order": schema.RUN_ORDER, "batch": schema.PLATE_ID, "span": _SPAN}
    foreign = [k for k, v in given.items() if k not in normalizer.takes and v != usual.get(k)]
    if foreign:
        own = f"It takes {shown(normalizer.takes)}." if normalizer.takes else "It has no options."
        raise UsageError(
            f"{shown(foreign)} is no option of {normalizer.name!r}", where="pp.normalize", fix=own
        )
    if "reference" in normalizer.takes and given["reference"] is None:
        raise UsageError(f"{normalizer.name!r} needs reference=, the names of its assays")


def _scale(adata: AnnData, normalizer: Normalizer) -> bool:
    """Whether the values are logarithms; refuse a unit that the method does not take."""
    meta(adata)  # or it is no AnnData of ours
    unit = require_units(adata)
    if not adata.n_vars:
        raise InputError("There are no features", where="var_names")
    where = f"uns[{schema.UNS!r}][{schema.UNITS!r}]"
    if unit == schema.MIXED:
        raise UnitsError(
            "pp.normalize needs one unit and the columns have several",
            where=f"var[{schema.UNIT_COLUMN!r}]",
            fix="Call exo.pp.log2(adata) first, or split the object.",
        )
    known = schema.UNIT_TABLE.get(unit)
    if known is None or unit in ("zscore", "score"):
        raise UnitsError(f"pp.normalize does not take values in {unit!r}", where=where)
    kind = unit if unit in ("Cq", "counts") else "log" if known.log else "linear"
    if kind not in normalizer.scales:
        raise UnitsError(
            f"{normalizer.name!r} does not take {unit}: it takes {shown(normalizer.scales)}",
            where=where,
            fix=_FIXES[kind],
        )
    return known.log


def _refuse_values(
    adata: AnnData, normalizer: Normalizer, values: np.ndarray, additive: bool
) -> None:
    negative = (values < 0).any(axis=0) & (not additive)
    if negative.any():
        raise InputError(f"{shown(adata.var_names[negative])} hold negative values", where="X")
    if normalizer.factors is not None and not np.nansum(values):
        raise InputError("There is no count at all", where="X")
    if normalizer.factors is not None and np.isnan(values).any():
        raise InputError(
            f"{int(np.isnan(values).sum())} counts are missing",
            where="X",
            fix="A feature that was not found has the count 0; drop samples that were not read.",
        )


def _tubes(
    adata: AnnData,
    normalizer: Normalizer,
    values: np.ndarray,
    additive: bool,
    features: Sequence[str] | None,
    reference: Sequence[str] | None,
) -> Tubes:
    seen = np.ones(values.shape, dtype=bool)
    if normalizer.name == "global_mean" and schema.BELOW_LOD in adata.layers:
        seen = ~dense(adata, schema.BELOW_LOD).astype(bool)
    assays = np.empty(0, dtype=bool)
    if reference is not None:
        assays = feature_mask(adata, reference, "reference=")
    return Tubes(values, additive, feature_mask(adata, features, "features="), seen, assays)


def _say_lost(adata: AnnData, before: np.ndarray, after: np.ndarray, method: str) -> None:
    lost = np.isfinite(before).any(axis=1) & ~np.isfinite(after).any(axis=1)
    if lost.any():
        warn(
            f"{int(lost.sum())} samples have no level for {method!r} and are all NaN now: "
            f"{shown(adata.obs_names[lost])}."
        )


def _store(adata: AnnData, normalizer: Normalizer, before: str, moved: np.ndarray) -> None:
    """Note what rescaled whole samples, and warn of what goes with it."""
    if not normalizer.levels_samples:
        return
    name = normalizer.name
    # Dieterle's own first step
    if before and not (before == "total" and name == "pqn"):
        warn(f"The samples were rescaled already, by {before}; {name!r} comes on top.")
    meta(adata)[schema.SAMPLE_SCALING] = f"{before} | {name}" if before else name
    persons = persons_tubes(adata)
    if schema.TIMEPOINT not in adata.obs:
        return
    time = adata.obs[schema.TIMEPOINT].astype(object)[persons].dropna()
    if time.nunique() < 2:
        return
    known = np.isfinite(moved)
    each = np.where(known, moved, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    means = pd.Series(each, index=adata.obs_names)[time.index].groupby(time.to_numpy()).mean()
    acute = any(c in adata.obs for c in (schema.BOUT, schema.MINUTES_POST))
    what = (
        "a loss of plasma water and any true change common to most features"
        if acute
        else "any true change common to most features, a loss of plasma water among them,"
    )
    warn(
        f"{name!r} sets all samples to one level: it removes {what} together with the fault. "
        f"Mean shifts of the time points differ by {means.max() - means.min():.2g} log2."
    )
