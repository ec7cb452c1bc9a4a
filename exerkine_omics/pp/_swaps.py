"""Samples that are more like another person's than like the person's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    dense,
    frame_for_storage,
    meta,
    require_log,
    require_slug,
)
from exerkine_omics.errors import AnalysisError, UsageError
from exerkine_omics.kernels._likeness import NEEDED_FEATURES, Told, resemblance, weigh
from exerkine_omics.pp._cells import Cells, cells_of
from exerkine_omics.pp._outliers import SMALLEST, residuals

_NEEDED_PEOPLE = 3
# one wild value must not carry a correlation
_WILDEST = 4.0
_FEW = f"fewer than {NEEDED_FEATURES} values to compare"
_ALONE = f"fewer than {SMALLEST} samples at its time point"


def swaps(
    adata: AnnData,
    *,
    layer: str | None = None,
    prior: float = 0.01,
    key_added: str = schema.SWAPS,
) -> pd.DataFrame:
    r"""Find samples that are nearer to another person's samples than to the person's own.

    Use it once before analysis: tubes exchanged between people turn their changes round, and
    nothing in a test shows it. Samples are looked at, not corrected.

    Each value is taken less its time point's trimean, in robust SDs. The distance
    of two samples is 1 - r, with r their correlation over features of which half of the variance
    or more is between people (the 20 most so where there are fewer), found **without the sample
    that is judged**. With the median and robust SD of :math:`z = \mathrm{artanh}(r)` of own (s) and
    of different people's (d) samples, and f the density of t on 10 df,

    .. math:: LR(z) = \frac{f((z - m_s) / s_s) / s_s}{f((z - m_d) / s_d) / s_d}, \quad
              z \text{ held within } [m_d, m_s]

    tells how much a resemblance speaks for one person, and Bayes' rule weighs three cases: the
    sample is the person's own (1 - 2 ``prior``; nearest own sample), another's of the cohort
    (``prior``, shared by all; nearest sample of each; half of it for an exchange, in which the
    other's sample resembles this person in turn), or nobody's here (``prior``; LR 1).

    Parameters
    ----------
    adata
        Samples x features on a log scale, with subject and time point.
    layer
        Layer to use in place of X, on the scale of X.
    prior
        Share of samples thought to be another's before the data are seen, above 0 and below 0.5.
    key_added
        Key of ``uns`` that receives the frame.

    Returns
    -------
    DataFrame
        A row a person's tube: sample_id, subject_id, timepoint, own_sample, own_distance,
        nearest_sample, nearest_subject, nearest_distance (of the likeliest other person), p_own,
        p_nearest (probability that it is the person's own, that person's), suspect (p_nearest
        above one half), swapped_with (the other person's suspect sample that points
        back), n_features, status.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    UsageError
        If ``prior`` is out of range.
    AnalysisError
        If fewer than 10 features or 3 people with two samples are there.

    Notes
    -----
    Missing values: a correlation is over the features that both samples have, 10 or more.

    Of two people with two samples each, all four samples are suspect when either time was
    exchanged: which one it was, nobody can tell from them. An exchange within a person (pre for
    post) is not seen.

    ``status`` is ``ok``, ``no values``, ``fewer than 10 values to compare``, ``no other sample of
    the person`` (such a sample is suspect if it resembles another person's), ``fewer than 4 samples
    at its time point``, or ``people are not told apart`` (nothing is suspect then, and nothing is
    cleared).

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> int(exo.pp.swaps(adata)["suspect"].sum())
    0
    """
    meta(adata)
    require_log(adata, "pp.swaps")
    require_slug(key_added)
    number = isinstance(prior, (float, np.floating)) and not isinstance(prior, bool)
    if not (number and 0 < prior < 0.5):
        raise UsageError(f"prior={prior!r} is no share above 0 and below 0.5", where="prior=")
    cells = cells_of(adata, once=False)
    values = dense(adata, layer)[cells.rows]
    there = np.isfinite(values).any(axis=1)
    sizes = np.bincount(cells.time[there], minlength=len(cells.times))
    judged = there & (sizes[cells.time] >= SMALLEST)
    # by time point, not by arm: a sample exchanged between arms brings its own arm's change along
    rest = np.clip(residuals(values, cells.time, judged), -_WILDEST, _WILDEST)
    people = np.bincount(cells.subject[judged], minlength=len(cells.subjects))
    if rest.shape[1] < NEEDED_FEATURES or (people > 1).sum() < _NEEDED_PEOPLE:
        raise AnalysisError(
            f"{rest.shape[1]} features and {int((people > 1).sum())} people with two samples tell "
            f"nobody apart; {NEEDED_FEATURES} and {_NEEDED_PEOPLE} are needed",
            fix="Leave exo.pp.swaps out.",
        )
    z, n_features = resemblance(rest, cells.subject, judged)
    told = weigh(z, cells.subject, judged, prior)
    frame = frame_for_storage(_table(adata, cells, z, n_features, told, there, judged))
    adata.uns[key_added] = frame
    add_step(
        adata,
        "pp.swaps",
        layer=layer,
        prior=prior,
        key_added=key_added,
        n_suspect=int(frame["suspect"].sum()),
    )
    return frame


def _table(
    adata: AnnData,
    cells: Cells,
    z: np.ndarray,
    n_features: np.ndarray,
    told: Told,
    there: np.ndarray,
    judged: np.ndarray,
) -> pd.DataFrame:
    names = np.append(adata.obs_names[cells.rows].astype(str).to_numpy(dtype=object), "")
    people = np.append(np.array(cells.subjects, dtype=object)[cells.subject], "")
    every = np.arange(len(z))
    r = np.tanh(np.column_stack([z, np.full(len(z), np.nan)]))
    suspect = told.p_other > 0.5
    blind = ~np.isfinite(z).any(axis=1)
    status = np.select(
        [~there, ~judged, blind, np.full(len(z), not told.apart), told.own < 0],
        ["no values", _ALONE, _FEW, "people are not told apart", "no other sample of the person"],
        schema.OK,
    )
    return pd.DataFrame(
        {
            schema.SAMPLE_ID: names[:-1],
            schema.SUBJECT: people[:-1],
            schema.TIMEPOINT: np.array(cells.times, dtype=object)[cells.time],
            "own_sample": names[told.own],
            "own_distance": 1 - r[every, told.own],
            "nearest_sample": names[told.other],
            "nearest_subject": people[told.other],
            "nearest_distance": 1 - r[every, told.other],
            "p_own": told.p_own,
            "p_nearest": told.p_other,
            "suspect": suspect,
            "swapped_with": names[_partners(cells, told.other, suspect)],
            "n_features": n_features,
            "status": status,
        }
    )


def _partners(cells: Cells, other: np.ndarray, suspect: np.ndarray) -> np.ndarray:
    """Suspect sample of the other person that points back, of the same time if there is one."""
    result = np.full(len(other), -1)
    for i in np.flatnonzero(suspect):
        back = np.flatnonzero(
            suspect
            & (cells.subject == cells.subject[other[i]])
            & (cells.subject[other] == cells.subject[i])
        )
        if len(back):
            result[i] = back[np.argmax(cells.time[back] == cells.time[i])]
    return result
