"""The knowledge base: a row a molecule, a row a study finding, and what they add up to."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.sig._derive import derive, derive_for
from exerkine_omics.sig._load import shipped_folder
from exerkine_omics.sig._model import Signature
from exerkine_omics.sig._vocabulary import (
    EVIDENCE_COLUMNS,
    EVIDENCE_FILE,
    IDENTIFIERS,
    MOLECULE_COLUMNS,
    MOLECULE_FILES,
    NUMBERS,
    file_columns,
)

FOLDER = "exerkines"


def molecules() -> pd.DataFrame:
    """Give the molecules of the knowledge base, one row each.

    Use it for identifiers, tissues of origin and action, and what an exerkine is reported to do.

    Returns
    -------
    DataFrame
        exerkine_id, name, synonyms, molecule_class, modality, the identifiers, origin and target
        tissues, mode of action and reported effect, each with its source (reference keys, or
        ``curator`` for general knowledge), note. Lists are joined by ``;``.

    Raises
    ------
    InputError
        If the tables are missing.

    Notes
    -----
    Missing values: what is not known is an empty string.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> exo.sig.molecules().set_index("exerkine_id").loc["il6", "uniprot"]
    'P05231'
    """
    return _shipped_molecules().copy()


def evidence() -> pd.DataFrame:
    """Give the evidence of the knowledge base, one row a study finding.

    Use it to see who found what, where and when, and which findings disagree.

    Returns
    -------
    DataFrame
        One row a molecule, study and context; ``minutes_post`` in minutes after the end of the
        bout (negative: during), ``effect`` in ``effect_unit``, ``n`` people; ``reference`` is a
        key of the shipped ``references.bib``.

    Raises
    ------
    InputError
        If the table is missing.

    Notes
    -----
    Missing values: NaN in the five columns of numbers, an empty string elsewhere.
    """
    return _shipped_evidence().copy()


def exerkines(*, window_minutes: tuple[float, float] | None = None) -> pd.DataFrame:
    """Give each molecule's direction after exercise, derived from its evidence.

    Use it to look up what is known of a molecule: a row is a molecule in one context, that is an
    exposure (acute, chronic), a family of modes (endurance, hiit, resistance) and of matrices
    (blood, ev), in humans.

    Parameters
    ----------
    window_minutes
        Count only acute findings within this window, in minutes after the end of the bout, ends
        included (negative: during). A finding that states only a class of time counts where the
        class overlaps the window, one without any time always. None counts all.

    Returns
    -------
    DataFrame
        The identifiers, exposure, exercise_mode, matrix, direction (up, down, unchanged,
        contested), level (A, B, L, C), n_up, n_down, n_unchanged (distinct references: human
        studies and meta-analyses), n_list_up, n_list_down, n_list_unchanged (results tables),
        n_beside (references that do not decide), references. A molecule without a finding in any
        context has one row with an empty context.

    Notes
    -----
    The direction is up if more references say up than down, and as many as say unchanged or more;
    down likewise; unchanged if more say so than either; else contested. Results tables decide only
    where there is nothing else. Level A: a meta-analysis or two studies for the direction, more
    than all others together; B: one; L: results tables only; C: the rest.
    Missing values: a context with no deciding reference has an empty direction and level C.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> frame = exo.sig.exerkines().query("exerkine_id == 'il6' and exposure == 'acute'")
    >>> frame.query("exercise_mode == 'endurance' and matrix == 'blood'")["direction"].item()
    'up'
    """
    if window_minutes is None:
        return _shipped_exerkines().copy()
    start, end = window_minutes
    if not start <= end:
        raise UsageError(f"window_minutes={window_minutes!r} runs backwards")
    return join(_shipped_molecules(), derive(_shipped_evidence(), (start, end)))


def member_evidence(signature: Signature) -> pd.DataFrame:
    """Set a signature's members beside what the evidence of its own context says.

    Use it to see on what each sign rests.

    Parameters
    ----------
    signature
        One of `load`, or your own with members of the knowledge base.

    Returns
    -------
    DataFrame
        exerkine_id, name, weight, direction, level, counts as in `exerkines`, references (of the
        member), note.

    Notes
    -----
    Missing values: a member without evidence in the context has an empty direction, level C.
    """
    derived = derive_for(_shipped_evidence(), signature).drop(columns="references")
    members = signature.to_frame()[
        [schema.EXERKINE_ID, schema.NAME, "weight", "references", "note"]
    ]
    frame = _fill(members.merge(derived, on=schema.EXERKINE_ID, how="left"), derived)
    frame["level"] = frame["level"].where(frame["level"] != "", "C")
    last = ["references", "note"]
    return frame[[c for c in frame if c not in last] + last]


def join(molecule_table: pd.DataFrame, derived: pd.DataFrame) -> pd.DataFrame:
    """Put what was derived beside the molecules; those without a context keep one row."""
    columns = [schema.EXERKINE_ID, schema.NAME, schema.MODALITY, *IDENTIFIERS]
    return _fill(molecule_table[columns].merge(derived, on=schema.EXERKINE_ID, how="left"), derived)


def _fill(frame: pd.DataFrame, derived: pd.DataFrame) -> pd.DataFrame:
    counts = [c for c in derived if c.startswith("n_")]
    frame[counts] = frame[counts].fillna(0).astype("int64")
    text = [c for c in derived if c not in counts]
    frame[text] = frame[text].fillna("")
    return frame


def read_molecules(folder: Path) -> pd.DataFrame:
    """Read the molecule tables of a folder; identifiers a table does not have are empty."""
    frames = []
    for file, (modality, _) in MOLECULE_FILES.items():
        table = read_text(folder / file, file_columns(file))
        table[schema.MODALITY] = modality
        frames.append(table.reindex(columns=list(MOLECULE_COLUMNS), fill_value=""))
    return pd.concat(frames, ignore_index=True)


def read_evidence(folder: Path) -> pd.DataFrame:
    """Read the evidence of a folder, numbers as numbers."""
    frame = read_text(folder / EVIDENCE_FILE, EVIDENCE_COLUMNS)
    for column in NUMBERS:
        try:
            frame[column] = pd.to_numeric(frame[column].where(frame[column] != ""))
        except ValueError as error:
            raise InputError(f"{column}: {error}", where=str(folder / EVIDENCE_FILE)) from error
        frame[column] = frame[column].astype("float64")
    frame["second_hand"] = frame["second_hand"] == "true"
    return frame


def read_text(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a table as text, its columns as they must be."""
    if not path.is_file():
        raise InputError("A table of the knowledge base is missing", where=str(path))
    try:
        frame = pd.read_csv(path, sep="\t", dtype=str, quoting=3, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"Not readable as a tab-separated table: {str(error).strip()}", where=str(path)
        ) from error
    missing = [c for c in columns if c not in frame]
    surplus = [c for c in frame if c not in columns]
    if (
        missing
        or surplus
        or frame.index.nlevels > 1
        or not frame.index.equals(pd.RangeIndex(len(frame)))
    ):
        words = [f"columns {shown(missing)} are missing"] if missing else []
        words += [f"columns {shown(surplus)} are not known"] if surplus else []
        raise InputError(
            "; ".join(words) or "Rows hold more cells than the header",
            where=str(path),
            fix=f"The columns are {', '.join(columns)}.",
        )
    return frame.loc[:, list(columns)].fillna("")


@cache
def _shipped_molecules() -> pd.DataFrame:
    return read_molecules(shipped_folder() / FOLDER)


@cache
def _shipped_evidence() -> pd.DataFrame:
    return read_evidence(shipped_folder() / FOLDER)


@cache
def _shipped_exerkines() -> pd.DataFrame:
    return join(_shipped_molecules(), derive(_shipped_evidence()))
