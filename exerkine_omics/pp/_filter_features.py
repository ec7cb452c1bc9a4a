"""Leave out features that too few people have, by what was planned to be compared."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from exerkine_omics.cohort import (
    Finding,
    add_step,
    baseline,
    dense,
    detected,
    editable,
    meta,
    require_units,
)
from exerkine_omics.errors import AnalysisError, UsageError, shown
from exerkine_omics.pp._cells import Cells, cells_of
from exerkine_omics.pp._masks import imputed, keep_findings


def filter_features(
    adata: AnnData,
    *,
    max_missing: float | None = 0.5,
    by: str = "cell",
    min_pairs: int | None = None,
    min_detected: float | None = None,
) -> AnnData:
    """Leave out features with too many missing values, too few pairs, or too seldom detected.

    Use it before tests and scores, so that features nobody can judge do not cost the others their
    adjusted p. A cell is an arm at a time point: a feature stays where **any** cell passes, for
    one that is there only after exercise is the signal and not a fault. Only whether values are
    there is looked at, never how high they are or how they change.

    Parameters
    ----------
    adata
        Samples x features; only the persons' tubes are counted.
    max_missing
        Largest share of missing values, 0 to 1; None does not ask.
    by
        ``cell`` (default), or ``all``: over all samples together.
    min_pairs
        Smallest number of people with a value at baseline and at one later time, in at least one
        arm; None does not ask. A feature that is NaN at baseline has no pair.
    min_detected
        Smallest share of samples above the limit of detection (layer ``below_lod``), 0 to 1, in
        the cell (or of all samples); None does not ask.

    Returns
    -------
    AnnData
        A new object without the features left out; the findings ``filtered_missing``,
        ``filtered_pairs`` and ``filtered_detected`` name them (each by the first reason).

    Raises
    ------
    UsageError
        If a limit is out of range or ``by`` is not known.
    InputError
        If samples lack their subject or time point, or (``min_detected``) ``below_lod`` is not
        there.
    AnalysisError
        If no feature is left.

    Notes
    -----
    Missing values: NaN, and values that were imputed. A value below the limit of detection that is
    kept is a value; take it as missing by ``exo.pp.lod(adata, "mask")``, or ask ``min_detected``.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.pp.filter_features(adata, max_missing=0.2, min_pairs=5).n_vars <= adata.n_vars
    True
    """
    _check(max_missing, by, min_pairs, min_detected)
    meta(adata)
    require_units(adata)
    cells = cells_of(adata, once=min_pairs is not None)
    there = np.isfinite(dense(adata, infinite=True)) & ~imputed(adata)
    there = there[cells.rows]
    group = cells.cell if by == "cell" else np.zeros(len(cells.rows), dtype=int)
    reasons: list[tuple[str, np.ndarray, str]] = []
    if max_missing is not None:
        least = _best(1.0 - there, group, least=True)
        where = "in every cell" if by == "cell" else "over all samples"
        text = f"more than {max_missing:.0%} missing {where}"
        reasons.append(("filtered_missing", least > max_missing + 1e-12, text))
    if min_pairs is not None:
        baseline(adata)  # without it there is no pair to count
        few = _pairs(there, cells) < min_pairs
        reasons.append(("filtered_pairs", few, f"fewer than {min_pairs} pairs in every arm"))
    if min_detected is not None:
        most = _best((detected(adata)[cells.rows] > 0.5) * 1.0, group)
        text = f"detected in less than {min_detected:.0%} of samples"
        reasons.append(("filtered_detected", most < min_detected - 1e-12, text))
    out = np.zeros(adata.n_vars, dtype=bool)
    findings = []
    for id_, bad, text in reasons:
        names = tuple(adata.var_names[bad & ~out].astype(str))
        message = f"{len(names)} features were left out, {text}: {shown(names)}."
        findings.append(Finding(id_, "note", message, names, "Look at exo.pl.qc(adata)."))
        out |= bad
    if out.all():
        raise AnalysisError(
            " ".join(["No feature is left.", *(f.message for f in findings if f.rows)]),
            fix="Ask for less.",
        )
    result = editable(adata[:, ~out], copy=True)
    keep_findings(result, *findings)
    add_step(
        result,
        "pp.filter_features",
        max_missing=max_missing,
        by=by,
        min_pairs=min_pairs,
        min_detected=min_detected,
        n_left_out=int(out.sum()),
    )
    return result


def _check(
    max_missing: float | None, by: str, min_pairs: int | None, min_detected: float | None
) -> None:
    if by not in ("cell", "all"):
        raise UsageError(f"by={by!r} is not known", fix="Known: 'cell', 'all'.")
    for name, share in (("max_missing", max_missing), ("min_detected", min_detected)):
        number = isinstance(share, (int, float, np.number)) and not isinstance(share, bool)
        if share is not None and not (number and 0 <= share <= 1):
            raise UsageError(f"{name}={share!r} is no share from 0 to 1", where=f"{name}=")
    whole = isinstance(min_pairs, (int, np.integer)) and not isinstance(min_pairs, bool)
    if min_pairs is not None and not (whole and min_pairs >= 1):
        raise UsageError(
            f"min_pairs={min_pairs!r} is no whole number from 1 up", where="min_pairs="
        )


def _best(values: np.ndarray, group: np.ndarray, least: bool = False) -> np.ndarray:
    """Largest (or smallest) mean over the groups, by feature."""
    means = np.stack([values[group == g].mean(axis=0) for g in np.unique(group)])
    return means.min(axis=0) if least else means.max(axis=0)


def _pairs(there: np.ndarray, cells: Cells) -> np.ndarray:
    """Most pairs that any arm has with any later time, by feature."""
    most = np.zeros(there.shape[1], dtype=int)
    for arm in range(len(cells.arms)):
        for time in range(len(cells.times)):
            if time != cells.baseline:
                before, after = cells.pairs(arm, time)
                most = np.maximum(most, (there[before] & there[after]).sum(axis=0))
    return most
