"""Who is paired with whom, and who is not."""

from __future__ import annotations

from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import PairTable, frame_for_storage, make_pairs, meta


def pair(adata: AnnData) -> PairTable:
    """Pair each subject's later samples with the baseline sample.

    Use it before any paired analysis to see how many pairs each number will rest on, and who
    drops out why. Pairing is by subject, never by row order.

    Parameters
    ----------
    adata
        Samples x analytes with subject and time point; the table is also stored in
        ``uns["exerkine"]["pairs"]``, X is not touched.

    Returns
    -------
    PairTable
        ``.frame`` (a row a subject and later time point: subject_id, arm, timepoint,
        baseline_sample, sample, paired, reason), ``.counts`` and ``.dropped``.

    Raises
    ------
    InputError
        If a person has two samples at one time, or the baseline is not there.

    Notes
    -----
    Missing values: a sample in which every analyte is NaN makes no pair.
    """
    table = make_pairs(adata)
    meta(adata)[schema.PAIRS] = frame_for_storage(table.frame)
    return table
