"""X as scikit-learn's users give it: numbers, names of columns, what the features are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import InputError, UsageError, shown, warn


def read_numbers(X: Any, estimator: str = "SignatureScorer") -> np.ndarray:
    """X as floats, people x features, NaN allowed and infinity not."""
    import sklearn
    from scipy import sparse
    from sklearn.utils import check_array

    if sparse.issparse(X):
        raise InputError("X is a sparse matrix", where="X", fix="Give X.toarray().")
    if hasattr(X, "var_names"):
        raise InputError("X is an AnnData", where="X", fix="Give adata.to_df(), and var=adata.var.")
    try:
        # NaN is ours to handle; how check_array is told so differs between releases
        with sklearn.config_context(assume_finite=True):
            values: np.ndarray = check_array(X, dtype=np.float64, estimator=estimator)
    except (TypeError, ValueError) as error:
        # in an array, scikit-learn's own TypeError is what its users expect
        if isinstance(error, TypeError) and not isinstance(X, pd.DataFrame):
            raise
        raise InputError(str(error), where="X") from None
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise InputError(
            f"X is infinite in {infinite} cells",
            where="X",
            fix="Set them to NaN, or find the zeros of which a logarithm was taken.",
        )
    return values


def aligned(
    values: np.ndarray,
    names: pd.Index | None,
    own: Sequence[str] | None,
    n_features: int,
    estimator: str,
    *,
    by_position: bool = False,
) -> np.ndarray:
    """Columns as in fit: by name where both have names, else by position; absent ones are NaN.

    ``own`` are the names of fit. ``by_position`` says that the names of fit played no part.
    """
    if names is not None and own is not None:
        place = names.get_indexer(pd.Index(own))
        if (place < 0).all():
            raise InputError(
                f"None of the columns {shown(names)} was there in fit ({shown(own)})", where="X"
            )
        return np.where(place >= 0, values[:, place], np.nan)
    if values.shape[1] != n_features:
        raise InputError(
            f"X has {values.shape[1]} features, but {estimator} is expecting "
            f"{n_features} features as input",
            where="X",
            fix="Give a DataFrame: its columns are taken by name.",
        )
    if names is None and own is not None and not by_position:
        warn("X has no feature names; its columns are taken in the order of those of fit.")
    if names is not None:
        warn(f"{estimator} was fitted without feature names: X is taken by position.")
    return values


def column_names(X: Any) -> pd.Index | None:
    """Names of X's columns, or None where they have none: numbers are positions."""
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    names = pd.Index(list(columns), dtype=object)
    text = [isinstance(name, str) for name in names]
    if not any(text):
        return None
    if not all(text):
        raise InputError(
            f"Some columns are named by text, others not: {shown(names[~np.array(text)])}",
            where="X.columns",
            fix="X.columns = X.columns.astype(str).",
        )
    if names.has_duplicates:
        raise InputError(
            f"Columns {shown(names[names.duplicated()].unique())} stand more than once",
            where="X.columns",
        )
    return names


def features_of(
    var: pd.DataFrame | Sequence[str] | None, names: pd.Index | None, n: int
) -> tuple[pd.DataFrame, bool]:
    """Features in the order of X's columns, identifiers in columns, and whether they have names."""
    if var is None:
        index = pd.Index([f"x{j}" for j in range(n)]) if names is None else names
        return pd.DataFrame(index=index), names is not None
    if isinstance(var, str) or not isinstance(var, (pd.DataFrame, Sequence, np.ndarray, pd.Index)):
        raise UsageError(f"var is a {type(var).__name__}", where="var=", fix="Give adata.var.")
    frame = var if isinstance(var, pd.DataFrame) else pd.DataFrame(index=pd.Index(list(var)))
    frame = frame.set_axis(frame.index.astype(str), axis=0)
    if frame.index.has_duplicates:
        twice = frame.index[frame.index.duplicated()].unique()
        raise InputError(f"Features {shown(twice)} stand more than once", where="var=")
    if names is not None:
        if not frame.index.isin(names).any():
            raise InputError(
                f"None of the columns {shown(names)} is in var ({shown(frame.index)})", where="var="
            )
        return frame.reindex(names), True
    if len(frame) != n:
        raise InputError(
            f"X has {n} columns and var {len(frame)} features",
            where="var=",
            fix="The columns of an array are the rows of var, one to one.",
        )
    return frame, True
