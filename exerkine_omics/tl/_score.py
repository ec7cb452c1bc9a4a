"""How strongly each sample carries the signatures."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import parallel, schema
from exerkine_omics.cohort import (
    add_step,
    meta,
    panel_note,
    reference_frame,
    samples_note,
    signature_notes,
)
from exerkine_omics.errors import UsageError, warn
from exerkine_omics.kernels._score_null import likeness, null_scores, pools
from exerkine_omics.kernels._scorer import Prepared, jackknife, score_range
from exerkine_omics.kernels._scorers import SCORERS
from exerkine_omics.kernels._scores import feature_moments
from exerkine_omics.settings import settings
from exerkine_omics.sig import Signatures, SignatureSet, coverage_frame, load
from exerkine_omics.tl._scoring import Scoring, count_varying, people, prepare_scoring


def score(
    adata: AnnData,
    signatures: Signatures | None = None,
    *,
    method: str = "baseline_z",
    min_coverage: float = 0.5,
    several: str = "error",
    members: str = "available",
    reference: pd.DataFrame | None = None,
    se: bool = True,
    n_permutations: int = 0,
    tau: float | None = None,
    normalize: bool | None = None,
    mx_diff: bool | None = None,
    abs_ranking: bool | None = None,
) -> None:
    r"""Score each sample on each signature, with coverage and standard error beside every score.

    Use it to see how far a sample lies along a signature. The default is the distance from the
    cohort's baseline,

    .. math:: s_i = \sum_j w_j z_{ij} \Big/ \sum_j |w_j|, \qquad
              z_{ij} = (x_{ij} - \bar x_j) / s_j

    over the members *j* measured in sample *i*; mean and SD :math:`s_j` of member *j* are those
    of the baseline samples. A SD below 0.1 x the median SD of the panel is raised to it. A member
    with fewer than 3 baseline values is not measured. `show_methods` lists the other scorers, and
    docs/scores.md gives their formulas and says when to use which.

    Parameters
    ----------
    adata
        Samples x features on a log scale. X may stay in its file (backed h5ad, zarr): it is read
        2048 samples at a time (``gsva`` and ``members="common"`` take it whole).
    signatures
        SignatureSet, ``{name: [var names]}`` or ``{name: {var name: weight}}``; None means all
        shipped signatures of the modality.
    method
        ``baseline_z``, ``weighted_mean``, ``ulm``, ``singscore``, ``ssgsea`` or ``gsva``.
    min_coverage
        Share of the absolute weight that must be measured, 0 to 1; below it the score is NaN.
    several
        What to do where several features measure one member: ``error``, or ``first``.
    members
        ``available``: what is measured in the sample. ``common``: what is measured in all of the
        person's samples, so that changes of the score are changes of the same members.
    reference
        For ``baseline_z``: the frame of ``exo.get.score_reference`` of another cohort, so that a
        new person or cohort is scored on its scale; no baseline is then needed here.
    se
        Whether to give the standard error of each score.
    n_permutations
        Random sets to which each score is compared; 0 means none.
    tau
        For ``ssgsea`` (default 0.25) and ``gsva`` (1): power of the ranks.
    normalize
        For ``ssgsea``: divide by the range of the scores of all samples and signatures (True).
    mx_diff, abs_ranking
        For ``gsva``: add both extremes of the walk (True), or take the larger; subtract the
        negative one instead of adding it (False).

    Returns
    -------
    None
        Frames, samples x signatures: ``obsm["score_<method>"]``, ``obsm["coverage_<method>"]``
        (0 to 1), ``obsm["score_se_<method>"]`` (with ``se``), and with ``n_permutations``
        ``obsm["score_null_z_<method>"]`` and ``obsm["score_null_p_<method>"]``. In ``uns``,
        ``score_members_<method>`` says what of each signature is measured, and
        ``score_reference_baseline_z`` holds the reference.

    Raises
    ------
    UnitsError
        If X is not on a log scale, or a reference has another unit.
    InputError
        If the baseline is gone, or has fewer than 3 samples; if a reference does not fit.
    UsageError
        If a scorer, option or value does not exist.

    Notes
    -----
    Missing values: a NaN member is left out of that sample's score, and its weight out of the
    coverage; nothing is filled in.

    The standard error is the jackknife over the members measured in the sample (for an
    unweighted mean their SD over the root of their number): it says how far the members agree,
    as a sample of all that could stand for the signature. Of the score that all its members would
    give, a share :math:`1 - c` is not measured, c the coverage: its error is
    :math:`se \sqrt{1 - c}`.

    The null draws each member's stand-in from the 50 features most like it in share measured,
    mean and SD (itself among them). It asks whether these members say more than others like them.
    Members of a real signature move together, so p is small too often where features are
    correlated: it ranks signatures, it is no test of a change (`enrich` is).

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.tl.score(adata)
    >>> adata.obsm["score_baseline_z"].columns.to_list()
    ['il6_anti_inflammatory_cascade', 'muscle_leak']
    """
    if members not in ("available", "common"):
        raise UsageError(f"members={members!r} is neither 'available' nor 'common'")
    if not isinstance(se, bool):
        raise UsageError(f"se={se!r} is neither True nor False")
    if isinstance(n_permutations, bool) or not isinstance(n_permutations, (int, np.integer)):
        raise UsageError(f"n_permutations={n_permutations!r} is no whole number")
    if n_permutations and not 20 <= n_permutations:
        raise UsageError(f"n_permutations={n_permutations} is too few to say anything", fix="1000.")
    given = {"tau": tau, "normalize": normalize, "mx_diff": mx_diff, "abs_ranking": abs_ranking}
    scoring = prepare_scoring(
        adata,
        signatures,
        method,
        given,
        min_coverage=min_coverage,
        several=several,
        reference=reference,
        common=members == "common",
    )
    for note in context_notes(adata, signatures, method):
        warn(note)
    found = _score_all(scoring, se, int(n_permutations))
    keys = {
        "score": schema.score_key,
        "coverage": schema.coverage_key,
        "se": schema.score_se_key,
        "z": schema.null_z_key,
        "p": schema.null_p_key,
    }
    for what, key in keys.items():
        adata.obsm.pop(key(method), None)
        if what in found:
            frame = pd.DataFrame(found[what].T, index=adata.obs_names, columns=scoring.names)
            adata.obsm[key(method)] = frame
    measured = coverage_frame(scoring.matched)
    measured[schema.VARYING] = found["varying"]
    measured["signature"] = pd.Categorical(measured["signature"], scoring.names)
    measured["missing"] = measured["missing"].astype("category")
    adata.uns[schema.score_members_key(method)] = measured
    if method == "baseline_z":
        learnt = reference_frame(adata, scoring.fitted.learnt)
        adata.uns[schema.score_reference_key(method)] = learnt
    add_step(
        adata,
        "tl.score",
        method=method,
        **scoring.fitted.options,
        min_coverage=min_coverage,
        members=members,
        stored_reference=reference is not None,
        n_permutations=n_permutations,
        signatures=scoring.names,
    )


def _score_all(scoring: Scoring, se: bool, n_permutations: int) -> dict[str, np.ndarray]:
    """Scores, coverage, SE, z and p (sets x samples), and the people whose members vary."""
    sets, fitted = scoring.sets, scoring.fitted
    n = scoring.adata.n_obs
    person = people(scoring.adata)
    columns = np.unique(sets.weights.indices)
    wanted = ["score", "coverage", *(["se"] if se else []), *(["z", "p"] * bool(n_permutations))]
    found = {what: np.full((len(sets), n), np.nan) for what in wanted}
    present = np.zeros((n, len(columns)), dtype=bool)
    filled = np.zeros(n, dtype=bool)
    stand_ins = _stand_ins(scoring) if n_permutations else []
    for rows, values in scoring.blocks():
        prepared = fitted.prepare(values)
        found["score"][:, rows], found["coverage"][:, rows] = fitted.score(prepared, sets)
        if se:
            error = jackknife(fitted, prepared, sets)
            found["se"][:, rows] = np.where(np.isnan(found["score"][:, rows]), np.nan, error)
        for number, like in enumerate(stand_ins):
            own = found["score"][number, rows]
            z, p = _null(scoring, prepared, number, like, n_permutations, own)
            found["z"][number, rows], found["p"][number, rows] = z, p
        finite = np.isfinite(values)
        present[rows], filled[rows] = finite[:, columns], finite.any(axis=1)
    scale = score_range(fitted, found["score"])
    if np.isnan(scale) and np.isfinite(found["score"]).any():
        warn(
            f"All {fitted.scorer.name} scores are equal or there is one: they have no range to be "
            "divided by, and are NaN. normalize=False gives them in ranks."
        )
    found["score"] /= scale
    if se:
        found["se"] /= scale
    # only the members' columns were kept: the sets in terms of them
    slim = type(sets)(sets.weights[:, columns], sets.total)
    found["varying"] = count_varying(slim, present[filled], person[filled])
    return found


def _stand_ins(scoring: Scoring) -> list[tuple[np.ndarray, np.ndarray]]:
    """Features like each member, and the members' weights, a pair a signature.

    Features and members go by name: where they stand in X or in a signature changes no draw.
    """
    values, sets = scoring.values, scoring.sets
    parts = [feature_moments(values[:, b]) for b in parallel.blocks(scoring.adata.n_vars)]
    like = likeness(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    by_name = np.argsort(scoring.adata.var_names.to_numpy(str), kind="stable")
    place = np.argsort(by_name)
    found = []
    for number in range(len(sets)):
        columns, weights = sets.members(number)
        # what is measured in no sample adds nothing to the score, nor do stand-ins for it
        known = np.isfinite(like[columns, 0])
        columns, weights = columns[known], weights[known]
        order = np.argsort(place[columns])
        pool = pools(like[by_name], place[columns][order]) if known.any() else order[:, None]
        found.append((by_name[pool], weights[order]))
    return found


def _null(
    scoring: Scoring,
    prepared: Prepared,
    number: int,
    stand_ins: tuple[np.ndarray, np.ndarray],
    n_permutations: int,
    score: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Z and p of one signature's scores; the same random sets in each block of samples."""
    nothing = np.full((2, len(score)), np.nan)
    pool, weights = stand_ins
    if not len(pool):
        return nothing[0], nothing[1]
    rng = parallel.stream(settings.seed, "score_null", scoring.names[number])
    n_features = scoring.adata.n_vars
    drawn = null_scores(
        scoring.fitted, prepared, pool, weights, n_permutations, n_features, rng, score
    )
    if drawn is None:
        return nothing[0], nothing[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (score - drawn.mean) / drawn.sd, drawn.p_value


def context_notes(
    adata: AnnData, signatures: Signatures | None = None, method: str = "baseline_z"
) -> list[str]:
    """Say which signatures were made for other samples, and whether the panel bears the scorer.

    Parameters
    ----------
    adata
        AnnData whose ``uns["exerkine"]`` names species and matrix.
    signatures
        SignatureSet, or None for the shipped ones of the modality. Plain mappings have no context.
    method
        The scorer.

    Returns
    -------
    list
        One sentence a mismatch; an unknown matrix is a finding of `pp.check`, not one here.
    """
    known = meta(adata)
    scorer = SCORERS[method]
    notes = [panel_note(scorer, adata.n_vars), samples_note(scorer, adata.n_obs)]
    notes = [note for note in notes if note]
    if signatures is None:
        signatures = load().query(modality=str(known.get(schema.MODALITY)))
    if not isinstance(signatures, SignatureSet):
        return notes
    return notes + signature_notes(signatures.values(), known)
