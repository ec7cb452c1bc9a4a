"""How the score of each signature changed in each person."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import stats

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    baseline,
    build_design,
    frame_for_storage,
    levels,
    make_pairs,
    require_slug,
    take_samples,
)
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.kernels._response import pooled_sd
from exerkine_omics.kernels._scorer import Prepared, enough_coverage, members_measured, score_range
from exerkine_omics.kernels._scores import MIN_BASELINE
from exerkine_omics.sig import Signatures
from exerkine_omics.tl._scoring import ROWS, Scoring, prepare_scoring, too_thin


def score_change(
    adata: AnnData,
    signatures: Signatures | None = None,
    *,
    method: str = "baseline_z",
    min_coverage: float = 0.5,
    several: str = "error",
    reference: pd.DataFrame | None = None,
    repeat: str | None = None,
    control: str | None = None,
    tau: float | None = None,
    normalize: bool | None = None,
    mx_diff: bool | None = None,
    abs_ranking: bool | None = None,
    key_added: str = "score_change",
) -> pd.DataFrame:
    r"""Say how each person's score changed from baseline, on the members measured both times.

    .. math:: \Delta_i = \sum_j w_j (x_{ijt} - x_{ij0}) / s_j \Big/ \sum_j |w_j|

    over the members *j* measured in person *i* at both times; :math:`s_j` as in `score`. With
    another scorer both samples are scored on the features measured in both.

    Parameters
    ----------
    adata, signatures, method, min_coverage, several, reference
        As in `score`.
    repeat
        Time point that repeats the baseline: its changes are noise, and give the typical error of
        each score.
    control
        Arm whose changes are noise over the trial's own duration (technical, biological and of
        habits), in place of ``repeat``.
    tau, normalize, mx_diff, abs_ranking
        Options of the scorer, as in `score`.
    key_added
        Key of ``uns`` that receives the frame.

    Returns
    -------
    DataFrame
        One row a person, signature and later time point: subject_id, arm (where there are arms),
        signature, timepoint, baseline, change (unit of the score), std_change (change / SD
        between people of the baseline score), coverage (share of the weight measured at both
        times), n_members, typical_error, rci_low, rci_high, method, status (``ok``,
        ``coverage below <min>``, or why there is no pair).

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        As in `score`, or where a person has two samples of one time.
    UsageError
        If ``repeat`` is no later time point, ``control`` no arm, or both are given.

    Notes
    -----
    Missing values: a member missing at either time leaves both. People are paired by id.

    The typical error is the SD of the noise changes (about each arm's mean) over the root of 2;
    the reliable-change interval is change -+ t x typical error x root 2, t the 97.5% point on its
    df. A change whose interval holds 0 is not told from noise. All three are NaN without
    ``repeat`` or ``control``, or with fewer than 3 people in it.
    """
    require_slug(key_added)
    given = {"tau": tau, "normalize": normalize, "mx_diff": mx_diff, "abs_ranking": abs_ranking}
    scoring = prepare_scoring(
        adata,
        signatures,
        method,
        given,
        min_coverage=min_coverage,
        several=several,
        reference=reference,
        caller="tl.score_change",
    )
    pairs = make_pairs(adata, build_design(adata)).frame
    _require_noise(pairs, repeat, control)
    change, coverage, n_members, spread = _changes(scoring, pairs)
    pairs["baseline"] = baseline(adata)
    keys = [k for k in (schema.SUBJECT, schema.ARM, schema.TIMEPOINT, "baseline") if k in pairs]
    frames = []
    for number, name in enumerate(scoring.names):
        status = pair_status(pairs, coverage[number], min_coverage)
        status[(status == schema.OK) & ~np.isfinite(change[number])] = "no score"
        frame = pairs[keys].copy()
        frame.insert(len(keys) - 2, "signature", name)
        frame["change"] = np.where(status == schema.OK, change[number], np.nan)
        frame["std_change"] = (
            frame["change"] / spread[number] if spread[number] > 0 else np.full(len(frame), np.nan)
        )
        frame["coverage"] = coverage[number]
        frame["n_members"] = n_members[number].astype("int64")
        _add_noise(frame, repeat, control)
        frame["method"] = method
        frame["status"] = status
        frames.append(frame)
    result = pd.concat(frames, ignore_index=True)
    result["signature"] = pd.Categorical(result["signature"], scoring.names)
    result = frame_for_storage(result)
    adata.uns[key_added] = result
    add_step(
        adata,
        "tl.score_change",
        method=method,
        **scoring.fitted.options,
        min_coverage=min_coverage,
        repeat=repeat,
        control=control,
    )
    return result


def _require_noise(pairs: pd.DataFrame, repeat: str | None, control: str | None) -> None:
    if repeat is not None and control is not None:
        raise UsageError("repeat= and control= both say what is noise", fix="Give one of them.")
    later = levels(pairs[schema.TIMEPOINT])
    if repeat is not None and repeat not in later:
        raise UsageError(f"repeat={repeat!r} is none of the later time points {shown(later)}")
    arms = levels(pairs[schema.ARM]) if schema.ARM in pairs else []
    if control is not None and control not in arms:
        raise UsageError(
            f"control={control!r} is none of the arms {shown(arms) or '(there are none)'}"
        )


def _changes(
    scoring: Scoring, pairs: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Change, coverage and members of each pair (sets x pairs); SD of the baseline scores."""
    adata, sets, fitted = scoring.adata, scoring.sets, scoring.fitted
    scores = np.full((len(sets), adata.n_obs), np.nan)
    for rows, values in scoring.blocks():
        scores[:, rows] = fitted.score(fitted.prepare(values), sets)[0]
    scale = score_range(fitted, scores)
    at_baseline = (adata.obs[schema.TIMEPOINT].astype(str) == baseline(adata)).to_numpy()
    spread = np.array([_sd(row[np.isfinite(row)]) for row in scores[:, at_baseline] / scale])
    change = np.full((len(sets), len(pairs)), np.nan)
    coverage = np.zeros(change.shape)
    n_members = np.zeros(change.shape, dtype=int)
    for part, before, after in pair_blocks(scoring, pairs):
        later, coverage[:, part] = fitted.score(after, sets)
        earlier, _ = fitted.score(before, sets)
        change[:, part] = (later - earlier) / scale
        n_members[:, part] = members_measured(after, sets)
    return change, coverage, n_members, spread


def pair_blocks(
    scoring: Scoring, pairs: pd.DataFrame
) -> Iterator[tuple[np.ndarray, Prepared, Prepared]]:
    """Go through the usable pairs: their rows, the samples before and those after, made ready.

    A feature missing at one time leaves both: all that ranks or averages sees the same features.
    """
    names = scoring.adata.obs_names
    first, second = (names.get_indexer(pairs[c]) for c in ("baseline_sample", "sample"))
    usable = np.flatnonzero(pairs["paired"].to_numpy())
    for start in range(0, len(usable), ROWS):
        part = usable[start : start + ROWS]
        before = take_samples(scoring.values, first[part])
        after = take_samples(scoring.values, second[part])
        lacking = np.isnan(before) | np.isnan(after)
        before, after = (np.where(lacking, np.nan, v) for v in (before, after))
        yield part, scoring.fitted.prepare(before), scoring.fitted.prepare(after)


def pair_status(pairs: pd.DataFrame, coverage: np.ndarray, least: float) -> np.ndarray:
    """Say of each pair why it gives no change of one signature."""
    return np.select(
        [~pairs["paired"].to_numpy(), ~enough_coverage(coverage, least)],
        [pairs["reason"].astype(str).to_numpy(dtype=object), too_thin(least)],
        schema.OK,
    )


def _sd(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) >= MIN_BASELINE else np.nan


def _add_noise(frame: pd.DataFrame, repeat: str | None, control: str | None) -> None:
    """Typical error and reliable-change interval of one signature's rows, in place."""
    frame["typical_error"] = frame["rci_low"] = frame["rci_high"] = np.nan
    if repeat is None and control is None:
        return
    time = frame[schema.TIMEPOINT].astype(str)
    arm = frame[schema.ARM].astype(str) if schema.ARM in frame else pd.Series("", frame.index)
    for timepoint in pd.unique(time):
        rows = time == timepoint
        noise = frame[(time == repeat) if control is None else rows & (arm == control)]
        noise = noise[noise["change"].notna()]
        if len(noise) < MIN_BASELINE:
            continue
        sd, df = pooled_sd(noise["change"].to_numpy(), arm[noise.index].to_numpy())
        if df < 1 or not sd > 0:
            continue
        half = float(stats.t.ppf(0.975, df)) * sd
        frame.loc[rows & frame["change"].notna(), "typical_error"] = sd / np.sqrt(2)
        frame.loc[rows, "rci_low"] = frame.loc[rows, "change"] - half
        frame.loc[rows, "rci_high"] = frame.loc[rows, "change"] + half
