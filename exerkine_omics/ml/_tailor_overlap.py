"""Comparisons that nobody randomised: whether each person could have had either arm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics import parallel
from exerkine_omics.errors import AnalysisError
from exerkine_omics.ml._splits import assign_folds
from exerkine_omics.ml._tailor_trial import Trial

LOW, HIGH = 0.1, 0.9
_MOST_OUTSIDE = 0.05
_LEAST_EFFECTIVE = 0.5
FLOOR = 0.05


def fit_propensity(
    clinical: np.ndarray,
    arm: np.ndarray,
    n_arms: int,
    train: np.ndarray,
    rows: np.ndarray,
    floor: float = FLOOR,
) -> np.ndarray:
    """Probabilities of the arms for ``rows`` (m x k), by a logistic model of the training people.

    Columns are imputed with the median and standardised in training; a ridge (C = 1) keeps a
    separating column finite. Probabilities under ``floor`` are raised to it: where
    `overlap_table`, made without it, passes they are few.
    """
    from sklearn.linear_model import LogisticRegression

    table = clinical[train]
    seen = ~np.isnan(table).all(axis=0)
    median = np.zeros(table.shape[1])
    median[seen] = np.nanmedian(table[:, seen], axis=0)
    learn, ask = (np.where(np.isnan(v), median, v) for v in (table, clinical[rows]))
    mean, spread = learn.mean(axis=0), learn.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(max_iter=1000).fit((learn - mean) / spread, arm[train])
    found = np.zeros((len(rows), n_arms))
    found[:, model.classes_] = model.predict_proba((ask - mean) / spread)
    found = np.maximum(found, floor)
    return found / found.sum(axis=1, keepdims=True)


def cross_fitted_propensity(
    clinical: np.ndarray,
    arm: np.ndarray,
    n_arms: int,
    groups: np.ndarray,
    folds: int,
    seed: int,
) -> np.ndarray:
    """Probabilities of the arms for each person (n x k), by a model without that person."""
    fold = assign_folds(groups, folds, parallel.stream(seed, "tailor_overlap"), arm)
    found = np.empty((len(arm), n_arms))
    for k in range(folds):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        found[test] = fit_propensity(clinical, arm, n_arms, train, test, 1e-6)
    return found


def show_overlap(trial: Trial, known: np.ndarray | None, folds: int, seed: int) -> pd.DataFrame:
    """Table of overlap by known or modelled probabilities; `AnalysisError` where it is lacking."""
    chance = known
    if chance is None and not trial.clinical.shape[1]:
        raise AnalysisError(
            "Nobody randomised, and there is no clinical column that could tell why people had "
            "the arm they had",
            where="clinical=",
            fix="Name what decided about the arm, or randomise.",
        )
    if chance is None:
        chance = cross_fitted_propensity(
            trial.clinical, trial.arm, len(trial.arms), trial.people.groups, folds, seed
        )
    table = overlap_table(chance, trial.arm, trial.arms)
    _require_overlap(table)
    return table


def overlap_table(propensity: np.ndarray, arm: np.ndarray, arms: tuple[str, ...]) -> pd.DataFrame:
    r"""One row an arm: how likely it was for everybody, and what its people weigh.

    arm, n, lowest, highest (probability of the arm over all people), share_outside (of all
    people, beyond 0.1 to 0.9), n_effective :math:`= (\sum w)^2 / \sum w^2` of the arm's own
    people, :math:`w = 1/e_a`; passes.
    """
    rows = []
    for a, name in enumerate(arms):
        e, own = propensity[:, a], arm == a
        outside = float(((e < LOW) | (e > HIGH)).mean())
        weight = 1.0 / e[own]
        effective = float(weight.sum() ** 2 / (weight @ weight))
        rows.append(
            {
                "arm": name,
                "n": int(own.sum()),
                "lowest": float(e.min()),
                "highest": float(e.max()),
                "share_outside": outside,
                "n_effective": effective,
                "passes": outside <= _MOST_OUTSIDE
                and effective >= _LEAST_EFFECTIVE * int(own.sum()),
            }
        )
    return pd.DataFrame(rows)


def _require_overlap(table: pd.DataFrame) -> None:
    """Raise `AnalysisError` where an arm's people are not comparable with the others."""
    bad = table[~table["passes"]]
    if not len(bad):
        return
    words = "; ".join(
        f"{row.arm}: probability {row.lowest:.2f} to {row.highest:.2f}, "
        f"{row.share_outside:.0%} of people outside {LOW:g} to {HIGH:g}, "
        f"effective n {row.n_effective:.0f} of {row.n}"
        for row in bad.itertuples(index=False)
    )
    raise AnalysisError(
        f"Nobody randomised, and the arms' people are too unlike to compare: {words}",
        where="ml.tailor",
        fix="Restrict data to people who could have had either arm, or randomise.",
    )
