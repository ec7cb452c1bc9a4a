"""GSVA: how far the members lead the others, on each feature's own distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._normal_table import LAST, STEP, normal_table
from exerkine_omics.kernels._score_ranks import both_directions, prepare_ranks
from exerkine_omics.kernels._scorer import CANDIDATES, Options, Prepared, Scorer
from exerkine_omics.kernels._sets import Sets

_DIGITS = 12
# samples x features whose distribution is looked up at once: it stays in the cache
_CELLS = 1 << 14
# members x samples x sets walked at once
_WALK = 1 << 20


@dataclass(frozen=True)
class Distribution:
    """Reference samples (m x p, NaN where missing) and the kernel's bandwidth (p).

    The bandwidth is the SD / 4; NaN where a feature has fewer than 2 values or does not vary.
    """

    values: np.ndarray
    bandwidth: np.ndarray


def fit(values: np.ndarray, options: Options) -> Distribution:
    """Keep the samples to which others are compared, and the bandwidth of each feature."""
    finite = np.isfinite(values)
    n = finite.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite, values, 0.0).sum(axis=0) / n
        centred = np.where(finite, values - mean, 0.0)
        sd = np.sqrt((centred**2).sum(axis=0) / (n - 1))
        size = np.abs(centred).max(axis=0, initial=0.0)
        level = np.abs(mean)
    # what is left of rounding around a constant is no spread
    flat = ~(sd > 0) | (size <= 8 * np.finfo(float).eps * level)
    return Distribution(values, np.where(flat, np.nan, sd / 4.0))


def prepare(values: np.ndarray, learnt: Distribution, options: Options) -> Prepared:
    """Ranks within samples of the features' cumulative distribution at the samples' values."""
    if values is learnt.values:
        cumulative = _own_distribution(values, learnt.bandwidth)
    else:
        cumulative = _distribution(values, learnt)
    # values that no kernel of another sample reaches differ by rounding only: they are tied
    return prepare_ranks(np.round(cumulative, _DIGITS), None, options)


def _own_distribution(values: np.ndarray, bandwidth: np.ndarray) -> np.ndarray:
    """Distribution of each feature at its own samples.

    With the samples in ascending order all differences have one sign, and each pair is looked
    up once: what it adds to the higher sample it takes from the lower.
    """
    n, p = values.shape
    table = normal_table() - 0.5
    result = np.empty((n, p))
    width = max(_CELLS // max(n, 1), 1)
    for start in range(0, p, width):
        block = slice(start, start + width)
        scaled = values[:, block] * (STEP / bandwidth[block])
        missing = ~np.isfinite(scaled)
        holes = bool(missing.any())
        if holes:
            scaled[missing] = np.inf
        order = np.argsort(scaled, axis=0)
        ordered = np.take_along_axis(scaled, order, axis=0)
        if holes:
            # far above all others: the highest place is then half a step each below
            ordered[~np.isfinite(ordered)] = (
                4.0 * LAST + 2.0 * np.abs(np.where(missing, 0.0, scaled)).max()
            )
        total = np.zeros_like(ordered)
        for lag in range(1, n):
            place = (ordered[lag:] - ordered[:-lag]).astype(np.int64)
            part = table.take(place, mode="clip")
            total[lag:] += part
            total[:-lag] -= part
        back = np.empty_like(total)
        np.put_along_axis(back, order, total, axis=0)
        count = n - missing.sum(axis=0)
        back += 0.5 * (n - count)
        back = (back + 0.5 * count) / np.maximum(count, 1)
        if holes:
            back[missing] = np.nan
        result[:, block] = back
    return result


def _distribution(values: np.ndarray, learnt: Distribution) -> np.ndarray:
    """Distribution of the reference samples at the values of others."""
    table = normal_table()
    both = np.concatenate([1.0 - table[:0:-1], table])
    m, p = learnt.values.shape
    result = np.empty(values.shape)
    width = max(_CELLS // max(m * len(values), 1), 1)
    for start in range(0, p, width):
        block = slice(start, start + width)
        unit = STEP / learnt.bandwidth[block]
        other = learnt.values[:, block] * unit
        known = np.isfinite(other)
        own = values[:, block] * unit
        difference = own[:, None] - np.where(known, other, 0.0)[None]
        place = np.nan_to_num(np.clip(np.trunc(difference), -LAST, LAST)).astype(np.int64)
        part = both.take(place + LAST) * known
        total = part.sum(axis=1) / np.maximum(known.sum(axis=0), 1)
        result[:, block] = np.where(np.isfinite(own), total, np.nan)
    return result


def combine(prepared: Prepared, sets: Sets, options: Options) -> np.ndarray:
    r"""Greatest lead of the members' walk over the others' plus its greatest lag.

    Down the ranking of a sample the walk rises by :math:`|r_j - n / 2|^\tau` (members, shares of
    their weighted sum) and falls by :math:`1 / (n - k)` (others). ``mx_diff`` adds the greatest
    positive and negative deviation (``abs_ranking`` subtracts), else the larger one counts. Both
    directions are weighed as in ssGSEA.
    """
    up, down = sets.one_sided(1.0), sets.one_sided(-1.0)
    rising = _walks(prepared, up, options)
    falling = _walks(prepared, down, options) if down.nnz else None
    return both_directions(rising, falling, prepared.weight(up), prepared.weight(down))


def _walks(prepared: Prepared, side: object, options: Options) -> np.ndarray:
    """Scores of one-directional sets, those of equal size together."""
    sizes = np.diff(side.indptr)  # type: ignore[attr-defined]
    n_samples = len(prepared.n)
    result = np.full((len(sizes), n_samples), np.nan)
    for k in np.unique(sizes[sizes > 0]):
        numbers = np.flatnonzero(sizes == k)
        together = max(_WALK // int(k * max(n_samples, 1)), 1)
        for start in range(0, len(numbers), together):
            rows = numbers[start : start + together]
            place = side.indptr[rows][:, None] + np.arange(k)  # type: ignore[attr-defined]
            columns, weight = side.indices[place], side.data[place]  # type: ignore[attr-defined]
            result[rows] = _walk(prepared, columns, weight, options)
    return result


def _walk(
    prepared: Prepared, columns: np.ndarray, weight: np.ndarray, options: Options
) -> np.ndarray:
    """Walk sets (columns and weights, sets x k); the extremes lie at members only."""
    n = prepared.n
    rank = prepared.tables[0][columns]
    step = np.abs(rank - n / 2.0) ** options["tau"] * weight[:, :, None]
    k: np.ndarray | int = columns.shape[1]
    if prepared.present is not None:
        there = prepared.present[columns]
        step *= there
        k = there.sum(axis=1)
    # a lone member at the very middle has a step of 0, all the same its share of the walk is 1
    nowhere = step.sum(axis=1) == 0
    if nowhere.any():
        share = weight[:, :, None] * (1.0 if prepared.present is None else there)
        step = np.where(nowhere[:, None], share, step)
    # members down the ranking; those not measured (rank 0) come last and step nowhere
    order = np.argsort(-rank, axis=1)
    rank = np.take_along_axis(rank, order, axis=1)
    step = np.take_along_axis(step, order, axis=1)
    total = step.sum(axis=1)
    climbed = np.cumsum(step, axis=1)
    others = n - k
    passed = n - rank - np.arange(columns.shape[1])[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        fallen = passed / np.where(others > 0, others, np.nan)[..., None, :]
        at = climbed / total[:, None] - fallen
        before = (climbed - step) / total[:, None] - fallen
    if prepared.present is not None:
        absent = rank == 0
        at[absent] = before[absent] = 0.0
    high = np.maximum(at.max(axis=1), 0.0)
    low = np.minimum(before.min(axis=1), 0.0)
    if options["mx_diff"]:
        score = high - low if options["abs_ranking"] else high + low
    else:
        score = np.where(high > -low, high, low)
    return np.where((k > 0) & np.isfinite(total) & (others > 0), score, np.nan)


GSVA = Scorer(
    name="gsva",
    description="greatest lead plus greatest lag of the members' walk, on each feature's own "
    "distribution over the samples",
    units="difference of walks, -1 to 1",
    depends_on="all samples: each feature's distribution",
    nan="the feature leaves that sample's ranking, and that sample its distribution",
    meaningless=f"{CANDIDATES}; fewer than 10 samples, which give no distribution",
    learns_from="all",
    fit=fit,
    prepare=prepare,
    combine=combine,
    options={
        "tau": (1.0, (float,)),
        "mx_diff": (True, (True, False)),
        "abs_ranking": (False, (True, False)),
    },
    competitive=True,
    source="Haenzelmann S, Castelo R, Guinney J (2013) GSVA: gene set variation analysis. "
    "BMC Bioinformatics 14:7. doi:10.1186/1471-2105-14-7",
)
