"""How much of each signature a file measures, from its names alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from exerkine_omics import io, schema, sig
from exerkine_omics.cohort import meta
from exerkine_omics.errors import InputError, UsageError

_STORED = (".h5ad", ".zarr")
_EXCEL = (".xlsx", ".xlsm")
_PARQUET = (".parquet", ".pq")


def coverage_file(
    file: Path, *, modality: str | None, orientation: str, signatures: Path | None
) -> pd.DataFrame:
    """Identify the features of a file and count what of each signature they measure."""
    if orientation not in ("samples", "features"):
        raise UsageError(f"orientation={orientation!r} is neither 'samples' nor 'features'")
    if not file.exists():
        raise InputError("There is no such file", where=str(file))
    if file.suffix in _STORED:
        adata = io.read(file)
        var = adata.var
        modality = modality or str(meta(adata).get(schema.MODALITY, "")) or None
    else:
        var = pd.DataFrame(index=pd.Index(_names(file, orientation), dtype=object))
    if modality not in schema.MODALITIES:
        raise UsageError(
            "The modality is not known"
            if modality is None
            else f"modality={modality!r} is unknown",
            fix=f"Say --modality, one of {', '.join(schema.MODALITIES)}.",
        )
    chosen = sig.load(signatures).query(modality=modality)
    if not chosen:
        raise InputError(f"No signature is for {modality}", where=str(signatures or "the package"))
    return sig.coverage_frame(sig.match(chosen, _identified(var, modality), None, several="first"))


def _identified(var: pd.DataFrame, modality: str) -> pd.DataFrame:
    columns = [c for c in (schema.NAME, *sig.MEMBER_IDS) if c in var]
    texts = var[columns].astype(object).where(var[columns].notna(), "").astype(str)
    records = texts.to_dict("records") if columns else [{} for _ in range(len(var))]
    names = [str(name) for name in var.index]
    features = [
        {"index": name, **{k: v for k, v in record.items() if v}}
        for name, record in zip(names, records, strict=True)
    ]
    found = sig.identify(features, modality)
    filled = var.copy()
    own = texts[schema.EXERKINE_ID] if schema.EXERKINE_ID in texts else [""] * len(var)
    filled[schema.EXERKINE_ID] = [o or i.exerkine_id for o, i in zip(own, found, strict=True)]
    return filled


def _names(file: Path, orientation: str) -> list[str]:
    """Names of the features: the header but for its first cell, or the first column."""
    rows = 0 if orientation == "samples" else None
    try:
        if file.suffix in _PARQUET:
            frame = pd.read_parquet(file)
        elif file.suffix in _EXCEL:
            frame = pd.read_excel(file, nrows=rows)
        else:
            frame = pd.read_csv(file, sep=None, engine="python", nrows=rows, encoding="utf-8-sig")
    except (ValueError, OSError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"Not readable as a table: {error}", where=str(file)) from error
    names = frame.columns[1:] if orientation == "samples" else frame.iloc[:, 0]
    return [str(name) for name in names]
