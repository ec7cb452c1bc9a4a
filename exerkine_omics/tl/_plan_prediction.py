"""How many people a model of response needs, and how sure its performance would be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from exerkine_omics import schema
from exerkine_omics.cohort import frame_for_storage
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels._plan import auc_sd
from exerkine_omics.tl._plan import _is_number, _share

N_PEOPLE = (30, 40, 60, 80, 100, 150, 200, 300, 500, 800, 1200, 2000)
_FEW = "under two people in a class"


def plan_prediction(
    candidates: int | Sequence[int],
    *,
    prevalence: float | None = None,
    auc: float = 0.75,
    r2: float | None = None,
    level: float = 0.95,
    n_people: int | Sequence[int] = N_PEOPLE,
) -> pd.DataFrame:
    r"""Say what n people would make of a prediction, before any model is run.

    Use it before `exo.ml.evaluate`, or before a study: does n meet Riley's rule with so many
    candidate features, and how wide is the interval of the AUC (or R²) that is hoped for?

    Riley: the smallest n at which a model of p candidates is expected to shrink by no more than a
    tenth, to be optimistic by no more than 0.05 in R², and to know the overall share (or residual
    SD) well; its R² from the AUC with normal linear predictors of equal variance. Under the same
    model the empirical AUC A of n_1 responders and n_0 others has

    .. math:: Var = \frac{A(1-A) + (n_1 + n_0 - 2)(Q - A^2)}{n_1 n_0}, \qquad
       Q = \Phi_2(\Phi^{-1}(A), \Phi^{-1}(A); 1/2),

    Q the chance that two responders rank above one other.

    Parameters
    ----------
    candidates
        Number of candidate features (all that are looked at, not those chosen), clinical columns
        included; several to compare.
    prevalence
        Share of responders, for a class.
    auc
        AUC that is hoped for, over 0.5; `ml.evaluate` takes 0.75.
    r2
        Give it instead of ``prevalence`` for a change, between 0 and 1: R² that is hoped for
        (`ml.evaluate` takes 0.2).
    level
        Level of the interval.
    n_people
        Sizes to look at.

    Returns
    -------
    DataFrame
        n_people, n_candidates, metric (``auc`` or ``r2``), estimate (what is hoped for), ci_low,
        ci_high (normal; of R² by Fisher's z of its root), n_required (Riley), stamp
        (``development`` where n meets it, else ``discovery``), status.

    Raises
    ------
    UsageError
        For a number that is none, both or neither of ``prevalence`` and ``r2``, or fewer than
        three candidates of a change.

    Notes
    -----
    Missing values: people are counted as measured; enrol more by the loss expected. The interval
    is NaN, and ``status`` says so, where a class would have under two people. It is that of a
    fixed predictor: fitting adds to it, and so do few sites. For a change Riley's fourth criterion
    (the mean outcome) is left out: it needs a mean far from 0. The measurement's noise sets a
    ceiling beside this: see `responders`.

    References
    ----------
    Riley et al. 2020, BMJ 368:m441. Riley et al. 2019, Stat Med 38:1262. Hanley & McNeil 1982,
    Radiology 143:29.

    Examples
    --------
    >>> from exerkine_omics import tl
    >>> plan = tl.plan_prediction(10, prevalence=0.5, n_people=[60, 500])
    >>> plan[["n_required", "stamp"]].to_numpy().tolist()
    [[435, 'discovery'], [435, 'development']]
    >>> plan[["ci_low", "ci_high"]].round(2).to_numpy().tolist()
    [[0.63, 0.87], [0.71, 0.79]]
    """
    if (prevalence is None) == (r2 is None):
        raise UsageError(
            "Give either prevalence= or r2=",
            fix="prevalence= is the share of responders of a class, r2= says that a change is "
            "predicted.",
        )
    _share(level, "level")
    many = _whole(candidates, "candidates", 1 if r2 is None else 3)
    sizes = _whole(n_people, "n_people", 4)
    z = float(stats.norm.ppf(0.5 + level / 2))
    rows = []
    if r2 is None:
        _share(prevalence, "prevalence")  # type: ignore[arg-type]
        share = float(prevalence)  # type: ignore[arg-type]
        if not _is_number(auc) or not 0.5 < auc < 1:
            raise UsageError(f"auc={auc!r}", fix="Give a number between 0.5 and 1.")
        explained = performance.r2_from_auc(auc, share)
        for p in many:
            needed = performance.riley_binary(explained, p, share).n
            for n in sizes:
                cases = round(n * share)
                ends, status = (np.nan, np.nan), _FEW
                if min(cases, n - cases) > 1:
                    half = z * auc_sd(auc, cases, n - cases)
                    ends, status = (max(0.0, auc - half), min(1.0, auc + half)), schema.OK
                rows.append((n, p, "auc", auc, *ends, needed, _stamp(n, needed), status))
    else:
        _share(r2, "r2")
        root = np.arctanh(np.sqrt(r2))
        for p in many:
            # a mean of 1000 SD meets the criterion of the mean at any n
            needed = performance.riley_continuous(r2, p, 1000.0, 1.0).n
            for n in sizes:
                low, high = (np.tanh(root + s * z / np.sqrt(n - 3)) for s in (-1, 1))
                ends = (max(0.0, low) ** 2, high**2)
                rows.append((n, p, "r2", r2, *ends, needed, _stamp(n, needed), schema.OK))
    columns = ["n_people", "n_candidates", "metric", "estimate", "ci_low", "ci_high"]
    columns += ["n_required", "stamp", "status"]
    return frame_for_storage(pd.DataFrame(rows, columns=columns))


def _stamp(n: int, needed: int) -> str:
    return "development" if n >= needed else "discovery"


def _whole(values: int | Sequence[int], name: str, least: int) -> list[int]:
    listed = list(values) if np.iterable(values) else [values]
    wrong = [v for v in listed if not _is_number(v) or int(v) != v or v < least]
    if wrong or not listed:
        raise UsageError(
            f"{name} holds {shown(wrong)}" if wrong else f"{name} is empty",
            where=f"{name}=",
            fix=f"Give whole numbers from {least} up.",
        )
    return [int(v) for v in listed]
