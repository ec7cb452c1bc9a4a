"""What all Olink layouts share: the words of the vendor, and the AnnData they end in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._columns import column_map, plain
from exerkine_omics.io._files import typed
from exerkine_omics.io._labels import near
from exerkine_omics.io._long_columns import as_json
from exerkine_omics.io._source import Source
from exerkine_omics.io._vendor import VendorTable, to_anndata

MAP = column_map("olink")
WORDS = ("pass", "warn", "fail", "excluded")  # rank 1 to 4; 0 is not said
TOGETHER = " & "  # of the plates of a tube, one a panel
SAMPLE_WORD = "SampleID"
TYPE_WORD = "SampleType"
TEXTS = (
    SAMPLE_WORD, TYPE_WORD, schema.PLATE_ID, schema.QC_STATUS, schema.NAME, schema.UNIPROT,
    schema.GENE_SYMBOL, schema.OLINK_ID, "panel", "panel_version", "block", "assay_type",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Words of the public reader."""

    species: str | None = "human"
    matrix_type: str | None = None
    value: str | None = None
    lod: str | None = None

    def __post_init__(self) -> None:
        known = (None, schema.UNKNOWN, *schema.MATRICES)
        if self.matrix_type not in known:
            raise InputError(
                f"{self.matrix_type!r} is not known",
                where="matrix_type=",
                fix=f"One of {', '.join(schema.MATRICES)}.",
            )


@dataclass
class Measured:
    """An Olink file as read, samples x assays, before one of its values becomes X."""

    obs: pd.DataFrame
    var: pd.DataFrame
    values: dict[str, np.ndarray]
    limits: dict[str, np.ndarray] = field(default_factory=dict)
    layers: dict[str, np.ndarray] = field(default_factory=dict)
    sample_rank: np.ndarray | None = None
    assay_rank: np.ndarray | None = None
    header: dict[str, object] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def choose_value(found: Sequence[str], theirs: dict[str, str], asked: str | None) -> str:
    """Return which value becomes X: the one asked for, else the first of the map."""
    if asked is None:
        return next(v for v in MAP["values"] if v in found)
    for ours in found:
        if plain(asked) in (plain(ours), plain(theirs.get(ours, ours))):
            return ours
    raise UsageError(
        f"The file has no values {asked!r}",
        where="value=",
        fix=near(str(asked), [theirs.get(v, v) for v in found]),
    )


def rank_words(labels: Iterable[object]) -> tuple[np.ndarray, list[str]]:
    """Rank of quality words (0 not said, then `WORDS`), and the words that are not known.

    An unknown word counts as a warning: it is no pass.
    """
    known = {plain(w): k for k, words in MAP["qc_words"].items() for w in words}
    ranks, foreign = [], []
    for label in labels:
        kind = known.get(plain("" if label is None else label))
        if kind is None:
            foreign.append(str(label))
        ranks.append(2 if kind is None else 0 if kind == "unknown" else WORDS.index(kind) + 1)
    return np.array(ranks, dtype=np.uint8), foreign


def sample_types(
    samples: Sequence[str], words: Sequence[object] | None, tubes: Sequence[str]
) -> tuple[list[str], list[Finding]]:
    """Kind of each tube: by the file's own word, else by the SampleIDs that the vendor uses."""
    by_word = {plain(w): kind for kind, group in MAP["sample_types"].items() for w in group}
    patterns = {kind: re.compile(p) for kind, p in MAP["sample_ids"].items()}
    kinds, named, foreign = [], [], []
    for place, (sample, tube) in enumerate(zip(samples, tubes, strict=True)):
        word = None if words is None else words[place]
        if word is not None and plain(word):
            if plain(word) not in by_word:
                foreign.append(str(word))
            kinds.append(by_word.get(plain(word), schema.SAMPLE))
            continue
        kind = next((k for k, p in patterns.items() if p.match(str(sample).strip())), schema.SAMPLE)
        kinds.append(kind)
        if kind != schema.SAMPLE:
            named.append(str(tube))
    findings = []
    if named:
        message = f"{len(named)} tubes were taken for no person's by their ids: {shown(named)}."
        fix = f"If they are a person's set obs[{schema.SAMPLE_TYPE!r}] to 'sample'."
        findings.append(Finding("control_by_name", "note", message, tuple(named), fix))
    if foreign:
        words_ = sorted(set(foreign))
        message = f"{TYPE_WORD} {shown(words_)} is not known; these tubes are taken for samples."
        fix = f"Set obs[{schema.SAMPLE_TYPE!r}] if they are controls."
        findings.append(Finding("sample_type_unknown", "warning", message, tuple(words_), fix))
    return kinds, findings


