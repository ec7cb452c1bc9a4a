"""What scoring and its followers share: signatures on the panel, the scorer fitted to a cohort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Matrix,
    Stored,
    baseline,
    choose_scorer,
    matrix,
    meta,
    reference_for,
    require_log,
    take_samples,
)
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._scorer import Fitted, Options, Scorer, fit_scorer
from exerkine_omics.kernels._scores import MIN_BASELINE
from exerkine_omics.kernels._sets import Sets, make_sets
from exerkine_omics.parallel import blocks
from exerkine_omics.sig import Matched, Signatures, match

# samples that are made ready at once
ROWS = 2048


@dataclass(frozen=True)
class Scoring:
    """Signatures matched to a panel and a scorer fitted to its samples."""

    adata: AnnData
    values: Matrix
    matched: list[Matched]
    sets: Sets
    fitted: Fitted

    @property
    def names(self) -> list[str]:
        """Names of the signatures."""
        return [m.name for m in self.matched]

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Cut the samples in blocks; a scorer that learns from all samples gets them in one."""
        n = self.adata.n_obs
        if self.fitted.scorer.learns_from == "all":
            yield slice(0, n), self.fitted.learnt.values
            return
        for start in range(0, n, ROWS):
            rows = slice(start, min(start + ROWS, n))
            yield rows, take_samples(self.values, rows)


def prepare_scoring(
    adata: AnnData,
    signatures: Signatures | None,
    method: str,
    options: Mapping[str, Any],
    *,
    min_coverage: float,
    several: str,
    reference: pd.DataFrame | None = None,
    common: bool = False,
    caller: str = "tl.score",
) -> Scoring:
    """Check what was asked for, match the signatures, fit the scorer."""
    scorer, chosen = choose_scorer(method, options)
    require_share(min_coverage)
    if reference is not None and scorer.learns_from != "baseline":
        raise UsageError(
            f"{method} takes no reference: it depends on {scorer.depends_on}",
            where="reference=",
            fix="Use method='baseline_z'.",
        )
    meta(adata)  # first of all: it says what is no AnnData of ours
    require_log(adata, caller)
    if adata.n_vars == 0 or adata.n_obs == 0:
        raise InputError("There is nothing to score", where="X", fix="Look at the filters.")
    require_names(signatures)
    matched = match(signatures, adata.var, meta(adata).get(schema.MODALITY), several=several)
    sets = make_sets(
        [m.columns for m in matched],
        [m.weights for m in matched],
        [m.total for m in matched],
        adata.n_vars,
    )
    values = matrix(adata)
    if common:
        _require_people(adata)
        values = _common_members(adata, take_samples(values, slice(None)))
    fitted = _fit(adata, values, scorer, chosen, float(min_coverage), reference)
    return Scoring(adata, values, matched, sets, fitted)


def require_share(min_coverage: object) -> None:
    """Raise `UsageError` where ``min_coverage`` is no share."""
    number = isinstance(min_coverage, (int, float)) and not isinstance(min_coverage, bool)
    if not number or not 0 <= min_coverage <= 1:  # type: ignore[operator]
        raise UsageError(f"min_coverage={min_coverage!r} is not between 0 and 1")


def require_names(signatures: Signatures | None) -> None:
    """Raise `UsageError` where a signature's name would become a folder of h5ad."""
    if isinstance(signatures, Mapping):
        slashed = [name for name in signatures if "/" in str(name)]
        if slashed:
            raise UsageError(
                f"Signature names {shown(slashed)} hold a '/', which h5ad reads as a folder",
                where="signatures=",
                fix="Rename them.",
            )


def _fit(
    adata: AnnData,
    values: Matrix,
    scorer: Scorer,
    options: Options,
    min_coverage: float,
    reference: pd.DataFrame | None,
) -> Fitted:
    if reference is not None:
        learnt = reference_for(adata, reference)
        return fit_scorer(scorer, options, min_coverage, None, learnt)
    if scorer.learns_from == "none":
        return fit_scorer(scorer, options, min_coverage, None)
    if scorer.learns_from == "all":
        whole = take_samples(values, slice(None))
        return fit_scorer(scorer, options, min_coverage, whole)
    start = baseline(adata)
    rows = np.flatnonzero((adata.obs[schema.TIMEPOINT].astype(str) == start).to_numpy())
    if len(rows) < MIN_BASELINE:
        raise InputError(
            f"Baseline {start!r} has {len(rows)} samples, a reference needs {MIN_BASELINE}",
            where=f"obs['{schema.TIMEPOINT}']",
            fix="Give reference= of a cohort measured the same way.",
        )
    if isinstance(values, Stored):
        parts = [values[rows, b] for b in blocks(adata.n_vars)]
        return fit_scorer(scorer, options, min_coverage, np.hstack(parts))
    return fit_scorer(scorer, options, min_coverage, values[rows])


def people(adata: AnnData) -> np.ndarray:
    """Person of each sample as a number; all samples are one person where nobody is named."""
    if schema.SUBJECT not in adata.obs:
        return np.zeros(adata.n_obs, dtype=int)
    subject = adata.obs[schema.SUBJECT]
    codes, names = pd.factorize(subject.astype(str))
    # a sample of nobody is nobody else's
    nobody = subject.isna().to_numpy()
    codes[nobody] = len(names) + np.arange(nobody.sum())
    return np.asarray(codes)


def _require_people(adata: AnnData) -> None:
    """Raise `InputError` where samples are of nobody: which others are theirs is not known."""
    if schema.SUBJECT not in adata.obs:
        return
    nobody = adata.obs_names[adata.obs[schema.SUBJECT].isna()]
    if len(nobody):
        raise InputError(
            f"Samples {shown(nobody)} have no value",
            where=f"obs['{schema.SUBJECT}']",
            fix="Drop them, or say members='available'.",
        )


def _common_members(adata: AnnData, values: np.ndarray) -> np.ndarray:
    """Take out what is missing in any of a person's samples; a sample without values counts not."""
    finite = np.isfinite(values)
    filled = finite.any(axis=1)
    person = people(adata)
    lacking = np.zeros((person.max(initial=-1) + 1, values.shape[1]), dtype=bool)
    order = np.flatnonzero(filled)
    order = order[np.argsort(person[order], kind="stable")]
    if len(order):
        start = np.flatnonzero(np.r_[True, np.diff(person[order]) > 0])
        lacking[person[order][start]] = np.logical_or.reduceat(~finite[order], start, axis=0)
    return np.where(lacking[person], np.nan, values)


def count_varying(sets: Sets, present: np.ndarray, person: np.ndarray) -> np.ndarray:
    """People in whom a member is measured in one sample and not in another, a set.

    ``present`` (samples x features) may hold the members' columns only; samples without any
    value do not count and are left out before.
    """
    order = np.argsort(person, kind="stable")
    if not len(order) or not len(sets):
        return np.zeros(len(sets), dtype=np.int64)
    start = np.flatnonzero(np.r_[True, np.diff(person[order]) > 0])
    ever = np.logical_or.reduceat(present[order], start, axis=0)
    always = np.logical_and.reduceat(present[order], start, axis=0)
    comes_and_goes = (ever & ~always).T.astype(float)
    members = abs(sets.weights)
    return np.asarray(((members @ comes_and_goes) > 0).sum(axis=1), dtype=np.int64)


def too_thin(least: float) -> str:
    """Status where coverage does not reach the least asked for; at 0 nothing is measured."""
    return f"coverage below {least:g}" if least > 0 else "not measured"
