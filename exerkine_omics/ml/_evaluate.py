"""Can response be predicted from omics, and beyond what a clinician already knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import parallel, schema
from exerkine_omics.ml._blocks import CLINICAL, OMICS, blocks_of
from exerkine_omics.ml._ceiling import auc_ceiling
from exerkine_omics.ml._checkpoint import open_checkpoint
from exerkine_omics.ml._control import control_arm
from exerkine_omics.ml._cross import Plan, one_repeat
from exerkine_omics.ml._curves import learning_curve as make_learning_curve
from exerkine_omics.ml._fold import BINOMIAL, GAUSSIAN, Recipe
from exerkine_omics.ml._fold_scores import signature_columns
from exerkine_omics.ml._gate import sample_size_gate
from exerkine_omics.ml._lead import one_class_note
from exerkine_omics.ml._measure import measure, person_weights
from exerkine_omics.ml._options import check_numbers, check_options, read_models
from exerkine_omics.ml._outcome import LABEL, read_outcome
from exerkine_omics.ml._people import read_people
from exerkine_omics.ml._permute import artificial_shares, pair_names, permutation_tests
from exerkine_omics.ml._result import PredictionResult
from exerkine_omics.ml._study import (
    Study,
    join_people,
    make_material,
    require_early,
    require_enough,
    split_arms,
    with_early,
)
from exerkine_omics.ml._tables import (
    reliable_features,
    result_frames,
    signature_blocks,
    stability_of,
)
from exerkine_omics.ml._verdict import judge, study_kind
from exerkine_omics.settings import settings

_IMPORTANCE_DRAWS = 3
_LEARNING_REPEATS = 3


def evaluate(
    data: Any,
    outcome: Any,
    *,
    groups: str = schema.SUBJECT,
    clinical: str | Sequence[str] | None = "auto",
    models: Any = ("elastic_net",),
    outer: tuple[int, int] = (5, 10),
    inner: int = 5,
    n_permutations: int = 200,
    signatures: Any = None,
    control: Any = None,
    change: pd.Series | None = None,
    target: str = LABEL,
    join: str = "penalties",
    early: Any = None,
    early_time: float | None = None,
    leave_out: str | None = None,
    strata: Sequence[str] = (),
    feature_time: float | str | None = None,
    outcome_time: float | str | None = None,
    landmark: float | None = None,
    l1_ratios: Sequence[float] = (0.5,),
    decision_threshold: float = 0.5,
    learning_curve: bool = False,
    alpha: float = 0.1,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    checkpoint: str | Path | None = None,
    seed: int | None = None,
    n_jobs: int | None = None,
) -> PredictionResult:
    """Estimate how well omics predict response, by nested cross-validation of whole people.

    Use it to ask whether there is anything to predict, before a model is built. Blocks run on the
    same folds: clinical data, omics (and each platform of several), signature scores, early
    changes, each also together with clinical data. Scores, imputation, filter, scaling and the
    choice of penalties learn from the training people only, in inner folds too; so do labels given
    by a rule.

    Model: elastic net, ``sum_i w_i loss_i + lambda sum_j f_j (a |b_j| + (1-a)/2 b_j^2)``, log loss
    for a class and half the squared error for a change; lambda (20 values from lambda_max down), a,
    and with several platforms the factors f of their penalties by the loss of inner folds. In
    ``clinical+...`` the clinical columns are outside that penalty and carry a ridge of 0.01.
    Training classes weigh the same in every fold, for ranking: with each fold's own share, pooled
    predictions of a useless model rank people in reverse. Probabilities are then set to the odds
    of the fold's training people.

    Parameters
    ----------
    data
        AnnData on a log scale: a Delta AnnData, one row a person, or several time points of
        which the baseline is taken. MuData: people in all modalities (``join="late"``: in any).
    outcome
        Series of 0 and 1 by subject id (NaN: left out), or (ResponseSpec, frame) with one row a
        person (of one arm that trained, and its control) and the column ``subject_id``: labelled
        inside each fold; the rule's checksum stands in ``settings``. With ``target="change"`` also
        a Series of numbers.
    groups
        Column of obs: people who share a value (twins, a family) stay on one side, and so do
        people whose measured values are equal to the last digit.
    clinical
        ``auto`` (age, sex, bmi and the outcome before training, where found), names of columns
        of obs or of the outcome's frame, or None.
    models
        ``elastic_net``, ``random_forest`` (300 trees), scikit-learn estimators with
        ``predict_proba`` (``predict`` for a change), or (name, estimator). They get filled,
        unscaled columns; a search inside gets our grouped inner folds. Permutation, control arm
        and learning curve are run for the first.
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
        below the least coverage is missing. Beside each stands its best member, chosen anew in
        each training fold. None: no such blocks.
    control
        The arm that did not train (a level of the arm column), or (data, outcome) of such
        people; by default the control arm of the ResponseSpec.
    change
        Continuous change by subject, for a control arm with under five people in a class.
    target
        ``label``; ``soft``: learns the probability of response instead of the label (needs a
        ResponseSpec), performance is still for the label; ``change``: the change as a number.
    join
        Several platforms in one model with a penalty each (``penalties``), or a model each whose
        predictions are weighted by what inner folds teach (``late``).
    early, early_time
        Delta AnnData of an early visit, and its day: refused unless it is before the landmark.
    leave_out
        Column of cohort or site: each is predicted by the others, once; folds and repeats of
        ``outer`` are not used. What ranks people is then taken within sites (see Returns).
    strata
        Columns within whose levels permutations exchange people; a site left out is always one.
    feature_time, outcome_time
        Days from the start of training, or ``baseline`` and ``terminal``.
    landmark
        Day before which features must have been drawn; None is the time of the outcome.
    l1_ratios
        Values of a to choose from.
    decision_threshold
        Probability at which net benefit is computed.
    learning_curve
        Also run with 40, 60 and 80% of the training people, three repeats.
    alpha
        Error level of the conformal sets.
    n_bootstrap
        Draws of the person bootstrap.
    level
        Level of the intervals.
    checkpoint
        Folder that keeps each finished repeat and permutation; the same call goes on from there.
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
        ``calibration_*``: intercept and slope of logit P(y) = a + b logit p (of y = a + b f for a
        change). ``permutation_p`` = (b+1)/(m+1) compares the average with single permuted repeats,
        which vary more: it errs to the large side.

        With ``leave_out`` AUC, its gain and average precision compare people of one site only:
        over all at once they follow which site was shifted which way, where shares of responders
        differ. ``A_w = sum_s n1s n0s A_s / sum_s n1s n0s``: each pair of a responder and another
        counts once. Its interval is normal, of ``sum_s w_s^2 Var_s`` with DeLong's variance of
        each site; a site of one class holds no pair, and is named in ``notes``. R² and
        correlation of a change give each site its own mean of outcome and prediction.
        Permutations, gains, ceiling, ROC curve, importance and learning curve follow; log loss,
        Brier score, calibration and RMSE stay over all people, as probabilities and changes must
        hold across sites.

    Raises
    ------
    InputError
        Two samples of one person, an outcome that is not 0 and 1, missing columns.
    UnitsError
        Values that are not on a log scale.
    AnalysisError
        Fewer than five people in a class, or fewer than there are folds; sites left out, of which
        none has both classes.
    UsageError
        Options that do not fit together; an estimator whose prediction of a person depends on who
        is predicted beside.

    Notes
    -----
    Missing values: a missing feature is the median of the training people; a person without any
    value, without outcome, or without arm where ``control`` names one, is left out and counted.
    The order of samples and of features changes no number: both are sorted by name.

    References
    ----------
    Varma & Simon 2006, BMC Bioinformatics 7:91 (nested cross-validation). Ojala & Garriga 2010,
    JMLR 11:1833 (permutation). Riley et al. 2020, BMJ 368:m441 (sample size). Nogueira et al.
    2018, JMLR 18:174 (stability). Nadeau & Bengio 2003, Mach Learn 52:239 (corrected t). DeLong
    et al. 1988, Biometrics 44:837 (variance of an AUC).

    Examples
    --------
    >>> ev = exo.ml.evaluate(adata, responder, n_permutations=99)  # doctest: +SKIP
    >>> ev.verdict  # doctest: +SKIP
    """
    family = GAUSSIAN if target == "change" else BINOMIAL
    folds, repeats = check_options(
        outer, inner, n_permutations, target, join, alpha, level, feature_time, outcome_time
    )
    check_numbers(n_bootstrap, decision_threshold, l1_ratios)
    seed = settings.seed if seed is None else int(seed)
    given = read_outcome(outcome, change, number=target == "change")
    people, answer, counts = join_people(
        read_people(data, groups, union=join == "late"), given.aim(target)
    )
    if early is not None:
        people = with_early(people, early, groups)
        require_early(early_time, outcome_time, landmark)
        counts |= {"without_early_change": people.counts["without_early_change"]}
    inside, outside = split_arms(people, answer, control)
    notes = list(people.notes)
    treated_people, treated_answer = people.take(inside), answer.take(inside).settle(given.frame)
    armless = len(people.subjects) - len(inside) - len(outside)
    counts |= {"used": len(inside), "control_arm": len(outside), "arm_missing": armless}
    if armless:
        notes.append(f"{armless} people without an arm are left out: trained or not is unknown.")
    columns, more = signature_columns(people, signatures)
    notes += more
    # within-site performance has its null within sites
    names = tuple(dict.fromkeys((*strata, *([leave_out] if isinstance(leave_out, str) else []))))
    material, clinical_columns, more = make_material(
        treated_people, treated_answer, clinical, columns, strata=names, leave_out=leave_out
    )
    notes += more
    require_enough(material, folds)
    blocks = blocks_of(material)
    if CLINICAL not in {block.name for block in blocks}:
        notes.append("No clinical columns: a gain over clinical data cannot be tested.")
    if leave_out is not None:
        repeats = 1
        notes.append(
            f"Each {leave_out} is predicted by the others, once; AUC, its gain, average precision, "
            "R2 and correlation compare people within it."
        )
    plan = Plan(
        Recipe(family, tuple(float(a) for a in l1_ratios), inner=inner),
        folds,
        seed,
        read_models(models, family),
        late=join == "late",
        explain=_IMPORTANCE_DRAWS,
        each=columns is not None,
    )
    pairs = plan.pairs(blocks)
    store = open_checkpoint(checkpoint, material, [p[0] for p in pairs], plan, repeats)
    done = store.run(
        "repeat",
        partial(one_repeat, material, pairs, plan),
        [(f"repeat_{k}",) for k in range(repeats)],
        n_jobs=n_jobs,
        progress="repeats",
    )
    counts["label_open"] = int(round(np.mean([np.isnan(r.label).sum() for r in done])))
    continuous = material.outcome.continuous
    rng = parallel.stream(seed, "ml_bootstrap")
    strata_of_draws = np.zeros(len(inside)) if continuous else treated_answer.value
    weights = person_weights(strata_of_draws, material.groups, n_bootstrap, rng, material.sites)
    if material.sites is not None and not continuous:
        notes += one_class_note(done[0], material.sites)
    metrics = measure(
        done, pair_names(pairs), weights, material.groups,
        threshold=decision_threshold, level=level, continuous=continuous,
    )  # fmt: skip
    p_values = permutation_tests(material, pairs, metrics, plan, n_permutations, n_jobs, store)
    p_of = p_values.set_index("block")
    permutation_p, increment_p = map(float, p_of.loc[OMICS, ["permutation_p", "increment_p"]])
    summary, more = control_arm(
        control, bool(material.clinical.shape[1]), people, answer, outside, groups, clinical,
        signatures, target, plan, leave_out,
        repeats=repeats, draws=n_bootstrap, level=level, n_jobs=n_jobs, checkpoint=store,
    )  # fmt: skip
    notes += more
    auc, r2, text = auc_ceiling(treated_answer, given.frame, material.sites, leave_out)
    ceiling = r2 if continuous else auc
    notes.append(text)
    kind, why = study_kind(treated_people.at, feature_time, outcome_time, landmark)
    if isinstance(feature_time, (int, float)) and feature_time > 0 and not why:
        notes.append(f"Features of day {feature_time:g} hold part of the response already.")
    stability, frequency = stability_of(done, (OMICS, plan.models[0][0]), people.features)
    shares = artificial_shares(material, pairs, plan, repeats, n_jobs, store)
    frequency, more = reliable_features(frequency, people.features, shares)
    notes += more
    if not np.isfinite(stability.estimate):
        notes.append(
            "Stability is not defined: no feature, or every one, was always chosen."
            if plan.models[0][1] is None
            else "Stability is not defined: the model does not choose features."
        )
    gate = sample_size_gate(material, len(clinical_columns))
    study = Study(
        material, pairs, plan, treated_people, tuple(clinical_columns), tuple(done), alpha,
        None if given.spec is None else given.spec.pre,
    )  # fmt: skip
    scores = None
    if columns is not None:
        scores = signature_blocks(study, columns, p_of, weights, level)
    curve = None
    if learning_curve:
        few = min(repeats, _LEARNING_REPEATS)
        curve = make_learning_curve(material, blocks, plan, few, weights, level, n_jobs, store)
    verdict = judge(
        kind, why, metrics, permutation_p, increment_p, ceiling, summary, gate,
        None if scores is None else scores.permutation_p, leave_out,
    )  # fmt: skip
    used = {
        "seed": seed,
        "folds": len(np.unique(done[0].fold)),
        "repeats": repeats,
        "inner": inner,
        "n_permutations": n_permutations,
        "target": target,
        "models": [name for name, _ in plan.models],
        "join": join,
        "leave_out": leave_out,
        "strata": list(names),
        "l1_ratios": list(plan.recipe.l1_ratios),
        "decision_threshold": decision_threshold,
        "alpha": alpha,
        "n_bootstrap": n_bootstrap,
        "level": level,
        "groups": groups,
        "clinical": [column.label for column in clinical_columns],
        "n_features": int(material.x.shape[1]),
        # of the rule as it was given: it shows that no result moved it
        "rule_sha256": None if given.spec is None else given.spec.sha256,
    }
    return PredictionResult(
        metrics=metrics,
        permutation_p=permutation_p,
        increment_p=increment_p,
        p_values=p_values,
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
        learning_curve=curve,
        signatures=scores,
        study=study,
        **result_frames(study, weights, level),
    )
