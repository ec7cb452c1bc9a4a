"""What the files of a folder are: vendor files, plain matrices, sample sheets, outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from exerkine_omics import io, schema
from exerkine_omics.errors import ExerkineError
from exerkine_omics.io._files import named_frame, read_cells, typed
from exerkine_omics.io._formats import recognise
from exerkine_omics.io._source import look_at

SUBJECT_WORDS = ("subjectid", "subject", "personid", "participantid", "participant", "patientid",
                 "person", "individual", "animalid", "pid")  # fmt: skip
TIME_WORDS = ("timepoint", "visit", "time", "session", "week", "day")
ARM_WORDS = ("arm", "group", "treatment", "condition", "intervention")
CONTROL_WORDS = ("control", "con", "ctrl", "sedentary", "sed", "placebo", "usual")
BASELINE_WORDS = ("pre", "baseline", "before", "t0", "rest", "0", "week0", "day0", "v0")
PRE_WORDS, POST_WORDS = ("pre", "baseline", "before"), ("post", "after", "followup", "end")
_STORED = ("h5ad", "zarr")
_FEW = 5  # a matrix has at least so many numeric columns


@dataclass(frozen=True)
class Found:
    """A file and what it is: stored, vendor, matrix, samples, outcomes or unknown."""

    path: Path
    kind: str
    told: str
    frame: pd.DataFrame | None = None

    @property
    def ids(self) -> set[str]:
        """Names of the samples: in the column sample_id, however spelt, else in the first."""
        if self.frame is None:
            return set()
        named = pick(self.frame.columns, ("sampleid",)) or self.frame.columns[0]
        return set(self.frame[named].astype(str))

    @property
    def heads(self) -> set[str]:
        """Names of the other columns."""
        return set() if self.frame is None else set(map(str, self.frame.columns[1:]))


def look_into(folder: Path) -> list[Found]:
    """Look at every file of a folder, hidden ones and results left out; nothing is raised."""
    paths = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    return [_look(p) for p in paths if p.is_file() or p.suffix == ".zarr"]


def _look(path: Path) -> Found:
    try:
        source = look_at(path)
        if source.kind in _STORED:
            return Found(path, "stored", f"a stored cohort (.{source.kind})")
        known = recognise(source)
        if known is not None:
            tubes = io.read(path).obs.rename_axis(schema.SAMPLE_ID).reset_index()
            return Found(path, "vendor", known.title, tubes)
        frame = typed(named_frame(read_cells(path), path), ())
    except ExerkineError as error:
        return Found(path, "unknown", error.what)
    kind = _kind_of(frame)
    words = {
        "samples": "a sample sheet: it names people and time points",
        "outcomes": "a row a person: outcomes",
        "matrix": "a plain matrix",
        "unknown": "a table that is neither matrix nor sample sheet",
    }
    return Found(path, kind, words[kind], frame)


def _kind_of(frame: pd.DataFrame) -> str:
    numbers = [c for c in frame.columns[1:] if pd.api.types.is_numeric_dtype(frame[c])]
    person, time = pick(frame.columns, SUBJECT_WORDS), pick(frame.columns, TIME_WORDS)
    is_wide = len(numbers) >= _FEW and len(numbers) >= 0.8 * (frame.shape[1] - 1)
    if person and time and not is_wide:
        return "samples"
    if person and not time and numbers and frame[person].is_unique and len(numbers) < 200:
        return "outcomes"
    return "matrix" if is_wide else "unknown"


def pick(names: Iterable[object], words: Sequence[str]) -> str | None:
    """Return the name that is, or holds, the first of these words that occurs."""
    plain = {str(n): "".join(ch for ch in str(n).casefold() if ch.isalnum()) for n in names}
    for test in (str.__eq__, str.startswith, str.__contains__):
        for word in words:
            for name, text in plain.items():
                # short words are found as a whole or in front only: "day" is in "Friday"
                if test(text, word) and (test is not str.__contains__ or len(word) > 4):
                    return name
    return None


def orientation_of(matrix: Found, sheets: Sequence[Found]) -> tuple[Found | None, str]:
    """Return the sample sheet whose ids the matrix holds, and where: samples or features in rows.

    Without a sheet, samples are taken to be in rows.
    """
    best, where, most = None, "samples", 0
    for sheet in sheets:
        for side, names in (("samples", matrix.ids), ("features", matrix.heads)):
            shared = len(names & sheet.ids)
            if shared > most:
                best, where, most = sheet, side, shared
    return best, where
