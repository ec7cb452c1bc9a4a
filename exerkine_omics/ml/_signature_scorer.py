"""Signature scores as a scikit-learn transformer: what it learns, it learns in fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._scores import MIN_BASELINE
from exerkine_omics.ml._signature_block import FittedBlock, SignatureBlock, make_block
from exerkine_omics.ml._table import aligned, column_names, features_of, read_numbers
from exerkine_omics.sig import Matched, Signatures, coverage_frame, match


class SignatureScorer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Score people on signatures inside a pipeline, by a reference learnt from training people.

    Use it to put few features of known meaning before a model of your own. Put into a pipeline,
    it learns in each fold of a cross-validation from the people of that fold's training set only;
    `exo.tl.score` scores a whole cohort at once and is not for that. The default is

    .. math:: s_i = \sum_j w_j z_{ij} \Big/ \sum_j |w_j|, \qquad
              z_{ij} = (x_{ij} - \bar x_j) / s_j

    over the members *j* measured in person *i*; mean and SD :math:`s_j` are those of the rows
    given to ``fit``. SDs below 0.1 x the median SD of the panel are raised to it, and a member with
    fewer than 3 values is not measured: all features of the panel belong into X, not only members.
    docs/scores.md gives the other scorers.

    Parameters
    ----------
    signatures
        SignatureSet, ``{name: [features]}`` or ``{name: {feature: weight}}``; None means all
        shipped ones (of ``modality``).
    method
        ``baseline_z``, ``weighted_mean``, ``ulm``, ``singscore``, ``ssgsea`` or ``gsva``.
    min_coverage
        Share of the absolute weight that must be measured, 0 to 1; below it the score is NaN.
    several
        What to do where several features measure one member: ``error``, or ``first``.
    modality
        ``proteomics``, ``metabolomics`` or ``mirna``: which shipped signatures None means.
    baseline
        For ``baseline_z``: labels of the rows that are baseline samples (of X's index), where X
        holds others too. The reference is learnt from those of them that are in the training set.
        None: from all of it.
    var
        Features: a frame as ``adata.var``, which identifies them, or their names. A DataFrame X
        finds its columns in it by name; the columns of an array are its rows, in their order.
        None: the names of X's columns, of an array ``x0``, ``x1`` and so on.
    tau, normalize, mx_diff, abs_ranking
        Options of ``ssgsea`` and ``gsva``, as in `exo.tl.score`; the range by which ``normalize``
        divides is that of the training people.

    Attributes
    ----------
    measured_
        Frame: signature, n_members, n_measured, coverage (of the panel), missing.
    signatures_
        Names of the signatures, the columns of the output.
    fitted_
        What the scorer has learnt.
    n_features_in_, feature_names_in_
        As in scikit-learn; names only where X or ``var`` names its features.

    Raises
    ------
    InputError
        If X is no table of finite numbers or NaN, has fewer than 3 rows to learn from (or scores
        without a range, where it divides by that), names a feature twice, or holds no member of
        any signature.
    UsageError
        If a scorer, option or value does not exist, or fits no other.

    Notes
    -----
    Missing values: a NaN member is left out of that person's score and of its coverage; a score
    below ``min_coverage`` is NaN, and an imputer after this step fills it as you see fit.

    New data: columns of a DataFrame are taken by name, in any order; others are ignored, and one
    that is missing is not measured, so coverage falls.

    Rows may be baseline samples or changes (`exo.pp.delta`). The mean and SD of ``baseline_z`` are
    those of the rows themselves. For changes, the score is that of the mean change standardised,
    less a constant a signature: a model with an intercept does not see the constant, but 0 is the
    training people's mean and not "no change".

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> scorer = exo.ml.SignatureScorer(modality="proteomics", var=adata.var)
    >>> scores = scorer.set_output(transform="pandas").fit_transform(adata.to_df())
    >>> scores.shape[0] == adata.n_obs
    True
    """

    def __init__(
        self,
        signatures: Signatures | None = None,
        *,
        method: str = "baseline_z",
        min_coverage: float = 0.5,
        several: str = "error",
        modality: str | None = None,
        baseline: Collection[Any] | None = None,
        var: pd.DataFrame | Sequence[str] | None = None,
        tau: float | None = None,
        normalize: bool | None = None,
        mx_diff: bool | None = None,
        abs_ranking: bool | None = None,
    ) -> None:
        self.signatures = signatures
        self.method = method
        self.min_coverage = min_coverage
        self.several = several
        self.modality = modality
        self.baseline = baseline
        self.var = var
        self.tau = tau
        self.normalize = normalize
        self.mx_diff = mx_diff
        self.abs_ranking = abs_ranking

    def fit(self, X: Any, y: Any = None) -> SignatureScorer:
        """Match the signatures to the features and learn from these people.

        Parameters
        ----------
        X
            People x features on a log scale, DataFrame or array; NaN where not measured.
        y
            Not used.

        Returns
        -------
        SignatureScorer
            Itself.
        """
        names = column_names(X)
        values = read_numbers(X)
        features, known = features_of(self.var, names, values.shape[1])
        block, matched = self._block(features, self.modality)
        if not block.sets.sizes().any():
            raise InputError(
                f"No member of {shown(m.name for m in matched)} is among the features "
                f"{shown(features.index)}",
                where="X",
                fix="Name the columns of X, or give var=adata.var, which identifies them.",
            )
        reference = values if self.baseline is None else values[self._baseline_rows(X)]
        if block.scorer.learns_from != "none" and len(reference) < MIN_BASELINE:
            raise InputError(
                f"{self.method} learns from n_samples={len(reference)}; it needs {MIN_BASELINE}",
                where="X" if self.baseline is None else "baseline=",
                fix=None if self.baseline is None else "Give labels that X's index holds.",
            )
        fitted = block.fit(values, reference)
        if np.isnan(fitted.scale):
            raise InputError(
                f"The scores of these people (n_samples={len(values)}, "
                f"n_features={values.shape[1]}) have no range to divide by",
                where="X",
                fix="Give more people, or normalize=False.",
            )
        self.n_features_in_ = values.shape[1]
        self._drop("feature_names_in_")
        if known:
            self.feature_names_in_ = features.index.to_numpy(dtype=object)
        self._by_position = names is None
        self.signatures_ = np.array([m.name for m in matched], dtype=object)
        self.measured_ = coverage_frame(matched)
        self.fitted_ = fitted
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Score people by what was learnt.

        Parameters
        ----------
        X
            People x features, on the scale of the training data.

        Returns
        -------
        array or DataFrame
            People x signatures, NaN where coverage is below ``min_coverage``; a frame after
            ``set_output(transform="pandas")``.
        """
        return self._score(X)[0]

    def coverage(self, X: Any) -> pd.DataFrame:
        """Share of each signature's absolute weight that is measured in each person.

        Parameters
        ----------
        X
            People x features.

        Returns
        -------
        DataFrame
            People x signatures, 0 to 1.
        """
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(self._score(X)[1], index=index, columns=self.signatures_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the signatures.

        Parameters
        ----------
        input_features
            Names of the features, checked against those of ``fit``, not used.

        Returns
        -------
        ndarray
            One name a column of the output.
        """
        self._require_fit()
        if input_features is not None:
            given = np.asarray(input_features, dtype=object)
            own = getattr(self, "feature_names_in_", None)
            if len(given) != self.n_features_in_:
                raise UsageError(
                    "input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(given)}"
                )
            if own is not None and not np.array_equal(given, own):
                raise UsageError("input_features is not equal to feature_names_in_")
        return self.signatures_.copy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _block(
        self, features: pd.DataFrame, modality: str | None
    ) -> tuple[SignatureBlock, list[Matched]]:
        """Signatures on these features, and how they are to be scored."""
        matched = match(self.signatures, features, modality, several=self.several)
        if not matched:
            raise UsageError("The SignatureSet is empty", where="signatures=")
        given = {
            "tau": self.tau,
            "normalize": self.normalize,
            "mx_diff": self.mx_diff,
            "abs_ranking": self.abs_ranking,
        }
        block = make_block(matched, len(features), self.method, given, self.min_coverage)
        if self.baseline is not None and block.scorer.learns_from != "baseline":
            raise UsageError(
                f"{self.method} has no baseline: it depends on {block.scorer.depends_on}",
                where="baseline=",
            )
        return block, matched

    def _baseline_rows(self, X: Any) -> np.ndarray:
        if self.baseline is None or isinstance(self.baseline, str):
            raise UsageError(f"baseline={self.baseline!r} is no list of rows", where="baseline=")
        if not isinstance(X, pd.DataFrame):
            raise UsageError(
                "baseline names rows, and an array has no row names",
                where="baseline=",
                fix="Give X as a DataFrame.",
            )
        rows: np.ndarray = X.index.isin(list(self.baseline))
        return rows

    def _score(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        self._require_fit()
        names = column_names(X)
        fitted: FittedBlock = self.fitted_
        return fitted.score(self._aligned(read_numbers(X), names))

    def _aligned(self, values: np.ndarray, names: pd.Index | None) -> np.ndarray:
        own = getattr(self, "feature_names_in_", None)
        return aligned(
            values,
            names,
            own,
            self.n_features_in_,
            "SignatureScorer",
            by_position=self._by_position,
        )

    def _require_fit(self) -> None:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "fitted_")

    def _drop(self, attribute: str) -> None:
        # left from an earlier fit
        if hasattr(self, attribute):
            delattr(self, attribute)
