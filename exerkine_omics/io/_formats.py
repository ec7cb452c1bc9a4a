"""The formats that `exo.io.read` knows, and how each is recognised from its content.

A reader file declares its formats as ``FORMATS``; adding one is a file and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from anndata import AnnData

from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._source import Source


@dataclass(frozen=True)
class Format:
    """A vendor format.

    ``sniff`` looks at the head of a source only and never raises on foreign content; ``read``
    takes the source and the options of the public reader.
    """

    name: str
    title: str
    reader: str  # the public function, e.g. read_olink
    sniff: Callable[[Source], bool]
    read: Callable[..., AnnData]
    experimental: bool = False


def all_formats() -> tuple[Format, ...]:
    """Return all formats, the more exact ones first."""
    from exerkine_omics.io import _adat, _biocrates, _counts, _cq, _metabolon, _mwtab, _olink

    readers = (_adat, _mwtab, _olink, _metabolon, _biocrates, _cq, _counts)
    return tuple(f for reader in readers for f in reader.FORMATS)


def recognise(source: Source) -> Format | None:
    """Return the format of a file, or None where it is none that is known."""
    _ = source.head  # a text that is none is said so, whatever the formats make of it
    return next((f for f in all_formats() if f.sniff(source)), None)


def require_format(source: Source, reader: str) -> Format:
    """Return the format of a file if the public reader reads it; else raise `InputError`."""
    own = [f for f in all_formats() if f.reader == reader]
    hit = next((f for f in own if f.sniff(source)), None)
    if hit is not None:
        return hit
    other = recognise(source)
    raise InputError(
        f"exo.io.{reader} reads {shown(f.title for f in own)}, and this file is none of them",
        where=source.where,
        fix=f"It looks like {other.title}: exo.io.{other.reader}."
        if other
        else "Look inside it; a plain table is read by exo.io.read_table.",
    )


def show_formats() -> pd.DataFrame:
    """List the vendor formats that `read` recognises.

    Use it to see what can be read, and which reader takes it.

    Returns
    -------
    DataFrame
        One row a format: format, title, reader, experimental (never tried on a file its vendor
        made).
    """
    rows = [(f.name, f.title, f.reader, f.experimental) for f in all_formats()]
    return pd.DataFrame(rows, columns=["format", "title", "reader", "experimental"])
