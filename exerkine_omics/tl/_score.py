"""How strongly each sample carries the signatures, and how that changed in each person."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    baseline,
    build_design,
    dense,
    frame_for_storage,
    make_pairs,
    meta,
    require_log,
    require_slug,
)
from exerkine_omics.errors import InputError, UsageError, shown, warn
from exerkine_omics.kernels._scores import (
    MIN_BASELINE,
    Reference,
    enough_coverage,
    fit_reference,
    standardise,
    weighted_mean,
)
from exerkine_omics.sig import Matched, Signatures, SignatureSet, load, match

_METHODS = ("baseline_z",)


def score(
    adata: AnnData,
    signatures: Signatures | None = None,
    *,
    method: str = "baseline_z",
    min_coverage: float = 0.5,
    several: str = "error",
) -> None:
    r"""Score each sample on each signature, with the coverage beside every score.

    Use it to see how far a sample lies from the cohort's baseline along a signature.

    .. math:: s_i = \sum_j w_j z_{ij} \Big/ \sum_j |w_j|, \qquad
              z_{ij} = (x_{ij} - \bar x_j) / s_j

    over the members *j* measured in sample *i*; mean and SD :math:`s_j` of member *j* are those
    of the baseline samples. A SD below 0.1 x the median SD of the panel is raised to it. A member
    with fewer than 3 baseline values is not measured.

    Parameters
    ----------
    adata
        Samples x features on a log scale.
    signatures
        SignatureSet, ``{name: [var names]}`` or ``{name: {var name: weight}}``; None means all
        shipped signatures of the modality.
    method
        ``baseline_z``.
    min_coverage
        Share of the absolute weight that must be measured, 0 to 1; below it the score is NaN.
    several
        What to do where several features measure one member: ``error``, or ``first``.

    Returns
    -------
    None
        ``obsm["score_baseline_z"]`` (units: baseline SDs) and ``obsm["coverage_baseline_z"]``
        (0 to 1): frames, samples x signatures.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        If the baseline is gone, or has fewer than 3 samples.

    Notes
    -----
    Missing values: a NaN member is left out of that sample's score, and its weight out of the
    coverage; nothing is filled in. A score depends on the baseline samples of the cohort.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.tl.score(adata)
    >>> adata.obsm["score_baseline_z"].columns.to_list()
    ['il6_anti_inflammatory_cascade', 'muscle_leak']
    """
    matched, reference, values = _prepare(adata, signatures, method, min_coverage, several)
    for note in context_notes(adata, signatures):
        warn(note)
    z = standardise(values, reference)
    scores, coverages = {}, {}
    for item in matched:
        value, coverage = weighted_mean(z[:, item.columns], item.weights, item.total)
        scores[item.name] = np.where(enough_coverage(coverage, min_coverage), value, np.nan)
        coverages[item.name] = coverage
    adata.obsm[schema.score_key(method)] = pd.DataFrame(scores, index=adata.obs_names)
    adata.obsm[schema.coverage_key(method)] = pd.DataFrame(coverages, index=adata.obs_names)
    add_step(
        adata,
        "tl.score",
        method=method,
        min_coverage=min_coverage,
        signatures=[m.name for m in matched],
    )


def score_change(
    adata: AnnData,
    signatures: Signatures | None = None,
    *,
    method: str = "baseline_z",
    min_coverage: float = 0.5,
    several: str = "error",
    key_added: str = "score_change",
) -> pd.DataFrame:
    r"""Say how each person's score changed from baseline, on the members measured both times.

    .. math:: \Delta_i = \sum_j w_j (x_{ijt} - x_{ij0}) / s_j \Big/ \sum_j |w_j|

    over the members *j* measured in person *i* at both times; :math:`s_j` as in `score`.

    Parameters
    ----------
    adata, signatures, method, min_coverage, several
        As in `score`.
    key_added
        Key of ``uns`` that receives the frame.

    Returns
    -------
    DataFrame
        One row a person, signature and later time point: subject_id, arm (where there are arms),
        signature, timepoint, baseline, change (baseline SDs of the members), std_change (change
        / SD between people of the baseline score), coverage (share of the weight measured at both
        times), n_members, status (``ok``, ``coverage below <min>``, or why there is no pair).

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        As in `score`, or where a person has two samples of one time.

    Notes
    -----
    Missing values: a member missing at either time leaves both. People are paired by id.
    """
    require_slug(key_added)
    matched, reference, values = _prepare(adata, signatures, method, min_coverage, several)
    pairs = make_pairs(adata, build_design(adata)).frame
    position = {name: i for i, name in enumerate(adata.obs_names)}
    rows = [
        (position.get(b, -1), position.get(s, -1))
        for b, s in zip(pairs["baseline_sample"], pairs["sample"], strict=True)
    ]
    first, second = np.array(rows, dtype=int).reshape(-1, 2).T
    usable = pairs["paired"].to_numpy()
    z = standardise(values, reference)
    at_baseline = (adata.obs[schema.TIMEPOINT].astype(str) == baseline(adata)).to_numpy()
    pairs["baseline"] = baseline(adata)
    keys = [k for k in (schema.SUBJECT, schema.ARM, schema.TIMEPOINT, "baseline") if k in pairs]
    frames = []
    too_thin = f"coverage below {min_coverage:g}"
    for item in matched:
        member = z[:, item.columns]
        delta = np.where(usable[:, None], member[second] - member[first], np.nan)
        change, coverage = weighted_mean(delta, item.weights, item.total)
        level, level_coverage = weighted_mean(member[at_baseline], item.weights, item.total)
        level = level[enough_coverage(level_coverage, min_coverage)]
        spread = np.std(level, ddof=1) if len(level) >= MIN_BASELINE else np.nan
        status = np.where(
            usable,
            np.where(enough_coverage(coverage, min_coverage), schema.OK, too_thin),
            pairs["reason"].astype(str),
        )
        change = np.where(status == schema.OK, change, np.nan)
        frame = pairs[keys].copy()
        frame.insert(len(keys) - 2, "signature", item.name)
        frame["change"] = change
        frame["std_change"] = change / spread if spread > 0 else np.nan
        frame["coverage"] = coverage
        frame["n_members"] = np.isfinite(delta).sum(axis=1).astype("int64")
        frame["status"] = status
        frames.append(frame)
    result = pd.concat(frames, ignore_index=True)
    result["signature"] = pd.Categorical(result["signature"], [m.name for m in matched])
    result = frame_for_storage(result)
    adata.uns[key_added] = result
    add_step(adata, "tl.score_change", method=method, min_coverage=min_coverage)
    return result


def _prepare(
    adata: AnnData, signatures: Signatures | None, method: str, min_coverage: float, several: str
) -> tuple[list[Matched], Reference, np.ndarray]:
    if method not in _METHODS:
        raise UsageError(f"There is no scorer {method!r}", fix=f"Known: {', '.join(_METHODS)}.")
    if not 0 <= min_coverage <= 1:
        raise UsageError(f"min_coverage={min_coverage!r} is not between 0 and 1")
    require_log(adata, "tl.score")
    if isinstance(signatures, Mapping):
        slashed = [name for name in signatures if "/" in str(name)]
        if slashed:
            raise UsageError(
                f"Signature names {shown(slashed)} hold a '/', which h5ad reads as a folder",
                where="signatures=",
                fix="Rename them.",
            )
    start = baseline(adata)
    at_start = (adata.obs[schema.TIMEPOINT].astype(str) == start).to_numpy()
    if at_start.sum() < MIN_BASELINE:
        raise InputError(
            f"Baseline {start!r} has {at_start.sum()} samples, a reference needs {MIN_BASELINE}",
            where=f"obs['{schema.TIMEPOINT}']",
        )
    modality = meta(adata).get(schema.MODALITY)
    matched = match(signatures, adata.var, modality, several=several)
    values = dense(adata)
    return matched, fit_reference(values[at_start]), values


def context_notes(adata: AnnData, signatures: Signatures | None = None) -> list[str]:
    """Say which signatures were made for another species or sampling matrix.

    Parameters
    ----------
    adata
        AnnData whose ``uns["exerkine"]`` names species and matrix.
    signatures
        SignatureSet, or None for the shipped ones of the modality. Plain mappings have no context.

    Returns
    -------
    list
        One sentence a mismatch; an unknown matrix is a finding of `pp.check`, not one here.
    """
    known = meta(adata)
    if signatures is None:
        signatures = load().query(modality=str(known.get(schema.MODALITY)))
    if not isinstance(signatures, SignatureSet):
        return []
    species, matrix = (str(known.get(k, schema.UNKNOWN)) for k in (schema.SPECIES, schema.MATRIX))
    notes = []
    for s in signatures.values():
        if species not in (s.species, schema.UNKNOWN):
            notes.append(f"{s.name} is a {s.species} signature; these samples are {species}.")
        if s.matrix and matrix not in (*s.matrix, schema.UNKNOWN):
            notes.append(
                f"{s.name} was found in {', '.join(s.matrix)}; these samples are {matrix}."
            )
    return notes
