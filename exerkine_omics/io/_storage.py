"""Write an AnnData whole or not at all, and read it back with a look at its schema."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import anndata
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import meta
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._adat_write import adat_bytes

_KINDS = (".h5ad", ".zarr", ".adat")
_REQUIRED = (schema.SCHEMA_VERSION, schema.MODALITY, schema.UNITS, schema.SPECIES, schema.MATRIX)


def write(adata: AnnData, path: str | Path) -> None:
    """Write a cohort to an .h5ad file, a .zarr folder, or, in RFU, an .adat file.

    Use it to keep a cohort with its units, findings and steps; an .adat (SomaScan) holds the
    values, ``obs``, ``var`` and the vendor's header only, and what it leaves out is warned of. The
    file is written beside its place and then renamed, so a file of that name is either the old one
    or the whole new one.

    Parameters
    ----------
    adata
        Samples x analytes, made by this package.
    path
        Where to; the extension says which kind.

    Raises
    ------
    InputError
        For another extension, a folder that is not there, or content that cannot be stored.
    UnitsError
        For an .adat of values that are not RFU.

    Notes
    -----
    Missing values: NaN is stored as NaN, in an .adat as an empty cell.
    """
    path = Path(path)
    meta(adata)
    _require_kind(path)
    if adata.isbacked:  # anndata would bind the user's object to the file that is then renamed
        adata = adata.to_memory()
    if not path.parent.is_dir():
        raise InputError("There is no such folder", where=str(path.parent), fix="Make it first.")
    if path.is_dir() != (path.suffix == ".zarr") and path.exists():
        raise InputError("A file or folder of this name is there", where=str(path), fix="Move it.")
    text = adat_bytes(adata) if path.suffix == ".adat" else b""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise InputError(f"Nothing can be written ({error.strerror})", where=str(path)) from None
    beside = folder / path.name
    try:
        # categories are not made in the user's own object
        if path.suffix == ".adat":
            beside.write_bytes(text)
        elif path.suffix == ".h5ad":
            adata.write_h5ad(beside, convert_strings_to_categoricals=False)
        else:
            adata.write_zarr(beside, convert_strings_to_categoricals=False)
            if path.exists():
                os.replace(path, folder / "before")
        os.replace(beside, path)
    except OSError as error:
        raise InputError(
            f"The file cannot be written ({error.strerror or error})", where=str(path)
        ) from None
    except Exception as error:
        # anndata's own kind of this error has no public name
        unstorable = (TypeError, ValueError, NotImplementedError)
        if not isinstance(error, unstorable) and type(error).__name__ != "IORegistryError":
            raise
        first = str(error).strip().splitlines()[0]
        raise InputError(
            f"The object cannot be stored: {first}",
            where=str(path),
            fix="obs, var and uns hold numbers, text and data frames only.",
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_stored(path: Path, kind: str, *, backed: bool) -> AnnData:
    """Read a cohort that `write` wrote, h5ad or zarr; what is none of ours is an `InputError`."""
    try:
        adata = _read_backed(path, kind) if backed else _READ[kind](path)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"The file cannot be read as .{kind}: {lines[0]}",
            where=str(path),
            fix="Is it whole? Copy or write it again.",
        ) from None
    known = meta(adata)
    absent = [key for key in _REQUIRED if key not in known]
    if absent:
        raise InputError(
            f"uns[{schema.UNS!r}] lacks {shown(absent)}",
            where=str(path),
            fix="Make the AnnData with exo.io.from_frames or exo.io.read_table.",
        )
    version = str(known[schema.SCHEMA_VERSION])
    if version != schema.VERSION:
        raise InputError(
            f"The file has schema version {version!r}, this package reads {schema.VERSION!r}",
            where=str(path),
            fix="Read it with the version of exerkine_omics that wrote it.",
        )
    return adata


_READ = {"h5ad": anndata.read_h5ad, "zarr": anndata.read_zarr}


def _read_backed(path: Path, kind: str) -> AnnData:
    """Read all but X."""
    if kind == "h5ad":
        return anndata.read_h5ad(path, backed="r")
    import zarr

    group = zarr.open_group(str(path), mode="r")
    names = ("obs", "var", "uns", "obsm", "varm", "layers")
    parts = {name: anndata.io.read_elem(group[name]) for name in names if name in group}
    stored = group["X"]
    if not isinstance(stored, zarr.Array):  # sparse: its arrays are small
        stored = anndata.io.read_elem(stored)
    return AnnData(X=stored, **parts)


def _require_kind(path: Path) -> None:
    if path.suffix not in _KINDS:
        raise InputError(
            f"{path.suffix or 'A file without extension'} is none of {', '.join(_KINDS)}",
            where=str(path),
            fix="Tables are read with exo.io.read_table(matrix, samples, ...).",
        )
