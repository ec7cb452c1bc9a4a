"""Normalisation as a scikit-learn transformer: what it learns, it learns in fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._normalize import NORMALIZERS
from exerkine_omics.kernels._normalizer import FittedNormalizer, Tubes
from exerkine_omics.kernels._normalizer import Normalizer as Kernel
from exerkine_omics.ml._table import aligned, column_names, read_numbers

# a drift is learnt from QC samples, which are no people: exo.pp.normalize does it for all at once
_NOT_HERE = ("qc_loess",)


class Normalizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Bring samples to one level inside a pipeline, by what the training samples teach.

    Use it where tubes differ in how much of the sample was measured and a model is evaluated by
    cross-validation: targets, median spectrum and mean quantiles are learnt from the training
    rows of each fold. `exo.pp.normalize` does the same to a whole cohort; docs/normalize.md says
    what each method assumes. The drift along a run (``qc_loess``) is learnt from QC samples, not
    from people, and is taken off the whole cohort before.

    Parameters
    ----------
    method
        ``median``, ``pqn``, ``quantile``, ``total``, ``global_mean``, ``reference_mirna``,
        ``spike_in`` or ``tmm``. Here ``tmm`` divides the counts by their effective libraries and
        multiplies with the geometric mean of those of the training rows.
    features
        Of ``median``, ``pqn``, ``total``, ``global_mean``: columns that make the level, by name or,
        where columns have no names, by position. None: all.
    reference
        Of ``reference_mirna`` and ``spike_in``: the assays' columns.
    log
        Whether the values are on a log scale (Cq too) and are shifted, or linear and multiplied.
        None: as the method has it; ``total`` and ``tmm`` are linear, others on a log scale.

    Attributes
    ----------
    fitted_
        What was learnt.
    n_features_in_, feature_names_in_
        As in scikit-learn; names only where X names its columns.

    Raises
    ------
    InputError
        If X is no table of finite numbers or NaN, names a column twice, is negative on a linear
        scale, or misses counts (``tmm``).
    UsageError
        If a method, option or column does not exist, or an option fits no other.

    Notes
    -----
    Missing values: NaN stays NaN and does not count. A sample without a level (all its values or
    a reference assay missing) is NaN altogether.

    New data: columns of a DataFrame are taken by name, in any order; others are ignored, one that
    is missing is NaN.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(20, seed=1).adata
    >>> exo.ml.Normalizer("pqn").fit_transform(adata.to_df()).shape == adata.shape
    True
    """

    def __init__(
        self,
        method: str = "median",
        *,
        features: Sequence[str | int] | None = None,
        reference: Sequence[str | int] | None = None,
        log: bool | None = None,
    ) -> None:
        self.method = method
        self.features = features
        self.reference = reference
        self.log = log

    def fit(self, X: Any, y: Any = None) -> Normalizer:
        """Learn from these samples.

        Parameters
        ----------
        X
            Samples x features, DataFrame or array; NaN where not measured.
        y
            Not used.

        Returns
        -------
        Normalizer
            Itself.
        """
        kernel = self._kernel()
        names = column_names(X)
        values = read_numbers(X, "Normalizer")
        self.n_features_in_ = values.shape[1]
        self.__dict__.pop("feature_names_in_", None)  # left from an earlier fit
        if names is not None:
            self.feature_names_in_ = names.to_numpy(dtype=object)
        tubes = self._tubes(kernel, values)
        self.fitted_ = FittedNormalizer(kernel, kernel.fit(tubes)).learnt
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Normalise by what was learnt.

        Parameters
        ----------
        X
            Samples x features, on the scale of the training data.

        Returns
        -------
        array or DataFrame
            Samples x features of ``fit``; a frame after ``set_output(transform="pandas")``.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "fitted_")
        kernel = self._kernel()
        names = column_names(X)
        values = self._aligned(read_numbers(X, "Normalizer"), names)
        return FittedNormalizer(kernel, self.fitted_).apply(self._tubes(kernel, values))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _kernel(self) -> Kernel:
        if self.method in _NOT_HERE:
            raise UsageError(
                f"method={self.method!r} learns from QC samples, not from training rows",
                fix="Call exo.pp.normalize on the whole cohort before.",
            )
        if self.method not in NORMALIZERS:
            known = [n for n in NORMALIZERS if n not in _NOT_HERE]
            raise UsageError(f"method={self.method!r} is none of {', '.join(known)}")
        kernel = NORMALIZERS[self.method]
        for name in ("features", "reference"):
            if getattr(self, name) is not None and name not in kernel.takes:
                raise UsageError(f"{name}= is no option of {self.method!r}")
        if "reference" in kernel.takes and self.reference is None:
            raise UsageError(f"{self.method!r} needs reference=, the columns of its assays")
        return kernel

    def _tubes(self, kernel: Kernel, values: np.ndarray) -> Tubes:
        logged = "log" in kernel.scales
        additive = logged if self.log is None else bool(self.log)
        if (
            additive
            and not logged
            or (not additive and not {"linear", "counts"} & {*kernel.scales})
        ):
            raise UsageError(
                f"{self.method!r} takes {shown(kernel.scales)} and log={self.log!r}", where="log="
            )
        if not additive and (values < 0).any():
            raise InputError(f"X is negative in {int((values < 0).sum())} cells", where="X")
        if kernel.factors is not None and np.isnan(values).any():
            raise InputError(
                f"{int(np.isnan(values).sum())} counts are NaN",
                where="X",
                fix="A feature that was not found has the count 0.",
            )
        level = np.ones(values.shape[1], dtype=bool)
        if self.features is not None:
            level = self._mask(self.features, "features=")
        reference = level
        if self.reference is not None:
            reference = self._mask(self.reference, "reference=")
        return Tubes(values, additive, level, np.ones(values.shape, dtype=bool), reference)

    def _mask(self, columns: Sequence[str | int], where: str) -> np.ndarray:
        wanted = [columns] if isinstance(columns, (str, int)) else list(columns)
        known = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
        absent = [c for c in wanted if c not in set(known)]
        if absent or not wanted:
            raise UsageError(
                f"{shown(absent)} are no columns of X" if absent else "No column is named",
                where=where,
                fix="Columns without names are given by position, from 0.",
            )
        return np.asarray(pd.Index(known).isin(wanted))

    def _aligned(self, values: np.ndarray, names: pd.Index | None) -> np.ndarray:
        own = getattr(self, "feature_names_in_", None)
        return aligned(values, names, own, self.n_features_in_, "Normalizer")
