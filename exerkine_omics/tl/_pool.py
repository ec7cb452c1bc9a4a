"""The mixed model of all sites together, from their summaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import (
    MATCHING,
    Contrast,
    Contrasts,
    Design,
    Summary,
    choose_contrasts,
    moderated_contrasts,
)
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels import _pool
from exerkine_omics.kernels._effect import Moments
from exerkine_omics.kernels._lmm_sums import Sums, take
from exerkine_omics.tl._differential import result_table
from exerkine_omics.tl._lmm import LMM
from exerkine_omics.tl._lmm_tests import finish, fit_and_test


def pool(
    summaries: Sequence[Summary | str | Path],
    contrasts: Contrasts | None = None,
    *,
    control: str | None = None,
    site: bool = True,
    joint: bool = False,
    baseline: str | None = None,
    ddf: str | None = None,
    moderate: bool | None = None,
    common: bool = False,
) -> pd.DataFrame:
    """Test change in several sites together, from the sums of `summarize`.

    The frame is that of ``differential(..., method="lmm")`` on the rows of all sites, with the
    site as covariate: estimates, SEs, both dfs and numbers of people.

    Parameters
    ----------
    summaries
        Summaries, or the files they were saved in; one a site.
    contrasts, control, joint, baseline, ddf, moderate
        As in `differential`.
    site
        Give each site its own level (a covariate). False: sites share their cell means, which
        takes one laboratory and one calibration.
    common
        Pool the features that all sites have. By default sites with other features are an error.

    Returns
    -------
    DataFrame
        The result frame of `differential`; ``method`` is ``lmm``.

    Raises
    ------
    InputError
        If a file is no summary, or sites differ in unit, matrix, species, platform, cells,
        covariates or features: what differs is named.
    UsageError
        If a contrast or option does not exist, or something in the list is no summary. What needs
        other rows for each contrast (``variance="contrast"``) cannot be had from sums.

    Notes
    -----
    Missing values: as in the sites; people left out by a site's disclosure rule are not in.
    A subject id has no meaning beyond its site: the same person in two sites counts as two.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> one, two = (exo.tl.summarize(exo.datasets.simulate(seed=s).adata) for s in (1, 2))
    >>> frame = exo.tl.pool([one, two], control="CON")
    >>> int(frame["n_pairs"].max())
    120
    """
    if isinstance(summaries, (Summary, str, Path)):
        raise UsageError("pool takes a list of summaries", fix="Write pool([one, two, ...]).")
    strange = [type(s).__name__ for s in summaries if not isinstance(s, (Summary, str, Path))]
    if strange:
        raise UsageError(
            f"{shown(strange)} are no summaries", fix="Make them with exo.tl.summarize(adata)."
        )
    sites = [s if isinstance(s, Summary) else Summary.load(s) for s in summaries]
    if not sites:
        raise UsageError("There is no summary to pool")
    options = LMM.choose({"ddf": ddf, "moderate": moderate, "baseline": baseline})
    _require_alike(sites)
    _require_different(sites)
    features = _features(sites, common)
    constrained = options["baseline"] == "constrained"
    design = sites[0].design(constrained)
    filled = {i for s in sites for i in np.flatnonzero(s.moments.n.any(axis=1)).tolist()}
    chosen = choose_contrasts(
        design.cells, filled, design.baseline, design.timepoints, contrasts, control, joint
    )
    design = replace(design, contrasts=moderated_contrasts(chosen, design.moderator_names))
    place = [_positions(s, features) for s in sites]
    parts = [take(s.sums, p) for s, p in zip(sites, place, strict=True)]
    # a site with its own level keeps its own centre: its level costs no digits
    centre = None if site else _mean_centre(parts)
    maps, design = _columns(sites, design, site)
    n_cells = len(design.cells)
    sums = _pool.added(
        [
            _pool.turned(
                part,
                m,
                (np.arange(len(m)) < n_cells).astype(float),
                part.centre if centre is None else centre,
            )
            for part, m in zip(parts, maps, strict=True)
        ]
    )
    spread = _pool.added_moments(
        [
            Moments(s.moments.n[:, p], s.moments.mean[:, p], s.moments.square[:, p])
            for s, p in zip(sites, place, strict=True)
        ]
    )

    def pairs(contrast: Contrast) -> np.ndarray:
        return sum(_people(s, design, contrast)[p] for s, p in zip(sites, place, strict=True))  # type: ignore[return-value]

    raw = fit_and_test(sums, design, design.contrasts, options["ddf"], pairs)
    tested = finish([raw], design.contrasts, options["moderate"])
    units = sites[0].context[schema.UNITS]
    return result_table(tested, spread, design, pd.Index(features, dtype=object), "lmm", units)


def _require_alike(sites: Sequence[Summary]) -> None:
    first = sites[0].context
    keys = (*MATCHING, "baseline", "timepoints", "cells", "covariates", "moderators")
    for number, site in enumerate(sites[1:], start=2):
        differ = [k for k in keys if site.context[k] != first[k]]
        if differ:
            words = "; ".join(f"{k}: {first[k]} and {site.context[k]}" for k in differ)
            raise InputError(
                f"Summaries 1 and {number} differ in {words}",
                fix="Make them with the same arguments from data on one scale; units, matrix and "
                f"platform are those of adata.uns['{schema.UNS}'].",
            )


def _require_different(sites: Sequence[Summary]) -> None:
    for i, one in enumerate(sites):
        for j in range(i):
            other = sites[j]
            if one.features == other.features and np.array_equal(one.sums.yy, other.sums.yy):
                raise UsageError(
                    f"Summaries {j + 1} and {i + 1} are of the same people",
                    fix="Give each site once.",
                )


def _features(sites: Sequence[Summary], common: bool) -> list[str]:
    shared = set(sites[0].features).intersection(*(s.features for s in sites[1:]))
    if not common:
        for number, site in enumerate(sites, start=1):
            alone = [f for f in site.features if f not in shared]
            if alone:
                raise InputError(
                    f"Summary {number} has {len(alone)} features that another lacks: "
                    f"{shown(alone)}",
                    fix="Pass common=True to pool the features that all have.",
                )
    if not shared:
        raise InputError("The summaries share no feature", fix="Are they of one platform?")
    return [f for f in sites[0].features if f in shared]


def _positions(site: Summary, features: Sequence[str]) -> np.ndarray:
    index = {name: i for i, name in enumerate(site.features)}
    return np.array([index[f] for f in features], dtype=int)


def _mean_centre(parts: Sequence[Sums]) -> np.ndarray:
    n = np.stack([part.n_obs for part in parts])
    return np.asarray(
        (n * np.stack([part.centre for part in parts])).sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    )


def _columns(
    sites: Sequence[Summary], design: Design, by_site: bool
) -> tuple[list[np.ndarray], Design]:
    """Map of each site's columns to the joint ones, and the design that has them.

    A row has exactly one cell, so that the cells' columns add up to 1: a site's own level and
    another unit or centre of a covariate are combinations of the columns that are there.
    """
    n_cells, n_columns = design.cell_columns.shape
    n_cov, n_mod = len(design.covariate_names), len(design.moderator_names)
    n_sites = len(sites) - 1 if by_site else 0
    people = np.array([s.context["n_people"] for s in sites], dtype=float)
    centres = np.stack([s.centre for s in sites])
    centre = people @ centres / people.sum()
    scale = sites[0].scale
    maps = []
    for number, s in enumerate(sites):
        old = n_cells + n_cov + n_mod * n_cells
        new = n_columns + n_sites + n_cov + n_mod * n_columns
        m = np.zeros((old, new))
        m[:n_cells, :n_columns] = design.cell_columns
        if by_site and number:
            m[:n_cells, n_columns + number - 1] = 1.0
        shift, factor = (s.centre - centre) / scale, s.scale / scale
        for k in range(n_cov):
            column = n_columns + n_sites + k
            m[:n_cells, column] = shift[k]
            m[n_cells + k, column] = factor[k]
        for k in range(n_mod):
            rows = slice(n_cells + n_cov + k * n_cells, n_cells + n_cov + (k + 1) * n_cells)
            start = n_columns + n_sites + n_cov + k * n_columns
            columns = slice(start, start + n_columns)
            m[:n_cells, columns] = shift[n_cov + k] * design.cell_columns
            m[rows, columns] = factor[n_cov + k] * design.cell_columns
        maps.append(m)
    names = tuple(f"site {i + 2}" for i in range(n_sites)) + design.covariate_names
    design = replace(
        design,
        covariates=np.empty((0, len(names))),
        covariate_names=names,
        centre=np.concatenate([np.zeros(n_sites), centre]),
        scale=np.concatenate([np.ones(n_sites), scale]),
    )
    return maps, design


def _people(site: Summary, design: Design, contrast: Contrast) -> np.ndarray:
    """People of a site with all cells that the contrast uses in their arm (F)."""
    used = {
        arm: {i for i in np.flatnonzero(contrast.used) if design.cells[i].arm == arm}
        for arm in design.arms
    }
    total = np.zeros(len(site.features), dtype=np.int64)
    for pattern, people in zip(site.patterns, site.pattern_people, strict=True):
        needed = used[design.cells[pattern[0]].arm]
        if needed and needed <= set(pattern):
            total += people
    return total
