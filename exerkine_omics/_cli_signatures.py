"""Commands on signatures, and how a command prints a table."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

signatures_app = typer.Typer(help="Look at the signatures.", no_args_is_help=True)


@signatures_app.command("list")
def signatures_list() -> None:
    """List the shipped signatures."""
    from exerkine_omics.sig import load

    print_table("Signatures", load().summary())


@signatures_app.command("show")
def signatures_show(name: str) -> None:
    """Show one signature: members, weights, evidence in its context, limits."""
    from exerkine_omics.errors import UsageError
    from exerkine_omics.sig import load, member_evidence

    signatures = load()
    if name not in signatures:
        raise UsageError(f"There is no signature {name!r}", fix=f"Known: {', '.join(signatures)}.")
    signature = signatures[name]
    print_table(signature.title, member_evidence(signature))
    typer.echo(f"Context: {signature.context()}\nLevel: {signature.level}")
    typer.echo(f"Weights: {signature.weights}")
    typer.echo(f"Limits: {signature.limits}\nNot for: {signature.not_for}")


@signatures_app.command("validate")
def signatures_validate(path: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Validate a signature file or folder, by default all that is shipped; exits with 4."""
    from exerkine_omics.sig import load, validate

    problems = validate(path)
    if len(problems):
        print_table("Problems", problems)
        typer.echo(f"{len(problems)} problems", err=True)
        raise typer.Exit(4)
    typer.echo(f"{len(load(path))} signatures are valid")


@signatures_app.command("coverage")
def signatures_coverage(
    file: Annotated[Path, typer.Argument(help="h5ad, or matrix (csv, tsv, xlsx, parquet).")],
    modality: Annotated[
        str | None, typer.Option(help="proteomics, metabolomics, mirna; an h5ad knows its own.")
    ] = None,
    orientation: Annotated[str, typer.Option(help="samples or features in rows.")] = "samples",
    signatures: Annotated[
        Path | None, typer.Option(help="Your own signatures instead of the shipped ones.")
    ] = None,
) -> None:
    """Say how much of each signature a file measures; only its names are read."""
    from exerkine_omics.workflow import coverage_file

    frame = coverage_file(file, modality=modality, orientation=orientation, signatures=signatures)
    print_table("Coverage", frame)


def print_table(title: str, frame: object) -> None:
    """Print a data frame."""
    rows = frame.itertuples(index=False)  # type: ignore[attr-defined]
    print_rows(title, [str(c) for c in frame.columns], [list(r) for r in rows])  # type: ignore[attr-defined]


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows: lines for a pipe, a table for a terminal."""
    if not sys.stdout.isatty():  # a pipe gets lines that other tools can read
        writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
        writer.writerows([columns, *rows])
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(v)) for v in row))
    Console().print(table)
