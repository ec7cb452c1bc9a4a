"""Any scikit-learn estimator in a fold, with what keeps it from leaking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from exerkine_omics.errors import UsageError, shown
from exerkine_omics.ml._fold import (
    BINOMIAL,
    Fill,
    LinearModel,
    Recipe,
    Training,
    at_odds,
    derived_columns,
    inner_folds,
    learn_columns,
    learn_fill,
    weigh,
)

_TREES = 300


@dataclass(frozen=True)
class EstimatorModel:
    """A fitted estimator, with the filling of missing values before it.

    ``base`` is the share of cases it was trained at, where it could not be told to weigh the
    classes evenly; else NaN.
    """

    family: str
    n_free: int
    derived: Any
    fill: Fill
    estimator: Any
    base: float

    def columns(self, table: np.ndarray) -> np.ndarray:
        """Kept and filled columns of people as `Training.table` has them."""
        return self.fill(derived_columns(self.derived, table, self.n_free))

    def predict(self, table: np.ndarray) -> np.ndarray:
        """Probability at even odds, or the change."""
        found = self._raw(self.columns(table))
        if self.family == BINOMIAL and not np.isnan(self.base):
            found = at_odds(found, 1 - self.base)  # the odds of the training people taken back
        return np.round(found, 12)

    def eta(self, table: np.ndarray) -> np.ndarray:
        """Logit of the prediction, or the change."""
        found = self.predict(table)
        if self.family != BINOMIAL:
            return found
        found = np.clip(found, 1e-6, 1 - 1e-6)
        return np.asarray(np.log(found / (1 - found)))

    def refuse_peeking(self, table: np.ndarray) -> None:
        """Raise `UsageError` where a person's prediction depends on who is predicted beside.

        ``table`` must hold two people or more: one alone has nobody beside.
        """
        values = self.columns(table)
        half = len(values) // 2
        apart = np.concatenate([self._raw(values[:half]), self._raw(values[half:])])
        if not np.allclose(self._raw(values), apart, rtol=1e-6, atol=1e-8):
            raise UsageError(
                f"{type(self.estimator).__name__} predicts people differently when others are "
                "predicted with them: a step of it learns from the people to be predicted",
                where="models=",
                fix="Every step must learn in fit, not in transform or predict.",
            )

    def _raw(self, values: np.ndarray) -> np.ndarray:
        if self.family == BINOMIAL:
            return np.asarray(self.estimator.predict_proba(values), dtype=float)[:, 1]
        return np.asarray(self.estimator.predict(values), dtype=float)


def make_forest(family: str) -> Any:
    """Random forest of 300 trees, a leaf of three people or more."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    options = {"n_estimators": _TREES, "min_samples_leaf": 3, "n_jobs": 1}
    if family == BINOMIAL:
        return RandomForestClassifier(max_features="sqrt", **options)
    return RandomForestRegressor(max_features=1 / 3, **options)


def check_estimator(estimator: Any, family: str) -> None:
    """Raise `UsageError` for what cannot be cross-validated as asked."""
    wanted = ("fit", "predict_proba") if family == BINOMIAL else ("fit", "predict")
    lacking = [name for name in (*wanted, "get_params") if not hasattr(estimator, name)]
    if lacking or isinstance(estimator, type):
        what = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise UsageError(
            f"{what} has no {shown(lacking)}" if lacking else f"{what} is a class, not an object",
            where="models=",
            fix="Give 'elastic_net', 'random_forest', or a scikit-learn estimator with fit and "
            f"{wanted[1]}.",
        )
    own = _own_class_weights(estimator)
    if own:
        raise UsageError(
            f"{type(estimator).__name__} weighs the classes itself ({shown(own)})",
            where="models=",
            fix="Leave it out: classes weigh the same in every fold already, and their odds are "
            "restored afterwards.",
        )


def _own_class_weights(estimator: Any) -> list[str]:
    """Parameters by which an estimator weighs the classes itself."""
    params = estimator.get_params()
    names = [k for k in params if k == "class_weight" or k.endswith("__class_weight")]
    return [name for name in names if params[name] is not None]


def fit_estimator(
    training: Training, recipe: Recipe, estimator: Any
) -> EstimatorModel | LinearModel:
    """Fit a clone on the filled columns; searches inside it get our grouped inner folds."""
    from sklearn.base import clone

    n_free = training.n_free
    derived, table = learn_columns(training.derive, training.table, n_free)
    fill = learn_fill(table, training.holes if derived is None else None)
    x = fill(table)
    if not x.shape[1]:  # nothing varies among these people, and nothing can be learnt
        mean = 0.0 if recipe.family == BINOMIAL else float(training.target.mean())
        none = np.empty(0)
        return LinearModel(recipe.family, n_free, derived, fill, mean, none, none)
    own = clone(estimator)
    params = own.get_params()
    seeds = {k: int(training.rng.integers(2**31)) for k in params if k.endswith("random_state")}
    searches = [k for k in params if k == "cv" or k.endswith("__cv")]
    folds = inner_folds(training, recipe) if searches else []
    own.set_params(**seeds, **dict.fromkeys(searches, folds or 2))
    y, target = training.target, training.target
    if recipe.family != BINOMIAL:
        return EstimatorModel(recipe.family, n_free, derived, fill, own.fit(x, y), np.nan)
    share, weight = weigh(target, recipe.family, training.prior)
    weighted = _takes_weights(own)
    if ((target > 0) & (target < 1)).any():  # a probability counts in both classes
        if not weighted or searches:
            raise UsageError(
                f"{type(own).__name__} cannot learn from probabilities of response",
                where="target='soft'",
                fix="Use an estimator whose fit takes sample_weight, and no search.",
            )
        x, y = np.vstack([x, x]), np.repeat([1, 0], len(target))
        weight = np.r_[share * weight, (1 - share) * weight]
    y = y.astype(int)
    if weighted:
        own.fit(x, y, sample_weight=weight * len(target))
        base = np.nan
    else:
        own.fit(x, y)
        base = float(y.mean())
    return EstimatorModel(recipe.family, n_free, derived, fill, own, base)


def _takes_weights(estimator: Any) -> bool:
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(estimator, "sample_weight"))
