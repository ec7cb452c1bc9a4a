"""Which members make a score, in each sample and in the cohort's change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    baseline,
    build_design,
    frame_for_storage,
    make_pairs,
    require_slug,
    t_quantile,
)
from exerkine_omics.kernels._paired import paired_t
from exerkine_omics.kernels._scorer import Prepared, enough_coverage, member_parts
from exerkine_omics.sig import Signatures
from exerkine_omics.tl._score_change import pair_blocks, pair_status
from exerkine_omics.tl._score_test import score_contrasts
from exerkine_omics.tl._scoring import Scoring, prepare_scoring, too_thin


def contributions(
    adata: AnnData,
    signatures: Signatures | None = None,
    *,
    method: str = "baseline_z",
    min_coverage: float = 0.5,
    several: str = "error",
    reference: pd.DataFrame | None = None,
    tau: float | None = None,
    mx_diff: bool | None = None,
    abs_ranking: bool | None = None,
) -> pd.DataFrame:
    r"""Say what each member adds to each sample's score.

    Use it to see which molecules a score rests on, in a sample that stands out. For scorers that
    are means (``baseline_z``, ``weighted_mean``) the parts add up to the score,

    .. math:: w_j z_{ij} \Big/ \sum_j |w_j|

    for the others a member's part is the score minus the score without the member, and the parts
    do not add up (``ssgsea`` in ranks, before it is divided by the range).

    Parameters
    ----------
    adata, signatures, method, min_coverage, several, reference, tau, mx_diff, abs_ranking
        As in `score`.

    Returns
    -------
    DataFrame
        One row a sample and measured member: sample_id, signature, member (feature), weight,
        value (unit of X), contribution (unit of the score), coverage, status (``ok``, ``not
        measured`` in that sample, ``coverage below <min>``).

    Raises
    ------
    UnitsError, InputError, UsageError
        As in `score`.

    Notes
    -----
    Missing values: a member not measured in a sample has no part in it.

    See Also
    --------
    change_contributions : the members' parts in the cohort's change.
    """
    scoring = _prepare(
        adata, signatures, method, min_coverage, several, reference, tau, mx_diff, abs_ranking
    )
    owner, columns = _members(scoring)
    parts = np.full((len(owner), adata.n_obs), np.nan)
    values = np.full(parts.shape, np.nan)
    covered = np.zeros((len(scoring.sets), adata.n_obs))
    for rows, block in scoring.blocks():
        prepared = scoring.fitted.prepare(block)
        _, covered[:, rows] = scoring.fitted.score(prepared, scoring.sets)
        parts[:, rows] = _measured_parts(scoring, prepared, columns)
        values[:, rows] = block[:, columns].T
    covered = covered[owner]
    status = np.select(
        [~enough_coverage(covered, min_coverage), np.isnan(parts)],
        [too_thin(min_coverage), "not measured"],
        schema.OK,
    )
    n_rows = len(owner)
    sample = np.tile(np.arange(adata.n_obs), n_rows)
    weight = scoring.sets.weights.data
    return pd.DataFrame(
        {
            schema.SAMPLE_ID: pd.Categorical.from_codes(sample, adata.obs_names.astype(str)),
            "signature": pd.Categorical.from_codes(np.repeat(owner, adata.n_obs), scoring.names),
            "member": pd.Categorical(
                np.repeat(adata.var_names[columns].astype(str), adata.n_obs),
                categories=list(dict.fromkeys(adata.var_names[columns].astype(str))),
            ),
            "weight": np.repeat(weight, adata.n_obs),
            "value": values.ravel(),
            "contribution": np.where(status == schema.OK, parts, np.nan).ravel(),
            "coverage": covered.ravel(),
            "status": pd.Categorical(status.ravel()),
        }
    )


def change_contributions(
    adata: AnnData,
    signatures: Signatures | None = None,
    *,
    method: str = "baseline_z",
    control: str | None = None,
    min_coverage: float = 0.5,
    several: str = "error",
    reference: pd.DataFrame | None = None,
    tau: float | None = None,
    mx_diff: bool | None = None,
    abs_ranking: bool | None = None,
    key_added: str = "change_contributions",
) -> pd.DataFrame:
    r"""Say what each member adds to the mean change of each signature's score.

    Use it beside `score_test`, to see which molecules carry a change and whether it is one alone.
    With a scorer that is a mean, the parts of a contrast add up to the mean change of
    `score_test`; otherwise see `contributions`.

    Parameters
    ----------
    adata, signatures, method, min_coverage, several, reference, tau, mx_diff, abs_ranking
        As in `score_change`.
    control
        Arm whose change is subtracted.
    key_added
        Key of ``uns`` that receives the frame.

    Returns
    -------
    DataFrame
        One row a signature, contrast and measured member: signature, contrast, member (feature),
        weight, contribution (mean part of the mean change, unit of the score), ci_low, ci_high
        (95%, over people), share (of the sum of the contributions), n_people (with the member
        measured at both times), status.

    Raises
    ------
    UnitsError, InputError, UsageError
        As in `score_change`; ``control`` is none of the arms.

    Notes
    -----
    Missing values: a member missing at either time has no part in that person's change, and its
    part counts as 0 in the mean, since the person's other members carry the score.
    """
    require_slug(key_added)
    scoring = _prepare(
        adata, signatures, method, min_coverage, several, reference, tau, mx_diff, abs_ranking
    )
    pairs = make_pairs(adata, build_design(adata)).frame
    pairs["baseline"] = baseline(adata)
    owner, columns = _members(scoring)
    parts = np.full((len(owner), len(pairs)), np.nan)
    covered = np.zeros((len(scoring.sets), len(pairs)))
    for rows, before, after in pair_blocks(scoring, pairs):
        _, covered[:, rows] = scoring.fitted.score(after, scoring.sets)
        later, earlier = (_measured_parts(scoring, p, columns) for p in (after, before))
        parts[:, rows] = later - earlier
    frames = []
    for number, name in enumerate(scoring.names):
        mine = np.flatnonzero(owner == number)
        usable = pair_status(pairs, covered[number], min_coverage) == schema.OK
        change = np.where(usable, np.nan_to_num(parts[mine]), np.nan)
        there = np.isfinite(parts[mine]) & usable
        for contrast, rows, sign, n_groups in score_contrasts(pairs, control):
            fit = paired_t((change[:, rows] * sign).T, (sign < 0).astype(int), n_groups)
            half = t_quantile(fit.df, 0.975) * fit.se
            total = fit.estimate.sum()
            status = np.full(len(mine), schema.OK, dtype=object)
            status[~fit.enough] = "fewer than 2 pairs in an arm"
            status[fit.n == 0] = "no pairs"
            frames.append(
                pd.DataFrame(
                    {
                        "signature": name,
                        "contrast": contrast,
                        "member": adata.var_names[columns[mine]].astype(str),
                        "weight": scoring.sets.weights.data[mine],
                        "contribution": fit.estimate,
                        "ci_low": fit.estimate - half,
                        "ci_high": fit.estimate + half,
                        "share": fit.estimate / total if total != 0 else np.nan,
                        "n_people": there[:, rows].sum(axis=1),
                        "status": status,
                    }
                )
            )
    columns_of = ["signature", "contrast", "member", "weight", "contribution", "ci_low"]
    columns_of += ["ci_high", "share", "n_people", "status"]
    result = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns_of)
    for name in ("signature", "contrast", "member"):
        result[name] = pd.Categorical(result[name], list(dict.fromkeys(result[name])))
    result["n_people"] = result["n_people"].astype("int64")
    result = frame_for_storage(result)
    adata.uns[key_added] = result
    return result


def _prepare(
    adata: AnnData,
    signatures: Signatures | None,
    method: str,
    min_coverage: float,
    several: str,
    reference: pd.DataFrame | None,
    tau: float | None,
    mx_diff: bool | None,
    abs_ranking: bool | None,
) -> Scoring:
    given: dict[str, Any] = {"tau": tau, "mx_diff": mx_diff, "abs_ranking": abs_ranking}
    return prepare_scoring(
        adata,
        signatures,
        method,
        given,
        min_coverage=min_coverage,
        several=several,
        reference=reference,
        caller="tl.contributions",
    )


def _members(scoring: Scoring) -> tuple[np.ndarray, np.ndarray]:
    """Signature and column of each measured member."""
    sets = scoring.sets
    return np.repeat(np.arange(len(sets)), sets.sizes()), sets.weights.indices


def _measured_parts(scoring: Scoring, prepared: Prepared, columns: np.ndarray) -> np.ndarray:
    """Parts of the members, members x samples; NaN where not measured."""
    parts = member_parts(scoring.fitted, prepared, scoring.sets)
    if prepared.present is None:
        return parts
    return np.where(prepared.present[columns] > 0, parts, np.nan)
