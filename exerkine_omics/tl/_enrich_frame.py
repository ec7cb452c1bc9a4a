"""camera_pr: signatures against the rest of the panel, from statistics alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Design, levels, t_tail
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels import _camera
from exerkine_omics.sig import Matched
from exerkine_omics.tl._enrich_sets import SetTested, members_of, normal_deviate, set_status
from exerkine_omics.tl._moderated import run_moderated

FEATURE, CONTRAST = "feature", "contrast"
_TAKES = "It takes estimate and se (and df), or p_value and the sign of an estimate, or a statistic"


def run_camera_pr(
    values: np.ndarray,
    design: Design,
    matched: Sequence[Matched],
    names: pd.Index,
    min_coverage: float,
    options: Mapping[str, Any],
) -> list[SetTested]:
    """Rank by each feature's moderated t, from its own rows: an incomplete feature stays in."""
    own = {"block": "fixed", "legacy": False, "trend": options["trend"]}
    own["robust"] = options["robust"]
    results = []
    tested = run_moderated(values, design, own)
    for contrast, test in zip(design.contrasts, tested, strict=True):
        ok = test.status == schema.OK
        whole = ""
        if contrast.joint:
            whole = "no joint test in camera_pr"
        elif not ok.any():
            whole = str(pd.Series(test.status).mode()[0])
        with np.errstate(invalid="ignore", divide="ignore"):
            t = test.estimate / test.se
            z = np.where(ok, normal_deviate(t_tail(t, test.df), t), np.nan)
        estimate = np.where(ok, test.estimate, np.nan)
        n_pairs = int(np.where(ok, test.n_pairs, 0).max(initial=0))
        results.append(
            ranked(
                contrast.name, z, estimate, n_pairs, matched, names, min_coverage, options, whole
            )
        )
    return results


def ranked(
    contrast: str,
    z: np.ndarray,
    estimate: np.ndarray,
    n_pairs: int,
    matched: Sequence[Matched],
    names: pd.Index,
    min_coverage: float,
    options: Mapping[str, Any],
    whole: str = "",
) -> SetTested:
    """Test one contrast's statistics (features); NaN is a feature without one."""
    usable = np.isfinite(z)
    members = [members_of(item, usable, names) for item in matched]
    n_features = int(usable.sum())
    status = set_status(members, whole, "no member with a statistic", min_coverage, n_features)
    ready = np.flatnonzero(status == schema.OK)
    statistic, p_value, correlation = np.full((3, len(members)), np.nan)
    if len(ready):
        found = _camera.camera_pr(
            z,
            [(members[i].columns, members[i].weights) for i in ready],
            inter_gene_cor=options["inter_gene_cor"],
            use_ranks=options["use_ranks"],
        )
        statistic[ready], p_value[ready] = found.statistic, found.p_value
        correlation[ready] = options["inter_gene_cor"]
        status[ready[~np.isfinite(found.p_value)]] = "statistics do not vary"
    return SetTested(
        contrast,
        members,
        statistic,
        p_value,
        np.full(len(members), np.nan),
        n_features,
        np.full(len(members), n_pairs, dtype=np.int64),
        np.nan_to_num(z),
        estimate,
        status,
        correlation,
    )


def features_of(frame: pd.DataFrame, var: pd.DataFrame | None) -> pd.DataFrame:
    """Features of a frame with their identifiers: those of ``var``, or the frame's own columns."""
    if FEATURE not in frame.columns:
        raise InputError(
            f"The frame has no column {FEATURE!r}; it has {shown(frame.columns)}",
            where="adata=",
            fix="Give a result frame of exo.tl, or a table whose features stand in 'feature'.",
        )
    if frame[FEATURE].isna().any():
        raise InputError("Rows of the frame have no feature", where=f"frame[{FEATURE!r}]")
    names = levels(frame[FEATURE])
    if not names:
        raise InputError("The frame has no rows", where="adata=")
    if var is None:
        own = frame.assign(**{FEATURE: frame[FEATURE].astype(str)})
        return own.drop_duplicates(FEATURE).set_index(FEATURE).loc[names]
    if not isinstance(var, pd.DataFrame):
        raise UsageError(
            f"var= is a {type(var).__name__}, not a frame of features", fix="Give adata.var."
        )
    ids = var.set_axis(var.index.astype(str))
    if ids.index.has_duplicates:
        twice = ids.index[ids.index.duplicated()].unique()
        raise InputError(f"The features {shown(twice)} stand twice", where="var=")
    if not ids.index.isin(names).any():
        raise InputError(
            f"None of the features {shown(names)} is in the index of var, {shown(ids.index)}",
            where="var=",
            fix="Give the var of the AnnData that was tested.",
        )
    return ids.reindex(names)


