"""Tidy frames out of an AnnData: scores, test results, pairs, coverage."""

from __future__ import annotations

import anndata
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import make_pairs, meta
from exerkine_omics.errors import InputError, shown

__all__ = ["coverage", "differential", "pairs", "score_reference", "scores"]


def __dir__() -> list[str]:
    return __all__


def scores(
    adata: AnnData, method: str = "baseline_z", *, as_anndata: bool = False
) -> pd.DataFrame | AnnData:
    """Return the scores of `tl.score`, as a frame or as an AnnData that tests take.

    Parameters
    ----------
    adata
        AnnData scored before.
    method
        The scorer.
    as_anndata
        Return samples x signatures with ``obs`` and units ``zscore`` (``baseline_z``) or
        ``score``; layers ``coverage`` and
        ``se``, and ``var["n_people_varying"]``: people in whom a member is measured in one sample
        and not in another. A test refuses signatures with such people, because their change would
        be one of members; ``exo.tl.score(adata, members="common")`` scores without them.

    Returns
    -------
    DataFrame or AnnData
        Samples x signatures; NaN where coverage was too low.

    Raises
    ------
    InputError
        If this method has not been run.
    """
    frame = _table(adata, schema.score_key(method))
    if not as_anndata:
        return frame
    result = anndata.AnnData(frame.to_numpy(float), obs=adata.obs.copy())
    result.var_names = frame.columns
    result.layers[schema.COVERAGE] = coverage(adata, method).to_numpy(float)
    if schema.score_se_key(method) in adata.obsm:
        result.layers[schema.SE] = adata.obsm[schema.score_se_key(method)].to_numpy(float)
    measured = adata.uns.get(schema.score_members_key(method))
    if measured is not None:
        rows = measured.set_index(measured["signature"].astype(str))
        result.var[schema.VARYING] = rows[schema.VARYING].reindex(frame.columns).to_numpy()
    kept = (schema.SCHEMA_VERSION, schema.SPECIES, schema.MATRIX, schema.BASELINE, schema.STEPS)
    result.uns[schema.UNS] = {k: v for k, v in meta(adata).items() if k in kept}
    result.uns[schema.UNS][schema.UNITS] = schema.score_unit(method)
    result.uns[schema.UNS][schema.PLATFORM] = f"signature scores ({method})"
    return result


def coverage(adata: AnnData, method: str = "baseline_z") -> pd.DataFrame:
    """Return the coverage beside the scores: samples x signatures, 0 to 1.

    Parameters
    ----------
    adata
        AnnData scored before.
    method
        The scorer.

    Raises
    ------
    InputError
        If this method has not been run.
    """
    return _table(adata, schema.coverage_key(method))


def score_reference(adata: AnnData, method: str = "baseline_z") -> pd.DataFrame:
    """Return the reference of the scores, to score other people on the same scale.

    Parameters
    ----------
    adata
        AnnData scored before.
    method
        A scorer that learns from the baseline.

    Returns
    -------
    DataFrame
        feature, mean, sd, units, platform, species: what ``exo.tl.score(other, reference=)``
        takes. It may be written to a table and read again.

    Raises
    ------
    InputError
        If this method has not been run, or has no reference.
    """
    key = schema.score_reference_key(method)
    if key not in adata.uns:
        raise InputError(
            f"There is no {key!r} in uns",
            fix="Call exo.tl.score(adata, method='baseline_z') first: it is the scorer with a "
            "reference.",
        )
    return adata.uns[key]


def differential(
    adata: AnnData,
    key: str = "differential",
    *,
    contrast: str | None = None,
    max_p_adj: float | None = None,
) -> pd.DataFrame:
    """Return a stored result frame, the strongest rows of each contrast first.

    Parameters
    ----------
    adata
        AnnData tested before.
    key
        The test's ``key_added``.
    contrast
        One contrast of it.
    max_p_adj
        Keep rows with an adjusted p at or below this.

    Raises
    ------
    InputError
        If there is no such result or contrast.
    """
    if key not in adata.uns:
        raise InputError(
            f"There is no result {key!r} in uns", fix="Call exo.tl.differential first."
        )
    frame = adata.uns[key]
    names = list(pd.unique(frame["contrast"].astype(str)))
    if contrast is not None and contrast not in names:
        raise InputError(f"There is no contrast {contrast!r}", fix=f"Contrasts: {shown(names)}.")
    if contrast is not None:
        frame = frame[frame["contrast"].astype(str) == contrast]
    if max_p_adj is not None:
        frame = frame[frame["p_adj"] <= max_p_adj]
    rank = {name: i for i, name in enumerate(names)}
    order = frame["contrast"].astype(str).map(rank)
    return (
        frame.assign(_order=order)
        .sort_values(["_order", "p_value"], kind="stable", na_position="last")
        .drop(columns="_order")
        .reset_index(drop=True)
    )


def pairs(adata: AnnData) -> pd.DataFrame:
    """Return who is paired and why others are not, one row a person and later time point.

    Parameters
    ----------
    adata
        AnnData with subjects, time points and a baseline.
    """
    return make_pairs(adata).frame


def _table(adata: AnnData, key: str) -> pd.DataFrame:
    if key not in adata.obsm:
        raise InputError(
            f"There is no {key!r} in obsm",
            fix="Call exo.tl.score first; obsm has " + (shown(adata.obsm) or "nothing") + ".",
        )
    return adata.obsm[key]
