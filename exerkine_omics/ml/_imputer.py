"""Filling missing values as a scikit-learn transformer: what it learns, it learns in fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from exerkine_omics.errors import InputError, UsageError, shown, warn
from exerkine_omics.kernels import _impute as kernel
from exerkine_omics.ml._table import aligned, column_names, read_numbers

_METHODS = ("half_min", "left_censored", "knn")
_SCALES = ("log2", "linear")


class Imputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Fill missing values inside a pipeline, by what the training people tell.

    Use it before a model that takes no NaN; put into a pipeline, it learns in each fold of a
    cross-validation from that fold's training set only. The same mathematics as `exo.pp.impute`,
    without chance: ``left_censored`` puts the **mean** of the distribution below the smallest
    training value,

    .. math:: E(x \mid x < L) = \mu - \sigma\, \phi(z) / \Phi(z), \qquad z = (L - \mu) / \sigma

    where `exo.pp.impute` draws from it, so that one person's prediction depends on nobody else in
    the table and on no seed.

    Parameters
    ----------
    method
        ``half_min``, ``left_censored`` (values missing because they are low) or ``knn`` (values
        lost at random).
    scale
        Scale of X: ``log2`` or ``linear``; ``left_censored`` takes ``log2`` only. Cq must be turned
        first, so that up means more.
    n_neighbors
        For ``knn``: number of training people who lend.

    Attributes
    ----------
    imputable_
        Which features of ``fit`` are filled; the others, without enough values in the training set
        (one; for ``left_censored`` three that differ), are left out of the output, and a warning
        names them. Of a feature that is complete but constant, ``left_censored`` takes the minimum
        - 1 for later gaps.
    n_features_in_, feature_names_in_
        As in scikit-learn; names only where X has them.

    Raises
    ------
    UsageError
        If a method or option does not exist or does not fit.
    InputError
        If X is no table of finite numbers or NaN, names a feature twice, or no feature has enough
        values.

    Notes
    -----
    Missing values: those of features in ``imputable_`` are filled, in new data too. With ``knn`` a
    person who shares no feature with the training people gets the training mean.

    New data: columns of a DataFrame are taken by name; others are ignored, and one that is not
    there is filled for everybody, with a warning.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> full = exo.ml.Imputer("knn").fit_transform(adata.to_df())
    >>> bool((full == full).all())
    True
    """

    def __init__(
        self, method: str = "half_min", *, scale: str = "log2", n_neighbors: int = 5
    ) -> None:
        self.method = method
        self.scale = scale
        self.n_neighbors = n_neighbors

    def fit(self, X: Any, y: Any = None) -> Imputer:
        """Learn from these people.

        Parameters
        ----------
        X
            People x features, DataFrame or array; NaN where not measured.
        y
            Not used.

        Returns
        -------
        Imputer
            Itself.
        """
        self._check()
        names = column_names(X)
        values = read_numbers(X, "Imputer")
        there = np.isfinite(values)
        self.donors_ = kernel.fit_donors(values)
        if self.method == "half_min":
            self.fill_ = kernel.fit_half_min(values, self.scale == "linear")
        elif self.method == "left_censored":
            with np.errstate(invalid="ignore", divide="ignore"):
                self.fill_ = kernel.expected_censored(kernel.fit_censored(values, ~there))
        else:
            self.fill_ = np.where(there.any(axis=0), self.donors_.mean, np.nan)
        # a full column needs no filling today; new people's gaps get what half_min would put
        full = there.all(axis=0) & ~np.isfinite(self.fill_)
        if full.any():
            self.fill_ = np.where(full, kernel.fit_half_min(values, False), self.fill_)
        self.imputable_ = np.isfinite(self.fill_)
        labels = np.array([f"x{j}" for j in range(values.shape[1])]) if names is None else names
        left = np.asarray(labels, dtype=object)[~self.imputable_]
        if not self.imputable_.any():
            raise InputError("No feature has enough values to learn from", where="X")
        if len(left):
            warn(
                f"{len(left)} features have too few values in the training set and are left out: "
                f"{shown(left)}."
            )
        self.n_features_in_ = values.shape[1]
        self.__dict__.pop("feature_names_in_", None)  # left from an earlier fit
        if names is not None:
            self.feature_names_in_ = names.to_numpy(dtype=object)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Fill the gaps of these people by what was learnt.

        Parameters
        ----------
        X
            People x features, on the scale of the training data.

        Returns
        -------
        array or DataFrame
            People x the features of ``imputable_``, without NaN; a frame after
            ``set_output(transform="pandas")``.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "fill_")
        names = column_names(X)
        values = self._aligned(read_numbers(X, "Imputer"), names)
        filled = values
        if self.method == "knn":
            filled = kernel.nearest_donors(values, self.donors_, self.n_neighbors)
        filled = np.where(np.isfinite(filled), filled, self.fill_)
        result: np.ndarray = filled[:, self.imputable_]
        return result

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features that are filled.

        Parameters
        ----------
        input_features
            Names of the features where ``fit`` saw none; else checked against those.

        Returns
        -------
        ndarray
            One name a column of the output.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "fill_")
        own = getattr(self, "feature_names_in_", None)
        if input_features is not None:
            given = np.asarray(input_features, dtype=object)
            if len(given) != self.n_features_in_:
                raise UsageError(
                    "input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(given)}"
                )
            if own is not None and not np.array_equal(given, own):
                raise UsageError("input_features is not equal to feature_names_in_")
            own = given
        if own is None:
            own = np.array([f"x{j}" for j in range(self.n_features_in_)], dtype=object)
        result: np.ndarray = own[self.imputable_]
        return result

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _check(self) -> None:
        for name, known in (("method", _METHODS), ("scale", _SCALES)):
            value = getattr(self, name)
            if value not in known:
                told = ", ".join(repr(k) for k in known)
                raise UsageError(f"{name}={value!r} is not known", fix=f"Known: {told}.")
        if self.method == "left_censored" and self.scale != "log2":
            raise UsageError("left_censored needs values on a log scale", where="scale=")
        k = self.n_neighbors
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise UsageError(f"n_neighbors={k!r} is no whole number from 1 up")

    def _aligned(self, values: np.ndarray, names: pd.Index | None) -> np.ndarray:
        own = getattr(self, "feature_names_in_", None)
        known = [] if own is None or names is None else list(own)
        lacking = [n for n in known if n not in names]  # type: ignore[operator]
        if 0 < len(lacking) < len(known):
            warn(f"X lacks {shown(lacking)}: they are filled for everybody.")
        return aligned(values, names, own, self.n_features_in_, "Imputer")
