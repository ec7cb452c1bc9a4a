"""The shape of the response after a bout: splines in minutes, within people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    build_design,
    collect,
    dense,
    frame_for_storage,
    require_same_members,
    require_testable,
    result_rows,
)
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._effect import between_sd, small_sample_factor
from exerkine_omics.parallel import blocks
from exerkine_omics.settings import settings
from exerkine_omics.tl._course_fit import Course, fit_block
from exerkine_omics.tl._course_shape import shape_of
from exerkine_omics.tl._schedule import schedule

METHOD = "time_course"


def time_course(
    adata: AnnData,
    *,
    minutes: str = schema.MINUTES_POST,
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    arm: str | None = schema.ARM,
    control: str | None = None,
    df: int = 3,
    covariates: Sequence[str] = (),
    baseline_minutes: float | None = None,
    seed: int | None = None,
    layer: str | None = None,
    key_added: str = "time_course",
) -> pd.DataFrame:
    r"""Fit the course of every feature after a bout as a smooth curve, within people.

    Use it with three or more times after baseline: how large is the change at each time, when is
    the peak, how much of it is left at the end. With as many df as times after baseline the curve
    passes through every time's mean, and the changes are those of `differential`.

    .. math:: y_{ij} = \mu_a + f_a(t_{ij}) + x_{ij}'\gamma + b_i + e_{ij}, \quad
              f_a(t_0) = 0, \quad b_i \sim N(0, \tau^2), \quad e_{ij} \sim N(0, \sigma^2)

    with a natural cubic spline :math:`f_a` in each arm *a*: the boundary knots are the baseline's
    minute :math:`t_0` and the last planned time (the median minute of a time point), the ``df``
    - 1 inner knots are quantiles of the planned times. So :math:`\mu_a` is the level at baseline
    and :math:`f_a(t)` the change from it. All features are fitted by REML, the changes tested with
    Kenward and Roger's SE and df.

    Parameters
    ----------
    adata
        Samples x features on a log scale.
    minutes
        Column of ``obs``: minutes after the end of the bout, negative during it. Every sample
        enters at its own minute, except those of the baseline.
    timepoint, subject, arm
        Columns of ``obs``. The default arm is used when it is there; ``arm=None`` pools.
    control
        Arm whose course is subtracted.
    df
        Degrees of freedom of the spline, 1 (a line) to the number of times after baseline.
    covariates
        Columns of ``obs``, standardised inside.
    baseline_minutes
        Minute at which all baseline samples stand; None is the median of their own minutes, or 0
        where none has one. Baseline is a state and not a point of the curve: whether it was
        taken 20 or 60 minutes before a bout must not bend the rise.
    seed
        Seed of the draws behind the peak's intervals; None is ``settings.seed``.
    layer
        Layer tested in place of X; it has X's units.
    key_added
        Key of ``uns`` that receives the frame; the frame of shapes is under
        ``<key_added>_shape``.

    Returns
    -------
    DataFrame
        The columns of every test (see `differential`), one row a feature and contrast:
        ``EE: 30 min - pre`` for each planned time, ``EE - CON: 30 min - pre`` with ``control``,
        and ``EE: any change`` (Kenward and Roger's F test of the whole curve: no estimate, df of
        the denominator). ``n_pairs`` counts people with baseline and that time point (any later
        one for ``any change``).

        ``uns["<key_added>_shape"]``: one row a feature and arm (empty without arms):
        peak_minutes, peak_minutes_low, peak_minutes_high, peak_change, peak_change_low,
        peak_change_high (95%), recovery_ratio (change at the last time / peak change: 1 no
        recovery, 0 full recovery, negative beyond the start), units, status. The peak is the
        largest change of the curve in either direction.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        If a sample after baseline has no minute or is not later than the baseline, or a person
        has two samples of one time point.
    UsageError
        If ``df`` does not fit the number of times, or ``control`` is no arm.

    Notes
    -----
    Missing values: a NaN cell is the same as an absent row for that feature (the knots are those
    of the cohort). An arm in which a feature has values at fewer than ``df`` + 1 time points,
    baseline among them or not, has no curve; the other arms have.

    Intervals of the peak are percentiles of 1000 curves drawn from the multivariate t of the
    coefficients (Kenward and Roger's covariance, the smallest of their df). They tell the
    uncertainty of the fitted curve, not whether a spline of these df can follow the truth: a
    sharp peak between two sparse times cannot be seen. Read them where ``any change`` is
    significant; with no change at all, the interval of the peak change holds 0 in about 95%.

    One residual variance is pooled over the times. Where one time varies far more than the rest,
    use ``tl.differential(variance="contrast")`` for that change.

    References
    ----------
    Kenward MG, Roger JH (1997) Small sample inference for fixed effects from restricted maximum
    likelihood. Biometrics 53:983-997.

    Green PJ, Silverman BW (1994) Nonparametric Regression and Generalized Linear Models. Chapman
    and Hall.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> adata.obs["minutes"] = (adata.obs["timepoint"] == "post") * 60.0
    >>> frame = exo.tl.time_course(adata, minutes="minutes", df=1, arm=None)
    >>> frame["contrast"].cat.categories[0]
    '60 min - pre'
    """
    units = require_testable(adata, layer, key_added, "tl.time_course")
    require_same_members(adata)
    design = build_design(
        adata,
        timepoint=timepoint,
        subject=subject,
        arm=arm,
        control=control,
        covariates=covariates,
    )
    times = schedule(adata, design, minutes, baseline_minutes)
    if isinstance(df, bool) or not isinstance(df, (int, np.integer)) or df < 1:
        raise UsageError(f"df={df!r} is no number of columns", fix="Give a whole number from 1 up.")
    if df > len(times.nominal):
        raise UsageError(
            f"df={df} is more than the {len(times.nominal)} times after baseline can carry",
            where="df=",
            fix=f"Give df={len(times.nominal)} or fewer; that many pass through every mean.",
        )
    stream_seed = settings.seed if seed is None else seed
    if isinstance(stream_seed, bool) or not isinstance(stream_seed, (int, np.integer)):
        raise UsageError(f"seed={seed!r} is no whole number")
    if stream_seed < 0:
        raise UsageError(f"seed={seed!r} is below 0")
    course = Course.make(design, times, int(df), control)
    values = dense(adata, layer)
    parts = [fit_block(values[:, b], course) for b in blocks(adata.n_vars)]
    start = design.cell[course.at_baseline]
    sd, sd_df = between_sd(values[course.at_baseline], start)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_unit = small_sample_factor(sd_df) / np.where(sd > 0, sd, np.nan)
    frames = []
    for k, test in enumerate(course.tests):
        own = {
            name: np.concatenate([p.tests[k][name] for p in parts]) for name in parts[0].tests[k]
        }
        frames.append(
            result_rows(
                adata.var_names.to_list(),
                test.name,
                estimate=own["estimate"],
                se=own["se"],
                df=own["df"],
                effect_size=own["estimate"] * per_unit,
                n_pairs=own["n_pairs"],
                n_obs=own["n_obs"],
                status=own["status"],
                method=METHOD if test.number is not None else f"{METHOD} (F, {course.df} df)",
                units=units,
                statistic=own["statistic"],
                p_value=own["p_value"],
            )
        )
    frame = collect(frames)
    shape = frame_for_storage(
        shape_of(course, parts, adata.var_names.to_numpy(object), units, int(stream_seed))
    )
    adata.uns[key_added] = frame
    adata.uns[f"{key_added}_shape"] = shape
    add_step(
        adata,
        "tl.time_course",
        minutes=minutes,
        baseline_minutes=times.anchor,
        knots=course.knots.tolist(),
        df=int(df),
        arm=arm,
        control=control,
        covariates=list(design.covariate_names),
        layer=layer,
        seed=int(stream_seed),
        key_added=key_added,
    )
    return frame
