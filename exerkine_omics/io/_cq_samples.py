"""From wells to samples x assays: technical replicates, what was undetermined, what to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._cq_findings import replicate_findings, said


@dataclass
class Cells:
    """Samples x assays of a run."""

    samples: list[str]
    assays: list[str]
    values: np.ndarray
    layers: dict[str, np.ndarray]
    of_well: np.ndarray  # sample and assay of each well, wells x 2
    findings: list[Finding]


def name_assays(wells: pd.DataFrame) -> list[Finding]:
    """Write the assay's id into ``wells``: its name, and its catalogue id where a name has two."""
    pairs = wells.loc[wells["assay_id"] != "", ["assay", "assay_id"]].drop_duplicates()
    several = pairs["assay"][pairs["assay"].duplicated()].unique()
    wells["id"] = wells["assay"]
    if not len(several):
        return []
    both = wells["assay"].isin(several) & (wells["assay_id"] != "")
    wells.loc[both, "id"] = wells["assay"] + "|" + wells["assay_id"]
    message = f"{len(several)} names stand for several assays and are told apart: {shown(several)}."
    return [Finding("assays_of_one_name", "note", message, tuple(several))]


def usable(wells: pd.DataFrame, max_cq: float | None) -> tuple[pd.DataFrame, list[Finding]]:
    """Leave out what is no measurement of a sample, and say so; cycles from ``max_cq`` are none."""
    findings = []
    empty = wells["assay"] == ""
    unnamed = (wells["sample"] == "") & ~empty
    findings += said(wells[empty], "empty_wells", "note", "have no assay and are left out")
    what = "name no sample and are left out"
    findings += said(wells[unnamed], "wells_without_sample", "warning", what, "Name it.")
    kept = wells[~(empty | unnamed)].reset_index(drop=True)
    used = ~kept["omit"]
    findings += said(kept[~used], "omitted_wells", "warning",
                      "are marked as omitted and are not used")  # fmt: skip
    nothing = kept["cq"].isna() & ~kept["undetermined"] & used
    findings += said(kept[nothing], "cq_missing", "warning",
                      "hold neither a cycle nor a word for none",
                      "They are NaN and not taken as below detection.")  # fmt: skip
    cycles = kept.loc[used, "cq"]
    if max_cq is not None:
        beyond = kept["cq"] >= max_cq
        findings += said(kept[beyond & used], "above_max_cq", "note",
                          f"with a cycle of {max_cq:g} or more are undetermined")  # fmt: skip
        kept["undetermined"] |= beyond
        kept.loc[beyond, "cq"] = np.nan
    elif cycles.notna().any():
        top = float(cycles.max())
        at_top = int((cycles == top).sum())
        if top.is_integer() and at_top > 2 and at_top >= 0.01 * cycles.notna().sum():
            text = f"{at_top} wells have exactly the largest value, {top:g}."
            fix = f"Are they undetermined? max_cq={top:g} makes them so."
            findings.append(Finding("cq_at_cap", "warning", text, fix=fix))
    kept.loc[kept["omit"], ["cq", "undetermined"]] = [np.nan, False]
    return kept, findings


def refuse_same_well(wells: pd.DataFrame, where: str, unit: str) -> None:
    """Raise `InputError` where one well measures an assay twice."""
    key = ["run", "plate", "well", "id", "sample"]
    again = (wells["well"] != "") & wells.duplicated(key)
    if again.any():
        second = wells[again].iloc[0]
        same = (wells[key] == second[key]).all(axis=1)
        first = wells[same].iloc[0]
        raise InputError(
            f"Well {second['well']!r} measures {second['id']!r} twice, in {unit}s "
            f"{first['line']} and {second['line']}",
            where=where,
            fix="Does the file hold a run twice? Keep one.",
        )


def keep_apart(wells: pd.DataFrame) -> None:
    """Give each technical replicate a sample of its own, numbered by well."""
    order = wells.sort_values(["plate", "well", "cq", "line"], key=_natural, kind="stable")
    number = order.groupby(["sample", "id"], sort=False).cumcount() + 1
    wells[schema.REPLICATE] = number.reindex(wells.index)
    wells[schema.SOURCE_SAMPLE] = wells["sample"]
    wells["sample"] = wells["sample"] + "|" + wells[schema.REPLICATE].astype(str)


