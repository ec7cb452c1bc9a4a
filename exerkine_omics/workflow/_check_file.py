"""Check one file from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anndata import AnnData

from exerkine_omics import io, pp, schema
from exerkine_omics.cohort import CheckReport, Finding, meta, write_text
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.io._formats import recognise
from exerkine_omics.io._source import Source, look_at
from exerkine_omics.report import render_check

_NOBODY = "missing_columns"
_STORED = ("h5ad", "zarr")
# of a stored cohort, what may be said on the command line
_STATED = ("units", "species", "matrix_type")


def check_file(
    file: Path,
    samples: Path | None,
    *,
    subject: str,
    timepoint: str,
    baseline: str,
    arm: str | None,
    out: Path | None = None,
    **reading: Any,
) -> dict[str, Any]:
    """Read a file as `exo.io.read` does and check it; write html or json where asked.

    Returns what was read (file, format, n_samples, n_features, units, ...) and ``findings``, one
    mapping each. A file that knows tubes only, without a sample sheet, is checked as far as it
    goes.
    """
    if out is not None and out.suffix.lower() not in (".html", ".json"):
        raise UsageError(f"-o {out} is no .html or .json", fix="Name the file so.")
    roles: dict[str, Any] = {
        "subject": subject,
        "timepoint": timepoint,
        "baseline": baseline,
        "arm": arm,
    }
    source = look_at(file)
    given = {k: v for k, v in reading.items() if v is not None}
    adata = _read(source, samples, roles, given)
    report = pp.check(adata)
    # a stored cohort has been given its people, or something is wrong
    if samples is None and source.kind not in _STORED and schema.SUBJECT not in adata.obs:
        kept = [f for f in report.findings if f.id != _NOBODY]
        told = "The file knows tubes, not people: who was sampled when is not checked."
        kept.append(Finding(_NOBODY, "note", told, (), "Give --sample-sheet."))
        report = CheckReport(tuple(kept))
    known = meta(adata)
    summary: dict[str, Any] = {
        "file": file.name,
        "n_samples": adata.n_obs,
        "n_features": adata.n_vars,
        **{
            key: str(known.get(key, schema.UNKNOWN))
            for key in (
                schema.FORMAT,
                schema.PLATFORM,
                schema.MODALITY,
                schema.UNITS,
                schema.SPECIES,
                schema.MATRIX,
            )
        },
        "n_errors": len(report.errors),
        "findings": [
            {
                "severity": f.severity,
                "id": f.id,
                "message": f.message,
                "n_rows": len(f.rows),
                "rows": list(f.rows),
                "fix": f.fix,
                "call": f.call,
            }
            for f in report.findings
        ],
    }
    if out is not None:
        _write(out, summary)
    return summary


def _read(
    source: Source, samples: Path | None, roles: dict[str, Any], reading: dict[str, Any]
) -> AnnData:
    """Read a stored cohort, a vendor's file or a plain table; the options must be its own."""
    file = source.path
    if source.kind in _STORED:
        foreign = [k for k in reading if k not in _STATED]
        if foreign:
            raise UsageError(
                f"{_options(foreign)} do not belong to a stored cohort", fix="Leave them out."
            )
        adata = io.read(file)
        if reading:
            io.state(adata, **reading)
    elif "format" not in reading and recognise(source) is None:
        if "units" not in reading:
            raise InputError(
                "The file is of no known vendor format",
                where=str(file),
                fix=f"If it is a plain table give --units (one of {', '.join(schema.UNIT_TABLE)}) "
                "and --modality; exo.io.show_formats() lists the vendors' formats for --format.",
            )
        return io.read(file, samples=samples, **roles, **{"modality": "proteomics", **reading})
    else:
        adata = io.read(file, **reading)
        if samples is None and {roles["subject"], roles["timepoint"]} <= set(adata.obs.columns):
            io.set_samples(adata, adata.obs, **roles)
    if samples is not None:
        io.set_samples(adata, samples, **roles)
    return adata


def _options(names: list[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _write(out: Path, summary: dict[str, Any]) -> None:
    if out.suffix.lower() == ".html":
        text = render_check(summary)
    else:
        text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, text)
    except OSError as error:
        raise InputError(f"Cannot write here: {error.strerror}", where=str(out)) from error
