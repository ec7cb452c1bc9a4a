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
    Summary,
    build_design,
    matrix,
    meta,
    require_log,
)
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._effect import join_moments, moments
from exerkine_omics.kernels._lmm_sums import Layout, join, layout_sums
from exerkine_omics.parallel import blocks


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
        Disclosure rule: people who share their pattern (arm and time points measured for a
        feature) with fewer than ``min_people`` people, themselves counted, are left out of that
        feature; 1 keeps everyone.

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
    UsageError
        If ``min_people`` is no whole number from 1 up.

    Notes
    -----
    Missing values: a NaN cell is the same as an absent row. Sums over at least ``min_people``
    people are no proof of anonymity: agree on the rule with your data officer, and do not send
    two summaries of nearly the same people.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.tl.summarize(adata).context["n_people"]
    60
    """
    if isinstance(min_people, bool) or not isinstance(min_people, int) or min_people < 1:
        raise UsageError(f"min_people={min_people!r} is no whole number from 1 up")
    require_log(adata, "tl.summarize")
    design = build_design(
        adata,
        timepoint=timepoint,
        subject=subject,
        arm=arm,
        covariates=covariates,
        moderators=moderators,
    )
    values = matrix(adata, layer)
    layout = Layout.of(design.matrix, design.subject)
    sums, spread, counts, dropped = [], [], [], []
    for b in blocks(adata.n_vars):
        block = values[:, b]
        rare, kept = _patterns(block, design, min_people)
        dropped.append(rare.sum(axis=0))
        block = np.where(rare[design.subject], np.nan, block)
        sums.append(layout_sums(layout, block))
        spread.append(moments(block, design.cell, len(design.cells)))
        counts.append(kept)
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
        dropped=np.concatenate(dropped),
        centre=design.centre,
        scale=design.scale,
    )


def _patterns(
    values: np.ndarray, design: Design, min_people: int
) -> tuple[np.ndarray, dict[tuple[int, ...], np.ndarray]]:
    """People x F whose pattern of cells too few share, and the number of people of the others."""
    if len(design.cells) > 62:
        raise UsageError(f"{len(design.cells)} cells are too many for a summary (62)")
    code = np.zeros((len(design.subjects), values.shape[1]), dtype=np.int64)
    for number in range(len(design.cells)):
        rows = np.flatnonzero(design.cell == number)  # one a person
        code[design.subject[rows]] |= np.isfinite(values[rows]).astype(np.int64) << number
    rare = np.zeros(code.shape, dtype=bool)
    kept = {}
    for pattern in np.unique(code[code > 0]).tolist():
        own = code == pattern
        people = own.sum(axis=0)
        few = people < min_people
        rare |= own & few
        if not few.all():
            cells = tuple(i for i in range(len(design.cells)) if pattern >> i & 1)
            kept[cells] = np.where(few, 0, people)
    return rare, kept
