"""Haemolysis: how much of a tube's content came out of red cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import add_step, editable, meta, persons_tubes, replace_findings
from exerkine_omics.errors import AnalysisError, UsageError
from exerkine_omics.kernels._haemolysis import flag
from exerkine_omics.pp._blood import ABSORBANCE, find_column, numbers
from exerkine_omics.pp._haemolysis_index import Index, mir_ratio, protein_panel
from exerkine_omics.pp._haemolysis_report import PREFIX, haemolysis_findings

METHODS = ("auto", "mir_ratio", "proteins", "absorbance")
FLAGS = ("no", "possible", "yes", schema.UNKNOWN)
_BY_MODALITY = {"mirna": "mir_ratio", "proteomics": "proteins"}
# absorbance of serum at 414 nm, by Shah and others 2016
_ABSORBANCE_LIMITS = (0.072, 0.3)


def haemolysis(
    adata: AnnData,
    *,
    method: str = "auto",
    limits: Sequence[float] | None = None,
    absorbance: str = "a414",
    copy: bool = False,
) -> AnnData | None:
    r"""Flag haemolysed samples by microRNAs, red-cell proteins or absorbance; remove none.

    Use it once after reading, on each platform. Red cells hold what plasma hardly does: a lysed
    tube raises miR-451a, haemoglobin and carbonic anhydrases, and with them every signature that
    holds one of theirs.

    ``mir_ratio``: miR-451a, of red cells, against miR-23a-3p, which haemolysis spares,

    .. math:: I_i = Cq_i(\text{miR-23a-3p}) - Cq_i(\text{miR-451a})

    or the difference turned round where up means more; what rescales a whole sample cancels.
    ``proteins``: the red-cell proteins of the shipped signature ``haemolysis`` that are
    measured (at least 3), by their robust z in the cohort's baseline samples,

    .. math:: m_i = \frac{1}{k_i} \sum_f z_{if}, \qquad
              I_i = \frac{m_i - \mathrm{med}_{base}(m)}{1.4826\, \mathrm{mad}_{base}(m)}

    ``absorbance``: the column of obs itself.

    Parameters
    ----------
    adata
        Samples x analytes: Cq or a log scale (``mir_ratio``), a log scale (``proteins``).
    method
        ``auto`` takes ``mir_ratio`` for miRNA and ``proteins`` for proteomics.
    limits
        Two numbers: no below the first, yes above the second, possible from one to the other.
        None means those of the method: 5 and 7 cycles (``mir_ratio`` by qPCR); 3 and 5 robust
        SDs of the cohort (``proteins``, a convention of this package); 0.072 and 0.3 at 414 nm
        in serum (``absorbance``). For the ratio of sequencing, arrays or beads there are none.
    absorbance
        Column of obs for ``absorbance``.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. ``obs["haemolysis"]``, the index;
        ``obs["haemolysed"]``: no, possible, yes, unknown. Findings, which `exo.pp.check` lists:
        haemolysis_flagged, haemolysis_unknown, haemolysis_limits, haemolysis_panel,
        haemolysis_by_timepoint.

    Raises
    ------
    UnitsError
        If the values are not on a scale that the method takes.
    AnalysisError
        If the microRNAs or proteins are not measured, or nothing is known for the modality.
    InputError
        If several features measure the same microRNA or protein, or a column is not there.
    UsageError
        If the method or the limits make no sense.

    Notes
    -----
    Missing values: without one of the microRNAs, without half of the proteins, or without an
    absorbance, the index is NaN and the flag ``unknown``; nothing is filled in.

    Exercise itself breaks red cells. Where samples of a later time point are flagged more often
    than the same people's baseline, a warning says so: to drop them is to drop signal.

    References
    ----------
    Blondal T and others (2013) Assessing sample and miRNA profile quality in serum and plasma or
    other biofluids. Methods 59.
    Shah JS, Soon PS, Marsh DJ (2016) Comparison of methodologies to detect low levels of
    hemolysis in serum. PLoS ONE 11. doi:10.1371/journal.pone.0153200
    Kirschner MB and others (2011) Haemolysis during sample preparation alters microRNA content
    of plasma. PLoS ONE 6. doi:10.1371/journal.pone.0024145
    Geyer PE and others (2019) Plasma proteome profiling to detect and avoid sample-related biases
    in biomarker studies. EMBO Mol Med 11. doi:10.15252/emmm.201910427

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=3, haemolysed=0.1).adata
    >>> exo.pp.haemolysis(adata)
    >>> adata.obs["haemolysed"].value_counts().to_dict()
    {'no': 97, 'yes': 11, 'possible': 0, 'unknown': 0}
    """
    chosen = _method(adata, method)
    _require_limits(limits)
    if chosen == "mir_ratio":
        found = mir_ratio(adata)
    elif chosen == "proteins":
        found = protein_panel(adata)
    else:
        column = find_column(adata, absorbance, ABSORBANCE)
        found = Index(numbers(adata, column, positive=False), _ABSORBANCE_LIMITS)
    low, high = (found.limits or (np.nan, np.nan)) if limits is None else map(float, limits)
    # a limit that is not known flags nothing
    codes = flag(found.values if np.isfinite(low) else np.full(adata.n_obs, np.nan), low, high)
    flags = pd.Categorical.from_codes(codes, list(FLAGS))
    findings = haemolysis_findings(
        adata, found, np.asarray(flags), persons_tubes(adata), (low, high), limits is None
    )
    target = editable(adata, copy, values=False)
    target.obs[schema.HAEMOLYSIS] = found.values
    target.obs[schema.HAEMOLYSED] = flags
    replace_findings(target, PREFIX, findings)
    add_step(
        target,
        "pp.haemolysis",
        method=chosen,
        limits=[low, high] if np.isfinite(low) else None,
        absorbance=absorbance if chosen == "absorbance" else None,
    )
    return target if copy else None


def _method(adata: AnnData, method: str) -> str:
    if method not in METHODS:
        raise UsageError(f"method={method!r} is none of {', '.join(METHODS)}")
    modality = str(meta(adata).get(schema.MODALITY, schema.UNKNOWN))
    fits = _BY_MODALITY.get(modality)
    if method == "auto" and fits is None:
        raise AnalysisError(
            f"There is no index of haemolysis for {modality}",
            where=f"uns[{schema.UNS!r}][{schema.MODALITY!r}]",
            fix="Use method='absorbance' with a column of obs, or take the flags of another "
            "platform of the same tubes.",
        )
    if method in ("mir_ratio", "proteins") and method != fits:
        raise UsageError(
            f"method={method!r} is not for {modality}", fix="Use method='auto' or 'absorbance'."
        )
    return str(fits) if method == "auto" else method


def _require_limits(limits: Sequence[float] | None) -> None:
    if limits is None:
        return
    try:
        low, high = (np.nan, np.nan) if isinstance(limits, str) else (float(v) for v in limits)
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise UsageError(f"limits={limits!r} are not two numbers in rising order", where="limits=")
