"""Random intercept per subject by REML, each feature on the rows it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

from exerkine_omics import schema
from exerkine_omics.cohort import Contrast, Design, Matrix, Stored
from exerkine_omics.kernels import _ebayes, _lmm, _lmm_joint, _lmm_sums
from exerkine_omics.kernels._lmm_alias import without_aliased
from exerkine_omics.parallel import blocks, run
from exerkine_omics.settings import settings
from exerkine_omics.tl._method import Tested, TestMethod, changes, status_of

_EQUAL_DF = 1e-6  # relative: the df of complete features differ by rounding only


def run_lmm(values: Matrix, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Fit once for all contrasts, or once a contrast on the rows of its own cells."""

    def pairs(contrast: Contrast) -> np.ndarray:
        return np.concatenate(
            [
                np.isfinite(changes(values[:, b], design, contrast)).sum(axis=0)
                for b in blocks(values.shape[1])
            ]
        )

    if options["variance"] == "pooled":
        sums = gather(values, design, np.ones(len(design.cell), dtype=bool))
        return test_sums(sums, design, design.contrasts, options, pairs)
    tested = []
    for contrast in design.contrasts:
        sums = gather(values, design, contrast.used[design.cell])
        tested += test_sums(sums, design, [contrast], options, pairs)
    return tested


def gather(values: Matrix, design: Design, rows: np.ndarray) -> _lmm_sums.Sums:
    """Gather the sums of all features, block by block, over the chosen rows."""
    layout = _lmm_sums.Layout.of(design.matrix[rows], design.subject[rows])
    own = slice(None) if rows.all() else np.flatnonzero(rows)
    if settings.n_jobs == 1 or isinstance(values, Stored):  # an open file stays in its process
        return _lmm_sums.join(
            _lmm_sums.layout_sums(layout, values[own, b]) for b in blocks(values.shape[1])
        )
    tasks = [(layout, values[own, b]) for b in blocks(values.shape[1])]
    return _lmm_sums.join(run(_lmm_sums.layout_sums, tasks))


def test_sums(
    sums: _lmm_sums.Sums,
    design: Design,
    contrasts: Sequence[Contrast],
    options: Mapping[str, Any],
    pairs: Callable[[Contrast], np.ndarray],
) -> list[Tested]:
    """Fit the features and test the contrasts, from the sums alone.

    ``pairs`` counts the people of a contrast that has more cells than the sums count people in.
    """
    n = len(sums.n_obs)
    sums, alias = without_aliased(sums)
    repeated = (sums.people * (sums.size[:, None] > 1)).sum(axis=0) > 0
    common = status_of(
        n,
        (sums.n_obs == 0, "not measured"),
        (sums.constant, "constant"),
        (~repeated, "nobody has two samples"),
        (sums.n_obs <= sums.rank, "no residual df"),
    )
    fitted = np.flatnonzero(common == schema.OK)
    part = sums if len(fitted) == n else _lmm_sums.take(sums, fitted)
    tested = []
    fit = _lmm.fit_reml(part)
    extra = _moderation(part, fit) if options["moderate"] else (np.ones(len(fitted)), 0.0, np.inf)
    for contrast in contrasts:
        result = _test(part, fit, design, contrast, options["ddf"], extra)
        weights = design.weights(contrast)
        lacking = sums.absent[np.atleast_2d(weights).any(axis=0)].any(axis=0)
        lacking |= alias.lost(weights, n)
        status = common.copy()
        known = np.isfinite(result[0 if contrast.joint else 1]) & (result[2] > 0)
        status[fitted[~known]] = "variance not identified"
        status[(common == schema.OK) & lacking] = "not estimable"
        n_pairs = _fewest_pairs(sums, design, contrast, pairs)
        # an estimate from other people's visits alone is no paired change
        status[(status == schema.OK) & (n_pairs == 0)] = "no pairs"
        whole = np.full((len(result), n), np.nan)
        whole[:, fitted] = result
        first, se, df, statistic, p_value = whole
        tested.append(
            Tested(
                np.full(n, np.nan) if contrast.joint else first,
                np.full(n, np.nan) if contrast.joint else se,
                df,
                n_pairs,
                sums.n_obs,
                status,
                statistic=statistic if contrast.joint else None,
                p_value=p_value if contrast.joint else None,
                rank=_rank(contrast),
            )
        )
    return tested


