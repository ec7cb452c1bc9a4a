"""Which samples hold what burst red cells let go."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import stats

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    add_step,
    dense,
    editable,
    meta,
    persons_tubes,
    require_log,
    units,
)
from exerkine_omics.errors import AnalysisError, UsageError, shown, warn
from exerkine_omics.kernels import _haemolysis as kernel
from exerkine_omics.pp._masks import keep_findings
from exerkine_omics.sig import SignatureSet, identify, load, match

_FLAGS = ("no", "possible", "yes", "unknown")
_MIRS = {"MIMAT0001631": "miR-451a", "MIMAT0000078": "miR-23a-3p"}
_CQ_LIMITS = (5.0, 7.0)
_PANEL_LIMITS = (2.0, 3.0)  # robust SDs of the baseline samples
_PANEL = "haemolysis"
_FEWEST_MEMBERS = 3
_METHODS = ("auto", "mir_ratio", "proteins")


def haemolysis(
    adata: AnnData,
    *,
    method: str = "auto",
    limits: tuple[float, float] | None = None,
    assays: tuple[str, str] | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Say of each sample whether red cells burst in it.

    Use it on every plasma or serum cohort before a result is believed: red cells hold much of
    the miR-451a, miR-16-5p, catalase or carbonic anhydrase that "changes". No sample is removed.

    ``mir_ratio``: the index is

    .. math:: \Delta Cq = Cq_{miR-23a-3p} - Cq_{miR-451a}

    (a log2 ratio of 451a, of red cells, to 23a, which they do not hold), above 5 doubtful and
    above 7 haemolysed in qPCR. Normalising whole samples does not change it. ``proteins``: the
    mean robust z of the red-cell proteins of the shipped signature ``haemolysis`` (haptoglobin
    left out), in robust SDs of the baseline samples.

    Parameters
    ----------
    adata
        Samples x analytes: Cq, or a log scale.
    method
        ``mir_ratio``, ``proteins``, or ``auto``: what the modality has.
    limits
        Above the first a sample is ``possible``, above the second ``yes``. None is (5, 7) for
        Cq, also turned to log2, and (2, 3) robust SDs for proteins. For counts and other log
        scales no limits are validated: every sample is ``unknown`` until they are given.
    assays
        Var names of miR-451a and of miR-23a-3p, in this order, where they are not found, or each
        stands more than once.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. ``obs["haemolysis"]`` is the index,
        ``obs["haemolysed"]`` one of no, possible, yes, unknown;
        ``uns["exerkine"]["haemolysis"]`` holds method and limits.

    Raises
    ------
    AnalysisError
        If the markers are not measured: one of the two miRNAs, or fewer than three proteins.
    UsageError
        For a method or limits that are none.
    UnitsError
        If proteins are not on a log scale.

    Notes
    -----
    Missing values: without one of the two miRNAs, or without any protein of the panel, the index
    is NaN and the flag ``unknown``.

    Hard exercise itself bursts red cells in the vessels: where the index moves with time a
    warning says so, and leaving flagged samples out would then take signal out. What haemolysis
    does to a signature is asked of `exo.tl.score_confounders`.

    References
    ----------
    Blondal et al. 2013, Methods 59:S1 (PMID 23036329). The proteins' sources: ``exerkine
    signatures show haemolysis``.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1, haemolysed=0.2).adata
    >>> exo.pp.haemolysis(adata)
    >>> adata.obs["haemolysed"].value_counts().loc["yes"] > 0
    np.True_
    """
    if method not in _METHODS:
        raise UsageError(f"method={method!r}", fix=f"One of {', '.join(_METHODS)}.")
    if method == "auto":
        modality = str(meta(adata).get(schema.MODALITY, ""))
        if modality not in ("mirna", "proteomics"):
            raise AnalysisError(
                f"No haemolysis index is known for {modality or 'an unknown modality'}",
                fix="Measure absorbance at 414 nm, or look at exo.tl.score_confounders.",
            )
        method = "mir_ratio" if modality == "mirna" else "proteins"
    if method == "mir_ratio":
        index, chosen = _ratio(adata, assays)
        standard: tuple[float, float] | None = _CQ_LIMITS if _is_cq(adata) else None
    else:
        if assays is not None:
            raise UsageError("assays= belongs to method='mir_ratio'", fix="Leave it out.")
        index, chosen = _panel(adata)
        standard = _PANEL_LIMITS
    limits = standard if limits is None else limits
    if limits is not None:
        limits = _checked(limits)
    flag = (
        np.full(adata.n_obs, "unknown", dtype=object)
        if limits is None
        else kernel.flags(index, *limits).astype(object)
    )
    target = editable(adata, copy, values=False)
    target.obs[schema.HAEMOLYSIS] = index
    target.obs[schema.HAEMOLYSED] = pd.Categorical(flag, categories=_FLAGS)
    known = (np.nan, np.nan) if limits is None else limits
    meta(target)[schema.HAEMOLYSIS] = {
        "method": method,
        "possible": float(known[0]),
        "yes": float(known[1]),
        "markers": "; ".join(chosen),
    }
    _say(target, index, flag, limits)
    add_step(target, "pp.haemolysis", method=method, limits=limits, markers=list(chosen))
    return target if copy else None


def _is_cq(adata: AnnData) -> bool:
    """Say whether the values are Cq, or were until they were turned to log2."""
    if units(adata) == "Cq":
        return True
    if "pcr" in str(meta(adata).get(schema.PLATFORM, "")).casefold():
        return True
    steps = meta(adata).get(schema.STEPS)
    if steps is None:
        return False
    before = [json.loads(str(p)).get("units_before") for p in steps["parameters"]]
    return "Cq" in before