def run_frame(
    frame: pd.DataFrame,
    matched: Sequence[Matched],
    names: pd.Index,
    min_coverage: float,
    options: Mapping[str, Any],
) -> list[SetTested]:
    """Test each contrast of a result frame or of a published table."""
    feature = frame[FEATURE].astype(str).to_numpy()
    one = pd.Series("all", index=frame.index)
    given = frame[CONTRAST] if CONTRAST in frame.columns else one
    if given.isna().any():
        raise InputError("Rows of the frame have no contrast", where=f"frame[{CONTRAST!r}]")
    contrast = given.astype(str).to_numpy()
    z, estimate, n_pairs = _statistics(frame)
    results = []
    for name in levels(given):
        rows = np.flatnonzero(contrast == name)
        place = names.get_indexer(feature[rows])
        twice = pd.Series(feature[rows])
        twice = twice[twice.duplicated()].unique()
        if len(twice):
            raise InputError(
                f"{shown(twice)} stand twice in the contrast {name!r}",
                where=f"frame[{FEATURE!r}]",
                fix="Keep one row a feature and contrast; they are never averaged silently.",
            )
        own, change = np.full((2, len(names)), np.nan)
        own[place], change[place] = z[rows], estimate[rows]
        whole = "" if np.isfinite(own).any() else "no statistic with a direction"
        n = int(n_pairs[rows].max(initial=0))
        results.append(ranked(name, own, change, n, matched, names, min_coverage, options, whole))
    return results


def _statistics(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signed normal deviate, estimate and n_pairs of each row; a status other than ok is NaN.

    From estimate / se on df (a table without df: normal) where a row has them, else from p and the
    estimate's sign; a table with neither gives its statistics as they are.
    """
    n = len(frame)

    def column(name: str) -> np.ndarray:
        if name not in frame.columns:
            return np.full(n, np.nan)
        try:
            values = frame[name].to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            raise InputError(
                f"The column {name!r} holds text", where=f"frame[{name!r}]", fix="Make it numbers."
            ) from None
        return values

    estimate, se, p, statistic = (column(k) for k in ("estimate", "se", "p_value", "statistic"))
    df = column("df") if "df" in frame.columns else np.full(n, np.inf)
    wrong = (p < 0) | (p > 1)
    if wrong.any():
        raise InputError(f"p of {shown(p[wrong])} are not in 0..1", where="frame['p_value']")
    if (se < 0).any():
        raise InputError(f"se of {shown(se[se < 0])} are negative", where="frame['se']")
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(se > 0, estimate / se, np.nan)
        z = normal_deviate(t_tail(t, df), t)
    # a statistic may have no direction of its own (a rank sum, an F): the estimate has it
    sign = estimate if "estimate" in frame.columns else statistic
    rest = np.isnan(z) & np.isfinite(p) & np.isfinite(sign)
    zero = rest & (p == 0)
    if zero.any():
        names = frame[FEATURE].astype(str)[zero]
        raise InputError(
            f"p of {shown(names)} is 0, which has no normal deviate",
            where="frame['p_value']",
            fix="Give estimate and se, or leave p_value out and give the statistic.",
        )
    z[rest] = normal_deviate(p[rest], sign[rest])
    if "p_value" not in frame.columns and not np.isfinite(z).any():
        endless = np.isinf(statistic)
        if endless.any():
            raise InputError(
                f"Statistics of {shown(frame[FEATURE].astype(str)[endless])} are infinite",
                where="frame['statistic']",
                fix="Give estimate and se, or statistics as normal deviates.",
            )
        z = statistic
    if "status" not in frame.columns and not np.isfinite(z).any():
        raise InputError(
            f"There is no statistic with a direction in {shown(frame.columns)}",
            where="adata=",
            fix=f"{_TAKES}.",
        )
    if "status" in frame.columns:
        z = np.where(frame["status"].astype(str) == schema.OK, z, np.nan)
    n_pairs = column("n_pairs") if "n_pairs" in frame.columns else np.zeros(n)
    return z, estimate, np.where(np.isfinite(n_pairs), n_pairs, 0.0)
