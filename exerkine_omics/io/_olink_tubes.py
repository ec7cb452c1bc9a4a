"""Which rows of a long Olink file are one tube: a SampleID may have been measured twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import plain
from exerkine_omics.io._labels import natural_key, natural_sort, text_of
from exerkine_omics.io._long_columns import Codes, LongTable, joined_codes
from exerkine_omics.io._olink_parts import MAP, TOGETHER

_MOST_EMPTY = 50  # cells of the matrix a row of the file


@dataclass
class Tubes:
    """Tube of each row, and id and SampleID of each tube."""

    codes: np.ndarray
    ids: list[str]
    samples: list[str]
    findings: list[Finding]


def tubes_of(
    table: LongTable,
    sample: Codes,
    assay: Codes,
    panel: Codes | None,
    plate: Codes | None,
) -> Tubes:
    """Tell tubes apart: by SampleID, and where it has an assay twice by plate, index or well.

    Values of two tubes are never averaged; rows that nothing tells apart are an `InputError`.
    """
    n_samples, n_assays = len(sample.labels), len(assay.labels)
    if n_samples * n_assays > _MOST_EMPTY * table.n_rows + 10_000_000:
        raise InputError(
            f"{table.n_rows} rows name {n_samples} samples and {n_assays} assays",
            where=table.where,
            fix="A long file has a row for each sample and assay.",
        )
    samples = [text_of(v) for v in sample.labels]
    pairs = sample.codes.astype(np.int64) * n_assays + assay.codes
    counts = np.bincount(pairs, minlength=n_samples * n_assays)
    if counts.max() == 1:
        return Tubes(sample.codes, samples, samples, [])
    multiplicity = counts.reshape(n_samples, n_assays).max(axis=1)
    rows = np.flatnonzero(multiplicity[sample.codes] > 1)
    who = sample.codes[rows]
    part, label, guessed = _split(table, rows, who, assay.codes[rows], multiplicity, panel, plate)
    if part is None:
        raise _twice(table, samples, sample, assay, plate)
    codes = sample.codes.copy()
    ids, origin = list(samples), list(samples)
    name = _names(who, part, label, panel, plate, rows)
    tubes, first_row = np.unique(part, return_index=True)
    repeated: list[str] = []
    taken: set[int] = set()
    place_of = np.zeros(int(tubes.max()) + 1, dtype=codes.dtype)
    for tube, at in zip(tubes, first_row, strict=True):
        person = int(who[at])
        place = person
        if person in taken:
            place = len(ids)
            ids.append("")
            origin.append(samples[person])
        taken.add(person)
        ids[place] = f"{samples[person]}|{name[tube]}"
        repeated.append(ids[place])
        place_of[tube] = place
    codes[rows] = place_of[part]
    message = (
        f"{len(taken)} SampleIDs were measured several times ({shown(samples[i] for i in taken)}); "
        f"each tube is kept under an id of its own."
    )
    if guessed:
        message += " Which plates of the panels belong together is a guess by their names."
    fix = "Are they bridging samples or replicates? Say so in obs['sample_type']."
    return Tubes(
        codes, ids, origin, [Finding("repeated_samples", "warning", message, tuple(repeated), fix)]
    )


def _twice(
    table: LongTable, samples: list[str], sample: Codes, assay: Codes, plate: Codes | None
) -> InputError:
    frame = pd.DataFrame({"s": sample.codes, "a": assay.codes})
    if plate is not None:
        # what stands twice on one plate is the fault, what stands on two plates may be right
        narrow = frame.assign(p=plate.codes)
        frame = narrow if narrow.duplicated().any() else frame
    again = int(np.flatnonzero(frame.duplicated())[0])
    before = int(np.flatnonzero((frame == frame.iloc[again]).all(axis=1))[0])
    return InputError(
        f"Sample {samples[sample.codes[again]]!r} has assay {assay.labels[assay.codes[again]]!r} "
        f"twice ({table.place(before)} and {table.place(again)}), and no column tells them apart",
        where=table.where,
        fix="Keep one row of each, or give the tubes ids of their own: they are never averaged.",
    )


def _split(
    table: LongTable,
    rows: np.ndarray,
    who: np.ndarray,
    assays: np.ndarray,
    multiplicity: np.ndarray,
    panel: Codes | None,
    plate: Codes | None,
) -> tuple[np.ndarray | None, list[str], bool]:
    """Tube of each repeated row, the label of each tube, and whether plates were paired by name."""
    there = {plain(n): n for n in table.header}
    wanted = np.bincount(np.unique(who), weights=multiplicity[np.unique(who)])
    loose: tuple[np.ndarray, list[str]] | None = None
    for names in MAP["apart"]:
        if not all(plain(n) in there for n in names):
            continue
        columns = [_as_codes(table, there[plain(n)], rows) for n in names]
        columns.insert(0, Codes(who.astype(np.int32), _numbered(int(who.max()) + 1)))
        whole = joined_codes(columns)
        if pd.DataFrame({"t": whole.codes, "a": assays}).duplicated().any():
            continue
        labels = [str(v).split("|", 1)[1] for v in whole.labels]
        per_sample = np.unique(np.stack([who, whole.codes]), axis=1)[0]
        if np.array_equal(np.bincount(per_sample), wanted):
            return whole.codes, labels, False
        loose = loose or (whole.codes, labels)
    paired = _paired_plates(rows, who, assays, multiplicity, panel, plate)
    if paired is not None:
        return paired, [str(i + 1) for i in range(int(paired.max()) + 1)], True
    return (*loose, False) if loose else (None, [], False)


def _paired_plates(
    rows: np.ndarray,
    who: np.ndarray,
    assays: np.ndarray,
    multiplicity: np.ndarray,
    panel: Codes | None,
    plate: Codes | None,
) -> np.ndarray | None:
    """Take the k-th plate of each panel for one tube: plates are named panel by panel."""
    if panel is None or plate is None:
        return None
    order = {v: i for i, v in enumerate(natural_sort(str(x) for x in plate.labels))}
    frame = pd.DataFrame({
        "who": who, "panel": panel.codes[rows], "assay": assays,
        "plate": [order.get(str(v), -1) for v in plate.take(plate.codes[rows])],
    })  # fmt: skip
    rank = frame.groupby(["who", "panel"])["plate"].rank(method="dense").astype(int) - 1
    tube = frame["who"] * int(multiplicity.max()) + rank
    if (rank >= multiplicity[who]).any() or frame.assign(t=tube).duplicated(["t", "assay"]).any():
        return None
    return pd.factorize(tube)[0]


def _names(
    who: np.ndarray,
    part: np.ndarray,
    label: list[str],
    panel: Codes | None,
    plate: Codes | None,
    rows: np.ndarray,
) -> dict[int, str]:
    """Name each tube by its plates, the same in every layout, where these tell tubes apart."""
    tubes, at = np.unique(part, return_index=True)
    fallback = {int(t): label[int(t)] for t in tubes}
    if plate is None:
        return fallback
    together = plates_together(part, int(tubes.max()) + 1, panel, plate, rows)
    named = {int(t): together[int(t)] for t in tubes}
    unique = len({(who[a], named[int(t)]) for t, a in zip(tubes, at, strict=True)}) == len(tubes)
    return named if unique and all(named.values()) else fallback


def plates_together(
    tube: np.ndarray,
    n_tubes: int,
    panel: Codes | None,
    plate: Codes,
    rows: np.ndarray | slice = slice(None),
) -> list[str]:
    """Plates of each tube, those of the panels in natural order of the panels."""
    panels = np.zeros(len(tube), np.int64) if panel is None else panel.codes[rows].astype(np.int64)
    n_panels = 1 if panel is None else len(panel.labels)
    n_plates = len(plate.labels) + 1
    key = (tube.astype(np.int64) * (n_panels + 1) + panels + 1) * n_plates + plate.codes[rows] + 1
    rest, code = np.divmod(pd.unique(key), n_plates)
    t, p = np.divmod(rest, n_panels + 1)
    names = plate.take(code - 1)
    panel_names = [None] * len(p) if panel is None else panel.take(p - 1)
    found: list[list[tuple[object, str]]] = [[] for _ in range(n_tubes)]
    for one, of, name in zip(t, panel_names, names, strict=True):
        if name is not None and str(name).strip():
            found[one].append(((natural_key(str(of)), natural_key(str(name))), str(name)))
    return [
        TOGETHER.join(dict.fromkeys(name for _, name in sorted(f, key=lambda v: v[0])))  # type: ignore
        for f in found
    ]


def _as_codes(table: LongTable, name: str, rows: np.ndarray) -> Codes:
    if name in table.texts:
        whole = table.texts[name]
        return Codes(whole.codes[rows], whole.dictionary)
    import pyarrow as pa

    codes, labels = pd.factorize(table.numbers[name][rows])
    return Codes(codes.astype(np.int32), pa.array([f"{v:g}" for v in labels], pa.string()))


def _numbered(n: int) -> object:
    import pyarrow as pa

    return pa.array([str(i) for i in range(n)], pa.string())
