"""Can response be predicted from omics, and beyond what a clinician already knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import parallel, schema
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.ml._control import run_control
from exerkine_omics.ml._cross import (
    CLINICAL,
    OMICS,
    SIGNATURES,
    Material,
    Repeat,
    blocks_of,
    one_repeat,
    permutation_tests,
)
from exerkine_omics.ml._fold import Recipe
from exerkine_omics.ml._fold_scores import signature_columns
from exerkine_omics.ml._measure import measure, person_weights, prediction_frame, roc_frame
from exerkine_omics.ml._outcome import Outcome, auc_ceiling, read_outcome, treated
from exerkine_omics.ml._people import People, read_people
from exerkine_omics.ml._result import Gate, PredictionResult, SignatureBlocks, judge, study_kind
from exerkine_omics.ml._study import join_people, make_material, require_enough, split_arms
from exerkine_omics.settings import settings

MODELS = ("elastic_net",)
_ANTICIPATED_AUC = 0.75


def evaluate(
    data: Any,
    outcome: Any,
    *,
    groups: str = schema.SUBJECT,
    clinical: str | Sequence[str] | None = "auto",
    models: Sequence[str] = MODELS,
    outer: tuple[int, int] = (5, 10),
    inner: int = 5,
    n_permutations: int = 200,
    signatures: Any = None,
    control: Any = None,
    change: pd.Series | None = None,
    feature_time: float | str | None = None,
    outcome_time: float | str | None = None,
    landmark: float | None = None,
    l1_ratios: Sequence[float] = (0.5,),
    decision_threshold: float = 0.5,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int | None = None,
    n_jobs: int | None = None,
) -> PredictionResult:
    """Estimate how well omics predict response, by nested cross-validation of whole people.

    Use it to ask whether there is anything to predict, before a model is built. Three blocks are
    run on the same folds: clinical data, omics, and both; with ``signatures`` two more, their
    scores and these with clinical data. Scores, imputation, filter, scaling and the choice of the
    penalty learn from the training people only, in inner folds too; so do labels given by a rule.

    Model: logistic elastic net, ``sum_i w_i logloss_i + lambda (a |b|_1 + (1-a)/2 |b|^2)``,
    lambda (20 values from lambda_max down) and a by the log loss of inner folds. In
    ``clinical+omics`` (and ``clinical+signatures``) the clinical columns are outside that penalty
    and carry a ridge of 0.01.
    Training classes weigh the same in every fold, for ranking: with each fold's own share, pooled
    predictions of a useless model rank people in reverse. Probabilities are then set to the odds
    of the fold's training people.

    Parameters
    ----------
    data
        AnnData on a log scale: a Delta AnnData, one row a person, or several time points of
        which the baseline is taken. MuData: people in all modalities are used.
    outcome
        Series of 0 and 1 by subject id (NaN: left out), or (ResponseSpec, frame) with one row a
        person (of one arm that trained, and its control) and the column ``subject_id``: labelled
        inside each fold; the rule's checksum stands in ``settings``.
    groups
        Column of obs: people who share a value (twins, a family) stay on one side.
    clinical
        ``auto`` (age, sex, bmi and the outcome before training, where found), names of columns
        of obs or of the outcome's frame, or None.
    models
        ``elastic_net``.
    outer
        Folds and repeats.
    inner
        Folds that choose the penalty (fewer where a class is smaller).
    n_permutations
        Reruns with exchanged outcomes, one repeat each; as many for the gain over clinical.
    signatures
        True (the shipped ones of the modality), a SignatureSet, ``{name: [features]}`` or
        ``{name: {feature: weight}}``: scored as `SignatureScorer` does by default; or a
        `SignatureScorer`, which says how. Each platform of a MuData is scored by itself. A score
        below the least coverage is missing. None: no such blocks.
    control
        The arm that did not train (a level of the arm column), or (data, outcome) of such
        people; by default the control arm of the ResponseSpec.
    change
        Continuous change by subject, for a control arm with under five people in a class.
    feature_time, outcome_time
        Days from the start of training, or ``baseline`` and ``terminal``.
    landmark
        Day before which features must have been drawn; None is the time of the outcome.
    l1_ratios
        Values of a to choose from.
    decision_threshold
        Probability at which net benefit is computed.
    n_bootstrap
        Draws of the person bootstrap.
    level
        Level of the intervals.
    seed
        Seed of folds, permutations and bootstrap; None is ``settings.seed``.
    n_jobs
        Processes; the result does not depend on it.

    Returns
    -------
    PredictionResult
        Metrics are taken within each repeat over all people's out-of-fold predictions, then
        averaged over repeats. Intervals: percentiles of a bootstrap of people (within classes;
        of whole groups where they hold several) of that average, models not refitted: they leave
        out the error of fitting and are somewhat too narrow; inference is by the permutations.
        ``calibration_*``: intercept and slope of logit P(y) = a + b logit p. ``permutation_p`` =
        (b+1)/(m+1) compares the average with single permuted repeats, which vary more: it errs
        to the large side.

    Raises
    ------
    InputError
        Two samples of one person, an outcome that is not 0 and 1, missing columns.
    UnitsError
        Values that are not on a log scale.
    AnalysisError
        Fewer than five people in a class, or fewer than there are folds.
    UsageError
        Options that do not fit together.

    Notes
    -----
    Missing values: a missing feature is the median of the training people; a person without any
    value, or without outcome, is left out and counted. The order of samples and of features
    changes no number: both are sorted by name.

    References
    ----------
    Varma & Simon 2006, BMC Bioinformatics 7:91 (nested cross-validation). Ojala & Garriga 2010,
    JMLR 11:1833 (permutation). Riley et al. 2020, BMJ 368:m441 (sample size). Nogueira et al.
    2018, JMLR 18:174 (stability).

    Examples
    --------
    >>> ev = exo.ml.evaluate(adata, responder, n_permutations=99)  # doctest: +SKIP
    >>> ev.verdict  # doctest: +SKIP
    """
    folds, repeats = _check(models, outer, inner, n_permutations, feature_time, outcome_time)
    seed = settings.seed if seed is None else int(seed)
    recipe = Recipe(l1_ratios=tuple(float(a) for a in l1_ratios), inner=inner)
    given = read_outcome(outcome, change)
    people, answer, counts = join_people(read_people(data, groups), given)
    inside, outside = split_arms(people, answer, control)
    notes = list(people.notes)
    treated_people, treated_answer = people.take(inside), answer.take(inside).settle(given.frame)
    counts |= {"used": len(inside), "control_arm": len(outside)}
    columns, more = signature_columns(people, signatures)
    notes += more
    material, names, more = make_material(treated_people, treated_answer, clinical, columns)
    notes += more
    require_enough(material, folds)
    blocks = blocks_of(material)
    if CLINICAL not in blocks:
        notes.append("No clinical columns: a gain over clinical data cannot be tested.")
    call = partial(one_repeat, material, blocks, recipe, folds, seed)
    done = parallel.run(
        call, [(f"repeat_{k}",) for k in range(repeats)], n_jobs=n_jobs, progress="repeats"
    )
    known = np.mean([np.isnan(r.label).sum() for r in done])
    counts["label_open"] = int(round(known))
    rng = parallel.stream(seed, "ml_bootstrap")
    weights = person_weights(treated_answer.value, material.groups, n_bootstrap, rng)
    model = models[0]
    metrics = measure(done, blocks, weights, model=model, threshold=decision_threshold, level=level)
    p_value = permutation_tests(
        material, blocks, metrics, recipe, folds, seed, n_permutations, n_jobs
    )
    permutation_p, increment_p = p_value[OMICS], p_value[f"{CLINICAL}+{OMICS}"]
    summary, more = _control(
        control, material, people, answer, outside, groups, clinical, change, recipe, signatures,
        folds=folds, repeats=repeats, draws=n_bootstrap, level=level, seed=seed, n_jobs=n_jobs,
    )  # fmt: skip
    notes += more
    ceiling, _, text = auc_ceiling(treated_answer)
    notes.append(text)
    drawn = treated_people.at
    kind, why = study_kind(drawn, feature_time, outcome_time, landmark)
    if isinstance(feature_time, (int, float)) and feature_time > 0 and not why:
        notes.append(f"Features of day {feature_time:g} hold part of the response already.")
    stability, frequency = _stability(done, OMICS, people.features)
    if not np.isfinite(stability.estimate):
        notes.append("Stability is not defined: no feature, or every one, was always chosen.")
    gate = _gate(material, len(names))
    scores = None
    if columns is not None:
        _, chosen = _stability(done, SIGNATURES, columns.names)
        scores = SignatureBlocks(
            method=columns.method,
            names=list(columns.names),
            permutation_p=p_value[SIGNATURES],
            increment_p=p_value[f"{CLINICAL}+{SIGNATURES}"],
            selected=chosen.rename(columns={"feature": "signature"}),
        )
    verdict = judge(kind, why, metrics, permutation_p, increment_p, ceiling, summary, gate, scores)
    used = {
        "seed": seed,
        "folds": folds,
        "repeats": repeats,
        "inner": inner,
        "n_permutations": n_permutations,
        "l1_ratios": list(recipe.l1_ratios),
        "decision_threshold": decision_threshold,
        "n_bootstrap": n_bootstrap,
        "level": level,
        "groups": groups,
        "clinical": names,
        "n_features": int(material.x.shape[1]),
        # of the rule as it was given: it shows that no result moved it
        "rule_sha256": None if given.spec is None else given.spec.sha256,
    }
    return PredictionResult(
        metrics=metrics,
        predictions=prediction_frame(done, blocks, treated_people.subjects, model),
        roc=roc_frame(done, blocks, weights, model, level),
        permutation_p=permutation_p,
        increment_p=increment_p,
        ceiling=ceiling,
        control=summary,
        stability=stability,
        kind=kind,
        verdict=verdict,
        notes=notes,
        gate=gate,
        counts=counts,
        settings=used,
        selected=frequency,
        signatures=scores,
    )


def _check(
    models: Sequence[str],
    outer: tuple[int, int],
    inner: int,
    n_permutations: int,
    *times: float | str | None,
) -> tuple[int, int]:
    unknown = [m for m in models if m not in MODELS]
    if unknown or len(models) != 1:
        raise UsageError(f"models={tuple(models)!r}", fix=f"Known: {', '.join(MODELS)}.")
    folds, repeats = (int(k) for k in outer)
    if folds < 2 or repeats < 1 or inner < 2 or n_permutations < 0:
        raise UsageError(
            f"outer={outer!r}, inner={inner!r}, n_permutations={n_permutations!r}",
            fix="Give 2 folds or more, 1 repeat or more, and permutations from 0 up.",
        )
    for time in times:
        if isinstance(time, str) and time not in ("baseline", "terminal"):
            raise UsageError(
                f"There is no time {time!r}", fix="Give days, 'baseline' or 'terminal'."
            )
    return folds, repeats


def _control(
    control: Any,
    material: Material,
    people: People,
    answer: Outcome,
    outside: np.ndarray,
    groups: str,
    clinical: str | Sequence[str] | None,
    change: pd.Series | None,
    recipe: Recipe,
    signatures: Any,
    **options: Any,
) -> tuple[dict[str, Any] | None, list[str]]:
    if isinstance(control, tuple):
        other = read_people(control[0], groups)
        theirs = read_outcome(control[1], None, number=True)
        others, theirs, _ = join_people(other, theirs)
        if theirs.spec is not None:
            keep = np.flatnonzero(~treated(theirs.spec, theirs.frame))
            keep = keep if len(keep) else np.arange(len(others.subjects))
            others, theirs = others.take(keep), theirs.take(keep)
    elif len(outside):
        others, theirs = people.take(outside), answer.take(outside)
    else:
        return None, ["No control arm: what the same pipeline finds without training is unknown."]
    columns, _ = signature_columns(others, signatures)
    reference, _, notes = make_material(others, theirs, clinical, columns)
    if reference.clinical.shape[1] == 0 and material.clinical.shape[1]:
        notes = [*notes, "The control run has no clinical columns."]
    found, more = run_control(reference, recipe, **options)
    return found, more


def _stability(
    done: Sequence[Repeat], block: str, features: np.ndarray
) -> tuple[performance.Estimate, pd.DataFrame]:
    """Stability of a block's features over all training folds, and how often each was chosen.

    Limits are cut to [-1, 1]. Training folds overlap, so the interval is somewhat too narrow.
    """
    chosen = np.vstack([repeat.selected[block] for repeat in done])
    found, _ = performance.nogueira_stability(chosen)
    found = replace(found, ci_low=max(-1.0, found.ci_low), ci_high=min(1.0, found.ci_high))
    share = chosen.mean(axis=0)
    order = np.argsort(-share, kind="stable")
    frame = pd.DataFrame({"feature": features[order].astype(str), "share": share[order]})
    return found, frame[frame["share"] > 0].reset_index(drop=True)


def _gate(material: Material, n_clinical: int) -> Gate:
    """Riley's sample size at an AUC of 0.75, fixed in advance: an observed AUC is optimistic."""
    value = material.outcome.value
    known = value[~np.isnan(value)]
    share = float(known.mean())
    r2 = performance.r2_from_auc(_ANTICIPATED_AUC, share)
    parameters = int(material.x.shape[1] + n_clinical)
    return Gate(
        n=len(known),
        n_parameters=parameters,
        prevalence=share,
        auc=_ANTICIPATED_AUC,
        required=performance.riley_binary(r2, parameters, share),
        required_ten=performance.riley_binary(r2, 10, share),
    )
