"""Pool the cells of several cohorts row by row, and say why a row has no number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import result_rows
from exerkine_omics.kernels import _meta as kernel
from exerkine_omics.tl._meta_frames import Cells
from exerkine_omics.tl._method import status_of

_SHORT = {
    "paule_mandel": "pm",
    "dersimonian_laird": "dl",
    "hartung-knapp": "hk",
    "hartung-knapp-adhoc": "hk_adhoc",
}
_EXTRA = ("tau2", "i2", "pi_low", "pi_high", "q", "q_p")
_COUNTS = ("n_cohorts", "n_up", "n_down")


def pool_rows(
    cells: Cells, pool: str, method: str, interval: str, min_cohorts: int, units: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pool the rows; the frame before p is adjusted, and the columns beyond the contract's."""
    own = cells.numbers
    nan = np.full(len(cells.feature), np.nan)
    if pool == "direction":
        usable = np.isfinite(own["estimate"]) & np.isfinite(own["p_value"]) & (own["n_pairs"] > 0)
    else:
        # beyond this squares leave the range of floats
        usable = (np.abs(cells.value) < 1e100) & (cells.error > 1e-100) & (cells.error < 1e100)
    enters = cells.ok & usable
    k = enters.sum(axis=1)
    votes = kernel.direction(
        np.where(enters, own["estimate"], np.nan), own["p_value"], np.sqrt(own["n_pairs"])
    )
    numbers = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", *_EXTRA), nan)
    if pool == "direction":
        numbers |= {"df": np.full_like(nan, np.inf), "statistic": votes.z, "p_value": votes.p_value}
        size, flat = nan, k < 0
    else:
        pooled = kernel.pool(
            np.where(enters, cells.value, np.nan), cells.error, method=method, interval=interval
        )
        names = (*_EXTRA, "estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high")
        numbers = {name: getattr(pooled, name).astype(float) for name in names}
        flat = (k >= 2) & ~(pooled.se > 0)
        sized = enters & np.isfinite(cells.size_error)
        whole = (sized == enters).all(axis=1) & (k > 0)
        effect = kernel.pool(
            np.where(sized, cells.size, np.nan), cells.size_error, method=method, interval=interval
        )
        size = np.where(whole, effect.estimate, np.nan)
        _pass_through(numbers, size, cells, enters, pool)
    status = _status(cells, enters, k, flat, min_cohorts, pool)
    rows = result_rows(
        cells.feature,
        cells.contrast,
        estimate=numbers["estimate"],
        se=numbers["se"],
        df=numbers["df"],
        statistic=numbers["statistic"],
        p_value=numbers["p_value"],
        effect_size=size,
        n_pairs=np.where(enters, own["n_pairs"], 0.0).sum(axis=1),
        n_obs=np.where(enters, own["n_obs"], 0.0).sum(axis=1),
        status=status,
        method=_name(pool, method, interval),
        units=units,
        ci_low=numbers["ci_low"],
        ci_high=numbers["ci_high"],
    )
    blank = np.where(status == schema.OK, 1.0, np.nan)
    extra = pd.DataFrame({name: numbers[name] * blank for name in _EXTRA})
    for name, count in zip(_COUNTS, (k, votes.n_up, votes.n_down), strict=True):
        extra[name] = count.astype("int64")
    return rows, extra


def _name(pool: str, method: str, interval: str) -> str:
    if pool == "direction":
        return "meta_direction"
    return f"meta_{_SHORT.get(method, method)}_{_SHORT.get(interval, interval)}"


def _pass_through(
    numbers: dict[str, np.ndarray],
    size: np.ndarray,
    cells: Cells,
    enters: np.ndarray,
    pool: str,
) -> None:
    """Write the numbers of a cohort that stands alone as they are; its df is not k - 1."""
    rows = np.flatnonzero(enters.sum(axis=1) == 1)
    at = rows, enters[rows].argmax(axis=1)
    numbers["estimate"][rows], numbers["se"][rows] = cells.value[at], cells.error[at]
    for name in ("df", "statistic", "p_value"):
        numbers[name][rows] = cells.numbers[name][at]
    factor = cells.error[at] / cells.numbers["se"][at] if pool == "standardised" else 1.0
    for end in ("ci_low", "ci_high"):
        numbers[end][rows] = cells.numbers[end][at] * factor
    size[rows] = cells.size[at]


def _status(
    cells: Cells,
    enters: np.ndarray,
    k: np.ndarray,
    flat: np.ndarray,
    min_cohorts: int,
    pool: str,
) -> np.ndarray:
    own = cells.numbers
    joint = (cells.ok & ~np.isfinite(own["estimate"])).any(axis=1)
    lacking = (cells.ok & ~enters).any(axis=1)
    want = {"standardised": "effect size", "direction": "p value and pairs"}.get(pool, "SE")
    few = k < min_cohorts
    return status_of(
        len(k),
        (few & (k == 0) & joint, "a joint test has no estimate to pool"),
        (few & (k == 0) & lacking, f"no cohort has an estimate with its {want}"),
        (few & (k == 0), "no cohort has a result"),
        (few & (k == 1), "one cohort only"),
        (few, f"fewer than {min_cohorts} cohorts"),
        (flat, "no variance between cohorts"),
    )
