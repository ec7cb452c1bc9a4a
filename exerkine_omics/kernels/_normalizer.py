"""What every normaliser is: learn from some samples, change all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


def _none() -> np.ndarray:
    return np.empty(0)


@dataclass(frozen=True)
class Tubes:
    """Samples to be normalised.

    ``values`` are samples x features, NaN where not measured; ``additive`` says that they are on a
    log scale, where a change is added and not multiplied. ``level`` (features) marks those whose
    values make a sample's level, ``reference`` (features) the reference assays, ``seen`` (samples
    x features) the values that count as expressed. ``order`` and ``batch`` (samples) are the run
    order and the number of the batch, ``span`` the share of QC samples in one local line.
    """

    values: np.ndarray
    additive: bool
    level: np.ndarray
    seen: np.ndarray
    reference: np.ndarray = field(default_factory=_none)
    order: np.ndarray = field(default_factory=_none)
    batch: np.ndarray = field(default_factory=_none)
    span: float = 0.75

    def rows(self, which: np.ndarray) -> Tubes:
        """Take some of the samples."""
        return Tubes(
            self.values[which],
            self.additive,
            self.level,
            self.seen[which],
            self.reference,
            self.order[which] if len(self.order) else self.order,
            self.batch[which] if len(self.batch) else self.batch,
            self.span,
        )


@dataclass(frozen=True)
class Normalizer:
    """A normaliser: its name, what to know before it is used, its functions.

    ``fit(tubes)`` learns from some samples whatever is learnt (None: nothing); ``change(tubes,
    learnt)`` gives what is added to (log scale) or multiplied with the values, samples x 1 or x
    features, NaN where there is no answer; ``replace(tubes, learnt)`` gives the new values where
    that is no such change; ``factors(tubes, learnt)`` gives numbers of the samples that are
    stored in place of new values. ``scales`` are those it takes: ``log``, ``Cq``, ``linear``,
    ``counts``. ``levels_samples`` says that each sample is set to the level of the others, so
    that a change common to all features vanishes. ``takes`` names options of its own.
    """

    name: str
    description: str
    scales: tuple[str, ...]
    levels_samples: bool
    nan: str
    meaningless: str
    fit: Callable[[Tubes], Any]
    change: Callable[[Tubes, Any], np.ndarray] | None = None
    replace: Callable[[Tubes, Any], np.ndarray] | None = None
    factors: Callable[[Tubes, Any], np.ndarray] | None = None
    takes: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class FittedNormalizer:
    """A normaliser with what it has learnt."""

    normalizer: Normalizer
    learnt: Any

    def change(self, tubes: Tubes) -> np.ndarray | None:
        """Give what is added or multiplied, samples x 1 or x features; None where it is neither."""
        made = self.normalizer.change
        return None if made is None else made(tubes, self.learnt)

    def apply(self, tubes: Tubes) -> np.ndarray:
        """Give the new values, samples x features; NaN stays NaN."""
        change = self.change(tubes)
        if change is None:
            if self.normalizer.replace is None:
                raise ValueError(f"{self.normalizer.name} has neither change nor replace")
            return self.normalizer.replace(tubes, self.learnt)
        return changed(tubes.values, change, tubes.additive)


def changed(values: np.ndarray, change: np.ndarray, additive: bool) -> np.ndarray:
    """Values after a change: added on a log scale, else multiplied."""
    return values + change if additive else values * change


def medians(values: np.ndarray, axis: int) -> np.ndarray:
    """Medians of what is measured along an axis; NaN where nothing is."""
    ordered = np.sort(values, axis=axis)  # NaN last
    count = np.isfinite(values).sum(axis=axis)
    low = np.expand_dims(np.maximum(count - 1, 0) // 2, axis)
    high = np.expand_dims(np.minimum(count // 2, values.shape[axis] - 1), axis)
    pair = [np.take_along_axis(ordered, place, axis).squeeze(axis) for place in (low, high)]
    # the lower half is added, so that no sum overflows
    return np.where(count > 0, pair[0] + (pair[1] - pair[0]) / 2, np.nan)
