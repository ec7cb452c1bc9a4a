"""Scores of one sample's ranks: singscore and ssGSEA."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from exerkine_omics.kernels._sample_ranks import sample_ranks
from exerkine_omics.kernels._scorer import CANDIDATES, Options, Prepared, Scorer
from exerkine_omics.kernels._sets import Sets, indicator


def prepare_ranks(values: np.ndarray, learnt: None, options: Options) -> Prepared:
    """Ranks within each sample."""
    ranks, n = sample_ranks(values)
    present = None if (n == len(ranks)).all() else (ranks > 0).astype(float)
    return Prepared((ranks,), present, n)


def singscore(prepared: Prepared, sets: Sets, options: Options) -> np.ndarray:
    r"""Up score minus mirrored down score, each in -1/2..1/2.

    .. math:: s = \frac{\bar r - r_{min}}{r_{max} - r_{min}} - \tfrac12

    :math:`\bar r` is the weighted mean rank of the members of one direction,
    :math:`r_{min}, r_{max}` the least and greatest that k members of these weights can have among
    n features. A down set is scored on the reversed ranks; a signature of both is the sum.
    """
    total = np.zeros((len(sets), len(prepared.n)))
    any_side = np.zeros(total.shape, dtype=bool)
    for sign in (1.0, -1.0):
        side = sets.one_sided(sign)
        size = prepared.weight(side)
        mean = np.asarray(side @ prepared.tables[0]) / size
        k, shift = _order_of_weights(prepared, side, size)
        width = prepared.n - 2 * k - 1 + 2 * shift
        width = np.where(width > 0, width, np.nan)
        score = (mean - (k + 1 - shift)) / width - 0.5
        there = size > 0
        total += np.where(there, sign * score, 0.0)
        any_side |= there
    return np.where(any_side, total, np.nan)


def _order_of_weights(
    prepared: Prepared, side: sparse.csr_array, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measured members k, and sum(w a) / sum(w), a being a member's place by ascending weight."""
    k = prepared.weight(indicator(side))
    shift = (k + 1) / 2
    for number in range(side.shape[0]):
        part = slice(side.indptr[number], side.indptr[number + 1])
        weight = side.data[part]
        if len(weight) < 2 or np.ptp(weight) == 0:
            continue
        below = (weight[None, :] < weight[:, None]) + 0.5 * (weight[None, :] == weight[:, None])
        below[np.diag_indices(len(weight))] = 1.0
        if not shift.flags.writeable:
            shift = shift.copy()
        if prepared.present is None:
            shift[number] = (weight * below.sum(axis=1)).sum() / weight.sum()
        else:
            present = prepared.present[side.indices[part]]
            place = below @ present
            shift[number] = (weight[:, None] * present * place).sum(axis=0) / size[number]
    return k, shift


def prepare_ssgsea(values: np.ndarray, learnt: None, options: Options) -> Prepared:
    """Ranks, and their powers tau and tau + 1."""
    ranked = prepare_ranks(values, learnt, options)
    (ranks,) = ranked.tables
    power = ranks ** options["tau"]
    if ranked.present is not None:
        power *= ranked.present
    return Prepared((power * ranks, power, ranks), ranked.present, ranked.n)


def ssgsea(prepared: Prepared, sets: Sets, options: Options) -> np.ndarray:
    r"""Single-sample enrichment: the area between the walks of members and of the others.

    .. math:: ES = \frac{\sum_j w_j r_j^{\tau + 1}}{\sum_j w_j r_j^\tau}
                   - \frac{n (n + 1) / 2 - \sum_j r_j}{n - k}

    over the k members of one direction, r being ascending ranks among the n measured features.
    Both directions: :math:`(W_+ ES_+ - W_- ES_-) / (W_+ + W_-)`, W the measured weight of each.
    """
    over, power, ranks = prepared.tables
    n = prepared.n

    def one(side: sparse.csr_array) -> np.ndarray:
        ones = indicator(side)
        others = n - prepared.weight(ones)
        rest = (n * (n + 1) / 2 - np.asarray(ones @ ranks)) / np.where(others > 0, others, np.nan)
        return np.asarray(side @ over) / np.asarray(side @ power) - rest

    up, down = sets.one_sided(1.0), sets.one_sided(-1.0)
    return both_directions(
        one(up), one(down) if down.nnz else None, prepared.weight(up), prepared.weight(down)
    )


def both_directions(
    up: np.ndarray, down: np.ndarray | None, up_weight: np.ndarray, down_weight: np.ndarray
) -> np.ndarray:
    """Weigh the scores of rising and falling members by their measured weight."""
    if down is None:
        return np.where(up_weight > 0, up, np.nan)
    total = np.where(up_weight > 0, up_weight * up, 0.0)
    total = total - np.where(down_weight > 0, down_weight * down, 0.0)
    return np.where(up_weight + down_weight > 0, total / (up_weight + down_weight), np.nan)


SINGSCORE = Scorer(
    name="singscore",
    description="mean rank of rising members, and of falling ones from the top, centred",
    units="share of the attainable mean rank (-1 to 1 with both directions)",
    depends_on="no other sample",
    nan="the feature is not ranked in that sample",
    meaningless=CANDIDATES,
    learns_from="none",
    prepare=prepare_ranks,
    combine=singscore,
    competitive=True,
    source="Foroutan M et al. (2018) Single sample scoring of molecular phenotypes. "
    "BMC Bioinformatics 19:404. doi:10.1186/s12859-018-2435-4",
)

SSGSEA = Scorer(
    name="ssgsea",
    description="area between the walks over members and over the other features",
    units="share of the range of all scores (normalize=True), else ranks",
    depends_on="the range over all samples and signatures (normalize=True), else no other sample",
    nan="the feature is not ranked in that sample",
    meaningless=CANDIDATES,
    learns_from="none",
    prepare=prepare_ssgsea,
    combine=ssgsea,
    options={"tau": (0.25, (float,)), "normalize": (True, (True, False))},
    competitive=True,
    ranged=lambda options: bool(options["normalize"]),
    source="Barbie DA et al. (2009) Nature 462:108-112",
)
