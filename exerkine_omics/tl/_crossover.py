"""Crossover trials: every person under every condition."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    collect,
    dense,
    frame_for_storage,
    require_same_members,
    require_testable,
    result_rows,
)
from exerkine_omics.errors import warn
from exerkine_omics.kernels._crossover import LeastSquares, least_squares, period_columns
from exerkine_omics.kernels._effect import between_sd, small_sample_factor
from exerkine_omics.tl._crossover_design import Crossover, build_crossover
from exerkine_omics.tl._method import constant, status_of

METHOD = "crossover"


def crossover(
    adata: AnnData,
    *,
    condition: str,
    period: str | None = None,
    sequence: str | None = None,
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    reference: str | None = None,
    layer: str | None = None,
    key_added: str = "crossover",
) -> pd.DataFrame:
    r"""Test whether the change differs between two conditions that every person went through.

    Use it where each person has a baseline and later samples under both conditions, such as
    control and eccentric exercise, or a first and a repeated bout (``condition="bout"``).

    Of each person the difference of the changes is taken,

    .. math:: d_i = (y_{i,T,t} - y_{i,T,0}) - (y_{i,R,t} - y_{i,R,0})

    Without ``period`` the effect is the mean of *d* and the test the paired t: right if there is
    no period effect, or as many people had either order. With it, the effect is

    .. math:: \hat\tau = (\bar d_{TR} + \bar d_{RT}) / 2, \quad
              \mathrm{SE} = \tfrac{s}{2} \sqrt{1/n_{TR} + 1/n_{RT}}, \quad
              \mathrm{df} = n_{TR} + n_{RT} - 2

    with *s* pooled within the two sequences: half the difference between the sequences of the
    period differences (Hills and Armitage). With more than two periods *d* is regressed on the
    periods' differences.

    Parameters
    ----------
    adata
        Samples x features on a log scale.
    condition
        Column of ``obs`` with the condition, or the bout. Each other condition is compared with
        the reference.
    period
        Column of ``obs`` with the period in which the person had that condition.
    sequence
        Column of ``obs`` with the person's order of conditions. Beside ``period`` it is checked;
        alone it must spell the conditions, as ``AB`` or ``con-ecc``.
    timepoint, subject
        Columns of ``obs``.
    reference
        Condition to compare with; None is the first (in the order of the categories, numbers by
        size, text by the alphabet).
    layer
        Layer tested in place of X; it has X's units.
    key_added
        Key of ``uns`` that receives the frame; who has both changes, and why others have not, is
        under ``<key_added>_people``.

    Returns
    -------
    DataFrame
        The columns of every test (see `differential`), one row a feature and contrast, for each
        later time: ``ecc - con: post - pre``; with the period also ``period 2 - 1: post - pre``
        (how much larger changes are in the second period) and, with two periods, ``carry-over:
        post - pre``, the difference between the sequences (treatment first minus reference
        first) of each person's sum of changes. With more than two conditions these two begin
        with the comparison, ``ecc - con, period 2 - 1: post - pre``. ``n_pairs`` counts people
        with both changes.

    Warns
    -----
    ExerkineWarning
        If people are left out for lack of a sample.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        If a person has two samples of one condition and time, two periods under one condition,
        or two conditions in one period.
    UsageError
        If there is one condition only, or the order cannot be read from ``sequence``.

    Notes
    -----
    Missing values: a person without one of the four values is absent for that feature and time.

    Without ``period`` a period effect is part of the error, and of the estimate where the orders
    are unequally frequent; the two cannot be separated. In a repeated bout all have the same
    order: what differs between the bouts is both repetition and time.

    Carry-over is tested between people on sums, with little power, and the test is correlated
    with what the first period alone shows: it must not decide how the treatment is analysed
    (Freeman). Wash-out is a matter of the design.

    References
    ----------
    Hills M, Armitage P (1979) The two-period cross-over clinical trial. Br J Clin Pharmacol
    8:7-20.

    Freeman PR (1989) The performance of the two-stage analysis of two-treatment, two-period
    crossover trials. Stat Med 8:1421-1432.

    Jones B, Kenward MG (2014) Design and Analysis of Cross-Over Trials, 3rd ed. CRC Press.

    Examples
    --------
    >>> import anndata
    >>> import exerkine_omics as exo
    >>> first = exo.datasets.simulate(seed=1, missed_visits=0).adata
    >>> second = first[first.obs["timepoint"].isin(["pre", "post"])].copy()
    >>> second.obs_names = second.obs_names + "_2"
    >>> second.X = second.X - 0.5 * (second.obs[["timepoint"]] == "post").to_numpy()
    >>> first.obs["bout"], second.obs["bout"] = 1, 2
    >>> both = anndata.concat([first, second], uns_merge="first")
    >>> frame = exo.tl.crossover(both, condition="bout")
    >>> frame["contrast"].cat.categories.to_list()
    ['2 - 1: post - pre']
    """
    units = require_testable(adata, layer, key_added, "tl.crossover")
    require_same_members(adata)
    design = build_crossover(adata, condition, period, sequence, timepoint, subject, reference)
    values = dense(adata, layer)
    finite = np.isfinite(values)
    # a level common to all values is no information and costs digits
    total = np.where(finite, values, 0.0).sum(axis=0)
    values = values - total / np.maximum(finite.sum(axis=0), 1)
    reasons = [(~finite.any(axis=0), "not measured"), (constant(values), "constant")]
    per_unit = _per_baseline_sd(values, design)
    empty = ~finite.any(axis=1)
    frames, people = [], []
    for k, name in enumerate(design.conditions[1:], start=1):
        several = f"{name} - {design.conditions[0]}, " if len(design.conditions) > 2 else ""
        for t, time in enumerate(design.times[1:], start=1):
            label = f"{time} - {design.times[0]}"
            table = design.people(k, t, empty, adata.obs_names)
            people.append(table)
            usable = np.flatnonzero(table["paired"])
            for contrast, fit, column, lacking in _tests(values, design, usable, k, t):
                full = f"{name} - {design.conditions[0]}" if not contrast else several + contrast
                status = status_of(
                    adata.n_vars,
                    *reasons,
                    (fit.n == 0, "no pairs"),
                    (~fit.full_rank, lacking),
                    (fit.df < 1, "no residual df"),
                    (~(fit.se[:, column] > 0), "no variance between pairs"),
                )
                frames.append(
                    result_rows(
                        adata.var_names.to_list(),
                        f"{full}: {label}",
                        estimate=fit.estimate[:, column],
                        se=fit.se[:, column],
                        df=fit.df,
                        effect_size=fit.estimate[:, column] * per_unit,
                        n_pairs=fit.n,
                        n_obs=4 * fit.n,
                        status=status,
                        method=METHOD,
                        units=units,
                    )
                )
    frame = collect(frames)
    table = frame_for_storage(pd.concat(people, ignore_index=True))
    adata.uns[key_added] = frame
    adata.uns[f"{key_added}_people"] = table
    add_step(
        adata,
        "tl.crossover",
        condition=condition,
        period=period,
        sequence=sequence,
        reference=design.conditions[0],
        layer=layer,
        key_added=key_added,
    )
    lost = table.loc[~table["paired"]]
    if len(lost):
        warn(
            f"{lost[schema.SUBJECT].nunique()} of {len(design.subjects)} people lack a sample of "
            f"a comparison and are left out of it ({lost['reason'].iloc[0]}, ...); "
            f"uns[{key_added + '_people'!r}] says who and why."
        )
    return frame


def _tests(
    values: np.ndarray, design: Crossover, people: np.ndarray, condition: int, time: int
) -> list[tuple[str, LeastSquares, int, str]]:
    """Name (empty: the treatment), fit, column, and what a lack of rank means."""
    own = design.sample[people]
    treated = values[own[:, condition, time]] - values[own[:, condition, 0]]
    other = values[own[:, 0, time]] - values[own[:, 0, 0]]
    difference = treated - other
    if design.period is None:
        fit = least_squares(difference, np.ones((len(people), 1)))
        return [("", fit, 0, "no pairs")]
    number = len(design.periods)
    first, second = design.period[people][:, [condition, 0]].T
    fit = least_squares(difference, period_columns(first, second, number))
    lacking = "one sequence only" if number == 2 else "periods not separable"
    tests = [("", fit, 0, lacking)]
    tests += [
        (f"period {design.periods[p]} - {design.periods[0]}", fit, p, lacking)
        for p in range(1, number)
    ]
    if number == 2:
        early = np.column_stack([np.ones(len(people)), first < second])
        tests.append(("carry-over", least_squares(treated + other, early), 1, lacking))
    return tests


def _per_baseline_sd(values: np.ndarray, design: Crossover) -> np.ndarray:
    """Hedges' factor / SD between people of the baseline, pooled within conditions."""
    _, condition = np.nonzero(design.sample[:, :, 0] >= 0)
    rows = design.sample[:, :, 0][design.sample[:, :, 0] >= 0]
    sd, df = between_sd(values[rows], condition)
    with np.errstate(invalid="ignore", divide="ignore"):
        return small_sample_factor(df) / np.where(sd > 0, sd, np.nan)
