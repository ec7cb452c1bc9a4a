"""Responders: each person's change with its interval, and whether people truly differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import frame_for_storage
from exerkine_omics.cohort._outcomes import as_names, outcome_table
from exerkine_omics.cohort._reliability import Reliability
from exerkine_omics.cohort._responder_result import Ceiling, ResponderResult, SdIr
from exerkine_omics.cohort._response import (
    baseline_sd,
    categorize,
    check_direction_level,
    check_reliability,
    check_smallest,
    check_threshold,
    resolve_threshold,
)
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.kernels import _response as kernel
from exerkine_omics.settings import settings
from exerkine_omics.tl._arms import Arms, choose_arms, mark_not_trained
from exerkine_omics.tl._heterogeneity import check_method, heterogeneity, verdict

_SMALL = 0.1  # half of the 0.2 SD of a small mean difference (Atkinson & Batterham 2015)
_NAN = float("nan")


def responders(
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
    smallest_sd_ir: float | None = None,
    direction: str = "up",
    level: float = 0.90,
    sd_ir_level: float = 0.95,
    sd_ir_method: str = "closed",
    n_draws: int = 2000,
    seed: int | None = None,
) -> ResponderResult:
    """Say who responded, who did not, and of whom the measurement cannot tell.

    Use it before any prediction of response: it says first whether true responses differ between
    people at all. Without a control arm that is not identified, and the verdict says so.

    Formula: change = post - pre, interval change -/+ t(df) sqrt(2) TE. ``responder``: the whole
    interval beyond ``threshold``; ``adverse``: the whole interval beyond it in the bad direction;
    ``non``: the whole interval below it; else ``uncertain``; ``missing`` without pre or post.
    SDir = signed root of SD_treated^2 - SD_control^2 of the change.

    Parameters
    ----------
    outcomes
        One row a person.
    pre, post
        Columns of the outcome before and after, in one unit.
    subject
        Column of the person's id.
    reliability
        A `Reliability` in the same unit, or ``"control"``: the control arm's change over the same
        weeks, within the strata of the treated arm.
    threshold
        Smallest change that counts, from 0 up, in the outcome's units and fixed beforehand; or
        ``"0.2_sd"`` (of the baseline between people, within strata), ``"1_te"``.
    arm
        Column of the arm; without it all people are one trained group.
    control
        The arm that did not train.
    treated
        The arm to judge, needed where several trained: doses are never pooled.
    strata
        Columns (age, sex) within which SDs are pooled.
    adherence, min_adherence
        Column of the share (or number) of sessions done, and the dose below which a person of the
        treated arm is ``not_trained``: shown, and counted nowhere. Stated beforehand: a dose
        chosen after the outcome was seen is a responder rule of its own.
    smallest_sd_ir
        Smallest SDir that matters; None is 0.1 SD of the baseline between people.
    direction
        ``"up"`` where more is better, ``"down"`` where less is; the frame keeps its signs.
    level
        Level of a person's interval.
    sd_ir_level
        Level of SDir's interval.
    sd_ir_method
        Interval that the verdict rests on: ``closed`` (normal theory of the variance difference,
        the field's usual one), ``mover`` (chi-square limits of both variances: nominal coverage
        from 10 people an arm on), ``mixed`` (REML of change ~ arm + baseline with a variance for
        each arm) or ``bootstrap``. All four are in ``.sd_ir_table``.
    n_draws
        Bootstrap draws.
    seed
        Seed of the bootstrap; None is ``settings.seed``.

    Returns
    -------
    ResponderResult
        ``.frame`` sorted by person; ``.sd_ir``, ``.ceiling``, ``.verdict``: ``differs`` where
        SDir's interval is above 0, ``negligible`` where it is below ``smallest_sd_ir``,
        ``cannot be known`` otherwise, without a control arm, and where the interval is wholly
        below 0 (the control arm's noise is then no measure of the treated arm's).

    Notes
    -----
    Missing values: a person without pre or post stays in the frame as ``missing`` and counts
    nowhere else, but for a baseline that was measured in its SD. SDir takes the effect as
    independent of the change without training and the changes as normal; one parallel-arm trial
    cannot test the first. ``p_response`` has a flat prior; ``p_response_shrunk`` the prior N(mean
    of the person's stratum, SDir^2), SDir taken as exactly known.

    Raises
    ------
    InputError
        If a column is not there, holds text, or a person has two rows.
    UsageError
        If the arguments do not fit together, or an arm is not among the arms.
    AnalysisError
        If nobody of the treated arm was measured twice, or fewer than three controls were.

    References
    ----------
    Atkinson & Batterham 2015, Exp Physiol 100:577. Swinton et al. 2018, Front Nutr 5:41.
    Hopkins 2015, Sportscience 19:1. Zou & Donner 2008, Stat Med 27:1693.

    Examples
    --------
    >>> import pandas as pd, exerkine_omics as exo
    >>> people = pd.DataFrame({"subject_id": list("abc"), "pre": [40, 41, 42.0],
    ...                        "post": [50, 42, 42.5]})
    >>> rel = exo.Reliability.from_typical_error(1.5, df=20)
    >>> exo.tl.responders(people, pre="pre", post="post", reliability=rel,
    ...                   threshold=2.0).frame["category"].tolist()
    ['responder', 'uncertain', 'uncertain']
    """
    check_threshold(threshold)
    check_direction_level(direction, level)
    check_direction_level(direction, sd_ir_level)
    check_smallest(smallest_sd_ir)
    check_reliability(reliability, arm, control)
    check_method(sd_ir_method, n_draws)
    if treated is not None and arm is None:
        raise UsageError(f"treated={treated!r} needs arm=", fix="Name the column of the arm.")
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
    smallest = _SMALL * between if smallest_sd_ir is None else float(smallest_sd_ir)
    sign = 1.0 if direction == "up" else -1.0
    ir, table_ir, proportion_ci, unknown = heterogeneity(
        arms,
        smallest=smallest,
        between=between,
        level=sd_ir_level,
        method=sd_ir_method,
        threshold=limit,
        sign=sign,
        n_draws=n_draws,
        seed=settings.seed if seed is None else seed,
    )
    decided, reason = verdict(ir, unknown, smallest_sd_ir is None)
    frame = _people(arms.treated, noise, ir, limit, sign, level)
    control_frame = (
        _people(arms.control, noise, None, limit, sign, level) if control is not None else None
    )
    centre = sign * _stratum_mean(arms.shared)
    share = kernel.probability_above_normal(centre, max(ir.estimate, 0.0), limit)
    mean = float(arms.measured["change"].mean())
    return ResponderResult(
        frame=frame,
        control_frame=control_frame,
        sd_ir=ir,
        sd_ir_table=table_ir,
        ceiling=_ceiling(ir, arms, sign, limit, between, noise),
        verdict=decided,
        verdict_reason=reason,
        threshold=limit,
        reliability=noise,
        level=float(level),
        direction=direction,
        mean_change=mean,
        proportion=float(share.mean()) if np.isfinite(ir.estimate) else _NAN,
        proportion_ci=proportion_ci,
        notes=_notes(arms, noise, ir, frame, control_frame, level, adherence),
    )


def _stratum_mean(people: pd.DataFrame) -> np.ndarray:
    """Mean change of each person's stratum (n,)."""
    return people.groupby("stratum")["change"].transform("mean").to_numpy(float)


def _people(
    people: pd.DataFrame,
    noise: Reliability,
    ir: SdIr | None,
    threshold: float,
    sign: float,
    level: float,
) -> pd.DataFrame:
    idle = people["idle"].to_numpy(bool)
    good = sign * people["observed"].to_numpy(float)
    low, high = kernel.interval(good, noise.sd_change, noise.df, level)
    probability = kernel.probability_above(good, noise.sd_change, noise.df, threshold)
    posterior = np.full(len(people), _NAN)
    if ir is not None and np.isfinite(ir.estimate):
        centre, sd = kernel.shrunk(good, sign * _stratum_mean(people), ir.estimate, noise.sd_change)
        posterior = kernel.probability_above_normal(centre, sd, threshold)
    keys = [schema.SUBJECT, schema.ARM] if schema.ARM in people else [schema.SUBJECT]
    frame = people[[*keys, schema.PRE, schema.POST]].reset_index(drop=True)
    frame["change"] = people["observed"].to_numpy(float)
    frame["ci_low"], frame["ci_high"] = (low, high) if sign > 0 else (-high, -low)
    frame["p_response"] = np.where(idle, _NAN, probability)
    frame["p_response_shrunk"] = np.where(idle, _NAN, posterior)
    frame["category"] = categorize(low, high, threshold, idle)
    return frame_for_storage(frame)


def _ceiling(
    ir: SdIr, arms: Arms, sign: float, threshold: float, between: float, noise: Reliability
) -> Ceiling:
    r2 = auc = _NAN
    if np.isfinite(ir.estimate) and ir.sd_treated > 0:
        strata = arms.shared.groupby("stratum")["change"]
        r2, auc = kernel.attainable_in_strata(
            sign * strata.mean().to_numpy(float),
            strata.size().to_numpy(float),
            ir.estimate,
            ir.sd_treated,
            threshold,
        )
    mean = sign * float(arms.measured["change"].mean())
    cut = (threshold - mean) / noise.sd_change
    return Ceiling(
        r2=r2,
        auc=auc,
        coupling_auc=kernel.attainable_auc(
            kernel.coupling_correlation(between, noise.typical_error), cut
        ),
        # baseline less the true level is the visit's error itself: r = 1 / sqrt(2)
        coupling_auc_true_level=kernel.attainable_auc(1 / kernel.ROOT2, cut),
    )


def _notes(
    arms: Arms,
    noise: Reliability,
    ir: SdIr,
    frame: pd.DataFrame,
    control_frame: pd.DataFrame | None,
    level: float,
    adherence: str | None,
) -> list[str]:
    notes = []
    lost = int((frame["category"] == "missing").sum())
    if lost:
        notes.append(f"{lost} of {len(frame)} people of {arms.name} lack pre or post.")
    if control_frame is None:
        notes.append("No control arm: change over time, not attributable to exercise.")
    else:
        mine = control_frame[schema.SUBJECT].isin(set(arms.noise[schema.SUBJECT]))
        known = control_frame.loc[mine, "category"]
        hits = int((known == "responder").sum())
        where = "" if mine.sum() == arms.control["change"].notna().sum() else " of their strata"
        notes.append(
            f"The same rule calls {hits} of {len(known)} control people{where} responders."
        )
        notes += _strata_notes(arms)
    if not np.isfinite(noise.df):
        notes.append("The typical error came without degrees of freedom and is taken as exact.")
    if noise.learning_p < 0.05 and not noise.source.startswith("change of the control"):
        notes.append(
            f"The retest differs from the test by {noise.learning:.3g} on average "
            f"(p = {noise.learning_p:.2g}): a learning effect adds to every change."
        )
    floor = ir.sd_control / kernel.ROOT2
    high = noise.ci_high if np.isfinite(noise.ci_high) else noise.typical_error
    if floor > high:
        notes.append(
            f"Controls vary over the trial by a typical error of {floor:.3g}, more than the "
            f"{noise.typical_error:.3g} given: reliability='control' is the truer noise."
        )
    idle = int((frame["category"] == "not_trained").sum())
    if idle:
        notes.append(f"{idle} people trained less than the dose stated and count nowhere.")
    if undosed := int(arms.treated["undosed"].sum()):
        notes.append(f"{undosed} people have no {adherence!r} and are taken as trained.")
    uncertain = int((frame["category"] == "uncertain").sum())
    if uncertain:
        notes.append(
            f"{uncertain} people are uncertain: their {level:.0%} intervals span the threshold."
        )
    return notes


def _strata_notes(arms: Arms) -> list[str]:
    notes = []
    mine = arms.measured["stratum"]
    theirs = arms.control.loc[arms.control["change"].notna(), "stratum"]
    alone, unused = sorted(set(mine) - set(theirs)), sorted(set(theirs) - set(mine))
    if alone:
        notes.append(
            f"Strata {shown(alone)} have no controls: their people count in no SDir and carry "
            "the noise of the other strata."
        )
    if unused:
        notes.append(f"Controls of strata {shown(unused)} are left out: nobody there trained.")
    both = sorted(set(mine) & set(theirs))
    share = [s[s.isin(both)].value_counts(normalize=True).reindex(both) for s in (mine, theirs)]
    if both and float((share[0] - share[1]).abs().sum()) / 2 > 0.2:
        notes.append(
            "The arms differ in their shares of the strata; where noise differs between strata, "
            "SDir holds that difference too."
        )
    return notes