def _ratio(adata: AnnData, assays: tuple[str, str] | None) -> tuple[np.ndarray, list[str]]:
    if units(adata) != "Cq":
        require_log(adata, "pp.haemolysis")
    names = _mirs(adata) if assays is None else list(assays)
    absent = [n for n in names if n not in adata.var_names]
    if len(names) != 2 or absent:
        raise UsageError(
            f"assays={assays!r} are no two assays of this panel",
            fix="Name miR-451a and miR-23a-3p as in var_names.",
        )
    first, second = (dense(adata)[:, adata.var_names.get_loc(n)] for n in names)
    # Cq falls where there is more
    return (second - first) if units(adata) == "Cq" else (first - second), names


def _mirs(adata: AnnData) -> list[str]:
    """Var names of miR-451a and miR-23a-3p."""
    columns = [c for c in (schema.NAME, schema.MIRBASE, schema.MIMAT) if c in adata.var]
    features = [
        {"index": str(i), **{c: str(row[c]) for c in columns}}
        for i, row in adata.var[columns].iterrows()
    ]
    species = str(meta(adata).get(schema.SPECIES, "human"))
    found = [f.values for f in identify(features, "mirna")]
    if species not in ("human", schema.UNKNOWN):  # the miRNA of the same name
        found = [
            f.values
            for f in identify(
                [{**f, "index": f["index"].split("-", 1)[-1]} for f in features], "mirna"
            )
        ]
    names = []
    for accession, name in _MIRS.items():
        hits = [
            str(v)
            for v, known in zip(adata.var_names, found, strict=True)
            if known.get(schema.MIMAT) == accession
        ]
        if len(hits) != 1:
            what = "is not measured" if not hits else f"stands more than once ({shown(hits)})"
            raise AnalysisError(
                f"{name} {what}: the ratio of miR-451a to miR-23a-3p needs both",
                where="var",
                fix="Name the two with assays=(..., ...), or measure absorbance at 414 nm.",
            )
        names += hits
    return names


def _panel(adata: AnnData) -> tuple[np.ndarray, list[str]]:
    require_log(adata, "pp.haemolysis")
    signature = load()[_PANEL]
    found = match(SignatureSet([signature]), adata.var, "proteomics", several="first")[0]
    rises = np.asarray(found.weights) > 0
    columns = np.asarray(found.columns)[rises]
    names = [str(adata.var_names[c]) for c in columns]
    if len(names) < _FEWEST_MEMBERS:
        raise AnalysisError(
            f"{len(names)} red-cell proteins are measured ({shown(names)}); "
            f"{_FEWEST_MEMBERS} make an index",
            fix="exo.sig.load()['haemolysis'] lists them; measure absorbance at 414 nm.",
        )
    return kernel.panel_index(dense(adata)[:, columns], _reference(adata)), names


def _reference(adata: AnnData) -> np.ndarray:
    """Baseline samples of people; all of people where no baseline is known."""
    people = persons_tubes(adata)
    start = str(meta(adata).get(schema.BASELINE, ""))
    if schema.TIMEPOINT not in adata.obs or not start:
        return people
    at = people & (adata.obs[schema.TIMEPOINT].astype(str) == start).to_numpy()
    return at if at.sum() >= 3 else people


def _checked(limits: Sequence[float]) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in limits)
    except (TypeError, ValueError):
        raise UsageError(f"limits={limits!r} are no two numbers", fix="Give (5, 7).") from None
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise UsageError(f"limits={limits!r} do not rise", fix="Give (possible, yes).")
    return low, high


def _say(
    adata: AnnData, index: np.ndarray, flag: np.ndarray, limits: tuple[float, float] | None
) -> None:
    people = persons_tubes(adata)
    hit = tuple(adata.obs_names[(flag == "yes") & people])
    doubtful = tuple(adata.obs_names[(flag == "possible") & people])
    fix = (
        "Test with and without them, and ask exo.tl.score_confounders what haemolysis does to a "
        "signature."
    )
    keep_findings(
        adata,
        Finding(
            "haemolysed_samples", "warning",
            f"{len(hit)} samples are haemolysed: {shown(hit)}.", hit, fix,
        ),
        Finding(
            "possibly_haemolysed", "note",
            f"{len(doubtful)} samples may be haemolysed: {shown(doubtful)}.", doubtful, fix,
        ),
    )  # fmt: skip
    if limits is None:
        warn(
            "No limits of haemolysis are validated for this unit: the index is given and every "
            "sample is 'unknown'. Give limits=(possible, yes) if you have them"
        )
    moved = _moves_with_time(adata, index)
    if moved:
        warn(
            f"The haemolysis index moves with exercise ({moved}): red cells burst in the vessels "
            "too, and leaving flagged samples out would take signal out"
        )


def _moves_with_time(adata: AnnData, index: np.ndarray) -> str:
    """Name the later time points at which people's index differs from their own baseline."""
    if schema.SUBJECT not in adata.obs or schema.TIMEPOINT not in adata.obs:
        return ""
    start = str(meta(adata).get(schema.BASELINE, ""))
    frame = pd.DataFrame(
        {
            "who": adata.obs[schema.SUBJECT].astype(object),
            "when": adata.obs[schema.TIMEPOINT].astype(object),
            "index": index,
        }
    ).dropna()
    wide = frame.drop_duplicates(["who", "when"], keep=False).pivot(
        index="who", columns="when", values="index"
    )
    if start not in wide:
        return ""
    told = []
    for time in wide.columns.drop(start):
        change = (wide[time] - wide[start]).dropna()
        # ranks: a few burst tubes are no effect of exercise
        if len(change) > 5 and (change != 0).any():
            p = float(stats.wilcoxon(change).pvalue)
            if p < 0.01:
                told.append(f"{time}: median {change.median():+.2g}, p = {p:.1g}")
    return "; ".join(told)
