"""Paired t tests on each person's own contrast, arms kept apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PairedT:
    """Estimate, SE, df and people used, each over features."""

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    n: np.ndarray
    enough: np.ndarray


def person_contrast(
    values: np.ndarray,
    subject: np.ndarray,
    used: np.ndarray,
    weight: np.ndarray,
    needed: np.ndarray,
) -> np.ndarray:
    """Each person's weighted sum over the cells of a contrast.

    Parameters
    ----------
    values
        Samples x features.
    subject
        Subject of each sample, 0..m-1.
    used
        Whether the sample's cell has a part in the contrast.
    weight
        Weight of each sample's cell in the contrast.
    needed
        Number of cells that have a part in it in each subject's arm (m).

    Returns
    -------
    ndarray
        Subjects x features; NaN where a needed cell or its value is missing, and for people
        whose arm has no part in the contrast.
    """
    used = np.flatnonzero(used)
    result = np.zeros((len(needed), values.shape[1]))
    np.add.at(result, subject[used], weight[used, None] * values[used])
    present = np.bincount(subject[used], minlength=len(needed))
    result[(present < needed) | (needed == 0)] = np.nan
    return result


def paired_t(change: np.ndarray, group: np.ndarray, n_groups: int) -> PairedT:
    """T test of the sum over groups of the mean change.

    Parameters
    ----------
    change
        People x features, a group's sign and weight already in it; NaN where a person has no
        complete pair.
    group
        Group (arm) of each person, 0..n_groups-1.
    n_groups
        Number of groups that the test compares; one without people gives no test.

    Returns
    -------
    PairedT
        estimate = sum_g mean_g; se^2 = sum_g var_g / n_g; df is n - 1 with one group and
        Welch-Satterthwaite's with more. ``enough``: at least 2 people in every group. A SE
        below 1e-9 of the largest change is rounding and is returned as 0.

    Notes
    -----
    Each group is centred before its sum of squares: a constant added to all values changes
    nothing.
    """
    estimate, variance, bottom = np.zeros((3, change.shape[1]))
    n = np.zeros(change.shape[1], dtype=np.int64)
    enough = np.ones(change.shape[1], dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        for number in range(n_groups):
            rows = change[group == number]
            finite = np.isfinite(rows)
            size = finite.sum(axis=0)
            mean = np.where(finite, rows, 0.0).sum(axis=0) / size
            square = np.where(finite, rows - mean, 0.0)
            part = (square**2).sum(axis=0) / (size - 1) / size
            estimate += mean
            variance += part
            bottom += part**2 / (size - 1)
            n += size
            enough &= size >= 2
        largest = np.where(np.isfinite(change), np.abs(change), 0.0).max(axis=0, initial=0.0)
        variance = np.where(variance > (1e-9 * largest) ** 2, variance, 0.0)
        df = n - 1.0 if n_groups == 1 else variance**2 / bottom
    return PairedT(estimate, np.sqrt(variance), df, n, enough)
