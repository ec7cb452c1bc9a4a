"""Trainability markers: which analytes go with an outcome, person by person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import cohort, schema
from exerkine_omics.cohort import levels
from exerkine_omics.cohort._covariates import numeric_columns
from exerkine_omics.cohort._outcomes import as_names
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown, warn
from exerkine_omics.kernels._effect import between_sd
from exerkine_omics.kernels._regression import slope_tests
from exerkine_omics.tl._associate_people import Sheet, listed, views_of


def associate(
    adata: AnnData,
    outcome: pd.Series | str,
    *,
    adjust: str | Sequence[str] = (),
    arm: str | None = None,
    control: str | None = None,
    at: str = "baseline",
    people: pd.DataFrame | None = None,
    method: str = "ols",
    variance: str | None = None,
    legacy: bool | None = None,
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    layer: str | None = None,
    key_added: str = "associate",
) -> pd.DataFrame:
    r"""Test every feature (or score) for going with an outcome, one row a person.

    Use it for markers of trainability: a baseline level, or a change, against the change of
    VO2max, adjusted for VO2max at baseline, age and sex. For each feature, over its people,

    .. math:: outcome_i = \beta_0 + \beta x_i + \gamma^T adjust_i + e_i, \quad
              t = \hat\beta / se(\hat\beta), \quad df = n - rank

    ``method="moderated"`` moderates the residual variance :math:`s^2` of the reversed regression
    ``x ~ outcome + adjust`` over the features, as limma does: the t of the feature in one
    regression is the t of the outcome in the other, and the features' variances, unlike the one
    outcome's, can share a prior :math:`s_0^2` on :math:`d_0` df:

    .. math:: \tilde t = t\, s / \tilde s, \quad
              \tilde s^2 = (d_0 s_0^2 + df\, s^2) / (d_0 + df), \quad \tilde{df} = d_0 + df

    ``ols`` is the default: an answer does not depend on what else was measured. ``moderated`` gains
    power where what makes the outcome moves the feature, and loses some where the feature makes
    the outcome (a baseline marker), for the marker's own small :math:`s^2` is then drawn up.

    Parameters
    ----------
    adata
        Samples x features on a log scale, or ``exo.get.scores(adata, as_anndata=True)``.
    outcome
        One number a person: a Series with the subject as index (its name is kept), or the name
        of a column. A change: ``(frame["vo2max_post"] - frame["vo2max_pre"])`` of a frame whose
        index is the subject.
    adjust
        Columns, numeric or text, one value a person; with a change, the outcome at baseline.
    arm
        Column of the arm: each has its own slope. None takes all people as one group; an arm
        that moves the outcome then belongs in ``adjust``.
    control
        Arm whose slope is subtracted from the others'.
    at
        ``baseline`` (the cohort's), another time point, or ``change`` (each later time point
        minus baseline, person by person). A level drawn after the training predicts nothing.
    people
        One row a person, the subject as index or column. Columns named in the call are looked
        for here, then in ``obs``, where they must be constant within each person.
    method
        ``ols`` or ``moderated``.
    variance
        With ``arm``: ``arm`` (default) fits each arm by itself, ``adjust`` included, and tests
        differences by Welch's formula, for arms differ in variance where responses do;
        ``pooled`` (``ols`` only) is one regression, ``outcome ~ arm * x + adjust``.
    legacy
        For ``moderated``: the variance prior of limma before 3.62 also where residual df differ
        between features (that is, under NaN). Default False.
    timepoint, subject, layer
        Columns of ``obs``; layer used in place of X, with X's units.
    key_added
        Key of ``uns`` that receives the frame; ``<key_added>_people`` receives who was left out:
        subject_id, at, used, reason.

    Returns
    -------
    DataFrame
        One row a feature and contrast, columns as in `differential`. Contrasts are named
        ``vo2max_change ~ pre`` or ``vo2max_change ~ post - pre``; with arms
        ``EE: vo2max_change ~ pre`` and ``EE - CON: vo2max_change ~ pre``. ``estimate``, ``se`` and
        the interval are outcome units per 1 unit of the feature (a doubling on a log2 scale);
        moderated, the estimate stays and se = estimate / t. ``effect_size`` is estimate x
        SD(feature) / SD(outcome), of the feature's people, pooled within arms, unadjusted and
        without small-sample correction: Pearson's r where there is nothing to adjust for.
        ``n_pairs`` counts people, ``n_obs`` their samples. ``p_adj`` is Benjamini-Hochberg within
        the contrast.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        If columns are missing or vary within a person, a person has two samples or outcomes, or
        lacks a value of ``adjust`` or ``arm``: nobody is dropped for that.
    UsageError
        If a method, an option, an arm or a time point does not exist.
    AnalysisError
        If too few people have both sample and outcome, or ``adjust`` explains the outcome wholly.

    Notes
    -----
    Missing values: a NaN is the same as an absent person for that feature; people without sample
    or outcome are left out and listed. A column of ``adjust`` that says the same of all people of
    a feature takes no df.

    A slope in one trained arm is prognostic: it cannot tell trainability from regression to the
    mean or from the course without training. Its difference to a randomised control arm can. A
    change holds the error of its baseline with the sign turned, so whatever goes with the outcome
    at baseline goes with the change; adjusting for that baseline removes this but for the part
    that its own measurement error leaves. A small p is no prediction: see `exo.ml.evaluate`.

    References
    ----------
    Smyth GK (2004) Linear models and empirical Bayes methods for assessing differential
    expression in microarray experiments. Stat Appl Genet Mol Biol 3:3.
    doi:10.2202/1544-6115.1027

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> cohort = exo.datasets.simulate(seed=1, design="training")
    >>> people = cohort.outcomes.set_index("subject_id")
    >>> change = (people["vo2max_post"] - people["vo2max_pre"]).rename("vo2max_change")
    >>> frame = exo.tl.associate(cohort.adata, change, adjust=["vo2max_pre", "age", "sex"],
    ...                          people=people, arm="arm", control="CON")
    >>> list(frame["contrast"].cat.categories)[-1]
    'EE - CON: vo2max_change ~ pre'
    """
    _check_options(method, variance, legacy, arm, control)
    units = cohort.require_testable(adata, layer, key_added, "tl.associate")
    if at == "change":
        cohort.require_same_members(adata)
    views = views_of(adata, cohort.dense(adata, layer), at, subject, timepoint)
    sheet = Sheet(adata.obs, subject, people)
    result, adjust = sheet.outcome(outcome), as_names(adjust)
    name = str(result.name)
    left_out = pd.concat([listed(view, result) for view in views], ignore_index=True)
    used = sorted(set(left_out.loc[left_out["used"], schema.SUBJECT]))
    if not used:
        known = shown(result.dropna().index) or "nobody"
        text = f"Outcomes are of {known}, samples of {shown(pd.unique(sheet.ids))}"
        raise AnalysisError(f"Nobody has both a sample at {at!r} and an outcome. {text}")
    group = sheet.column(arm, used) if arm else pd.Series("", index=used)
    arms = levels(group) if isinstance(group.dtype, pd.CategoricalDtype) else sorted(levels(group))
    if control is not None and str(control) not in arms:
        raise UsageError(f"control={control!r} is none of the arms {shown(arms)}")
    number = group.astype(str).map({a: i for i, a in enumerate(arms)}).astype(int)
    others = [i for i, a in enumerate(arms) if control is not None and a != str(control)]
    unit = np.eye(len(arms))
    contrasts = [*unit, *(unit[i] - unit[arms.index(str(control))] for i in others)]
    prefixes = [f"{a}: " if a else "" for a in arms] + [f"{arms[i]} - {control}: " for i in others]
    matrix = _adjustment(sheet, adjust, number, result)
    strangers = sorted(set(result.dropna().index) - set(sheet.ids))
    if strangers:
        warn(
            f"{len(strangers)} of {len(result)} outcomes belong to nobody with a sample: "
            f"{shown(strangers)}; uns['{key_added}_people'] lists who is left out"
        )
    together = at != "baseline" and arm is None and schema.ARM not in adjust
    if together and schema.ARM in adata.obs and adata.obs[schema.ARM].nunique() > 1:
        warn(
            f"The arms are taken together at {at!r}: what training does to feature and outcome "
            f"alike passes for association; give arm={schema.ARM!r}, or adjust for it"
        )
    pooled, moderate = variance == "pooled", method == "moderated"
    how = {"pooled": pooled, "moderate": moderate, "legacy": bool(legacy)}
    frames = []
    for view in views:
        here = [i for i, person in enumerate(view.subjects) if person in number.index]
        ids = [view.subjects[i] for i in here]
        x, y, who = view.x[here], result[ids].to_numpy(float), number[ids].to_numpy(int)
        own = np.where(np.isfinite(x), y[:, None], np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            per_sd = between_sd(x, who)[0] / between_sd(own, who)[0]
        z = matrix.loc[ids].to_numpy(float)
        tests = slope_tests(x, y, z, who, np.array(contrasts), **how)
        for prefix, test in zip(prefixes, tests, strict=True):
            part = cohort.result_rows(
                adata.var_names.to_list(),
                f"{prefix}{name} ~ {view.label}",
                **{k: getattr(test, k) for k in ("estimate", "se", "df", "status")},
                effect_size=test.estimate * per_sd,
                n_pairs=test.n,
                n_obs=test.n * view.per_person,
                method=method,
                units=f"{name} per {units}",
            )
            frames.append(part)
    frame = cohort.collect(frames)
    adata.uns[key_added] = frame
    adata.uns[f"{key_added}_people"] = cohort.frame_for_storage(left_out)
    options = {"adjust": list(adjust), "arm": arm, "control": control, "at": at, "method": method}
    cohort.add_step(adata, "tl.associate", outcome=name, **options, **how, key_added=key_added)
    return frame


def _check_options(
    method: str, variance: str | None, legacy: bool | None, arm: str | None, control: str | None
) -> None:
    if method not in ("ols", "moderated"):
        raise UsageError(f"There is no method {method!r}", fix="Known: ols, moderated.")
    if variance not in (None, "arm", "pooled"):
        raise UsageError(f"variance={variance!r} is not known", fix="Known: arm, pooled.")
    if arm is None and (control is not None or variance is not None):
        raise UsageError("control= and variance= need arm=", fix="Name the column of the arm.")
    if legacy is not None and method == "ols":
        raise UsageError("legacy= is no option of method 'ols'", fix="Use method='moderated'.")
    if variance == "pooled" and method == "moderated":
        raise UsageError("Pooled arms are not moderated", fix="Use variance='arm' or method='ols'.")


def _adjustment(
    sheet: Sheet, adjust: tuple[str, ...], arm: pd.Series, outcome: pd.Series
) -> pd.DataFrame:
    """Columns to adjust for; those that follow from others, or leave no outcome, are errors."""
    columns = {name: sheet.column(name, list(arm.index)) for name in adjust}
    matrix, names, _, _ = numeric_columns(pd.DataFrame(columns, index=arm.index), adjust)
    base = pd.get_dummies(arm).to_numpy(float)
    full = np.hstack([base, matrix])
    if len(full) < full.shape[1] + 2:
        text = f"{len(full)} people are too few for a slope beside {full.shape[1]} other columns"
        raise AnalysisError(text, fix="Adjust for fewer.")
    rank = [np.linalg.matrix_rank(full[:, : base.shape[1] + k]) for k in range(len(names) + 1)]
    double = [name for name, more in zip(names, np.diff(rank), strict=True) if not more]
    if double:
        text = f"{shown(double)} say the same of everyone, or follow from the columns before"
        raise InputError(text, where="adjust=", fix="Leave them out.")
    y = outcome[arm.index].to_numpy(float)
    y = y - y.mean()
    left = y - full @ np.linalg.lstsq(full, y, rcond=None)[0]
    if np.linalg.norm(left) <= 1e-10 * np.linalg.norm(y):
        fix = "It must vary; adjust for its baseline, not for baseline and end or itself."
        raise AnalysisError(f"Nothing is left of the outcome {outcome.name!r}", fix=fix)
    return pd.DataFrame(matrix, index=arm.index)