def finish(
    got: Measured,
    theirs: dict[str, str],
    options: Options,
    source: Source,
    *,
    format: str,
    experimental: bool,
) -> AnnData:
    """Choose X and its limit of detection, add flags and findings, and make the AnnData."""
    key = choose_value(list(got.values), theirs, options.value)
    findings = list(got.findings)
    layers = dict(got.layers)
    x = got.values[key]
    if np.isnan(x).all():
        raise InputError(
            f"{theirs.get(key, key)} holds no number",
            where=source.where,
            fix=f"Choose another of {shown(theirs.get(v, v) for v in got.values)} with value=."
            if len(got.values) > 1
            else "Export it again with its values.",
        )
    layers |= {name: v for name, v in got.values.items() if name != key}
    kind = _limit_kind(got.limits, theirs, key, options.lod)
    for name, limit in got.limits.items():
        layers[schema.LOD if name == kind else f"{schema.LOD}_{name}"] = limit
    for name, layer in layers.items():
        if np.isinf(layer).any():
            raise InputError(f"{name} holds infinite numbers", where=source.where, fix="Mend them.")
    if got.assay_rank is not None:
        layers[schema.ASSAY_WARNING] = got.assay_rank > 1
        out = got.assay_rank == WORDS.index("excluded") + 1
        if out.any():
            x = np.where(out, np.nan, x)
            names = got.var.index[out.any(axis=0)]
            message = f"The vendor excluded {int(out.sum())} values, which are NaN: {shown(names)}."
            findings.append(Finding("assay_excluded", "warning", message, tuple(map(str, names))))
    if got.sample_rank is not None:
        layers[schema.QC_WARNING] = got.sample_rank > 1
    if kind is not None:
        with np.errstate(invalid="ignore"):
            layers[schema.BELOW_LOD] = x < layers[schema.LOD]
    empty = got.obs.index[np.isnan(x).all(axis=1)]
    if len(empty):
        message = f"{len(empty)} tubes have no value at all: {shown(empty)}."
        findings.append(Finding("empty_samples", "warning", message, tuple(map(str, empty))))
    if schema.OLINK_ID not in got.var:
        message = "The file has no OlinkID: assays are named by panel and assay."
        findings.append(Finding("no_olink_id", "note", message))
    findings += _control_assays(got.var)
    text = " ".join(str(v) for v in (*got.header.values(), *got.var.get("panel", [])[:2000]))
    platforms = MAP["platforms"].items()
    platform = next((p for p, word in platforms if re.search(word, text, re.I)), "olink")
    stated = _matrix_of(str(got.header.get("SampleMatrix", "")))
    if stated and options.matrix_type not in (None, stated):
        message = f"The file says {stated} and the call {options.matrix_type}, which was kept."
        findings.append(Finding("matrix_differs", "warning", message, (), "Ask the laboratory."))
    header = {**got.header, "value": theirs.get(key, key)}
    if kind is not None:
        header["lod"] = theirs.get(kind, kind)
    table = VendorTable(
        values=x,
        obs=typed(got.obs, TEXTS),
        var=typed(got.var, TEXTS),
        units=MAP["units"][key],
        modality="proteomics",
        platform=platform,
        format=format,
        layers=layers,
        species=options.species,
        matrix_type=options.matrix_type or stated,
        experimental=experimental,
        findings=findings,
        more={schema.HEADER: as_json(header)},
    )
    return to_anndata(table, source)


def _limit_kind(
    limits: dict[str, np.ndarray], theirs: dict[str, str], value: str, asked: str | None
) -> str | None:
    """Kind of limit that ``below_lod`` is made with; None where none is on the value's scale."""
    if asked is None:
        return next((k for k in MAP["limits_of"][value] if k in limits), None)
    for kind in limits:
        if plain(asked) in (plain(kind), plain(theirs.get(kind, kind))):
            return kind
    there = [theirs.get(k, k) for k in limits]
    raise UsageError(
        f"The file has no limit of detection {asked!r}",
        where="lod=",
        fix=near(str(asked), there) if there else "It has none at all.",
    )


def _control_assays(var: pd.DataFrame) -> list[Finding]:
    if "assay_type" not in var:
        return []
    known = {plain(w) for w in MAP["control_assays"]}
    rows = tuple(str(i) for i, w in var["assay_type"].items() if plain(w) in known)
    if not rows:
        return []
    message = f"{len(rows)} assays are the kit's own controls: {shown(rows)}."
    fix = "Leave them out of tests: adata[:, adata.var['assay_type'] == 'assay']."
    return [Finding("control_assays", "note", message, rows, fix)]


def _matrix_of(words: str) -> str | None:
    hits = [m for m, word in MAP["matrices"].items() if re.search(word, words, re.I)]
    return hits[0] if len(hits) == 1 else None
