"""Findings: what a check saw, how bad it is, and the call that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._calls import CALLS
from exerkine_omics.cohort._meta import meta
from exerkine_omics.cohort._result import frame_for_storage
from exerkine_omics.errors import InputError, shown

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing a check saw.

    Parameters
    ----------
    id
        Slug of the kind of finding.
    severity
        ``error`` (analyses would be wrong), ``warning`` (look at it) or ``note``.
    message
        What was seen.
    rows
        The samples, subjects or features concerned.
    fix
        What to do, in words.
    """

    id: str
    severity: str
    message: str
    rows: tuple[str, ...] = ()
    fix: str = ""

    @property
    def call(self) -> str:
        """The call that mends it; "" where only a person, or the laboratory, can."""
        return CALLS.get(self.id, "")


@dataclass(frozen=True)
class CheckReport:
    """All findings of a check, worst first; nothing is printed and nothing is changed."""

    findings: tuple[Finding, ...] = field(default=())

    def __post_init__(self) -> None:
        ordered = sorted(self.findings, key=lambda f: (SEVERITIES.index(f.severity), f.id))
        object.__setattr__(self, "findings", tuple(ordered))

    def _of(self, severity: str) -> list[Finding]:
        return [f for f in self.findings if f.severity == severity]

    @property
    def errors(self) -> list[Finding]:
        """Findings that make analyses wrong."""
        return self._of("error")

    @property
    def warnings(self) -> list[Finding]:
        """Findings that a person must look at."""
        return self._of("warning")

    @property
    def notes(self) -> list[Finding]:
        """Findings worth knowing."""
        return self._of("note")

    def to_frame(self) -> pd.DataFrame:
        """Return the findings as a frame: id, severity, message, n_rows, rows, fix, call."""
        return findings_frame(self.findings)

    def raise_for_errors(self) -> None:
        """Raise `InputError` with the first error found, if there is one."""
        if self.errors:
            first = self.errors[0]
            more = f" ({len(self.errors) - 1} more errors)" if len(self.errors) > 1 else ""
            raise InputError(first.message + more, fix=first.fix)

    def __len__(self) -> int:
        return len(self.findings)

    def __repr__(self) -> str:
        head = (
            f"CheckReport: {len(self.errors)} errors, {len(self.warnings)} warnings, "
            f"{len(self.notes)} notes"
        )
        lines = [
            f"  {f.severity}: {f.message} {f.fix}".rstrip()
            + (f"\n      {f.call}" if f.call else "")
            for f in self.findings
        ]
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(f.severity)}</td><td>{escape(f.message)}</td>"
            f"<td>{escape(shown(f.rows))}</td><td>{escape(f.fix)}</td>"
            f"<td><code>{escape(f.call)}</code></td></tr>"
            for f in self.findings
        )
        head = "<tr><th>severity</th><th>finding</th><th>rows</th><th>what to do</th>"
        head += "<th>call</th></tr>"
        return f"<table>{head}{rows}</table>"


def findings_frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Frame of findings that `write_h5ad` takes."""
    frame = pd.DataFrame(
        {
            "id": [f.id for f in findings],
            "severity": pd.Categorical([f.severity for f in findings], categories=SEVERITIES),
            "message": [f.message for f in findings],
            "n_rows": pd.Series([len(f.rows) for f in findings], dtype="int64"),
            "rows": [" | ".join(f.rows) for f in findings],
            "fix": [f.fix for f in findings],
            "call": [f.call for f in findings],
        }
    )
    return frame_for_storage(frame)


def findings_from_frame(frame: pd.DataFrame) -> list[Finding]:
    """Read back what `findings_frame` wrote."""
    text = frame.astype({c: str for c in frame.columns if c != "n_rows"})
    return [
        Finding(
            r.id, str(r.severity), r.message, tuple(r.rows.split(" | ")) if r.rows else (), r.fix
        )
        for r in text.itertuples(index=False)
    ]


def carried_findings(adata: AnnData) -> list[Finding]:
    """Return the findings that a cohort carries from reading and earlier steps."""
    stored = meta(adata).get(schema.FINDINGS)
    return [] if stored is None else findings_from_frame(stored)


def replace_findings(adata: AnnData, prefix: str, findings: Sequence[Finding]) -> None:
    """Put findings of a step in place of those of an earlier one, whose ids begin alike."""
    kept = [f for f in carried_findings(adata) if not f.id.startswith(prefix)]
    meta(adata)[schema.FINDINGS] = findings_frame([*kept, *findings])


def matrix_unknown() -> Finding:
    """Say that nobody said whether the samples are plasma or serum."""
    return Finding(
        "matrix_unknown",
        "warning",
        "It is not known whether the samples are plasma or serum.",
        fix=f"State it with matrix_type=, one of {', '.join(schema.MATRICES)}.",
    )
