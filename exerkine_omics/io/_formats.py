"""The formats that `exo.io.read` knows, and how each is recognised from its content.

A reader file declares its formats as ``FORMATS``; adding one is a file and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from anndata import AnnData

from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._source import Source, look_at


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


def several_of_one_format(
    path: str | Path | Sequence[str | Path], reader: str
) -> tuple[Format, list[Source]]:
    """Return the one format of a file, or of several, and the files themselves."""
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    if not paths:
        raise UsageError(f"{reader} was given no file", fix="Name one or more.")
    sources = [look_at(p) for p in paths]
    formats = [require_format(s, reader) for s in sources]
    if len({f.name for f in formats}) > 1:
        raise InputError(
            f"The files are of several formats: {shown(sorted({f.title for f in formats}))}",
            where=sources[0].where,
            fix="Read them one by one and join them with exo.pp.concat.",
        )
    return formats[0], sources


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
