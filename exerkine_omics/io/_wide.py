"""Tables with one row a person, whose column names say what was measured when."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._files import typed
from exerkine_omics.io._labels import natural_sort, require, text_of, unique_labels

_FIELD = re.compile(r"\{(\w+)\}")
_ANALYTE = "analyte"


def unfold(
    body: pd.DataFrame,
    pattern: str,
    *,
    subject: str,
    timepoint: str,
    timepoint_order: Sequence[object] | None,
    analytes: Sequence[str] | None,
    where: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sheet and matrix (a row a visit) of a table with a row a person.

    Columns whose name fits the pattern, with a time point of ``timepoint_order``, are
    measurements; the others describe the person.
    """
    require(body, [subject], where)
    expression, fields = _compiled(pattern, timepoint)
    hits = {c: m for c in body.columns if (m := expression.fullmatch(c)) and c != subject}
    seen = natural_sort({m[timepoint] for m in hits.values()})
    if timepoint_order is None:
        raise UsageError(
            f"pattern={pattern!r} needs timepoint_order=: which endings are time points?",
            fix=f"The names end in {shown(seen)}." if seen else "No column fits the pattern.",
        )
    times = [text_of(t) for t in timepoint_order]
    hits = {c: m for c, m in hits.items() if m[timepoint] in times}
    if analytes is not None:
        absent = [a for a in analytes if a not in {m[_ANALYTE] for m in hits.values()}]
        if absent:
            raise InputError(
                f"No column measures {shown(absent)} at {shown(times)}",
                where=where,
                fix=f"Columns are named {pattern!r}.",
            )
        hits = {c: m for c, m in hits.items() if m[_ANALYTE] in set(analytes)}
    if not hits:
        raise InputError(
            f"No column is named {pattern!r} with a time point of {shown(times)}",
            where=where,
            fix=f"Names end in {shown(seen)}." if seen else "Look at the column names.",
        )
    people = unique_labels(body[subject], "person", f"{where}, column {subject!r}")
    persons = typed(body[[c for c in body.columns if c not in hits]], (subject,))
    sheets, values = [], []
    for key in dict.fromkeys(tuple(m[f] for f in fields) for m in hits.values()):
        at = {m[_ANALYTE]: c for c, m in hits.items() if tuple(m[f] for f in fields) == key}
        ids = pd.Index(["|".join((p, *key)) for p in people], dtype=str)
        labels = dict(zip(fields, key, strict=True))
        clash = [f for f in fields if f in persons.columns]
        if clash:
            raise InputError(
                f"{shown(clash)} is a field of the pattern and a column too",
                where=where,
                fix="Call the field otherwise.",
            )
        sheets.append(persons.assign(**labels).set_axis(ids, axis=0))
        values.append(body[list(at.values())].set_axis(list(at), axis=1).set_axis(ids, axis=0))
    names = list(dict.fromkeys(m[_ANALYTE] for m in hits.values()))
    matrix = pd.concat(values).reindex(columns=names)
    sheet = pd.concat(sheets)
    sheet.index.name = schema.SAMPLE_ID
    return sheet, matrix


def _compiled(pattern: str, timepoint: str) -> tuple[re.Pattern[str], list[str]]:
    """Regular expression of a pattern, and its fields beside the analyte."""
    fields = _FIELD.findall(pattern)
    if sorted(fields) != sorted(set(fields)) or not {_ANALYTE, timepoint} <= set(fields):
        raise UsageError(
            f"pattern={pattern!r} must hold {{analyte}} and {{{timepoint}}} once",
            fix=f"For IL6_pre say pattern='{{analyte}}_{{{timepoint}}}', timepoint={timepoint!r}.",
        )
    pieces = _FIELD.split(pattern)  # literal, field, literal, ...
    text = ""
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            text += re.escape(piece)
        else:
            # an analyte may hold the separator (12_13_DiHOME), a level may not
            text += f"(?P<{piece}>.+)" if piece == _ANALYTE else f"(?P<{piece}>[^_.| -]+)"
    return re.compile(text), [f for f in fields if f != _ANALYTE]