def to_cells(wells: pd.DataFrame) -> Cells:
    r"""Take the mean over the determined wells of each sample and assay.

    .. math:: x_{sa} = \frac{1}{n_{sa}} \sum_{w \in (s, a)} Cq_w

    over the :math:`n_{sa}` wells with a cycle; wells without one do not enter, and a cell without
    any is NaN, below detection if one of its wells says so.
    """
    samples, names = pd.factorize(wells["sample"])
    assays, ids = pd.factorize(wells["id"])
    shape = (len(names), len(ids))
    cell = samples * shape[1] + assays
    cycles = wells["cq"].to_numpy(float)
    there = np.isfinite(cycles)
    n_all = np.bincount(cell[~wells["omit"].to_numpy(bool)], minlength=shape[0] * shape[1])

    def mean(values: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Sum in the order of the values: the order of the rows changes no bit."""
        order = np.lexsort((values[there], cell[there]))
        total = np.bincount(cell[there][order], values[there][order], minlength=len(n))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(n > 0, total / n, np.nan)

    n = np.bincount(cell[there], minlength=shape[0] * shape[1])
    average = mean(cycles, n)
    squares = mean((cycles - average[cell]) ** 2, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(n > 1, np.sqrt(squares * n / (n - 1)), np.nan)
    without = np.bincount(cell[wells["undetermined"].to_numpy(bool)], minlength=len(n)) > 0
    layers = {
        schema.BELOW_LOD: without & (n == 0),
        schema.REPLICATE_SD: sd,
        schema.N_REPLICATES: n.astype(np.int64),
    }
    for quality in (schema.AMP_SCORE, schema.CQ_CONFIDENCE):
        if wells[quality].notna().any():
            layers[quality] = mean(wells[quality].to_numpy(float), n)
    if wells["flag"].any():
        flagged = wells["flag"].to_numpy(bool) & ~wells["omit"].to_numpy(bool)
        layers[schema.QC_WARNING] = np.bincount(cell[flagged], minlength=len(n)) > 0
    layers = {k: v.reshape(shape) for k, v in layers.items()}
    spread = _range(cell, cycles, there, n).reshape(shape)
    wells_of = n_all.reshape(shape)
    persons = _persons(wells, samples, len(names))
    findings = replicate_findings(
        np.asarray(names, dtype=object), wells_of, n.reshape(shape),
        without.reshape(shape), spread, persons,
    )  # fmt: skip
    return Cells(
        [str(s) for s in names], [str(a) for a in ids], average.reshape(shape), layers,
        np.column_stack([samples, assays]), findings,
    )  # fmt: skip


def constant_columns(
    more: Mapping[str, Sequence[str]], of_well: np.ndarray, shape: tuple[int, int]
) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Columns that are constant within a sample go to obs, within an assay to var."""
    obs: dict[str, list[str]] = {}
    var: dict[str, list[str]] = {}
    lost = []
    for name, cells in more.items():
        codes, texts = pd.factorize(np.asarray(cells, dtype=object))
        for axis, table in ((0, obs), (1, var)):
            low = np.full(shape[axis], len(texts))
            high = np.full(shape[axis], -1)
            np.minimum.at(low, of_well[:, axis], codes)
            np.maximum.at(high, of_well[:, axis], codes)
            if (low == high).all():
                table[name] = [str(texts[c]) for c in low]
                break
        else:
            lost.append(name)
    findings = []
    if lost:
        text = f"{len(lost)} columns differ between the wells of a sample and are not kept: "
        findings.append(Finding("columns_not_kept", "note", text + f"{shown(lost)}.", tuple(lost)))
    return pd.DataFrame(obs, dtype=object), pd.DataFrame(var, dtype=object), findings


def _natural(column: pd.Series) -> pd.Series:
    """Sort key: A2 before A10, numbers as numbers."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    from exerkine_omics.io._labels import natural_sort

    place = {w: i for i, w in enumerate(natural_sort(set(column)))}
    return column.map(place)


def _range(cell: np.ndarray, cycles: np.ndarray, there: np.ndarray, n: np.ndarray) -> np.ndarray:
    low, high = np.full(len(n), np.inf), np.full(len(n), -np.inf)
    np.minimum.at(low, cell[there], cycles[there])
    np.maximum.at(high, cell[there], cycles[there])
    return np.where(n > 0, high - low, 0.0)


def _persons(wells: pd.DataFrame, samples: np.ndarray, n_samples: int) -> np.ndarray:
    ours = np.zeros(n_samples, dtype=bool)
    ours[samples[(wells["kind"] == "").to_numpy(bool)]] = True
    return ours
