"""The normalisers: adding one is a function or two and a line at the end.

References
----------
Mestdagh P et al. (2009) A novel and universal method for microRNA RT-qPCR data normalization.
Genome Biology 10:R64. doi:10.1186/gb-2009-10-6-r64
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._normalizer import Normalizer, Tubes, medians
from exerkine_omics.kernels._pqn import PQN
from exerkine_omics.kernels._qc_loess import QC_LOESS
from exerkine_omics.kernels._quantile_norm import QUANTILE
from exerkine_omics.kernels._tmm import Tmm, apply_tmm, fit_tmm

_MOVES = "where most features truly change together, as after a loss of plasma water"


def _level_change(level: np.ndarray, target: float, additive: bool) -> np.ndarray:
    """Give what brings each sample's level (samples) to the target, samples x 1."""
    if additive:
        return (target - level)[:, None]
    return (target / np.where(level > 0, level, np.nan))[:, None]


def _mean_level(level: np.ndarray, additive: bool) -> float:
    """Mean of the samples' levels, geometric where they are no logarithms."""
    known = level[np.isfinite(level) & (additive | (level > 0))]
    if not len(known):
        return np.nan
    return float(known.mean() if additive else np.exp(np.log(known).mean()))


def _medians(tubes: Tubes) -> np.ndarray:
    return medians(tubes.values[:, tubes.level], 1)


def _fit_median(tubes: Tubes) -> float:
    return _mean_level(_medians(tubes), tubes.additive)


def _median_change(tubes: Tubes, target: float) -> np.ndarray:
    return _level_change(_medians(tubes), target, tubes.additive)


def _totals(tubes: Tubes) -> np.ndarray:
    return np.asarray(np.nansum(tubes.values[:, tubes.level], axis=1))


def _fit_total(tubes: Tubes) -> float:
    total = _totals(tubes)
    return float(np.median(total[total > 0])) if (total > 0).any() else np.nan


def _total_change(tubes: Tubes, target: float) -> np.ndarray:
    return _level_change(_totals(tubes), target, False)


def _mean_of(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Means of the values that count (samples); NaN where there are none."""
    n = counted.sum(axis=1)
    total = np.where(counted, values, 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _global_change(tubes: Tubes, learnt: None) -> np.ndarray:
    counted = np.isfinite(tubes.values) & tubes.seen & tubes.level
    return -_mean_of(tubes.values, counted)[:, None]


def _reference_levels(tubes: Tubes) -> np.ndarray:
    """Mean of the reference assays (geometric on a linear scale); NaN unless all are measured."""
    values = tubes.values[:, tubes.reference]
    if not tubes.additive:
        values = np.log(np.where(values > 0, values, np.nan))
    level = values.mean(axis=1)
    return np.asarray(level if tubes.additive else np.exp(level))


def _reference_change(tubes: Tubes, learnt: None) -> np.ndarray:
    return -_reference_levels(tubes)[:, None]


def _fit_spike(tubes: Tubes) -> float:
    return _mean_level(_reference_levels(tubes), tubes.additive)


def _spike_change(tubes: Tubes, target: float) -> np.ndarray:
    return _level_change(_reference_levels(tubes), target, tubes.additive)


def _nothing(tubes: Tubes) -> None:
    return None


@dataclass(frozen=True)
class Libraries:
    """Reference library of TMM, and the geometric mean of the effective libraries of the fit."""

    tmm: Tmm
    mean: float


def tmm_factors(tubes: Tubes, learnt: Libraries) -> np.ndarray:
    """TMM factor of each sample; NaN where it has no count."""
    full = tubes.values.sum(axis=1) > 0
    factors = np.full(len(full), np.nan)
    factors[full] = apply_tmm(tubes.values[full], learnt.tmm)
    return factors


def _fit_libraries(tubes: Tubes) -> Libraries:
    counts = tubes.values[tubes.values.sum(axis=1) > 0]
    tmm = fit_tmm(counts)
    library = counts.sum(axis=1) * apply_tmm(counts, tmm)
    return Libraries(tmm, float(np.exp(np.log(library).mean())))


def _library_change(tubes: Tubes, learnt: Libraries) -> np.ndarray:
    library = tubes.values.sum(axis=1) * tmm_factors(tubes, learnt)
    return _level_change(library, learnt.mean, False)


MEDIAN = Normalizer(
    name="median",
    description="bring all sample medians to their mean (geometric on a linear scale)",
    scales=("log", "Cq", "linear"),
    levels_samples=True,
    nan="the median is that of the measured values: it rises where low values are not measured",
    meaningless=_MOVES,
    fit=_fit_median,
    change=_median_change,
    takes=("features",),
)
TOTAL = Normalizer(
    name="total",
    description="bring all sample totals to their median",
    scales=("linear",),
    levels_samples=True,
    nan="what is not measured adds nothing to the total",
    meaningless="where few features hold most of the total, or large ones are missing",
    fit=_fit_total,
    change=_total_change,
    takes=("features",),
)
GLOBAL_MEAN = Normalizer(
    name="global_mean",
    description="subtract the mean of the expressed miRNAs of the sample (delta Cq)",
    scales=("log", "Cq"),
    levels_samples=True,
    nan="not expressed; neither is what is below LOD",
    meaningless="panels of few or chosen miRNAs",
    fit=_nothing,
    change=_global_change,
    takes=("features",),
    source="Mestdagh P et al. (2009) Genome Biology 10:R64",
)
REFERENCE_MIRNA = Normalizer(
    name="reference_mirna",
    description="subtract the mean of the reference assays of the sample (delta Cq)",
    scales=("log", "Cq"),
    levels_samples=True,
    nan="a sample without all reference assays has no answer",
    meaningless="where exercise or haemolysis changes the references: miR-16-5p and miR-451a are "
    "in red cells",
    fit=_nothing,
    change=_reference_change,
    takes=("reference",),
)
# tubes of equal volume get the same amount: what is truly concentrated stays so
SPIKE_IN = Normalizer(
    name="spike_in",
    description="bring the mean of the spiked-in assays to that of all samples",
    scales=("log", "Cq", "linear"),
    levels_samples=False,
    nan="a sample without all spike-ins has no answer",
    meaningless="where volumes differ, or the spike-in was added after the step that varies",
    fit=_fit_spike,
    change=_spike_change,
    takes=("reference",),
)
TMM = Normalizer(
    name="tmm",
    description="factors of library sizes by trimmed means of log ratios; counts stay",
    scales=("counts",),
    levels_samples=True,
    nan="refused: a count that was not found is 0",
    meaningless="where more than 30% of the features change in one direction",
    fit=_fit_libraries,
    change=_library_change,
    factors=tmm_factors,
    source="Robinson MD, Oshlack A (2010) Genome Biology 11:R25",
)

NORMALIZERS = {
    n.name: n
    for n in (
        MEDIAN,
        PQN,
        QUANTILE,
        TOTAL,
        QC_LOESS,
        REFERENCE_MIRNA,
        GLOBAL_MEAN,
        SPIKE_IN,
        TMM,
    )
}
