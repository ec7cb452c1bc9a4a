"""Sums that may leave a site whose people's rows may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    MATCHING,
    Design,
    Matrix,
    Summary,
    build_design,
    matrix,
    meta,
    require_same_members,
    require_testable,
)
from exerkine_omics.errors import AnalysisError, UsageError, shown
from exerkine_omics.kernels._effect import join_moments
from exerkine_omics.kernels._lmm_sums import Layout, join, layout_sums_and_moments
from exerkine_omics.parallel import blocks

_MOST = 0.5  # of a covariate's sum of squares that one person may be
_FEW = 5  # values that make a covariate a set of levels
_BITS = 62
_LARGE = 2e10  # samples x feature sets squared, beyond which sets are taken to be close


def summarize(
    adata: AnnData,
    *,
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    arm: str | None = schema.ARM,
    covariates: Sequence[str] = (),
    moderators: Sequence[str] = (),
    layer: str | None = None,
    min_people: int = 5,
    share_covariates: bool = False,
) -> Summary:
    r"""Sum a site's data for a mixed model of several sites without person-level data.

    Use it where people's rows may not leave their institution. With a random intercept a
    person's inverse covariance depends on the data only through the number of rows, so that, for
    each feature and number of rows *m*,

    .. math:: X^T X, \; X^T y, \; y^T y, \; \sum_i t_i t_i^T, \; \sum_i t_i s_i, \; \sum_i s_i^2

    (:math:`t_i`, :math:`s_i` a person's totals of the design and of y) carry the whole likelihood,
    Satterthwaite's and Kenward-Roger's df included: `pool` returns the fit of all people
    together. No row of a person is kept.

    Parameters
    ----------
    adata
        Samples x features on a log scale.
    timepoint, subject, arm, covariates, moderators
        As in `differential`; every site names the same.
    layer
        Layer summed in place of X.
    min_people
        Disclosure rule: people who share their pattern (arm, time points measured for a feature,
        levels of covariates and moderators with five values or fewer) with fewer than
        ``min_people`` people, themselves counted, are left out of that feature; 1 keeps everyone.
    share_covariates
        Let covariates and moderators leave the site. Their sums over two features that differ in
        a few samples differ by those samples' values, so that single people's age can be worked
        out; without this consent such a summary is refused.

    Returns
    -------
    Summary
        ``.save(path)`` writes it, ``.left_out`` lists features with the number of people left out,
        ``.context`` says what the sums are of.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        As in `differential`.
    AnalysisError
        If the rule leaves nobody, or if covariates of single people could be worked out: features
        differ in few samples, or one person makes up most of a covariate.
    UsageError
        If ``min_people`` is no whole number from 1 up.

    Notes
    -----
    Missing values: a NaN cell is the same as an absent row. Sums over at least ``min_people``
    people are no proof of anonymity: agree on the rule with your data officer, and never send two
    summaries of the same or nearly the same people, be it with other arguments: they can be
    subtracted.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.tl.summarize(adata).context["n_people"]
    60
    """
    if isinstance(min_people, bool) or not isinstance(min_people, int) or min_people < 1:
        raise UsageError(f"min_people={min_people!r} is no whole number from 1 up")
    require_testable(adata, layer, "summary", "tl.summarize")
    require_same_members(adata)
    columns: dict[str, Any] = {"timepoint": timepoint, "subject": subject, "arm": arm}
    columns |= {"covariates": covariates, "moderators": moderators}
    values = matrix(adata, layer)
    design, rows, gone = _kept_design(adata, values, columns, min_people)
    layout = Layout.of(design.matrix, design.subject)
    profile = _profiles(design)
    sums, spread, counts, dropped, measured = [], [], [], [], []
    for b in blocks(adata.n_vars):
        block = values[rows, b]
        rare, kept = _patterns(block, design, profile, min_people)
        dropped.append(rare.sum(axis=0))
        block = np.where(rare[design.subject], np.nan, block)
        own, cells = layout_sums_and_moments(layout, block, design.cell, len(design.cells))
        sums.append(own)
        spread.append(cells)
        counts.append(kept)
        if len(design.centre) and min_people > 1 and not share_covariates:
            measured.append(np.isfinite(block))
    if measured:
        _require_no_outlier(design)
        _require_like_samples(np.concatenate(measured, axis=1), design, min_people)
    names = sorted({pattern for part in counts for pattern in part})
    people = [
        np.stack([part.get(n, np.zeros(width, dtype=np.int64)) for n in names])
        for part, width in zip(counts, (len(d) for d in dropped), strict=True)
    ]
    known = meta(adata)
    context: dict[str, Any] = {key: str(known.get(key, schema.UNKNOWN)) for key in MATCHING}
    context |= {
        "baseline": design.baseline,
        "timepoints": list(design.timepoints),
        "cells": [[c.arm, c.timepoint] for c in design.cells],
        "covariates": list(design.covariate_names),
        "moderators": list(design.moderator_names),
        "n_people": len(design.subjects),
        "n_samples": len(design.cell),
        "min_people": min_people,
    }
    return Summary(
        context=context,
        features=tuple(adata.var_names),
        sums=join(sums),
        moments=join_moments(spread),
        patterns=tuple(names),
        pattern_people=np.concatenate(people, axis=1),
        dropped=np.concatenate(dropped) + gone,
        centre=design.centre,
        scale=design.scale,
    )


def _profiles(design: Design) -> np.ndarray:
    """Give people who share their covariates of few values, at all cells, one number."""
    columns = np.hstack([design.covariates, design.moderators])
    discrete = [k for k in range(columns.shape[1]) if len(np.unique(columns[:, k])) <= _FEW]
    table = np.zeros((len(design.subjects), len(design.cells) * len(discrete)))
    for i, k in enumerate(discrete):
        table[design.subject, design.cell * len(discrete) + i] = columns[:, k] + 1e3
    return np.unique(table, axis=0, return_inverse=True)[1].ravel()


def _kept_design(
    adata: AnnData, values: Matrix, columns: dict[str, Any], min_people: int
) -> tuple[Design, np.ndarray, np.ndarray]:
    """Design of the people whom the rule leaves in a feature, their rows, and who is gone (F).

    Means of covariates are sent, too: they must not tell of people who are left out.
    """
    design = build_design(adata, **columns)
    profile = _profiles(design)
    stays = np.zeros(len(design.subjects), dtype=bool)
    lost = []
    for b in blocks(adata.n_vars):
        rare, _ = _patterns(values[:, b], design, profile, min_people)
        seen = np.zeros(rare.shape, dtype=bool)
        np.logical_or.at(seen, design.subject, np.isfinite(values[:, b]))
        stays |= (seen & ~rare).any(axis=1)
        lost.append(rare)
    gone = np.concatenate([rare[~stays].sum(axis=0) for rare in lost])
    rows = np.flatnonzero(stays[design.subject])
    if len(rows) == 0:
        raise AnalysisError(
            f"No pattern of visits is shared by {min_people} people: nothing may leave",
            fix="Lower min_people where your data officer agrees.",
        )
    if stays.all():
        return design, rows, gone
    left = AnnData(obs=adata.obs.iloc[rows].copy(), uns={schema.UNS: dict(meta(adata))})
    return build_design(left, **columns), rows, gone


def _require_no_outlier(design: Design) -> None:
    """Refuse a covariate of which one person is most: its sums are that person's."""
    columns = np.hstack([design.covariates, design.moderators])
    columns = columns - columns.mean(axis=0)
    share = np.zeros((len(design.subjects), columns.shape[1]))
    np.add.at(share, design.subject, columns**2)
    share /= np.maximum(share.sum(axis=0), np.finfo(float).tiny)
    names = (*design.covariate_names, *design.moderator_names)
    bad = [n for n, s in zip(names, share.max(axis=0), strict=True) if s > _MOST]
    if bad:
        raise AnalysisError(
            f"One person makes up more than half of the spread of {shown(bad)}: the sums would "
            "tell that person's values",
            where="covariates= and moderators=",
            fix="Leave it out, or consent with share_covariates=True.",
        )


def _require_like_samples(measured: np.ndarray, design: Design, min_people: int) -> None:
    """Refuse covariates whose sums over two features differ by those of a few samples."""
    weights = np.random.default_rng(0).integers(1, 2**40, len(measured))
    _, first = np.unique(weights @ measured, return_index=True)  # one feature of each sample set
    sets = measured[:, first].astype(np.float32)
    close = len(measured) * len(first) ** 2 > _LARGE
    if not close:
        size = sets.sum(axis=0)
        apart = size[:, None] + size[None] - 2 * (sets.T @ sets)
        close = bool(((apart > 0.5) & (apart < min_people - 0.5)).any())
    if close:
        names = (*design.covariate_names, *design.moderator_names)
        raise AnalysisError(
            f"Features are measured in sets of samples that differ by fewer than {min_people}: "
            f"their sums of {shown(names)} would tell single people's values",
            where="covariates= and moderators=",
            fix="Leave them out, or consent with share_covariates=True.",
        )


def _patterns(
    values: np.ndarray, design: Design, profile: np.ndarray, min_people: int
) -> tuple[np.ndarray, dict[tuple[int, ...], np.ndarray]]:
    """People x F whose profile and pattern of cells too few share; the people of each pattern."""
    n_cells = len(design.cells)
    if n_cells + int(profile.max()).bit_length() > _BITS:
        raise UsageError(f"{n_cells} cells are too many for a summary of these people")
    code = np.zeros((len(design.subjects), values.shape[1]), dtype=np.int64)
    for number in range(n_cells):
        rows = np.flatnonzero(design.cell == number)  # one a person
        code[design.subject[rows]] |= np.isfinite(values[rows]).astype(np.int64) << number
    code = np.where(code > 0, code | (profile.astype(np.int64) << n_cells)[:, None], 0)
    rare = np.zeros(code.shape, dtype=bool)
    kept: dict[tuple[int, ...], np.ndarray] = {}
    for pattern in np.unique(code[code > 0]).tolist():
        own = code == pattern
        people = own.sum(axis=0)
        few = people < min_people
        rare |= own & few
        if not few.all():
            cells = tuple(i for i in range(n_cells) if pattern >> i & 1)
            kept[cells] = kept.get(cells, 0) + np.where(few, 0, people)
    return rare, kept
