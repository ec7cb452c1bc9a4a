"""The matrix of an AnnData, in memory or read a block of features at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._meta import (
    dense,
    meta,
    require_finite,
    require_log,
    require_slug,
    require_units,
)
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown
from exerkine_omics.parallel import blocks

DETECTED = "detected"  # the unit of a test of what is detected: its estimates are shares


def require_testable(
    adata: AnnData,
    layer: str | None,
    key_added: str,
    caller: str,
    *,
    counts: bool = False,
    masks: bool = False,
) -> str:
    """Return the unit that a test works in, or say why there is nothing to test.

    Counts become log-CPM; ``masks`` are values detected or not; everything else is on a log scale
    already.
    """
    meta(adata)
    require_slug(key_added)
    if adata.isbacked and adata.is_view:
        raise UsageError(
            "This is a selection of a cohort that stays in its file, and takes no results",
            fix="Call .to_memory() on the selection.",
        )
    if masks and layer != schema.BELOW_LOD:
        raise UsageError(
            f"mcnemar tests what is detected, and layer={layer!r} does not tell it",
            where="layer=",
            fix=f"Say layer={schema.BELOW_LOD!r}.",
        )
    if not masks and layer in (schema.RAW, schema.BELOW_LOD, schema.IMPUTED):
        below = " Detection itself: method='mcnemar'." if layer == schema.BELOW_LOD else ""
        raise UnitsError(
            f"The layer {layer!r} is not on the scale of X",
            where="layer=",
            fix=f"Test X; a mask or raw values are no log2 values.{below}",
        )
    unit = require_units(adata) if counts or masks else require_log(adata, caller)
    if counts and unit != "counts":
        raise UnitsError(
            f"voom needs counts and X holds {unit}",
            where=f"uns['{schema.UNS}']['{schema.UNITS}']",
            fix="Use method='lmm' or 'moderated' on values of a log scale.",
        )
    if adata.n_vars == 0:
        raise InputError("There is no feature to test", where="var", fix="Look at the filters.")
    return "log_cpm" if counts else DETECTED if masks else unit


def detected(adata: AnnData) -> np.ndarray:
    """Return samples x features: 1 detected, 0 below the limit of detection, NaN not measured.

    A cell without value that is not marked below the limit was not measured, also where it was
    imputed since.
    """
    if schema.BELOW_LOD not in adata.layers:
        raise InputError(
            f"There is no layer {schema.BELOW_LOD!r}: nothing says what was detected",
            where="layers",
            fix="Call exo.pp.lod(adata, lod=...) first.",
        )
    below = dense(adata, schema.BELOW_LOD) > 0.5
    there = np.isfinite(dense(adata, infinite=True))
    if schema.IMPUTED in adata.layers:
        there &= ~(dense(adata, schema.IMPUTED) > 0.5)
    return np.where(below, 0.0, np.where(there, 1.0, np.nan))


def require_same_members(adata: AnnData) -> None:
    """Refuse scores whose members come and go between a person's samples."""
    if schema.VARYING not in adata.var:
        return
    mixed = adata.var_names[adata.var[schema.VARYING].to_numpy() > 0]
    if len(mixed):
        raise InputError(
            f"The scores of {shown(mixed)} rest on other members at one time than at another in "
            "some people: their change would be one of members, not of the body",
            where=f"var['{schema.VARYING}']",
            fix="Score with exo.tl.score(adata, members='common'), or leave them out.",
        )


class Stored:
    """Samples x features that stay in their file (backed h5ad, zarr, dask) until they are sliced.

    ``stored[:, a:b]`` and ``stored[rows, a:b]`` read those features only, as float64; infinite
    values are an error unless ``infinite`` allows them, NaN means missing.
    """

    def __init__(self, values: Any, where: str, *, infinite: bool = False) -> None:
        self.values, self.where, self.infinite = values, where, infinite
        self.shape: tuple[int, int] = tuple(values.shape)

    @property
    def can_travel(self) -> bool:
        """Whether a worker can read the file itself: an HDF5 or zarr file on disk."""
        return self._hdf5() is not None or hasattr(getattr(self.values, "store", None), "root")

    def _hdf5(self) -> tuple[str, str] | None:
        """File and name of an HDF5 data set."""
        file = getattr(self.values, "file", None)
        return None if file is None else (file.filename, self.values.name)

    def __getstate__(self) -> dict[str, Any]:
        found = self._hdf5()
        return vars(self) if found is None else vars(self) | {"values": found}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["values"], tuple):
            import h5py

            file, name = state["values"]
            state["values"] = h5py.File(file, "r")[name]
        self.__dict__.update(state)

    def __getitem__(self, key: tuple[Any, slice]) -> np.ndarray:
        rows, columns = key
        block = self._checked(self.values[:, columns])
        return block if isinstance(rows, slice) and rows == slice(None) else block[rows]

    def rows(self, rows: slice | np.ndarray) -> np.ndarray:
        """Read these samples, all features, as float64."""
        if isinstance(rows, slice):
            return self._checked(self.values[rows, :])
        # files are read in ascending order, each row once
        wanted, place = np.unique(rows, return_inverse=True)
        return self._checked(self.values[wanted, :])[place]

    def _checked(self, block: Any) -> np.ndarray:
        """Make what was read float64 and dense; infinite values are an error."""
        block = block.toarray() if hasattr(block, "toarray") else block
        block = np.asarray(block, dtype=np.float64)
        if not self.infinite:
            require_finite(block, self.where)
        return block


Matrix = np.ndarray | Stored


def take_samples(values: Matrix, rows: slice | np.ndarray) -> np.ndarray:
    """Give these samples with all their features."""
    return values.rows(rows) if isinstance(values, Stored) else values[rows]


def matrix(adata: AnnData, layer: str | None = None, *, infinite: bool = False) -> Matrix:
    """Return X or a layer: an array where it is in memory, else what reads it by features."""
    if layer is not None and layer not in adata.layers:
        raise UsageError(f"There is no layer {layer!r}", fix=f"Layers: {shown(adata.layers)}.")
    values = adata.X if layer is None else adata.layers[layer]
    if values is None or isinstance(values, np.ndarray) or hasattr(values, "toarray"):
        return dense(adata, layer, infinite=infinite)
    where = "adata.X" if layer is None else f"layers[{layer!r}]"
    return Stored(values, where, infinite=infinite)


def feature_blocks(adata: AnnData) -> Iterator[tuple[slice, np.ndarray]]:
    """Go through X 512 features at a time, infinite values included; no copy of it is made."""
    values = adata.X
    if isinstance(values, np.ndarray):
        for block in blocks(adata.n_vars):
            yield block, np.asarray(values[:, block], dtype=np.float64)
        return
    stored = matrix(adata, infinite=True)
    for block in blocks(adata.n_vars):
        yield block, stored[:, block]


def empty_samples(adata: AnnData) -> np.ndarray:
    """Say which samples have no value at all."""
    empty = np.ones(adata.n_obs, dtype=bool)
    for _, values in feature_blocks(adata):
        empty &= ~np.isfinite(values).any(axis=1)
    return empty
