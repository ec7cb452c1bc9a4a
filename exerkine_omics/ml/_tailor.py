"""Which training suits whom: one interaction test, then the honest gain of a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import parallel, schema
from exerkine_omics.errors import AnalysisError, UsageError
from exerkine_omics.kernels._arm_effects import LEARNERS
from exerkine_omics.ml._fold_scores import signature_columns
from exerkine_omics.ml._people import read_people
from exerkine_omics.ml._tailor_answers import read_answers
from exerkine_omics.ml._tailor_checks import (
    SignatureScore,
    check_options,
    design_notes,
    known_propensity,
    propensity_words,
    sign_of,
)
from exerkine_omics.ml._tailor_features import FoldRule
from exerkine_omics.ml._tailor_fold import Material, learn, one_repeat
from exerkine_omics.ml._tailor_interaction import interaction
from exerkine_omics.ml._tailor_overlap import show_overlap
from exerkine_omics.ml._tailor_result import TailorResult, judge, score_bound
from exerkine_omics.ml._tailor_rule import TailorRule
from exerkine_omics.ml._tailor_trial import make_trial
from exerkine_omics.ml._tailor_values import linear_bound, people_frame, value_frame
from exerkine_omics.ml._verdict import ASSOCIATION, study_kind
from exerkine_omics.settings import settings


def tailor(
    data: Any,
    outcome: Any,
    arm: Any,
    *,
    score: Any = None,
    clinical: str | Sequence[str] | None = "auto",
    signatures: Any = None,
    control: str | None = None,
    cost: Mapping[str, float] | None = None,
    groups: str = schema.SUBJECT,
    folds: int = 5,
    repeats: int = 10,
    randomised: bool | None = None,
    propensity: Mapping[str, float] | pd.DataFrame | None = None,
    period: str | None = None,
    better: str | None = None,
    smallest_gain: float = 0.0,
    learner: str = "dr",
    feature_time: float | str | None = None,
    outcome_time: float | str | None = None,
    landmark: float | None = None,
    level: float = 0.95,
    alpha: float = 0.05,
    seed: int | None = None,
    n_jobs: int | None = None,
) -> TailorResult:
    r"""Ask which training suits whom, and what choosing by it would gain.

    Use it on a trial of two trainings or more, or a crossover of two. First one prespecified score
    by arm, ``change ~ arm + clinical + score + score:arm`` (HC3). Then a T- and a DR-learner
    (ridge), and the value of their rule in people whom neither nuisances nor rule have seen:

    .. math:: \Gamma_{ia} = \hat\mu_a(x_i) + \frac{1(A_i=a)}{e_a}(Y_i-\hat\mu_a(x_i)), \quad
        \text{gain} = \frac1n \sum_i \Gamma_{i,\hat\pi(x_i)} - \Gamma_{i,\hat a}

    with :math:`\hat a` the single arm that was best in the training folds; the rule must beat each
    arm as well. SE over people (families
    as clusters); repeats are averaged, and what they differ by is added to the variance.

    Parameters
    ----------
    data
        AnnData or MuData on a log scale, as in `evaluate`: samples from before training.
    outcome
        Series of the change by subject; (ResponseSpec, frame), whose change and direction are
        taken; or in a crossover a table (or the same pair) with a row a person and period,
        columns ``subject_id``, arm, period and ``change``.
    arm
        Series by subject, or name of a column of the outcome's frame or of obs.
    score
        The one prespecified number a person: a column, a signature (scored on all people; no
        outcome enters), or a Series by subject. People without it are left out. None: no
        interaction test, and under 200 people no rule.
    clinical
        ``auto`` (age, sex, bmi, and the outcome before), names, or None.
    signatures
        As in `evaluate`: their scores take the place of the single features in the rule.
    control
        Arm that does not train: left out of the choice (default: that of the ResponseSpec).
    cost
        What an arm costs, in the outcome's units and from 0 up: taken off its people's outcome.
    groups
        Column of obs: people who share a value stay on one side.
    folds, repeats
        Folds, and how often people are dealt anew.
    randomised
        Whether arms (in a crossover the orders) were randomised; must be said. False needs
        overlap, shown by a logistic model on the clinical columns.
    propensity
        Known probability of each arm: ``{arm: p}``, or a frame subjects x arms. None: the arms'
        shares in the training folds, or that model.
    period
        Column of the period: the outcome is a crossover's.
    better
        ``higher`` or ``lower``; None is ``higher``, or the ResponseSpec's direction.
    smallest_gain
        Smallest gain worth while, from 0 up, in the outcome's units; without it the verdict
        ``same training for all`` cannot be reached, nor with as many features as people (give
        ``signatures``).
    learner
        ``dr`` or ``t``: which of them is the rule; the other stands beside it.
    feature_time, outcome_time, landmark
        As in `evaluate`; features that were not drawn before are refused.
    level
        Level of the intervals; the verdict uses their lower limit, one-sided 97.5%.
    alpha
        Level of the interaction test.
    seed
        Seed of the folds; None is ``settings.seed``.
    n_jobs
        Processes; the result does not depend on it.

    Returns
    -------
    TailorResult
        ``.verdict`` is ``assign by this rule``, ``same training for all`` or ``cannot be said
        with n = …``; ``.interaction``, ``.policy_value``, ``.people``, ``.rule``, ``.notes``.
        Three arms or more: the interaction is tested for each pair and by one F over all; the
        rule chooses among all.

    Raises
    ------
    UsageError
        ``randomised`` not stated, an unknown score, options that do not fit.
    InputError
        Two outcomes of a person, no common subjects.
    UnitsError
        Values that are not on a log scale.
    AnalysisError
        One arm, an arm with fewer than 10 people, features drawn after training, no overlap.

    Notes
    -----
    Missing values: people without outcome, arm or score are left out and counted; a missing
    feature is the median of the training people. The order of people and features, the names of
    the arms and a constant added to the outcome change nothing.

    A marker of who gains in one arm is prognostic; only an interaction says who should have which.

    References
    ----------
    docs/tailor.md has them with their DOIs.

    Examples
    --------
    >>> found = exo.ml.tailor(
    ...     adata, change, "arm", score="ldl_score", randomised=True, smallest_gain=1.0
    ... )  # doctest: +SKIP
    >>> found.verdict  # doctest: +SKIP
    """
    check_options(
        randomised, folds, repeats, better, learner, smallest_gain, level, alpha, cost, control
    )
    seed = settings.seed if seed is None else int(seed)
    people = read_people(data, groups, caller="exo.ml.tailor")
    kind, why = study_kind(people.at, feature_time, outcome_time, landmark)
    if kind == ASSOCIATION:
        raise AnalysisError(
            f"No training can be chosen by these features: {why}",
            where="ml.tailor",
            fix="Give samples from before training; feature_time= says when they were drawn.",
        )
    answers = read_answers(outcome, arm, people, control, period)
    by_signature = SignatureScore(signatures)
    trial = make_trial(
        people, answers, score=score, find_signature=by_signature, clinical=clinical,
        arm_name=arm, sign=sign_of(better, answers.spec), cost=cost,
    )  # fmt: skip
    joined = trial.people
    if len(np.unique(joined.groups)) < folds:
        raise UsageError(f"There are fewer groups than {folds} folds", where="folds=")
    columns, notes = signature_columns(joined, signatures)
    known = known_propensity(propensity, trial)
    parallel_arms = trial.second is None
    material = Material(
        x=joined.x, base=trial.base, clinical=trial.clinical, y=trial.y, arm=trial.arm,
        n_arms=len(trial.arms), groups=joined.groups, second=trial.second, propensity=known,
        model_propensity=not randomised and known is None, columns=columns,
    )  # fmt: skip
    overlap = pd.DataFrame(columns=["arm", "n", "lowest", "highest", "passes"])
    if parallel_arms and not randomised:
        overlap = show_overlap(trial, known, folds, seed)
    call = partial(one_repeat, material, folds, seed)
    done = parallel.run(
        call, [(f"repeat_{r}",) for r in range(repeats)], n_jobs=n_jobs, progress="repeats"
    )
    tested = interaction(trial, level)
    values = value_frame(trial, done, level)
    everyone = np.arange(len(joined.subjects))
    ready, effects, _ = learn(material, everyone, everyone)
    bounds = {
        "score": score_bound(tested),
        "linear": linear_bound(trial, done, ready(trial.base, joined.x), level),
    }
    gains = values[values["policy"].str.startswith("gain") & (values["learner"] == learner)]
    n = len(joined.subjects)
    verdict, reason = judge(n, gains, tested, bounds, float(smallest_gain), alpha)
    final = FoldRule(ready, effects.advantage[learner])
    rules = tuple(rule for r in done for rule in r.models[learner])
    intercepts, weights = final.weights()
    omics = joined.features if columns is None else columns.names
    rule = TailorRule(
        learner=learner, arms=trial.arms, best=trial.arms[effects.best],
        features=(*trial.base_names, *(str(f) for f in omics)), intercepts=intercepts,
        weights=weights, medians=ready.median, threshold=float(smallest_gain),
        proven=verdict.startswith("assign"), level=level, folds=folds,
        base_names=trial.base_names, omics_names=joined.features, final=final, models=rules,
        has_score=trial.score is not None, score_block=by_signature.fitted,
    )  # fmt: skip
    return TailorResult(
        verdict=verdict,
        reason=reason,
        interaction=tested,
        policy_value=values,
        people=people_frame(
            trial, done, rules, learner, folds, level, float(smallest_gain), joined.x
        ),
        rule=rule,
        attainable_gain=bounds,
        overlap=overlap,
        notes=[*trial.notes, *notes, *design_notes(trial, randomised, repeats, cost)],
        counts=trial.counts,
        settings={
            "seed": seed, "folds": folds, "repeats": repeats, "learner": learner,
            "learners": list(LEARNERS), "level": level, "alpha": alpha, "groups": groups,
            "randomised": randomised, "smallest_gain": float(smallest_gain),
            "better": "higher" if trial.sign > 0 else "lower", "arms": list(trial.arms),
            "score": trial.score_name or None, "clinical": list(trial.base_names),
            "n_features": len(omics), "crossover": not parallel_arms,
            "cost": dict(cost or {}),
            "propensity": propensity_words(randomised, known, parallel_arms),
            "rule_sha256": None if answers.spec is None else answers.spec.sha256,
        },
    )  # fmt: skip
