"""From the exports of one call to its AnnData: samples, assays, kinds, what files share."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, add_step
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._cq_cells import Export
from exerkine_omics.io._cq_samples import (
    constant_columns,
    keep_apart,
    name_assays,
    refuse_same_well,
    to_cells,
    usable,
)
from exerkine_omics.io._cq_wells import wells
from exerkine_omics.io._mirna import annotate_names, names_finding
from exerkine_omics.io._source import Source
from exerkine_omics.io._vendor import VendorTable, to_anndata

_SHARED = 0.5  # of a sample's assays that may stand in two files: reference assays of two cards


def assemble(
    sources: Sequence[Source],
    exports: Sequence[Export],
    name: str,
    *,
    max_cq: float | None,
    replicates: str,
    sample_names: str,
    modality: str,
    species: str | None,
    matrix_type: str | None,
) -> AnnData:
    """Make one AnnData of the exports of one format."""
    frames, columns = [], []
    for number, (source, export) in enumerate(zip(sources, exports, strict=True)):
        frame, more = wells(export, source.where)
        frame["file"] = number
        if sample_names == "file":
            frame["sample"] = source.path.name.split(".")[0]
        frames.append(frame)
        columns.append(pd.DataFrame(more, index=frame.index, dtype=object))
    table = pd.concat(frames, ignore_index=True)
    further = pd.concat(columns, ignore_index=True).fillna("")
    findings = _unnamed_assays(table, channel=any(e.assay for e in exports))
    findings += name_assays(table)
    for number, (source, export) in enumerate(zip(sources, exports, strict=True)):
        own = table[(table["file"] == number) & (table["assay"] != "")]
        refuse_same_well(own, source.where, export.unit_of_line)
    table["row"] = np.arange(len(table))
    table, more_findings = usable(table, max_cq)
    findings += more_findings
    if not len(table):
        raise InputError(
            "No well has a sample and an assay", where=sources[0].where, fix="Export it again."
        )
    _refuse_same_sample(table, sources)
    findings += _one_kind(table)
    if replicates == "keep":
        keep_apart(table)
    cells = to_cells(table)
    findings += cells.findings
    extra = {c: further[c].iloc[table["row"]].tolist() for c in further.columns}
    if (table["plate"] != "").any():
        extra[schema.PLATE_ID] = table["plate"].tolist()
    obs, var, more_findings = constant_columns(extra, cells.of_well, cells.values.shape)
    findings += more_findings
    obs = pd.concat([_samples(table, cells.samples), obs.set_axis(cells.samples)], axis=1)
    var = var.set_axis(cells.assays)
    of_assay = table.groupby("id", sort=False)
    if (table["assay_id"] != "").any():
        var["assay_id"] = of_assay["assay_id"].first().reindex(cells.assays).tolist()
    reference = of_assay["reference"].max().reindex(cells.assays).astype(bool)
    names = of_assay["assay"].first().reindex(cells.assays)
    annotate_names(var, names.tolist(), reference.tolist())
    if modality == "mirna":
        findings += names_finding(var, species)
    about = {k: v for e in exports for k, v in e.about.items()}
    adata = to_anndata(
        VendorTable(
            cells.values, obs, var, "Cq", modality, _platform(name, about), name, cells.layers,
            species=species, matrix_type=matrix_type, findings=findings,
            more={schema.HEADER: json.dumps(about, ensure_ascii=False)},
        ),
        sources[0],
    )  # fmt: skip
    add_step(adata, "io.read_cq", files=[s.path.name for s in sources], max_cq=max_cq,
             replicates=replicates, sample_names=sample_names)  # fmt: skip
    return adata


def _unnamed_assays(table: pd.DataFrame, *, channel: bool) -> list[Finding]:
    """Where no well names an assay, its dye stands for it; ``channel``: the export did so."""
    if not channel:
        if (table["assay"] != "").any() or not (table["dye"] != "").any():
            return []
        table["assay"] = table["dye"]
    names = tuple(dict.fromkeys(n for n in table["assay"] if n))
    text = f"No well names its assay; the dye or filter stands for it: {shown(names)}."
    fix = "Name the targets in the plate set-up and export again."
    return [Finding("assay_unnamed", "warning", text, names, fix)]


def _refuse_same_sample(table: pd.DataFrame, sources: Sequence[Source]) -> None:
    """Raise where two files have one sample and mostly the same assays: two people perhaps."""
    if len(sources) == 1:
        return
    cells = table[["file", "sample", "id"]].drop_duplicates()
    for sample, own in cells[cells["sample"] != ""].groupby("sample", sort=False):
        sizes = own.groupby("file")["id"].size()
        twice = own["id"].duplicated(keep=False)
        shared = own[twice].groupby("file")["id"].size()
        if len(sizes) > 1 and (shared / sizes.reindex(shared.index) > _SHARED).any():
            if (table.loc[table["sample"] == sample, "kind"] != "").all():
                continue  # controls stand on each plate
            files = [sources[i].path.name for i in shared.index]
            raise InputError(
                f"Sample {sample!r} is measured with the same assays in {shown(files)}",
                where=sources[int(shared.index[0])].where,
                fix='If each file is another sample: sample_names="file". Else name the samples '
                "apart, or put repeated runs into one table.",
            )


def _one_kind(table: pd.DataFrame) -> list[Finding]:
    """Make the wells of a sample one kind: a person's where one of them is."""
    kinds = table.groupby("sample", sort=False)["kind"].agg(lambda k: sorted(set(k)))
    mixed = tuple(kinds.index[kinds.map(len) > 1])
    table["kind"] = table["sample"].map(kinds.map(lambda k: k[0]))
    if not mixed:
        return []
    text = f"Some wells of {shown(mixed)} are controls by their task and others are not."
    fix = "They are taken as what the others are; name controls otherwise."
    return [Finding("mixed_tasks", "warning", text, mixed, fix)]


def _samples(table: pd.DataFrame, samples: Sequence[str]) -> pd.DataFrame:
    by_sample = table.groupby("sample", sort=False)
    obs = pd.DataFrame(index=pd.Index(samples, dtype=str))
    kind = by_sample["kind"].first().reindex(samples)
    obs[schema.SAMPLE_TYPE] = kind.replace("", schema.SAMPLE).tolist()
    standard = (kind == "calibrator").to_numpy(bool)
    if standard.any():
        amount = by_sample[schema.QUANTITY]
        one = (amount.nunique() == 1).reindex(samples).to_numpy(bool)
        obs[schema.QUANTITY] = np.where(
            standard & one, amount.first().reindex(samples).to_numpy(float), np.nan
        )
    for own in (schema.SOURCE_SAMPLE, schema.REPLICATE):
        if own in table:
            obs[own] = by_sample[own].first().reindex(samples).tolist()
    return obs


def _platform(name: str, about: dict[str, str]) -> str:
    return about.get("Instrument Type") or about.get("software") or name
