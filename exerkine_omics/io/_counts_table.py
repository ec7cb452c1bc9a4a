"""A table of counts as text: its ids, annotation, sums and whole numbers."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map, matched, plain
from exerkine_omics.io._labels import unique_labels
from exerkine_omics.io._matrix import MISSING_WORDS
from exerkine_omics.io._mirna import mimat, mirbase_name
from exerkine_omics.io._source import Source

_LINE_END = re.compile(r"\r\n|\r|\n")
_NUMBERS = re.compile(r"[0-9.eE+\-\t ]*")
_NUMBER = re.compile(r"[-+]?[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?")
_ALIGNED = re.compile(r"(?:\.sorted)?\.(?:bam|sam|cram)$", re.IGNORECASE)
_MOST = 2.0**53  # whole numbers beyond are not exact


@dataclass
class CountTable:
    """Samples x small RNAs; ``var["own_name"]`` is the name without the precursor."""

    values: np.ndarray
    obs: pd.DataFrame
    var: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)


def count_table(source: Source, *, headless: bool) -> CountTable:
    """Read a table; ``headless``: two columns without names, the sample is the file."""
    numbers, rows = _cells(source)
    if headless:
        header = ["", source.path.name.split(".")[0]]
        names = sum(_is_name(r[0]) for r in rows)
        if sum(_is_name(r[1]) for r in rows) > names:
            rows = [[r[1], r[0]] for r in rows]
        body = rows
    else:
        header, body, numbers = rows[0], rows[1:], numbers[1:]
        if body and len(body[0]) == len(header) + 1:  # R's write.table
            header = ["", *header]
    for number, row in zip(numbers, body, strict=True):
        if len(row) != len(header):
            raise InputError(
                f"Line {number} has {len(row)} fields and the header has {len(header)}",
                where=source.where,
                fix="Is the file whole? Export it again.",
            )
    if not body:
        raise InputError("The table has no rows", where=source.where, fix="Export it again.")
    header = [h.strip() for h in header]
    twice = [h for i, h in enumerate(header) if h in header[:i]]
    if twice:
        raise InputError(
            f"The column {twice[0]!r} stands twice", where=source.where, fix="Name it otherwise."
        )
    if sum(_is_name(h) for h in header) > len(header) / 2:
        return _of_rows(header, body, numbers, source)
    return _of_columns(header, body, numbers, source)


def _is_name(cell: str) -> bool:
    return bool(mirbase_name(cell) or mimat(cell)) or cell.startswith("__")


def _cells(source: Source) -> tuple[list[int], list[list[str]]]:
    """Lines as cells with their numbers; blank ones and comments left out."""
    lines = [
        (n, x)
        for n, x in enumerate(_LINE_END.split(source.text()), start=1)
        if x.strip() and not x.startswith("# ")
    ]
    if not lines:
        raise InputError("The file is empty", where=source.where, fix="Export it again.")
    sep = max("\t,;", key=lines[0][1].count)
    rows = []
    for number, line in lines:
        try:
            rows.append([c.strip() for c in next(csv.reader([line], delimiter=sep, strict=True))])
        except csv.Error as error:
            raise InputError(
                f"Line {number} cannot be read ({error})", where=source.where, fix="Export again."
            ) from None
    return [n for n, _ in lines], rows


def _of_columns(
    header: list[str], body: list[list[str]], numbers: list[int], source: Source
) -> CountTable:
    """MiRNAs are rows."""
    words = column_map("counts")
    columns = list(zip(*body, strict=True))
    named = [sum(map(_is_name, c)) for c in columns]
    by_name = [
        i for i, h in enumerate(header) if h in matched(header, {"id": words["id"]}).values()
    ]
    blank = [i for i, h in enumerate(header) if not h]
    at = next(iter([*by_name, *blank]), int(np.argmax(named)))
    if blank and blank != [at]:
        raise InputError("A column has no name", where=source.where, fix="Name it.")
    known = {v: k for k, v in matched(header, words["var"]).items()}
    derived = {plain(d) for d in words["derived"]}
    annotation: dict[str, Sequence[str]] = {}
    samples = []
    for i, name in enumerate(header):
        if i == at:
            continue
        if name in known:
            annotation[known[name]] = columns[i]
        elif name.endswith(words["derived_suffix"]) or plain(name) in derived:
            continue
        elif not any(_NUMBER.fullmatch(c) for c in columns[i]):
            annotation[name] = columns[i]
        else:
            samples.append(i)
    if not samples:
        raise InputError(
            f"No column holds counts ({shown(header)})", where=source.where, fix="Export it again."
        )
    values = _whole([[row[i] for i in samples] for row in body], numbers,
                    [header[i] for i in samples], source)  # fmt: skip
    ids = list(columns[at])
    sums = [
        i for i, x in enumerate(ids)
        if x.startswith(words["special_prefix"]) or plain(x) in {plain(t) for t in words["totals"]}
    ]  # fmt: skip
    rest = [i for i in range(len(ids)) if i not in set(sums)]
    names, aligned = _sample_names([header[i] for i in samples])
    obs = pd.DataFrame(index=unique_labels(names, "sample id", source.where))
    if aligned:
        obs["alignment"] = aligned
    for i in sums:
        obs[ids[i].removeprefix(words["special_prefix"])] = values[i]
    var = pd.DataFrame({k: [v[i] for i in rest] for k, v in annotation.items()}, dtype=object)
    var["own_name"] = [ids[i] for i in rest]
    index, findings = _apart(var, source)
    var.index = index
    findings += _totals(values[rest], values[sums], [ids[i] for i in sums], words["totals"])
    return CountTable(values[rest].T.copy(), obs, var, findings)


def _of_rows(
    header: list[str], body: list[list[str]], numbers: list[int], source: Source
) -> CountTable:
    """Read a table whose rows are samples, as nf-core/smrnaseq writes it."""
    others = [i for i, h in enumerate(header) if not _is_name(h)]
    if len(others) != 1:
        raise InputError(
            f"One column should name the samples, and {shown([header[i] for i in others])} do",
            where=source.where,
            fix="Keep the sample names and the counts.",
        )
    kept = [i for i in range(len(header)) if i != others[0]]
    names = [header[i] for i in kept]
    values = _whole([[row[i] for i in kept] for row in body], numbers, names, source)
    obs = pd.DataFrame(
        index=unique_labels([row[others[0]] for row in body], "sample id", source.where)
    )
    var = pd.DataFrame({"own_name": names}, index=pd.Index(names, dtype=str), dtype=object)
    return CountTable(values, obs, var)


def _whole(
    cells: Sequence[Sequence[str]], numbers: Sequence[int], names: Sequence[str], source: Source
) -> np.ndarray:
    """Whole numbers, not negative; missing words are NaN, all else is an error with its place."""
    values = np.empty((len(cells), len(names)))
    for row, (number, texts) in enumerate(zip(numbers, cells, strict=True)):
        if _NUMBERS.fullmatch("\t".join(texts)) and all(texts):
            try:
                values[row] = [float(t) for t in texts]
                continue
            except ValueError:
                pass
        for column, text in enumerate(texts):
            if text in MISSING_WORDS:
                values[row, column] = np.nan
            elif _NUMBER.fullmatch(text):
                values[row, column] = float(text)
            else:
                raise _wrong(text, "no number", number, names[column], source)
    with np.errstate(invalid="ignore"):
        wrong = np.argwhere((values < 0) | (values != np.floor(values)) | (values > _MOST))
    wrong = np.array([w for w in wrong if not np.isnan(values[tuple(w)])])
    if len(wrong):
        row, column = wrong[0]
        what = "negative" if values[row, column] < 0 else "no whole number of reads"
        raise _wrong(cells[row][column], what, numbers[row], names[column], source)
    return values


def _wrong(text: str, what: str, line: int, column: str, source: Source) -> InputError:
    return InputError(
        f"{shown([text[:80]])} is {what}",
        where=f"{source.where}, line {line}, column {column[:80]!r}",
        fix="Give raw counts; normalised values are read with exo.io.read_table(units=...).",
    )


def _sample_names(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of alignments (``/run/S1.sorted.bam``) as samples, and their own where they differ."""
    if not all(_ALIGNED.search(c) for c in columns):
        return list(columns), []
    short = [
        _ALIGNED.sub("", (PureWindowsPath if "\\" in c else PurePosixPath)(c).name) for c in columns
    ]
    if len(set(short)) < len(short) or not all(short):
        return list(columns), []
    return short, list(columns)


