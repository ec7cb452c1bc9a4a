"""What a Biocrates file says of its samples: ids, types, species, material."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._biocrates_cells import Grid, is_number, words
from exerkine_omics.io._columns import matched, plain
from exerkine_omics.io._dialect import CODE

NAMES = ("bar_code", "identification")


def sample_table(grid: Grid, names: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Return obs, its index being bar codes (or identifications), and findings.

    A tube that was measured in several wells keeps each as a sample of its own, ``bar code|well``.
    """
    frame = pd.DataFrame(grid.samples, columns=grid.header, dtype=object)
    known = matched(grid.header, {**words()["required"], **words()["columns"]})
    kinds = [_type(t) for t in frame[known["type"]]]
    ids, findings = _ids(grid, frame, known, names, kinds)
    unknown = sorted(set(frame[known["type"]][[k is None for k in kinds]]))
    if unknown:
        rows = tuple(i for i, k in zip(ids, kinds, strict=True) if k is None)
        text = f"Sample types {shown(unknown)} are not known; these tubes count as controls."
        fix = "Set obs['sample_type'] where they are people's."
        findings.append(Finding("sample_type_unknown", "warning", text, rows, fix))
    for column in matched(grid.header, {w: [w] for w in words()["numbers"]}).values():
        frame[column] = _numeric(frame[column])
    obs = frame.replace({"": None}).set_axis(pd.Index(ids, dtype=str), axis=0)
    ours = matched(grid.header, words()["obs"])
    obs = obs.rename(columns={theirs: name for name, theirs in ours.items()})
    obs[schema.SAMPLE_TYPE] = [k or "control" for k in kinds]
    findings += _pools(obs, frame, known)
    return obs, findings


def of_persons(grid: Grid, column: str) -> list[str]:
    """Return the distinct words of a column over the persons' tubes."""
    known = matched(grid.header, {**words()["required"], **words()["columns"]})
    if column not in known:
        return []
    where, kind = grid.header.index(known[column]), grid.header.index(known["type"])
    return sorted({s[where] for s in grid.samples if _type(s[kind]) == schema.SAMPLE} - {""})


def word_for(text: str, section: str) -> str | None:
    """Return our word for theirs (species, materials), or None."""
    spelt = " ".join(re.sub(r"[\s_,-]+", " ", text).casefold().split())
    return next((o for o, t in words()[section].items() if spelt in t), None)


def platform_of(grid: Grid) -> str:
    """Name the kit by its operating procedures."""
    rows = [str(c) for r in grid.rows if re.match(r"OP\b", r.label) for c in r.cells if c]
    column = matched(grid.header, {"op": words()["columns"]["op"]}).get("op")
    if column:
        rows += [s[grid.header.index(column)] for s in grid.samples]
    for start, kit in words()["kits"].items():
        if any(start in r for r in rows):
            return f"Biocrates {kit}"
    return "Biocrates"


def _type(text: str) -> str | None:
    spelt = text.strip().casefold()
    for ours, starts in words()["types"].items():
        if any(re.match(rf"{re.escape(s)}\b", spelt) for s in starts):
            return str(ours)
    return None


def _ids(
    grid: Grid, frame: pd.DataFrame, known: dict[str, str], names: str, kinds: list[str | None]
) -> tuple[list[str], list[Finding]]:
    ids = frame[known["bar_code"]].astype(object)
    if names == "identification":
        if "identification" not in known:
            raise InputError(
                f"There is no column {words()['columns']['identification'][0]!r}",
                where=grid.where,
                fix='Read it with sample_names="bar_code".',
            )
        own = frame[known["identification"]]
        bare = [
            grid.lines[i] for i, k in enumerate(kinds) if k == schema.SAMPLE and not own.iloc[i]
        ]
        if bare:
            raise InputError(
                f"Samples in {grid.place} {shown(bare)} have no identification",
                where=f"{grid.where}, column {known['identification']!r}",
                fix='Read it with sample_names="bar_code".',
            )
        ids = own.where(own != "", ids)
    twice = ids.duplicated(keep=False)
    if not twice.any():
        return list(ids), []
    wells = list(matched(grid.header, {w: [w] for w in words()["wells"]}).values())
    chosen: list[str] = []
    labels = ids
    for columns in [[w] for w in wells] + [wells[: n + 1] for n in range(1, len(wells))]:
        labels = ids.where(~twice, ids.str.cat([frame[c] for c in columns], sep="|"))
        if not labels.duplicated().any():
            chosen = columns
            break
    if not chosen:
        again = labels[labels.duplicated()].iloc[0] if wells else ids[twice].iloc[0]
        lines = [grid.lines[i] for i in np.flatnonzero((labels == again) | (ids == again))]
        raise InputError(
            f"The sample {again!r} stands more than once ({grid.place}s {shown(lines)})",
            where=grid.where,
            fix="Export the file again; duplicates are never averaged.",
        )
    persons = sorted({i for i, t, k in zip(ids, twice, kinds, strict=True)
                      if t and k == schema.SAMPLE})  # fmt: skip
    text = (
        f"{ids[twice].nunique()} tubes were measured more than once and are kept apart by "
        f"{', '.join(chosen)}: {shown(sorted(set(ids[twice])))}."
    )
    severity = "warning" if persons else "note"
    return list(labels), [Finding("tubes_measured_again", severity, text, tuple(persons))]


def _numeric(column: pd.Series) -> pd.Series:
    """Numbers where all cells are; codes stay text."""
    filled = [c for c in column if c]
    if not filled or not all(is_number(c) and not CODE.fullmatch(c) for c in filled):
        return column
    numbers = np.array([float(c) if c else np.nan for c in column])
    return column if np.isinf(numbers).any() else pd.Series(numbers, column.index)


def _pools(obs: pd.DataFrame, frame: pd.DataFrame, known: dict[str, str]) -> list[Finding]:
    """Find samples whose own words say that they are no person's."""
    spoken = {plain(w) for w in words()["pools"]}
    tubes = obs[schema.SAMPLE_TYPE] == schema.SAMPLE
    text = frame.drop(columns=[known["type"]]).astype(str)
    said = text.apply(lambda c: c.str.casefold().str.match(rf"(?:{'|'.join(spoken)})\b"))
    rows = tuple(obs.index[said.any(axis=1).to_numpy() & tubes.to_numpy()])
    if not rows:
        return []
    message = f"{len(rows)} tubes of type sample are pools by their own words: {shown(rows)}."
    fix = "Set obs['sample_type'] to bridge or qc where they are no person's."
    return [Finding("pools_as_samples", "warning", message, rows, fix)]
