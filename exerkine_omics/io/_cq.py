"""qPCR exports (Cq) to samples x assays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.errors import UsageError
from exerkine_omics.io import _cq_rdml, _cq_text, _cq_xlsx
from exerkine_omics.io._cq_table import assemble
from exerkine_omics.io._formats import Format, several_of_one_format
from exerkine_omics.io._source import Source

_READER = "read_cq"
_LAYOUTS = (*_cq_text.LAYOUTS, _cq_xlsx.LAYOUT, _cq_rdml.LAYOUT)


def read_cq(
    path: str | Path | Sequence[str | Path],
    *,
    max_cq: float | None = None,
    replicates: str = "mean",
    sample_names: str = "column",
    modality: str = "mirna",
    species: str | None = "human",
    matrix_type: str | None = None,
) -> AnnData:
    r"""Read the quantification cycles of a qPCR run, or of several.

    Use it for exports of ABI SDS, QuantStudio (text, and Excel of Design & Analysis), TaqMan array
    cards, OpenArray, Bio-Rad CFX, Fluidigm BioMark, LightCycler, for RDML, and for plain tables
    with one row a well (sample, assay, Cq). Wells become samples x assays:

    .. math:: x_{sa} = \frac{1}{n_{sa}} \sum_{w \in (s, a)} Cq_w

    the mean over the technical replicates :math:`w` that have a cycle.

    Parameters
    ----------
    path
        File, or files of one format: one card a sample, or one plate an assay set.
    max_cq
        Cycle from which a well counts as undetermined. Give it where the software writes its last
        cycle for wells without a signal (35, 40).
    replicates
        ``mean`` averages technical replicates; ``keep`` makes each a sample of its own
        (``P01|1``, ``P01|2``), numbered by well.
    sample_names
        ``column``, or ``file`` where each file is one sample and its own column does not tell
        them apart.
    modality
        One of ``schema.MODALITIES``; other than ``mirna`` where the assays are no miRNAs.
    species
        Species of the samples.
    matrix_type
        One of ``schema.MATRICES``; None where it is not known.

    Returns
    -------
    AnnData
        Samples x assays, X in cycles (unit ``Cq``: up means less, `exo.pp.log2` turns it). Layers
        ``below_lod``, ``replicate_sd``, ``n_replicates``, and where the file has them
        ``qc_warning`` (flagged wells), ``amp_score``, ``cq_confidence``. ``var["assay_type"]``:
        mirna, spike_in, reference, control or other. Wells without template are samples of type
        ``blank``, standards of type ``calibrator`` with their ``quantity``.

    Raises
    ------
    InputError
        For a file of another format, a cell that is no cycle (with its line and column), a well
        that stands twice, one sample with the same assays in two files.
    UsageError
        For an option that is none.

    Notes
    -----
    Missing values: a well that is undetermined (in the words of any vendor, 999 of BioMark, or
    from ``max_cq`` on) is NaN and True in ``below_lod``; a well that was never there or was
    omitted is NaN and False. A mean is over the determined replicates; where others were
    undetermined there is a finding.
    """
    found, sources = several_of_one_format(path, _READER)
    return _read_all(
        found.name, sources, max_cq=max_cq, replicates=replicates, sample_names=sample_names,
        modality=modality, species=species, matrix_type=matrix_type,
    )  # fmt: skip


def _read_all(
    name: str,
    sources: Source | Sequence[Source],
    *,
    max_cq: float | None = None,
    replicates: str = "mean",
    sample_names: str = "column",
    modality: str = "mirna",
    species: str | None = "human",
    matrix_type: str | None = None,
) -> AnnData:
    _require_options(max_cq, replicates, sample_names, modality)
    files = [sources] if isinstance(sources, Source) else list(sources)
    layout = next(x for x in _LAYOUTS if x.name == name)
    return assemble(
        files, [layout.export(f) for f in files], name, max_cq=max_cq, replicates=replicates,
        sample_names=sample_names, modality=modality, species=species, matrix_type=matrix_type,
    )  # fmt: skip


def _require_options(
    max_cq: float | None, replicates: str, sample_names: str, modality: str
) -> None:
    for word, given, known in (
        ("replicates", replicates, ("mean", "keep")),
        ("sample_names", sample_names, ("column", "file")),
        ("modality", modality, schema.MODALITIES),
    ):
        if given not in known:
            raise UsageError(f"{word}={given!r} is not known", fix=f"One of {', '.join(known)}.")
    if max_cq is not None and (
        isinstance(max_cq, bool)
        or not isinstance(max_cq, (int, float, np.number))
        or not 0 < max_cq < np.inf
    ):
        raise UsageError(f"max_cq={max_cq!r} is no cycle", fix="Give a number such as 35.")


FORMATS = tuple(
    Format(x.name, x.title, _READER, x.sniff, partial(_read_all, x.name), x.experimental)
    for x in _LAYOUTS
)
