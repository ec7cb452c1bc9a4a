"""One call that reads whatever it is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._formats import all_formats, recognise
from exerkine_omics.io._frames import set_samples
from exerkine_omics.io._labels import near
from exerkine_omics.io._source import look_at, naming
from exerkine_omics.io._storage import read_stored
from exerkine_omics.io._tables import read_table


def read(
    path: str | Path,
    *,
    format: str | None = None,
    samples: pd.DataFrame | str | Path | None = None,
    subject: str | None = None,
    timepoint: str | None = None,
    baseline: object = None,
    arm: str | None = None,
    timepoint_order: Sequence[object] | None = None,
    backed: bool = False,
    **options: Any,
) -> AnnData:
    """Read a cohort from any file that is known, recognised by its content.

    Use it for vendor files (see `show_formats`), for .h5ad and .zarr of this package, and, with
    the words of `read_table`, for plain tables. Vendor files know tubes, not people: give the
    sample sheet here or later with `set_samples`.

    Parameters
    ----------
    path
        File or .zarr folder.
    format
        A format of `show_formats`, where the content is not recognised.
    samples
        Sample sheet, as in `set_samples`; None where the file's own columns name subject and time.
    subject, timepoint, baseline, arm, timepoint_order
        Columns of the sample sheet and the baseline level, as in `set_samples`.
    backed
        Of .h5ad and .zarr: leave X in the file; tests read it by blocks of features.
    **options
        Words of the format's own reader (``species``, ``matrix_type``, ...), or of `read_table`.

    Returns
    -------
    AnnData
        Samples x analytes. ``uns["exerkine"]["format"]`` says what the file was, and
        ``["experimental"]`` whether its reader was never tried on a file the vendor made.

    Raises
    ------
    InputError
        For a wrong path, a file of no known format, a damaged file, and as in the reader.
    UsageError
        For an option that the reader does not have.

    Notes
    -----
    Missing values: NaN; what a vendor marks as below detection is in ``layers["below_lod"]``.
    """
    roles = {
        "subject": subject,
        "timepoint": timepoint,
        "baseline": baseline,
        "arm": arm,
        "timepoint_order": timepoint_order,
    }
    given = {k: v for k, v in roles.items() if v is not None}
    source = look_at(path)
    if source.kind in ("h5ad", "zarr"):
        if options or format:
            raise UsageError(f"{shown([*options, *(['format'] * bool(format))])} do not belong to "
                             "a stored cohort")  # fmt: skip
        adata = read_stored(source.path, source.kind, backed=backed)
        return _with_samples(adata, samples, given)
    if backed:
        raise UsageError("backed=True needs a .h5ad or .zarr", fix="exo.io.write makes one.")
    if format is None:
        chosen = recognise(source)
    else:
        known = {f.name: f for f in all_formats()}
        if format not in known:
            raise UsageError(f"format={format!r} is not known", fix=near(format, known))
        chosen = known[format]
    if chosen is None:
        return _table(path, samples, given, options)
    try:
        with naming(path):
            adata = chosen.read(source, **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise UsageError(
            f"exo.io.{chosen.reader} has no option {str(error).rsplit(' ', 1)[-1]}",
            fix=f"The file was recognised as {chosen.title}.",
        ) from None
    return _with_samples(adata, samples, given)


def _with_samples(
    adata: AnnData, samples: pd.DataFrame | str | Path | None, given: dict[str, Any]
) -> AnnData:
    if samples is None and not given:
        return adata
    absent = [k for k in ("subject", "timepoint", "baseline") if k not in given]
    if absent:
        raise UsageError(
            f"The sample sheet needs {shown(absent)} too",
            fix="Name the columns with the person and the time point, and the baseline level.",
        )
    set_samples(adata, adata.obs if samples is None else samples, **given)
    return adata


def _table(
    path: str | Path,
    samples: pd.DataFrame | str | Path | None,
    given: dict[str, Any],
    options: dict[str, Any],
) -> AnnData:
    """Read what no vendor made, where the call says what it is."""
    absent = [k for k in ("subject", "timepoint", "baseline") if k not in given]
    absent += [k for k in ("units", "modality") if k not in options]
    if absent:
        raise InputError(
            "The file is of no known vendor format",
            where=str(path),
            fix=f"If it is a plain table say also {', '.join(absent)}, as in exo.io.read_table; "
            "exo.io.show_formats() lists what is recognised.",
        )
    return read_table(path, samples, **given, **options)