def _apart(var: pd.DataFrame, source: Source) -> tuple[pd.Index, list[Finding]]:
    """Ids: the name; name|precursor where a mature stands once a precursor."""
    names = var["own_name"]
    several = names.duplicated(keep=False)
    if not several.any() or "precursor" not in var:
        return unique_labels(names, "miRNA", source.where), []
    ids = names.where(~several, names + "|" + var["precursor"])
    mature = tuple(names[several].unique())
    text = f"{len(mature)} miRNAs stand once a precursor and are kept apart: {shown(mature)}."
    fix = "Their rows may hold the same reads: keep one of each, never their sum."
    index = unique_labels(ids, "miRNA", source.where)
    return index, [Finding("several_precursors", "warning", text, mature, fix)]


def _totals(
    values: np.ndarray, sums: np.ndarray, names: Sequence[str], totals: Sequence[str]
) -> list[Finding]:
    """Say where a row of totals is not the sum of what was read."""
    findings = []
    for name, total in zip(names, sums, strict=True):
        if plain(name) not in {plain(t) for t in totals}:
            continue
        off = int((np.nansum(values, axis=0) != total).sum())
        if off:
            text = f"{name} is not the sum of the rows in {off} of {len(total)} samples."
            findings.append(
                Finding("total_differs", "warning", text, fix="Were rows lost, or filtered?")
            )
    return findings
