"""What every test of `differential` shares: its declaration, its result, its reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from exerkine_omics import schema
from exerkine_omics.cohort import Contrast, Design, Matrix
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.kernels import _paired
from exerkine_omics.kernels._effect import Moments
from exerkine_omics.parallel import blocks


@dataclass(frozen=True)
class Tested:
    """One contrast over all features; ``status`` says why a number is missing.

    ``statistic`` and ``p_value`` are given where they are not estimate / se on ``df``; a joint F
    test has no estimate and no SE, and ``rank`` is its numerator's df. ``ci_low`` and ``ci_high``
    are given where the interval is not estimate -+ t SE, ``p_adj`` where the test adjusts p itself.
    """

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    n_pairs: np.ndarray
    n_obs: np.ndarray
    status: np.ndarray
    statistic: np.ndarray | None = None
    p_value: np.ndarray | None = None
    rank: int = 1
    ci_low: np.ndarray | None = None
    ci_high: np.ndarray | None = None
    p_adj: np.ndarray | None = None


# a test that has gathered the cells' moments on its way hands them along
Run = Callable[[Any, Design, Mapping[str, Any]], list[Tested] | tuple[list[Tested], Moments]]
Plain = Callable[[Any, Design, Mapping[str, Any]], list[Tested]]


@dataclass(frozen=True)
class TestMethod:
    """A test: its name, its options with their values (the first is the default), its function.

    The type ``int`` among the values stands for any whole number from 1 up. ``pooled`` tests take
    one residual variance for all time points. ``blockwise`` tests read a stored matrix block by
    block; the others have it in memory. ``weighted`` tests take ``options["weights"]``, one
    precision weight a sample or None; ``counts`` tests take counts in place of values on a log
    scale, and ``levels`` gives the values that they test; ``masks`` tests take 1 where a value is
    detected and 0 where it is not.
    """

    name: str
    description: str
    options: Mapping[str, tuple[Any, ...]]
    run: Run
    covariates: bool = True
    pooled: bool = False
    blockwise: bool = False
    weighted: bool = False
    counts: bool = False
    masks: bool = False
    levels: Callable[[np.ndarray], np.ndarray] | None = None

    def choose(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the defaults; a foreign option or value is an error."""
        foreign = [k for k, v in given.items() if v is not None and k not in self.options]
        if foreign:
            own = ", ".join(self.options)
            raise UsageError(
                f"{shown(foreign)} is no option of method {self.name!r}",
                fix=f"Its options: {own}." if own else "It has none.",
            )
        chosen = {k: values[0] for k, values in self.options.items()}
        chosen |= {k: v for k, v in given.items() if v is not None}
        for key, value in chosen.items():
            known = self.options[key]
            if int in known:
                if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                    raise UsageError(f"{key}={value!r} is no whole number from 1 up")
            elif value not in known:
                told = ", ".join(repr(v) for v in known)
                raise UsageError(f"{key}={value!r} is not known", fix=f"Known: {told}.")
        return chosen


def changes(values: np.ndarray, design: Design, contrast: Contrast) -> np.ndarray:
    """Each person's own contrast, people x features (of a joint one, the sum of its rows).

    NaN where a person lacks one of the cells that the contrast uses in the person's arm.
    """
    arms = np.array([design.arms.index(c.arm) for c in design.cells])
    needed = np.bincount(arms, weights=contrast.used, minlength=len(design.arms))
    return _paired.person_contrast(
        values,
        design.subject,
        contrast.used[design.cell],
        np.atleast_2d(contrast.weights).sum(axis=0)[design.cell],
        needed[design.subject_arm()].astype(int),
    )


def within_people(design: Design, contrast: Contrast) -> bool:
    """Say whether the weights cancel within each arm, so that levels between people drop out."""
    weights = np.atleast_2d(contrast.weights)
    arms = np.array([design.arms.index(c.arm) for c in design.cells])
    sums = [weights[:, arms == number].sum(axis=1) for number in range(len(design.arms))]
    return bool(np.allclose(sums, 0.0, atol=1e-12))


def by_blocks(run: Plain) -> Plain:
    """Run a test that looks at each feature alone on blocks of features."""

    def whole(values: Matrix, design: Design, options: Mapping[str, Any]) -> list[Tested]:
        parts = [run(values[:, b], design, options) for b in blocks(values.shape[1])]
        return [_join(same) for same in zip(*parts, strict=True)]

    return whole


def _join(parts: Sequence[Tested]) -> Tested:
    def column(name: str) -> Any:
        own = [getattr(part, name) for part in parts]
        return own[0] if own[0] is None or name == "rank" else np.concatenate(own)

    return Tested(**{f.name: column(f.name) for f in fields(Tested)})


def status_of(n: int, *reasons: tuple[np.ndarray | bool, str]) -> np.ndarray:
    """Status per feature; the first reason that holds is the one that is told."""
    status = np.full(n, schema.OK, dtype=object)
    for condition, reason in reversed(reasons):
        status[np.broadcast_to(condition, n)] = reason
    return status


def constant(values: np.ndarray) -> np.ndarray:
    parts = [_constant(values[:, b]) for b in blocks(values.shape[1])]
    return np.concatenate([np.zeros(0, dtype=bool), *parts])


def _constant(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=0)
    high = np.where(finite, values, -np.inf).max(axis=0)
    return high <= low