def _rank(contrast: Contrast) -> int:
    return len(_lmm_joint.full_rows(contrast.weights)) if contrast.joint else 1


def _moderation(sums: _lmm_sums.Sums, fit: _lmm.Fit) -> tuple[np.ndarray, Any, float]:
    """Factor of the variances, df gained, and the most df that a test may have.

    The residual variance s^2 has d = 2 / W22 df (the within-person df of a complete design); it
    is squeezed to (d0 s0^2 + d s^2) / (d0 + d), and every df gains d0.
    """
    df = _lmm.precision(sums, fit).residual_df
    equal = len(df) == 0 or np.ptp(df) <= _EQUAL_DF * df.max()
    prior = (_ebayes.fit_prior_moments if equal else _ebayes.fit_prior_likelihood)(fit.sigma2, df)
    if not prior.known:
        return np.ones(len(df)), 0.0, np.inf
    return _ebayes.squeeze(fit.sigma2, df, prior) / fit.sigma2, prior.df, float(df.sum())


def _test(
    sums: _lmm_sums.Sums,
    fit: _lmm.Fit,
    design: Design,
    contrast: Contrast,
    ddf: str,
    extra: tuple[np.ndarray, Any, float],
) -> np.ndarray:
    """Estimate, SE, df, statistic and p of the fitted features (joint: the first two are F)."""
    factor, gained, most = extra
    weights = design.weights(contrast)
    # the data were centred: give the mean back where the weights do not cancel
    level = 0.0 if contrast.moderator else contrast.weights.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if not contrast.joint:
            se, df = _T[ddf](sums, fit, weights)
            estimate = weights @ fit.beta + sums.centre * level
            se, df = se * np.sqrt(factor), np.minimum(df + gained, most)
            return np.stack([estimate, se, df, estimate / se, se])
        rows = _lmm_joint.full_rows(weights)
        if len(rows) == len(weights):
            estimate = rows @ fit.beta + np.multiply.outer(level, sums.centre)
        else:
            cells = rows[:, : design.cell_columns.shape[1]].sum(axis=1)
            estimate = rows @ fit.beta + np.multiply.outer(cells, sums.centre)
        f, df = _F[ddf](sums, fit, rows, estimate)
        f, df = f / factor, np.minimum(df + gained, most)
        return np.stack([f, f, df, f, special.fdtrc(len(rows), df, f)])


def _fewest_pairs(
    sums: _lmm_sums.Sums,
    design: Design,
    contrast: Contrast,
    pairs: Callable[[Contrast], np.ndarray],
) -> np.ndarray:
    """People with all cells of a contrast; of a joint one, of its row with fewest people."""
    rows = [Contrast(contrast.name, row) for row in np.atleast_2d(contrast.weights)]
    found = [_pairs(sums, design, row) for row in rows]
    counted = [pairs(r) if n is None else n for r, n in zip(rows, found, strict=True)]
    return np.asarray(np.min(counted, axis=0))


def _pairs(sums: _lmm_sums.Sums, design: Design, contrast: Contrast) -> np.ndarray | None:
    """People with all cells of the contrast, where the sums know it: two cells an arm at most."""
    column = design.cell_columns.argmax(axis=1)
    total = np.zeros(len(sums.n_obs))
    for arm in design.arms:
        own = [int(column[i]) for i in np.flatnonzero(contrast.used) if design.cells[i].arm == arm]
        if len(own) > 2 or (len(own) == 1 and (column == own[0]).sum() > 1):
            return None
        if own:
            total += sums.both(own[0], own[-1])
    return np.rint(total).astype(np.int64)


_T: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "kenward-roger": _lmm.kenward_roger,
    "satterthwaite": _lmm.satterthwaite,
    "residual": _lmm.residual,
}
_F: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "kenward-roger": _lmm_joint.kenward_roger,
    "satterthwaite": _lmm_joint.satterthwaite,
    "residual": _lmm_joint.residual,
}


LMM = TestMethod(
    "lmm",
    "random intercept per subject by REML",
    {
        "ddf": tuple(_T),
        "variance": ("pooled", "contrast"),
        "moderate": (False, True),
        "baseline": ("free", "constrained"),
    },
    run_lmm,
    blockwise=True,
)
