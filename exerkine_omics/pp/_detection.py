"""How often each feature is detected, by arm and time point, and whether that changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import adjust, detected, meta, require_units
from exerkine_omics.kernels._mcnemar import mcnemar
from exerkine_omics.pp._cells import Cells, cells_of

LEVEL = 0.05


def detection(adata: AnnData) -> pd.DataFrame:
    """Count in how many samples each feature is detected, and test whether that changed.

    Use it before a policy for values below the limit of detection is chosen: where exercise
    itself lifts a feature above its limit, taking the low values away takes the answer away.
    The test is McNemar's exact one on each person's own pair (`exo.tl.differential` with
    ``method="mcnemar"`` gives the interval too).

    Parameters
    ----------
    adata
        Samples x features with the layer ``below_lod``; only the persons' tubes are counted.

    Returns
    -------
    DataFrame
        A row a feature, arm and time point: feature, arm ("" without arms), timepoint, n (samples
        in which it was measured), n_detected, share_detected; and against baseline: n_pairs,
        gained and lost (people detected at that time only, at baseline only), p_value, p_adj
        (Benjamini-Hochberg within arm and time point), status (``ok``, ``baseline``,
        ``no baseline``, ``no pairs``, ``no change in any pair``).

    Raises
    ------
    InputError
        If there is no layer ``below_lod``, a sample lacks its subject or time point, or a person
        has two samples at one time.

    Notes
    -----
    Missing values: a cell without value that is not marked below the limit was not measured, and
    does not count; one that is marked counts as not detected.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> cohort = exo.datasets.simulate(seed=1)
    >>> table = exo.pp.detection(cohort.mdata["metabolomics"])
    >>> table["share_detected"].min() < 1
    True
    """
    meta(adata)
    require_units(adata)
    cells = cells_of(adata)
    values = detected(adata)[cells.rows]
    parts = []
    for arm in range(len(cells.arms)):
        for time in range(len(cells.times)):
            at = (cells.arm == arm) & (cells.time == time)
            if at.any():
                parts.append(_part(values, cells, arm, time, values[at]))
    frame = pd.DataFrame(
        {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}, copy=False
    )
    features = pd.Index(adata.var_names.astype(str))
    table = pd.DataFrame(
        {
            "feature": pd.Categorical.from_codes(
                np.tile(np.arange(len(features)), len(parts)), categories=features
            ),
            schema.ARM: pd.Categorical(frame["arm"], categories=list(cells.arms)),
            schema.TIMEPOINT: pd.Categorical(
                frame["time"], categories=list(cells.times), ordered=True
            ),
        }
    )
    for name in ("n", "n_detected", "share_detected", "n_pairs", "gained", "lost", "p_value"):
        table[name] = frame[name].to_numpy()
    table["p_adj"] = adjust(table["p_value"].to_numpy(), frame["family"].to_numpy())
    table["status"] = pd.Categorical(frame["status"])
    return table


def _part(
    values: np.ndarray, cells: Cells, arm: int, time: int, own: np.ndarray
) -> dict[str, np.ndarray]:
    """Count one cell and test it against baseline, over features."""
    n_features = values.shape[1]
    known = np.isfinite(own)
    n, yes = known.sum(axis=0), (own > 0.5).sum(axis=0)
    before, after = cells.pairs(arm, time)
    test = mcnemar(values[before], values[after])
    status = np.full(n_features, schema.OK, dtype=object)
    status[np.isnan(test.p_value)] = "no change in any pair"
    status[test.n == 0] = "no pairs"
    if cells.baseline < 0 or time == cells.baseline:
        status[:] = "baseline" if time == cells.baseline else "no baseline"
    told = status == schema.OK
    counted = cells.baseline >= 0 and time != cells.baseline
    with np.errstate(invalid="ignore", divide="ignore"):
        share = yes / n
    numbers: dict[str, Any] = {
        "arm": cells.arms[arm],
        "time": cells.times[time],
        "family": arm * len(cells.times) + time,
        "n": n,
        "n_detected": yes,
        "share_detected": share,
        "n_pairs": test.n if counted else 0,
        "gained": test.gained if counted else 0,
        "lost": test.lost if counted else 0,
        "p_value": np.where(told, test.p_value, np.nan),
        "status": status,
    }
    return {k: np.broadcast_to(np.asarray(v), n_features) for k, v in numbers.items()}


def differing(table: pd.DataFrame) -> list[str]:
    """Features whose detection differs by time at 5% of false discoveries, most certain first."""
    hit = table[table["p_adj"] <= LEVEL].sort_values(["p_value", "feature"], kind="stable")
    return list(dict.fromkeys(hit["feature"].astype(str)))
