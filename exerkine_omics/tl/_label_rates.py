"""How many responders each rule makes, and how many it makes of people who did not train."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import frame_for_storage
from exerkine_omics.cohort._outcomes import as_names, outcome_table
from exerkine_omics.cohort._reliability import Reliability
from exerkine_omics.cohort._response import (
    baseline_sd,
    check_direction_level,
    check_reliability,
    check_threshold,
    resolve_threshold,
)
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels import _clusters
from exerkine_omics.kernels import _response as kernel
from exerkine_omics.parallel import stream
from exerkine_omics.settings import settings
from exerkine_omics.tl._arms import choose_arms, mark_not_trained

_DRAWS = 2000
_FEW = 4  # two groups explain all of two people, and most of three


def label_rates(
    outcomes: pd.DataFrame,
    *,
    pre: str,
    post: str,
    subject: str = schema.SUBJECT,
    reliability: Reliability | str,
    threshold: float | str,
    arm: str | None = None,
    control: str | None = None,
    treated: str | None = None,
    strata: str | Sequence[str] = (),
    adherence: str | None = None,
    min_adherence: float | None = None,
    direction: str = "up",
    level: float = 0.90,
    quantile: float = 0.25,
    seed: int | None = None,
) -> pd.DataFrame:
    """Count the responders that each labelling rule makes, among the trained and the untrained.

    Use it to judge a label, one's own or a published one: quantiles and clusters always make
    responders, also of people who did nothing; what a rule finds in the control arm is what it
    finds in noise.

    Parameters
    ----------
    outcomes, pre, post, subject, reliability, threshold, arm, control, treated, strata, \
adherence, min_adherence, direction, level
        As in `responders`.
    quantile
        Share that the quantile rule calls responders.
    seed
        Seed of the normal samples that clusters are compared with; None is ``settings.seed``.

    Returns
    -------
    DataFrame
        A row a rule: rule, cut (change above which it says responder, the good direction up),
        n_treated, n_responders, share_treated, n_control, n_control_responders, share_control
        (NaN without a control arm; quantile and cluster anew within the control arm, as a study
        of them alone would), p_value and note. Rules: ``change`` (above the threshold),
        ``category`` (whole interval above it), ``quantile``, ``cluster`` (best two groups; p that
        one normal population splits as well, NaN with fewer than four people), ``dankel``
        (Levene's p; a criticised method, for comparison only; no row where nobody varies).

    Raises
    ------
    InputError
        If a column is not there, holds text, or a person has two rows.
    UsageError
        If the arguments do not fit together.
    AnalysisError
        If nobody of the treated arm was measured twice.

    Notes
    -----
    Missing values: a person without pre or post, or below the dose stated, counts nowhere; nor
    do controls of strata in which nobody trained.

    References
    ----------
    Dankel & Loenneke 2020, Sports Med. Snapinn & Jiang 2007, Trials (responder analyses).
    """
    check_threshold(threshold)
    check_direction_level(direction, level)
    check_reliability(reliability, arm, control)
    if not 0 < quantile < 1:
        raise UsageError(f"quantile={quantile!r} is no share", fix="Give 0.25 for the top quarter.")
    table = outcome_table(outcomes, subject=subject, pre=pre, post=post, arm=arm)
    table = mark_not_trained(table, outcomes, adherence, min_adherence, control)
    arms = choose_arms(table, outcomes, arm, control, treated, as_names(strata))
    noise = (
        Reliability.from_control(
            arms.noise[schema.PRE], arms.noise[schema.POST], list(arms.noise["stratum"])
        )
        if isinstance(reliability, str)
        else reliability
    )
    between = baseline_sd(*arms.baseline)
    limit = resolve_threshold(threshold, between, noise.typical_error)
    sign = 1.0 if direction == "up" else -1.0
    mine = np.sort(sign * arms.measured["change"].to_numpy(float))
    theirs = np.sort(sign * arms.noise["change"].to_numpy(float))
    half = kernel.multiple(level, noise.df) * noise.sd_change
    normal = stream(settings.seed if seed is None else seed, "tl.label_rates", "normal")
    rows = [
        _row("change", limit, mine, theirs, limit, np.nan, ""),
        _row("category", limit + half, mine, theirs, limit + half, np.nan, ""),
        _row(
            "quantile",
            _top(mine, quantile),
            mine,
            theirs,
            _top(theirs, quantile),
            np.nan,
            "makes this share of any group",
        ),
        _cluster(mine, theirs, normal),
    ]
    if len(theirs) > 2 and len(mine) > 2 and max(np.ptp(mine), np.ptp(theirs)) > 0:
        _, high, p, *_ = _clusters.dankel(mine, theirs)
        rows.append(_row("dankel", high, mine, theirs, high, p, "criticised; for comparison only"))
    return frame_for_storage(pd.DataFrame(rows))


def _row(
    rule: str,
    cut: float,
    mine: np.ndarray,
    theirs: np.ndarray,
    control_cut: float,
    p_value: float,
    note: str,
) -> dict[str, object]:
    hits, others = int((mine > cut).sum()), int((theirs > control_cut).sum())
    return {
        "rule": rule,
        "cut": float(cut),
        "n_treated": len(mine),
        "n_responders": hits,
        "share_treated": hits / len(mine),
        "n_control": len(theirs),
        "n_control_responders": others,
        "share_control": others / len(theirs) if len(theirs) else np.nan,
        "p_value": float(p_value),
        "note": note,
    }


def _top(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, 1 - share)) if len(values) else float("nan")


def _cluster(mine: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> dict[str, object]:
    found = _clusters.two_means(mine)
    control_cut = _clusters.two_means(theirs).cut if len(theirs) > 1 else float("nan")
    if len(mine) < _FEW or not np.isfinite(found.explained):
        note = "too few people, or no two changes that differ: nothing to split"
        return _row("cluster", found.cut, mine, theirs, control_cut, float("nan"), note)
    null = _clusters.explained_if_normal(len(mine), _DRAWS, rng)
    p = (1 + int((null >= found.explained).sum())) / (1 + _DRAWS)
    note = (
        f"two groups explain {found.explained:.0%} of the variance; of one normal population "
        f"of {len(mine)} they explain {np.median(null):.0%}"
    )
    return _row("cluster", found.cut, mine, theirs, control_cut, p, note)
