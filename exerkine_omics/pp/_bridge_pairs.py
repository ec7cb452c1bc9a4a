"""Which tubes of two batches hold the same sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import concat, editable, persons_tubes, require_columns
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown

_BRIDGE = "bridge"


@dataclass(frozen=True)
class Joined:
    """All samples in one new object, the batch of each, and pairs of rows.

    ``pairs`` holds, for each batch but the reference, rows of the reference and of the batch
    (k x 2).
    """

    adata: AnnData
    batch: np.ndarray
    pairs: dict[str, np.ndarray]


def join(
    adatas: Mapping[str, AnnData] | AnnData, reference: str, material: str | None, batch: str
) -> Joined:
    """Make one object and find the pairs; a person's second tube becomes a bridge."""
    if isinstance(adatas, Mapping):
        adata, key, number = _from_several(adatas, reference, material, batch)
    else:
        adata, key, number = _from_one(adatas, material, batch)
    names = list(dict.fromkeys(number))
    if reference not in names:
        raise UsageError(f"reference={reference!r} is no batch", fix=f"Batches: {shown(names)}.")
    if len(names) < 2:
        raise AnalysisError(f"There is one batch, {names[0]!r}", where=f"obs[{batch!r}]")
    _refuse_twice(adata, key, number)
    at_reference = {k: i for i, k in enumerate(key) if k and number[i] == reference}
    pairs = {}
    for name in names:
        if name == reference:
            continue
        own = [(k, i) for i, k in enumerate(key) if number[i] == name]
        rows = [(at_reference[k], i) for k, i in own if k in at_reference]
        if not rows:
            raise AnalysisError(
                f"{name!r} shares no sample with {reference!r}",
                where=f"obs[{material!r}]" if material else "obs_names",
                fix="Name a column that says which tubes hold the same sample: bridge=.",
            )
        pairs[name] = np.array(rows)
    _mark(adata, pairs)
    return Joined(adata, number, pairs)


def _from_several(
    adatas: Mapping[str, AnnData], reference: str, material: str | None, batch: str
) -> tuple[AnnData, list[str], np.ndarray]:
    if reference not in [str(name) for name in adatas]:
        raise UsageError(f"reference={reference!r} is no batch", fix=f"Batches: {shown(adatas)}.")
    # the reference's tubes keep their names
    ordered = sorted(adatas.items(), key=lambda item: str(item[0]) != reference)
    taken: set[str] = set()
    copies: dict[str, AnnData] = {}
    keys: dict[str, list[str]] = {}
    for name, given in ordered:
        adata = editable(given, copy=True)
        person = persons_tubes(adata)
        kind = _kinds(adata)
        if material is None:
            bridging = person | (kind == _BRIDGE)
            key = [str(n) if b else "" for n, b in zip(adata.obs_names, bridging, strict=True)]
        else:
            key = _texts(adata, material)
        again = [
            n in taken and (bool(k) or not p)
            for n, k, p in zip(adata.obs_names, key, person, strict=True)
        ]
        adata.obs_names = [
            f"{n}_{name}" if a else str(n) for n, a in zip(adata.obs_names, again, strict=True)
        ]
        taken |= set(adata.obs_names)
        if schema.SAMPLE_TYPE in adata.obs:
            adata.obs[schema.SAMPLE_TYPE] = kind
        if schema.RAW not in adata.layers:
            adata.layers[schema.RAW] = np.asarray(
                adata.X.toarray() if hasattr(adata.X, "toarray") else adata.X, dtype=float
            )
        copies[str(name)], keys[str(name)] = adata, key
    for name, adata in copies.items():
        if batch in adata.obs:
            raise UsageError(
                f"{name!r} has a column {batch!r} already", where="batch=", fix="Name another."
            )
    made = concat(copies, label=batch)
    return made, [k for key in keys.values() for k in key], made.obs[batch].astype(str).to_numpy()


def _from_one(
    given: AnnData, material: str | None, batch: str
) -> tuple[AnnData, list[str], np.ndarray]:
    require_columns(given, batch)
    adata = editable(given, copy=True)
    text = adata.obs[batch].astype(object)
    if text.isna().any():
        lacking = adata.obs_names[text.isna().to_numpy()]
        raise InputError(f"Samples {shown(lacking)} have no batch", where=f"obs[{batch!r}]")
    if material is not None:
        key = _texts(adata, material)
    else:
        require_columns(adata, schema.SUBJECT, schema.TIMEPOINT)
        person, time = (_texts(adata, c) for c in (schema.SUBJECT, schema.TIMEPOINT))
        # no name holds a line break
        key = [f"{p}\n{t}" if p and t else "" for p, t in zip(person, time, strict=True)]
    return adata, key, text.astype(str).to_numpy()


def _texts(adata: AnnData, column: str) -> list[str]:
    require_columns(adata, column)
    return ["" if pd.isna(v) else str(v).strip() for v in adata.obs[column].astype(object)]


def _kinds(adata: AnnData) -> np.ndarray:
    if schema.SAMPLE_TYPE not in adata.obs:
        return np.full(adata.n_obs, schema.SAMPLE, dtype=object)
    kind = adata.obs[schema.SAMPLE_TYPE].astype(object)
    return np.array(kind.where(kind.notna(), schema.SAMPLE), dtype=object)


def _refuse_twice(adata: AnnData, key: list[str], number: np.ndarray) -> None:
    frame = pd.DataFrame({"batch": number, "key": key})
    frame = frame[frame["key"] != ""]
    twice = frame[frame.duplicated(keep=False)]
    if len(twice):
        rows = adata.obs_names[twice.index.to_numpy()]
        raise InputError(
            f"Samples {shown(rows)} hold a material that stands twice in their batch",
            fix="Keep one of each, or name the bridges in a column: bridge=.",
        )


def _mark(adata: AnnData, pairs: Mapping[str, np.ndarray]) -> None:
    """Make a second measurement no person's tube: nobody is there twice."""
    kind = _kinds(adata)
    first_of = np.full(adata.n_obs, "", dtype=object)
    rows = np.vstack(list(pairs.values()))
    again = rows[:, 1]
    first_of[again] = adata.obs_names.to_numpy()[rows[:, 0]]
    kind[again] = np.where(kind[again] == schema.SAMPLE, _BRIDGE, kind[again])
    adata.obs[schema.SAMPLE_TYPE] = pd.Categorical(kind)
    adata.obs[schema.BRIDGE_OF] = pd.Categorical(first_of)
    for column in (schema.SUBJECT, schema.TIMEPOINT):
        if column in adata.obs:
            values = adata.obs[column].astype("category")
            values.iloc[again] = np.nan
            adata.obs[column] = values
