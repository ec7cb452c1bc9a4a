"""What every scorer of signatures is: learn, prepare samples, combine them over sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from exerkine_omics.kernels._sets import Sets, indicator, without_each_member

Options = Mapping[str, Any]

CANDIDATES = (
    "small panels made of candidates: the other features, with which the members are compared, "
    "respond as well"
)
"""Panels on which a competitive score says nothing."""


@dataclass(frozen=True)
class Prepared:
    """Samples made ready: a scorer's own tables, features x samples, 0 where not measured.

    ``present`` (features x samples) is 1 where a feature is measured, or None where all are;
    ``n`` (samples) counts the measured features.
    """

    tables: tuple[np.ndarray, ...]
    present: np.ndarray | None
    n: np.ndarray

    def weight(self, weights: sparse.csr_array) -> np.ndarray:
        """Sum of the weights that are measured, sets x samples."""
        if self.present is None:
            whole = np.asarray(weights.sum(axis=1)).reshape(-1, 1)
            return np.broadcast_to(whole, (len(whole), len(self.n)))
        return np.asarray(weights @ self.present)


@dataclass(frozen=True)
class Scorer:
    """A scorer: its name, what to know before it is used, its options, its functions.

    ``fit(values, options)`` learns from samples x features whatever is learnt (None: nothing);
    ``prepare(values, learnt, options)`` and ``combine(prepared, sets, options)`` give scores, sets
    x samples. ``learns_from`` says which samples the first gets: ``baseline``, ``all`` or
    ``none``. ``ranged`` divides by the range of the scores under ``options["normalize"]``.
    ``options`` hold the default and the values or types allowed. ``additive`` scores are sums of
    their members' parts. ``competitive`` scores compare the members with the other features.
    """

    name: str
    description: str
    units: str
    depends_on: str
    nan: str
    meaningless: str
    learns_from: str
    prepare: Callable[[np.ndarray, Any, Options], Prepared]
    combine: Callable[[Prepared, Sets, Options], np.ndarray]
    fit: Callable[[np.ndarray, Options], Any] | None = None
    options: Mapping[str, tuple[Any, tuple[Any, ...]]] | None = None
    competitive: bool = False
    additive: bool = False
    ranged: Callable[[Options], bool] | None = None
    source: str = ""

    def defaults(self) -> dict[str, Any]:
        """Give the default of each option."""
        return {name: default for name, (default, _) in (self.options or {}).items()}


@dataclass(frozen=True)
class Fitted:
    """A scorer with what it has learnt; ``scale`` divides its scores."""

    scorer: Scorer
    options: Options
    min_coverage: float
    learnt: Any = None
    scale: float = 1.0

    def prepare(self, values: np.ndarray) -> Prepared:
        """Make samples (samples x features) ready for any sets."""
        return self.scorer.prepare(values, self.learnt, self.options)

    def score(self, prepared: Prepared, sets: Sets) -> tuple[np.ndarray, np.ndarray]:
        """Scores (NaN below ``min_coverage``) and coverage, both sets x samples."""
        covered = coverage(prepared, sets)
        with np.errstate(invalid="ignore", divide="ignore"):
            raw = self.scorer.combine(prepared, sets, self.options) / self.scale
        return np.where(enough_coverage(covered, self.min_coverage), raw, np.nan), covered

    def any_score(self, prepared: Prepared, sets: Sets) -> np.ndarray:
        """Scores of sets, sets x samples, at whatever coverage."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.scorer.combine(prepared, sets, self.options) / self.scale


def fit_scorer(
    scorer: Scorer,
    options: Options,
    min_coverage: float,
    reference: np.ndarray | None,
    learnt: Any = None,
) -> Fitted:
    """Learn from the reference samples (samples x features), unless ``learnt`` is given."""
    if learnt is None and scorer.fit is not None and reference is not None:
        learnt = scorer.fit(reference, options)
    return Fitted(scorer, options, min_coverage, learnt)


def score_range(fitted: Fitted, scores: np.ndarray) -> float:
    """Give the range of all scores where the scorer divides by it (NaN if none), else 1."""
    if fitted.scorer.ranged is None or not fitted.scorer.ranged(fitted.options):
        return 1.0
    finite = scores[np.isfinite(scores)]
    spread = float(np.ptp(finite)) if len(finite) else 0.0
    return spread if spread > 0 else np.nan


def enough_coverage(coverage: np.ndarray, least: float) -> np.ndarray:
    """Say where coverage reaches the least asked for; sums of weights are compared to 1e-9."""
    return (coverage > 0) & (coverage >= least - 1e-9)


def coverage(prepared: Prepared, sets: Sets) -> np.ndarray:
    """Share of the absolute weight that is measured, sets x samples."""
    return prepared.weight(abs(sets.weights)) / sets.total[:, None]


def members_measured(prepared: Prepared, sets: Sets) -> np.ndarray:
    """Count the members that are measured, sets x samples."""
    return np.rint(prepared.weight(indicator(sets.weights))).astype(int)


def jackknife(fitted: Fitted, prepared: Prepared, sets: Sets) -> np.ndarray:
    r"""Give the standard error of the scores over their members, sets x samples.

    .. math:: se^2 = \frac{k - 1}{k} \sum_j (s_{(j)} - \bar s_{(\cdot)})^2

    over the k members measured in the sample; :math:`s_{(j)}` is the score without member j. For
    an unweighted mean this is the members' SD over the root of k. NaN where k < 2.
    """
    smaller, owner, lacking = without_each_member(sets)
    result = np.full((len(sets), len(prepared.n)), np.nan)
    if not len(owner):
        return result
    scores = fitted.any_score(prepared, smaller)
    if prepared.present is not None:
        scores = np.where(prepared.present[lacking] > 0, scores, np.nan)
    finite = np.isfinite(scores)
    start = np.searchsorted(owner, np.arange(len(sets)))
    filled = sets.sizes() > 0
    start = start[filled]
    k = np.add.reduceat(finite.astype(float), start, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(np.where(finite, scores, 0.0), start, axis=0) / k
        own = np.repeat(mean, sets.sizes()[filled], axis=0)
        square = np.add.reduceat(np.where(finite, (scores - own) ** 2, 0.0), start, axis=0)
        result[filled] = np.where(k >= 2, np.sqrt((k - 1) / k * square), np.nan)
    return result


def member_parts(fitted: Fitted, prepared: Prepared, sets: Sets) -> np.ndarray:
    """Give what each measured member adds to its set's score, members x samples.

    For additive scorers its term of the weighted mean, else the score minus the score without it.
    """
    owner = np.repeat(np.arange(len(sets)), sets.sizes())
    with np.errstate(invalid="ignore", divide="ignore"):
        if fitted.scorer.additive:
            whole = prepared.weight(abs(sets.weights))[owner]
            term = sets.weights.data[:, None] * prepared.tables[0][sets.weights.indices]
            return np.asarray(term / whole / fitted.scale)
        smaller, owner, _ = without_each_member(sets)
        return fitted.any_score(prepared, sets)[owner] - fitted.any_score(prepared, smaller)
