"""Signatures on a panel, scored by what the training people teach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exerkine_omics.cohort import choose_scorer
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._scorer import Fitted, Scorer, fit_scorer, score_range
from exerkine_omics.kernels._scorers import SCORERS
from exerkine_omics.kernels._sets import Sets, make_sets
from exerkine_omics.sig import Matched

# people that are made ready at once
ROWS = 2048


@dataclass(frozen=True)
class SignatureBlock:
    """Signatures matched to a panel's features, and how they are scored; nothing is learnt yet.

    ``sets`` are signatures x features. The scorer goes by its name: functions are not pickled.
    """

    method: str
    options: Mapping[str, Any]
    min_coverage: float
    sets: Sets

    @property
    def scorer(self) -> Scorer:
        """The scorer itself."""
        return SCORERS[self.method]

    def fit(self, values: np.ndarray, reference: np.ndarray | None = None) -> FittedBlock:
        """Learn from training people (people x features).

        ``reference`` (people x features) are those the scorer learns from, where they are not
        all; the range by which ssGSEA divides is that of ``values``.
        """
        own = values if reference is None else reference
        fitted = fit_scorer(self.scorer, self.options, self.min_coverage, own)
        learnt = FittedBlock(self, fitted.learnt)
        if self.scorer.ranged is None or not self.scorer.ranged(self.options):
            return learnt
        return FittedBlock(self, fitted.learnt, score_range(fitted, learnt.score(values)[0]))


@dataclass(frozen=True)
class FittedBlock:
    """A `SignatureBlock` with what its scorer has learnt; ``scale`` divides the scores."""

    block: SignatureBlock
    learnt: Any = None
    scale: float = 1.0

    def score(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores (NaN below ``min_coverage``) and coverage, both people x signatures."""
        block = self.block
        fitted = Fitted(block.scorer, block.options, block.min_coverage, self.learnt, self.scale)
        scores, covered = np.empty((2, len(values), len(block.sets)))
        for start in range(0, len(values), ROWS):
            rows = slice(start, start + ROWS)
            found = fitted.score(fitted.prepare(values[rows]), block.sets)
            scores[rows], covered[rows] = (part.T for part in found)
        return scores, covered


def make_block(
    matched: Sequence[Matched],
    n_features: int,
    method: object,
    given: Mapping[str, Any],
    min_coverage: object,
) -> SignatureBlock:
    """Check scorer, options and coverage, and put the matched signatures side by side."""
    scorer, options = choose_scorer(method, given)
    number = isinstance(min_coverage, (int, float, np.number))
    if not number or isinstance(min_coverage, bool) or not 0 <= min_coverage <= 1:  # type: ignore[operator]
        raise UsageError(f"min_coverage={min_coverage!r} is not between 0 and 1")
    sets = make_sets(
        [m.columns for m in matched],
        [m.weights for m in matched],
        [m.total for m in matched],
        n_features,
    )
    return SignatureBlock(scorer.name, options, float(min_coverage), sets)  # type: ignore[arg-type]
