"""Check one file from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from exerkine_omics import io, pp, schema
from exerkine_omics.cohort import CheckReport, Finding, meta, write_text
from exerkine_omics.errors import UsageError
from exerkine_omics.report import render_check

_NOBODY = "missing_columns"


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
    if out is not None and out.suffix not in (".html", ".json"):
        raise UsageError(f"-o {out} is no .html or .json", fix="Name the file so.")
    roles: dict[str, Any] = {
        "subject": subject,
        "timepoint": timepoint,
        "baseline": baseline,
        "arm": arm,
    }
    reading = {k: v for k, v in reading.items() if v is not None}
    table = "units" in reading
    if table:
        reading.setdefault("modality", "proteomics")
    stored = file.suffix in (".h5ad", ".zarr")
    if table and not stored:
        adata = io.read(file, samples=samples, **roles, **reading)
    else:
        options: dict[str, Any] = {} if stored else reading
        adata = io.read(file, **options)
        if samples is not None:
            io.set_samples(adata, samples, **roles)
        elif not stored and {subject, timepoint} <= set(adata.obs.columns):
            io.set_samples(adata, adata.obs, **roles)
    report = pp.check(adata)
    if samples is None and not stored and schema.SUBJECT not in adata.obs:
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
        text = (
            render_check(summary)
            if out.suffix == ".html"
            else json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
        )
        write_text(out, text)
    return summary
