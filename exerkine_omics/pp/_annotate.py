"""Say which molecule each feature is, and fill the identifier columns of var."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    add_step,
    dense,
    editable,
    frame_for_storage,
    meta,
    replace_findings,
)
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.sig import Identity, identify

_KINDS = (
    schema.NAME,
    schema.UNIPROT,
    schema.GENE_SYMBOL,
    schema.OLINK_ID,
    schema.SEQ_ID,
    schema.HMDB,
    schema.CHEBI,
    schema.KEGG,
    schema.INCHIKEY,
    schema.REFMET,
    schema.MIRBASE,
    schema.MIMAT,
)
_COLUMNS = {
    "proteomics": (schema.UNIPROT, schema.GENE_SYMBOL),
    "metabolomics": (schema.HMDB, schema.CHEBI, schema.INCHIKEY, schema.REFMET),
    "mirna": (schema.MIRBASE, schema.MIMAT),
}
_POLICIES = ("keep", "first", "most_detected")
_PREFIX = "annotation_"
_LEFT_OUT = "left_out"
_GIVEN = "given"  # the exerkine_id is the user's own
_MESSAGES = {
    "ambiguous": (
        "warning",
        "fit more than one molecule and are not annotated",
        "Give an accession in var (uniprot, hmdb, mimat), or var['exerkine_id'] itself.",
    ),
    "several_molecules": (
        "warning",
        "measure several molecules at once and count as none of them",
        "Set var['exerkine_id'] where you know which one the assay follows.",
    ),
    "conflict": (
        "warning",
        "have identifiers of different molecules and are not annotated",
        "Correct the columns of var.",
    ),
    "not_found": ("note", "were not found in the identifier tables", ""),
}


def annotate(
    adata: AnnData, *, several: str = "keep", overwrite: bool = False, copy: bool = False
) -> AnnData | None:
    """Say which molecule each feature is, read by the modality.

    Use it after reading, before scoring: signatures find their members by these columns. Taken
    are var's index, ``name`` and identifier columns: Olink ids, SomaScan SeqIds, UniProt
    (isoforms, several in a cell), gene symbols new and old; HMDB of 5 or 7 digits, ChEBI, KEGG,
    InChIKey, RefMet, names and abbreviations of metabolites; miRNA names of any miRBase release
    and MIMAT. Accessions stand above vendors' ids, and these above names.

    Parameters
    ----------
    adata
        Samples x features on any scale; the modality is read from ``uns["exerkine"]``.
    several
        What to do where several features measure one molecule. ``keep``: all keep it, and
        `exo.tl.score` then asks for a choice. ``first``: the first by name keeps it.
        ``most_detected``: the one with the most values above detection keeps it, the first by
        name among equals. The others lose only ``exerkine_id``. Never a mean.
    overwrite
        Replace what var holds already, where a feature was identified.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. Filled in var, where known: ``exerkine_id``
        and uniprot, gene_symbol, olink_id, seq_id | hmdb, chebi, inchikey, refmet_name |
        mirbase, mimat. ``uns["exerkine"]["annotation"]`` has a row a feature: feature, status
        (found, known, ambiguous, several_molecules, conflict, not_found, given, left_out),
        exerkine_id, candidates, by (the column that decided). The findings join those of
        `exo.pp.check`: annotation_ambiguous, annotation_several_molecules, annotation_conflict,
        annotation_not_found, annotation_disagrees, annotation_several_features,
        annotation_orthologues.

    Raises
    ------
    UsageError
        If ``several`` is none of the three.
    InputError
        If the object was not made by this package, or its modality is not known.

    Notes
    -----
    Missing values: a missing or empty cell of var is not known. NaN in X counts as not detected.
    Nothing is guessed: what fits several molecules is reported with its candidates. The result
    does not depend on the order of the features, and a second call changes nothing. In another
    species than human, proteins are taken by the symbol and miRNAs by the name of the human
    one; no human accession is written.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.pp.annotate(adata)
    >>> adata.var.loc["IL6", "uniprot"]
    'P05231'
    """
    if several not in _POLICIES:
        raise UsageError(f"several={several!r} is none of {', '.join(_POLICIES)}")
    known = meta(adata)
    modality = str(known.get(schema.MODALITY, schema.UNKNOWN))
    species = str(known.get(schema.SPECIES, schema.UNKNOWN))
    given = {kind: _texts(adata.var[kind]) for kind in _KINDS if kind in adata.var}
    names = [str(n) for n in adata.var_names]
    features = [
        {"index": name, **{kind: column[at] for kind, column in given.items() if column[at]}}
        for at, name in enumerate(names)
    ]
    identities = identify(features, modality, species=species)
    if not overwrite and schema.EXERKINE_ID in adata.var:
        own = _texts(adata.var[schema.EXERKINE_ID])
        identities = [
            replace(i, status=_GIVEN, exerkine_id=key) if key and key != i.exerkine_id else i
            for key, i in zip(own, identities, strict=True)
        ]
    target = editable(adata, copy, values=False)
    _fill(target, identities, modality, overwrite)
    status = [i.status for i in identities]
    findings = _findings(names, identities, species, modality)
    findings += _choose(target, names, status, several)
    _store(target, names, identities, status, findings)
    add_step(target, "pp.annotate", several=several, overwrite=overwrite)
    return target if copy else None


def _texts(column: pd.Series) -> list[str]:
    return ["" if pd.isna(v) else str(v).strip() for v in column.astype(object)]


def _fill(adata: AnnData, identities: list[Identity], modality: str, overwrite: bool) -> None:
    columns = [*_COLUMNS[modality], schema.EXERKINE_ID]
    for vendor in (schema.OLINK_ID, schema.SEQ_ID):
        if any(vendor in i.values for i in identities):
            columns.append(vendor)
    for column in columns:
        before = _texts(adata.var[column]) if column in adata.var else [""] * adata.n_vars
        found = [
            i.exerkine_id if column == schema.EXERKINE_ID else i.values.get(column, "")
            for i in identities
        ]
        merged = [
            f if f and (overwrite or not b) else b for b, f in zip(before, found, strict=True)
        ]
        adata.var[column] = pd.Series(merged, index=adata.var.index)


def _findings(
    names: list[str], identities: list[Identity], species: str, modality: str
) -> list[Finding]:
    findings = []
    for status, (severity, says, fix) in _MESSAGES.items():
        rows = [
            (name, i) for name, i in sorted(zip(names, identities, strict=True), key=_first)
            if i.status == status
        ]  # fmt: skip
        if rows:
            said = [f"{n} ({', '.join(i.candidates)})" if i.candidates else n for n, i in rows]
            findings.append(
                Finding(
                    _PREFIX + status,
                    severity,
                    f"{len(rows)} features {says}: {shown(said)}.",
                    tuple(n for n, _ in rows),
                    fix,
                )
            )
    other = sorted(n for n, i in zip(names, identities, strict=True) if i.against)
    if other:
        findings.append(
            Finding(
                _PREFIX + "disagrees",
                "warning",
                f"{len(other)} features have a name or vendor's id that says otherwise than "
                f"their accession, which was taken: {shown(other)}.",
                tuple(other),
                "Check that the columns of var belong to the same row.",
            )
        )
    taken = sum(i.status == "found" for i in identities)
    if taken and species not in ("human", schema.UNKNOWN, "") and modality != "metabolomics":
        findings.append(
            Finding(
                _PREFIX + "orthologues",
                "warning",
                f"{taken} features of {species} are taken for the human molecule of their name.",
                (),
                "The knowledge base is human; read the scores accordingly.",
            )
        )
    return findings


def _first(pair: tuple[str, Identity]) -> str:
    return pair[0]


def _choose(adata: AnnData, names: list[str], status: list[str], several: str) -> list[Finding]:
    """Apply the policy to molecules that several features measure."""
    ids = _texts(adata.var[schema.EXERKINE_ID])
    groups: dict[str, list[int]] = {}
    for at, key in enumerate(ids):
        if key:
            groups.setdefault(key, []).append(at)
    groups = {key: at for key, at in sorted(groups.items()) if len(at) > 1}
    if not groups:
        return []
    detected = _detected(adata) if several == "most_detected" else np.zeros(adata.n_vars)
    rows: list[str] = []
    for members in groups.values():
        ordered = sorted(members, key=lambda at: (-detected[at], names[at]))
        if several == "keep":
            rows += [names[at] for at in ordered]
            continue
        for at in ordered[1:]:
            ids[at], status[at] = "", _LEFT_OUT
            rows.append(names[at])
    adata.var[schema.EXERKINE_ID] = pd.Series(ids, index=adata.var.index)
    kept = several == "keep"
    return [
        Finding(
            _PREFIX + "several_features",
            "warning" if kept else "note",
            f"{len(groups)} molecules are measured by several features: {shown(groups)}. "
            + ("All keep their annotation." if kept else f"{len(rows)} features were left out."),
            tuple(sorted(rows)),
            "Choose with exo.pp.annotate(adata, several='most_detected'), or in tl.score."
            if kept
            else "",
        )
    ]


def _detected(adata: AnnData) -> np.ndarray:
    """Values above detection of each feature: finite, not below LOD, not filled in."""
    seen = np.isfinite(dense(adata))
    for layer in (schema.BELOW_LOD, schema.IMPUTED):
        if layer in adata.layers:
            seen &= ~dense(adata, layer).astype(bool)
    return seen.sum(axis=0)


def _store(
    adata: AnnData,
    names: list[str],
    identities: list[Identity],
    status: list[str],
    findings: list[Finding],
) -> None:
    replace_findings(adata, _PREFIX, findings)
    meta(adata)[schema.ANNOTATION] = frame_for_storage(
        pd.DataFrame(
            {
                "feature": names,
                "status": status,
                schema.EXERKINE_ID: _texts(adata.var[schema.EXERKINE_ID]),
                "candidates": ["; ".join(i.candidates) for i in identities],
                "by": [i.by for i in identities],
            }
        )
    )
